//! The lab's 28 Raft tests: a file per Part, in the order and with the steps of the Go lab.
//!
//! # How they are run
//! `cargo test --test raft` runs all of them; words after `--` choose those whose names contain
//! one of them: `cargo test --test raft -- 2a backup`. There is no `#[test]` here: the target is
//! declared with `harness = false` and [`runner::main`] runs it, each test in a process of its own,
//! several at a time (`--jobs 1`: one by one), with the lab's banner and line of costs.
//!
//! # How they are written
//! A test makes a [`Config`] of some servers, spoils it (cuts, crashes, a bad network), and asks
//! it what became of the commands. Every check is a panic: most are made inside [`Config`]
//! (`one`, `wait`, `check_one_leader`), at once or all the time, and the rest are asserts here.
//! A step that a correct Raft may, rarely, leave without effect is a warning, as it proves nothing
//! either way.
//!
//! # Layout
//! - `part_2a.rs`: leader election
//! - `part_2b.rs`: the log
//! - `part_2c.rs`: persistence
//! - `part_2d.rs`: snapshots
//! - here: [`Fault`], used by Parts 2C and 2D

use std::process::ExitCode;

use raftlab::runner;
use raftlab::tester::Config;

mod part_2a;
mod part_2b;
mod part_2c;
mod part_2d;

fn main() -> ExitCode {
    let parts = [part_2a::TESTS, part_2b::TESTS, part_2c::TESTS, part_2d::TESTS];
    runner::main("raft", &parts)
}

/// What befalls a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is cut off from the network, and runs on.
    Disconnect,
    /// It stops, and loses all that it has not persisted.
    Crash,
}

impl Fault {
    /// Lets the fault befall `server`.
    pub fn strike(self, cfg: &Config, server: usize) {
        match self {
            Fault::Disconnect => cfg.disconnect(server),
            Fault::Crash => cfg.crash1(server),
        }
    }

    /// Is `server` suffering from the fault?
    pub fn has_struck(self, cfg: &Config, server: usize) -> bool {
        match self {
            Fault::Disconnect => !cfg.is_connected(server),
            Fault::Crash => !cfg.is_up(server),
        }
    }

    /// Brings `server` back: running, and connected.
    pub fn heal(self, cfg: &Config, server: usize) {
        if self == Fault::Crash {
            cfg.start1(server);
        }
        cfg.connect(server);
    }
}
