//! What the lab's foundations cost, in CPU time, so that a busy machine does not change the
//! figures much: `make bench`, in a release build. Each figure is the least of several rounds.

use std::hint::black_box;
use std::process::ExitCode;

use raftlab::labgob::{self, Bytes};
use raftlab::labrpc::{Network, Server, Service};
use raftlab::labsync::{Instant, Mutex, thread};
use raftlab::raft::rpc::{AppendEntriesArgs, Entry};
use raftlab::runner::cpu_time;

const ROUNDS: usize = 5;

fn main() -> ExitCode {
    if cpu_time().is_none() {
        eprintln!("note: no CPU times on this system; the figures are wall-clock times");
    }
    locks();
    threads();
    encoding();
    calls();
    ExitCode::SUCCESS
}

fn locks() {
    let count = 20_000_000;
    let plain = parking_lot_mutex(count);
    let ours = Mutex::new(0_u64);
    let checked = measure(count, || {
        for _ in 0..count {
            *black_box(&ours).lock() += 1;
        }
    });
    println!("lock + unlock, uncontended: {checked:.1} ns");
    println!("  parking_lot alone:        {plain:.1} ns (difference {:.1} ns)", checked - plain);
}

#[allow(clippy::disallowed_types, reason = "the yardstick is what labsync is built on")]
fn parking_lot_mutex(count: u64) -> f64 {
    let lock = parking_lot::Mutex::new(0_u64);
    measure(count, || {
        for _ in 0..count {
            *black_box(&lock).lock() += 1;
        }
    })
}

fn threads() {
    let count = 100_000;
    let cost = measure(count, || {
        for _ in 0..count {
            thread::spawn("bench", || ()).join();
        }
    });
    println!("spawn + join:               {:.1} us", cost / 1000.0);
}

fn encoding() {
    let integers = (1_u64, 2_u64, 300_u64, 4_u64);
    let count = 2_000_000;
    let four = measure(count, || {
        for _ in 0..count {
            let bytes = labgob::to_bytes(black_box(&integers));
            black_box(labgob::from_bytes::<(u64, u64, u64, u64)>(&bytes)).expect("just encoded");
        }
    });
    let entry = |i: u64| Entry { term: i / 10, command: Bytes::from(i.to_le_bytes().to_vec()) };
    let args = AppendEntriesArgs {
        term: 10,
        leader_id: 1,
        prev_log_index: 500,
        prev_log_term: 9,
        entries: (0..100).map(entry).collect(),
        leader_commit: 490,
    };
    let count = 100_000;
    let hundred = measure(count, || {
        for _ in 0..count {
            let bytes = labgob::to_bytes(black_box(&args));
            black_box(labgob::from_bytes::<AppendEntriesArgs>(&bytes)).expect("just encoded");
        }
    });
    let (small, large) = (labgob::to_bytes(&integers).len(), labgob::to_bytes(&args).len());
    println!("labgob, there and back:");
    println!("  4 integers ({small} bytes):      {:.2} us", four / 1000.0);
    println!("  100 log entries ({large} bytes): {:.2} us", hundred / 1000.0);
}

fn calls() {
    let network = Network::new();
    let mut server = Server::new();
    server.add_service(Service::new("Echo").method("Twice", |number: u64| number * 2));
    network.add_server("server", server);
    let end = network.make_end("end");
    network.connect("end", "server");
    network.enable("end", true);
    let count = 100_000;
    let cost = measure(count, || {
        for i in 0..count {
            let reply: Option<u64> = end.call("Echo.Twice", &i);
            assert_eq!(reply, Some(i * 2), "the network is reliable");
        }
    });
    println!("one RPC, sequential client: {:.1} us", cost / 1000.0);
}

/// The cost of one of `count` operations that `work` does, in ns.
fn measure(count: u64, mut work: impl FnMut()) -> f64 {
    let round = |work: &mut dyn FnMut()| {
        let (cpu, wall) = (cpu_time(), Instant::now());
        work();
        let spent = match (cpu, cpu_time()) {
            (Some(before), Some(after)) => after - before,
            _ => wall.elapsed(),
        };
        spent.as_secs_f64() * 1e9 / count as f64
    };
    round(&mut work); // warm up
    (0..ROUNDS).map(|_| round(&mut work)).fold(f64::INFINITY, f64::min)
}
