//! The runner, seen from outside: programs that lie, hang, flood or hide are run by it, and it must
//! neither believe them nor wait for them, and leave nothing behind.
//!
//! # How they are run
//! This program is run again by its own tests, with `HOSTILE=1` in its environment: then it is
//! a suite of hostile tests (`hostile.rs`), with one beside them that does no harm and must
//! pass whatever the others do.
//!
//! # Layout
//! - `hostile.rs`: the hostile tests
//! - `verdicts.rs`: which verdict each of them gets, in real time, simulated, alone
//! - `endings.rs`: what is left when a test, or the runner, has ended
//! - `traces.rs`: recorded runs that are disturbed; `equal.rs`: runs that differ, and hashes
//! - `many.rs`: many runs; `support.rs`: runs of the runner

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the runner is tried with what it must survive"
)]

use std::process::ExitCode;

use raftlab::runner;

mod endings;
mod equal;
mod hostile;
mod many;
mod support;
mod traces;
mod verdicts;

fn main() -> ExitCode {
    if std::env::var_os("HOSTILE").is_some() {
        return runner::main("hostile", &[hostile::TESTS]);
    }
    let parts = [verdicts::TESTS, endings::TESTS, traces::TESTS, equal::TESTS, many::TESTS];
    runner::main("runner", &parts)
}
