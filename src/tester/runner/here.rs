//! One test, in this process.

use std::io::Write;
use std::time::Duration;

use super::FAILED;
use super::options::Options;
use super::tracing;
use crate::labsync::{self, Failure, Instant, RunOptions, rng};
use crate::tester::canary::Canary;
use crate::tester::{LabTest, logger, trace};

/// The lab's limit for a test.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// Runs the test; true if it passed. After a failure the process ends here: threads that the
/// test has left behind are not waited for.
pub(super) fn run(suite: &str, test: LabTest, options: &Options) -> bool {
    if options.verbose {
        logger::show();
    }
    let seed = options.seed.unwrap_or_else(short_seed);
    let canary = Canary::start();
    let start = Instant::now();
    if let Err(problem) = tracing::begin(options, test, seed) {
        print(&format!("  ... FAILED --  {}\n      {problem}\n", test.name));
        return false;
    }
    let run_options = RunOptions { name: test.name.to_string(), seed, limit: LIMIT };
    let result = labsync::run(run_options, test.body);
    let traced = tracing::line(trace::finish(start.elapsed(), result.as_ref().err()));
    let Err(failure) = result else {
        traced.iter().for_each(|line| print(&format!("      {line}\n")));
        return true;
    };
    let notes = [canary.suspicion(), traced];
    report(suite, test, seed, &failure, start.elapsed(), &notes);
    // The rest of the process may be stuck in any state; there is nothing left to wait for.
    std::process::exit(i32::from(FAILED));
}

/// A fresh seed that is quickly typed.
fn short_seed() -> u64 {
    rng::fresh_seed() % 1_000_000_000
}

fn report(
    suite: &str,
    test: LabTest,
    seed: u64,
    failure: &Failure,
    after: Duration,
    notes: &[Option<String>],
) {
    let seconds = after.as_secs_f64();
    let mut text = format!("  ... FAILED --  {} after {seconds:.1} s\n", test.name);
    let mut line = |indented: &str| {
        for part in indented.lines() {
            text.push_str(&format!("      {part}\n"));
        }
    };
    line(&failure.to_string());
    notes.iter().flatten().for_each(|note| line(note));
    let name = test.name.strip_prefix("test_").unwrap_or(test.name);
    let verbose = if suite == "raft" { "; add VERBOSE=1 for its log" } else { "" };
    line(&format!("again: make test T={name} SEED={seed}{verbose}"));
    print(&text);
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading; the exit code tells as well.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
