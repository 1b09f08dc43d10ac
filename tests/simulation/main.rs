//! The simulation: equal seeds, equal runs; every way in which a run can end, and what is said
//! of it.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the simulation is tried with what it must survive"
)]

use std::process::ExitCode;

use raftlab::runner;

mod endings;
mod hangs;
mod kit;
mod runs;
mod schedules;

fn main() -> ExitCode {
    if let Ok(how) = std::env::var("SIMULATE_A_HANG") {
        hangs::hang(how.leak());
        return ExitCode::SUCCESS;
    }
    runner::main("simulation", &[runs::TESTS, endings::TESTS, hangs::TESTS, schedules::TESTS])
}
