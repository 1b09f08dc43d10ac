//! The trace: what a run's recording holds, that recording changes no run, and that equal runs have
//! equal traces.
//!
//! A process has one recorder, and so each test has a process of its own, as in all suites.
//!
//! # Layout
//! `runs.rs` (what is recorded), `lines.rs` (each event's line), `asked.rs` (which runs are recorded,
//! and where), `kit.rs` (recorded runs).

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "runs of this very program are started"
)]

use std::process::ExitCode;

use raftlab::runner;

mod asked;
mod kit;
mod lines;
mod runs;

fn main() -> ExitCode {
    if let Some(name) = std::env::var_os("MISBEHAVE") {
        let tests = asked::MISBEHAVING.iter().copied();
        let tests: Vec<_> = tests.filter(|test| name.to_str() == Some(test.name)).collect();
        return runner::main("trace", &[&tests]);
    }
    runner::main("trace", &[runs::TESTS, lines::TESTS, asked::TESTS])
}
