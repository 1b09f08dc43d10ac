//! The command line of a test suite: which tests to run, how many at a time, with which seed.
//!
//! Each test runs in a process of its own, so that whatever a broken Raft leaves behind (a thread
//! that burns a core, a full memory) cannot disturb the next test, and a crash of the process
//! is the failure of one test. So it is with one test alone, too. The verdict comes from that
//! process over a channel that the code under test does not have; `docs/verdicts.md` tells what a
//! verdict is worth.
//!
//! # Layout
//! - `suite.rs`: what a suite is made of; `options.rs`: the command line
//! - in the runner: `sweep.rs` (tests x seeds; `board.rs`, `report.rs`, `keep.rs`, `shard.rs`: what
//!   came of them, and which), `determinism.rs`, `hashes.rs`; under them `runs.rs` (the runs of one test; `shown.rs`, `block.rs`:
//!   what is said of one), `child.rs` (its process), `limits.rs`
//!   and `output.rs` (what it may take and print); `causes.rs` (which failures follow from which)
//! - `wire.rs`: what both say to each other; `record.rs`: the verdict; `tracing.rs`: recorded runs
//!   (`again.rs`: of those that have failed)
//! - in the process of a test: `serve.rs` (takes orders), `here.rs`, `simulated.rs`, `logger.rs`
//!   (log lines), `canary.rs` (was the host too slow?), `cpu.rs`
//! - `forbidden.rs`: what the code under test may not use, found in its text

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "here the processes of the tests are started, and ended"
)]

mod again;
mod block;
mod board;
mod canary;
mod causes;
mod child;
mod cpu;
mod determinism;
mod forbidden;
mod hashes;
mod here;
mod keep;
mod limits;
mod logger;
mod options;
mod output;
mod record;
mod report;
mod runs;
mod serve;
mod shard;
mod shown;
mod simulated;
mod suite;
mod sweep;
mod tracing;
mod wire;

use std::process::ExitCode;

use self::options::{Options, Request};
use self::output::print;
use self::suite::{FAILED, USAGE};
use crate::labsync;

pub use self::cpu::cpu_time;
pub use self::suite::{AlwaysSimulated, Explain, FIRST_SEE, Failed, LabTest, about};

/// The table of tests that a suite's `main` gives to [`main`]: functions by name.
#[macro_export]
macro_rules! lab_tests {
    ($($test:ident),* $(,)?) => {
        &[$($crate::runner::LabTest { name: stringify!($test), body: $test }),*]
    };
}

/// Runs the tests that the command line selects and reports in the lab's format.
#[must_use]
pub fn main(suite: &str, parts: &[&[LabTest]]) -> ExitCode {
    run_suite(suite, parts, None)
}

/// The same for a suite that is always simulated.
#[must_use]
pub fn main_simulated(suite: &str, parts: &[&[LabTest]], simulated: &AlwaysSimulated) -> ExitCode {
    run_suite(suite, parts, Some(simulated))
}

fn run_suite(
    suite: &str,
    parts: &[&[LabTest]],
    always_simulated: Option<&AlwaysSimulated>,
) -> ExitCode {
    labsync::blame_foreign_threads();
    let tests = parts.concat();
    let mut options =
        match Options::parse(std::env::args().skip(1), |name| std::env::var(name).ok()) {
            Ok(Request::Run(options)) => *options,
            Ok(Request::Forbidden) => {
                forbidden::uses().iter().for_each(|one| print(format!("{one}\n")));
                return ExitCode::SUCCESS;
            }
            Ok(Request::Help) => {
                print(options::USAGE);
                return ExitCode::SUCCESS;
            }
            Err(problem) => {
                eprintln!("{suite}: {problem}    (--help shows all options)");
                return ExitCode::from(USAGE);
            }
        };
    if let Some(always) = always_simulated {
        options.simulated = true;
        options.seeds = options.seeds_chosen.clone().unwrap_or(1..=always.usual_seeds);
    }
    let selected: Vec<LabTest> =
        tests.iter().copied().filter(|test| options.selects(test.name)).collect();
    if options.list {
        list(&selected, options.ignored);
        return ExitCode::SUCCESS;
    }
    if options.child {
        let explain = always_simulated.and_then(|always| always.explain);
        return match selected[..] {
            [test] => serve::run(test, &options, explain),
            _ => ExitCode::from(USAGE),
        };
    }
    if options.ignored {
        return ExitCode::SUCCESS; // no test of ours is ever ignored
    }
    if selected.is_empty() && options.must_match {
        eprintln!("{suite}: no test matches {}; there are:", options.filters.join(" "));
        tests.iter().for_each(|test| eprintln!("  {}", test.name));
        return ExitCode::from(USAGE);
    }
    if let Some(trace) = &mut options.trace
        && !selected.is_empty()
    {
        let seeds = options.seeds.clone();
        trace.each |= selected.len() > 1 || seeds.start() < seeds.end();
        if let Err(problem) = trace.check() {
            eprintln!("{suite}: {problem}");
            return ExitCode::from(USAGE);
        }
    }
    let passed = match selected[..] {
        [] => true, // `cargo test NAME` asks each suite for NAME; another has it
        _ if options.twice => determinism::check(suite, &selected, &options),
        [test] if options.is_one_shown() => sweep::run_one(suite, test, &options),
        _ => sweep::run(suite, &selected, &tests, &options),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// In libtest's format, which cargo-nextest and editors read.
fn list(tests: &[LabTest], ignored: bool) {
    for test in tests.iter().filter(|_| !ignored) {
        print(format!("{}: test\n", test.name));
    }
}
