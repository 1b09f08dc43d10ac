//! What Raft stands on: locks, threads, encoding, calls. In CPU time, so that a busy machine does not
//! change the figures much; each is the least of several rounds.

use std::hint::black_box;

use raftlab::labgob::{self, Bytes};
use raftlab::labrpc::{Network, Server, Service};
use raftlab::labsync::{Instant, Mutex, thread};
use raftlab::raft::rpc::{AppendEntriesArgs, Entry};
use raftlab::runner::cpu_time;

use crate::table::{Goal, Table};

const ROUNDS: usize = 5;

/// All of them.
pub fn measure_all(table: &mut Table) {
    locks(table);
    threads(table);
    encoding(table);
    calls(table);
}

fn locks(table: &mut Table) {
    let count = 20_000_000;
    let plain = parking_lot_mutex(count);
    let ours = Mutex::new(0_u64);
    let checked = measure(count, || {
        for _ in 0..count {
            *black_box(&ours).lock() += 1;
        }
    });
    table.add("lock and unlock, uncontended", checked, "ns", Goal::None, 0.1);
    table.add("the same with parking_lot alone", plain, "ns", Goal::None, 0.1);
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

fn threads(table: &mut Table) {
    let count = 100_000;
    let cost = measure(count, || {
        for _ in 0..count {
            thread::spawn("bench", || ()).join();
        }
    });
    table.add("spawn and join a thread, CPU", cost / 1000.0, "us", Goal::None, 0.2);
}

fn encoding(table: &mut Table) {
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
    table.add("labgob, 4 integers there and back", four / 1000.0, "us", Goal::AtMost(1.0), 0.1);
    let name = "labgob, AppendEntries with 100 entries";
    table.add(name, hundred / 1000.0, "us", Goal::AtMost(10.0), 0.1);
}

fn calls(table: &mut Table) {
    let network = Network::new();
    let mut server = Server::new();
    server.add_service(Service::new("Echo").method("Twice", |number: u64| number * 2));
    network.add_server("server", server);
    let end = network.make_end("end");
    network.connect("end", "server");
    network.enable("end", true);
    let count = 100_000;
    let call_all = || {
        for i in 0..count {
            let reply: Option<u64> = end.call("Echo.Twice", &i);
            assert_eq!(reply, Some(i * 2), "the network is reliable");
        }
    };
    let cost = measure(count, call_all);
    let begin = Instant::now();
    call_all();
    let wall = begin.elapsed().as_secs_f64() * 1e9 / count as f64;
    table.add(
        "one RPC, sequential client, by the clock",
        wall / 1000.0,
        "us",
        Goal::AtMost(17.5),
        0.3,
    );
    table.add("one RPC, sequential client, CPU", cost / 1000.0, "us", Goal::AtMost(21.0), 0.1);
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
