//! Part C: disks that no server has written. A server either refuses to start from one, and says
//! why, or it starts and runs: it never fails later, hangs, or asks for memory that is not there.
//!
//! Many more: `FUZZ=100000 make test T=damaged_disk`.

use std::time::Duration;

use super::*;
use crate::labsync::{self, Kernel, RunOptions, channel, rng, thread};
use crate::raft::persist::read_saved;

/// How many damaged disks, unless `FUZZ` says so.
const DISKS: u64 = 300;

/// What a server may say when it refuses to start.
const REFUSALS: [&str; 2] = ["cannot read its persisted state: ", "no Raft state"];

/// A disk as such servers leave it: without a log, with one, with a snapshot, with both.
fn disks() -> Vec<(Bytes, Bytes)> {
    let states = [server(&[]), server(&[1, 1, 2, 3]), snapshot_only(), snapshot_and_log()];
    let disk = |state: State| {
        let persister = &state.persister;
        (persister.read_raft_state(), persister.read_snapshot())
    };
    states.map(disk).into()
}

fn snapshot_and_log() -> State {
    let mut state = server(&[1, 1, 2, 3]);
    apply_up_to(&mut state, 3);
    compact_to(&mut state, 2);
    state.persist();
    state
}

fn snapshot_only() -> State {
    let mut state = server(&[1, 1, 2]);
    apply_up_to(&mut state, 3);
    compact_to(&mut state, 3);
    state.persist();
    state
}

fn below(limit: usize) -> usize {
    rng::random_range(0..limit)
}

/// The bytes with one thing wrong: a bit, a byte, a piece, the end, a large number.
fn damaged(bytes: &[u8]) -> Vec<u8> {
    let mut bad = bytes.to_vec();
    if bad.is_empty() {
        return (0..below(40)).map(|_| below(256) as u8).collect();
    }
    let at = below(bad.len());
    match below(7) {
        0 => bad[at] ^= 1 << below(8),
        1 => bad[at] = below(256) as u8,
        2 => bad[at..].iter_mut().take(9).for_each(|byte| *byte = 0xFF),
        3 => drop(bad.drain(at..(at + 1 + below(20)).min(bytes.len()))),
        4 => bad.truncate(at),
        5 => bad.insert(at, below(256) as u8),
        _ => {
            let large = [&[253], &u64::to_le_bytes(1 << below(64))[..]].concat();
            drop(bad.splice(at..=at, large));
        }
    }
    bad
}

/// One of the disks, damaged.
fn damaged_disk() -> (Bytes, Bytes) {
    let mut disks = disks();
    let (raft_state, snapshot) = disks.swap_remove(below(disks.len()));
    match below(4) {
        0 => (raft_state, damaged(&snapshot).into()),
        _ => (damaged(&raft_state).into(), snapshot),
    }
}

/// A server starts from a damaged disk, alone, and runs for some elections.
fn start_from_damage() {
    let (raft_state, snapshot) = damaged_disk();
    let read = allocation_counter::measure(|| drop(read_saved(&raft_state)));
    assert!(read.bytes_max < 1 << 20, "{} bytes to read a few", read.bytes_max);
    let net = Network::new();
    let ends = (0..3).map(|peer| net.make_end(format!("to {peer}"))).collect();
    let disk = Persister::new();
    disk.save(raft_state, snapshot);
    let (apply_ch, _messages) = channel::bounded(1);
    let raft = Raft::make(ends, ME, Arc::new(disk), apply_ch);
    thread::sleep(Duration::from_secs(2));
    raft.kill();
}

/// A server that restarts finds what it has saved (Figure 2, persistent state). From anything else
/// it does not start, or, if it cannot tell, it runs.
#[test]
fn a_damaged_disk_is_refused_or_does_no_harm() {
    let number = std::env::var("FUZZ").map_or(DISKS, |number| number.parse().expect("a number"));
    let mut refused = 0;
    for seed in 0..number {
        let (name, limit) = ("a damaged disk".to_string(), Duration::from_secs(10));
        let options = RunOptions { name, seed, limit };
        let report = labsync::simulate(&options, Kernel::Threads, start_from_damage);

        if let Some(failure) = report.failure {
            let message = &failure.message;
            let is_refusal = REFUSALS.iter().any(|refusal| message.contains(refusal));
            assert!(is_refusal, "seed {seed}: {message}, at {:?}", failure.at);
            refused += 1;
        }
    }
    println!("{refused} of {number} damaged disks are refused");
    assert!(refused > number / 2 && refused < number, "{refused} of {number} are refused");
}
