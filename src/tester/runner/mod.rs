//! The command line of a test suite: which tests to run, how many at a time, with which seed.
//!
//! Each test runs in a process of its own, so that whatever a broken Raft leaves behind (a thread
//! that burns a core, a full memory) cannot disturb the next test, and a crash of the process
//! is the failure of one test. A run with one test selected, which is how those processes are
//! started, runs it right here.

mod here;
mod options;
mod parallel;
mod record;
mod simulated;
mod sweep;
mod tracing;

use std::process::ExitCode;

use self::options::{Options, Request};
use super::LabTest;

/// The exit code of a run with failed tests, the same as libtest's.
const FAILED: u8 = 101;
/// The exit code for a command line that makes no sense.
const USAGE: u8 = 2;

/// Runs the tests that the command line selects and reports in the lab's format.
#[must_use]
pub fn main(suite: &str, parts: &[&[LabTest]]) -> ExitCode {
    run(suite, parts, false)
}

/// The same for a suite that makes sense in virtual time only: `--sim` goes without saying.
#[must_use]
pub fn main_simulated(suite: &str, parts: &[&[LabTest]]) -> ExitCode {
    run(suite, parts, true)
}

fn run(suite: &str, parts: &[&[LabTest]], always_simulated: bool) -> ExitCode {
    let tests = parts.concat();
    let mut options =
        match Options::parse(std::env::args().skip(1), |name| std::env::var(name).ok()) {
            Ok(Request::Run(options)) => options,
            Ok(Request::Help) => {
                print!("{}", options::USAGE);
                return ExitCode::SUCCESS;
            }
            Err(problem) => {
                eprint!("{suite}: {problem}\n\n{}", options::USAGE);
                return ExitCode::from(USAGE);
            }
        };
    options.simulated |= always_simulated;
    let selected: Vec<LabTest> =
        tests.iter().copied().filter(|test| options.selects(test.name)).collect();
    if options.list {
        list(&selected, options.ignored);
        return ExitCode::SUCCESS;
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
        trace.each |= selected.len() > 1 || (options.simulated && seeds.start() < seeds.end());
        if let Err(problem) = trace.check() {
            eprintln!("{suite}: {problem}");
            return ExitCode::from(USAGE);
        }
    }
    let passed = match selected[..] {
        [] => true, // `cargo test NAME` asks each suite for NAME; another has it
        [test] if options.simulated && options.exact => simulated::run(suite, test, &options),
        _ if options.twice => simulated::check_determinism(&selected, &options),
        _ if options.simulated => sweep::run(suite, &selected, &options),
        [test] if options.exact => here::run(suite, test, &options),
        _ => parallel::run(suite, &selected, tests.len() - selected.len(), &options),
    };
    if passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// In libtest's format, which cargo-nextest and editors read.
fn list(tests: &[LabTest], ignored: bool) {
    for test in tests.iter().filter(|_| !ignored) {
        println!("{}: test", test.name);
    }
}
