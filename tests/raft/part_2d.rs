//! Part 2D: snapshots (§7, Figure 13). The services take a snapshot every ten commands, and Raft
//! drops the log up to there: its persisted state must stay small, a server that missed too much
//! must be sent the leader's snapshot, and one that restarts must start from its own.

use raftlab::lab_tests;
use raftlab::labsync::rng;
use raftlab::runner::LabTest;
use raftlab::tester::{Command, Config, MAX_LOG_SIZE, SNAPSHOT_INTERVAL};

use crate::Fault;

pub const TESTS: &[LabTest] = lab_tests![
    test_snapshot_basic_2d,
    test_snapshot_install_2d,
    test_snapshot_install_unreliable_2d,
    test_snapshot_install_crash_2d,
    test_snapshot_install_un_crash_2d,
    test_snapshot_all_crash_2d,
    test_snapshot_init_2d,
];

pub fn test_snapshot_basic_2d() {
    snap_common("Test (2D): snapshots basic", None, false);
}

pub fn test_snapshot_install_2d() {
    snap_common("Test (2D): install snapshots (disconnect)", Some(Fault::Disconnect), false);
}

pub fn test_snapshot_install_unreliable_2d() {
    let banner = "Test (2D): install snapshots (disconnect+unreliable)";
    snap_common(banner, Some(Fault::Disconnect), true);
}

pub fn test_snapshot_install_crash_2d() {
    snap_common("Test (2D): install snapshots (crash)", Some(Fault::Crash), false);
}

pub fn test_snapshot_install_un_crash_2d() {
    snap_common("Test (2D): install snapshots (unreliable+crash)", Some(Fault::Crash), true);
}

/// Thirty rounds of commands enough for a snapshot; the fault, if any, befalls one server each
/// round.
fn snap_common(banner: &str, fault: Option<Fault>, unreliable: bool) {
    let servers = 3;
    let cfg = Config::make(servers, unreliable, true);
    cfg.begin(banner);

    cfg.one(Command::random(), servers, true);
    let mut leader = cfg.check_one_leader();

    for round in 0..30 {
        // the victim is a follower, but every third round the leader
        let next = (leader + 1) % servers;
        let (sender, victim) = if round % 3 == 1 { (next, leader) } else { (leader, next) };

        match fault {
            None => {
                // do all keep up, so that no snapshot need be sent?
                start_some(&cfg, sender);
                cfg.one(Command::random(), servers, true);
                check_log_size(&cfg);
            }
            Some(fault) => {
                // do the two others agree without the victim, and go on to their next snapshot?
                fault.strike(&cfg, victim);
                cfg.one(Command::random(), servers - 1, true);
                start_some(&cfg, sender);
                cfg.one(Command::random(), servers - 1, true);
                check_log_size(&cfg);

                // does the victim catch up when it is back, from a snapshot if it must?
                fault.heal(&cfg, victim);
                cfg.one(Command::random(), servers, true);
                leader = cfg.check_one_leader();
            }
        }
    }

    cfg.end();
}

/// Do the servers persist their snapshots, and restart from the snapshot and the rest of the log?
pub fn test_snapshot_all_crash_2d() {
    let servers = 3;
    let cfg = Config::make(servers, false, true);
    cfg.begin("Test (2D): crash and restart all servers");

    cfg.one(Command::random(), servers, true);

    for _round in 0..5 {
        // commit perhaps enough for a snapshot
        for _ in 0..some_commands() {
            cfg.one(Command::random(), servers, true);
        }
        let index1 = cfg.one(Command::random(), servers, true);

        // does the log go on where it was, after all have crashed?
        crash_and_restart_all(&cfg);
        let index2 = cfg.one(Command::random(), servers, true);
        assert!(index2 > index1, "index decreased from {index1} to {index2}");
    }

    cfg.end();
}

/// Does a server that restarts from a snapshot keep it when it persists again?
pub fn test_snapshot_init_2d() {
    let servers = 3;
    let cfg = Config::make(servers, false, true);
    cfg.begin("Test (2D): snapshot initialization after crash");

    cfg.one(Command::random(), servers, true);

    // commit enough for a snapshot
    for _ in 0..=SNAPSHOT_INTERVAL {
        cfg.one(Command::random(), servers, true);
    }

    // restart all, and have them persist something that is not the snapshot
    crash_and_restart_all(&cfg);
    cfg.one(Command::random(), servers, true);

    // is the snapshot still there for the next restart?
    crash_and_restart_all(&cfg);
    cfg.one(Command::random(), servers, true);

    cfg.end();
}

/// Crashes all servers, before the first of them is restarted.
fn crash_and_restart_all(cfg: &Config) {
    (0..cfg.servers()).for_each(|server| Fault::Crash.strike(cfg, server));
    (0..cfg.servers()).for_each(|server| Fault::Crash.heal(cfg, server));
}

/// Starts perhaps enough commands for a snapshot at `sender`, which takes them if it is the leader.
fn start_some(cfg: &Config, sender: usize) {
    for _ in 0..some_commands() {
        cfg.start(sender, Command::random()).expect("the sender is not the victim");
    }
}

/// How many commands a round has: 5 to 14, perhaps enough for a snapshot.
fn some_commands() -> u64 {
    SNAPSHOT_INTERVAL / 2 + rng::random_range(0..SNAPSHOT_INTERVAL)
}

/// Have the snapshots kept the persisted Raft state small?
fn check_log_size(cfg: &Config) {
    let size = cfg.log_size();
    assert!(size < MAX_LOG_SIZE, "Log size too large: {size} bytes, limit {MAX_LOG_SIZE}");
}
