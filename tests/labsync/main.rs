//! The tests of labsync: threads, locks, condition variables, channels, time, random numbers, and
//! the checks on all of them.
//!
//! # How they are run
//! As the lab's own tests are: `cargo test --test labsync`, words after `--` choose by name, each
//! test in a process of its own.
//!
//! # How they are written
//! They use labsync's primitives alone and assume of time only that it passes and that
//! sleepers wake in the order of far-apart deadlines, so that they hold in real time on a
//! busy machine and in simulated time. What must happen is polled for with a limit; what must
//! not happen is checked at each step. A test that provokes a failure does so in a run inside
//! its own ([`support::failure`]) and looks at what that run reports.
//!
//! # Layout
//! - `locks.rs`, `condvars.rs`, `channels.rs`, `threads.rs`, `random.rs`: what the primitives do
//! - `rules.rs`: waiting with a lock held; `guards.rs`: self-deadlock, leaked guards
//! - `deadlocks.rs`: lock cycles, and what only looks like one
//! - `runs.rs`: what makes a run fail, and how it is reported; `limits.rs`: runs that do not end
//! - `support.rs`: runs inside a test, lines of the source, polling

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "labsync is tried with what it must survive"
)]

use std::process::ExitCode;

use raftlab::runner;

mod channels;
mod condvars;
mod deadlocks;
mod guards;
mod limits;
mod locks;
mod random;
mod rules;
mod runs;
mod support;
mod threads;

fn main() -> ExitCode {
    let parts = [
        locks::TESTS,
        condvars::TESTS,
        channels::TESTS,
        threads::TESTS,
        random::TESTS,
        rules::TESTS,
        guards::TESTS,
        deadlocks::TESTS,
        runs::TESTS,
        limits::TESTS,
    ];
    runner::main("labsync", &parts)
}
