//! One test, simulated in this process, over some seeds.

use std::io::Write;
use std::time::Duration;

use super::here::LIMIT;
use super::options::Options;
use super::record::Record;
use super::tracing::{self, Ended};
use crate::labsync::{self, Failure, Kernel, RunOptions, SimReport};
use crate::tester::{LabTest, cpu_time, logger, trace};

/// Runs the test once for each seed; true if it passed each time. What the test prints comes
/// out as it is; behind it, for whoever swept more seeds than one, stands a record.
pub(super) fn run(suite: &str, test: LabTest, options: &Options) -> bool {
    if options.verbose {
        logger::show();
    }
    let mut passed = true;
    let mut cpu_before = Duration::ZERO;
    for seed in options.seeds.clone() {
        if let Err(problem) = tracing::begin(options, test, seed) {
            print(&format!("  ... FAILED --  {}\n      {problem}\n", test.name));
            return false;
        }
        let report = simulate(test, seed, options);
        let finished = trace::finish(report.elapsed, report.failure.as_ref());
        let cpu_now = cpu_time().unwrap_or_default();
        let record = Record::of(seed, &report, cpu_now - cpu_before);
        cpu_before = cpu_now;
        if let Some(failure) = &report.failure {
            passed = false;
            print(&describe(suite, test, seed, failure, report.elapsed));
        }
        let mut traced = tracing::line(finished);
        // Whoever wants records records it again.
        if !record.passed() && traced.is_none() && !options.records {
            let first = Ended::With(&record);
            traced = Some(tracing::record_again(test.name, seed, options, first));
        }
        traced.iter().for_each(|line| print(&format!("      {line}\n")));
        if options.records {
            print(&record.to_line());
        }
    }
    passed
}

fn describe(suite: &str, test: LabTest, seed: u64, failure: &Failure, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let mut text =
        format!("  ... FAILED --  {} at {seconds:.6} s of virtual time, seed {seed}\n", test.name);
    for line in failure.to_string().lines() {
        text.push_str(&format!("      {line}\n"));
    }
    text.push_str(&format!("      again: {}\n", replay_command(suite, test.name, seed)));
    text
}

/// What to type to see one run again.
pub(super) fn replay_command(suite: &str, test: &str, seed: u64) -> String {
    let name = test.strip_prefix("test_").unwrap_or(test);
    let suite = if suite == "raft" { String::new() } else { format!("S={suite} ") };
    format!("make replay {suite}T={name} SEED={seed}    (VERBOSE=1 shows its log)")
}

fn simulate(test: LabTest, seed: u64, options: &Options) -> SimReport {
    let run_options = RunOptions { name: test.name.to_string(), seed, limit: LIMIT };
    labsync::simulate(&run_options, options.kernel, test.body)
}

/// Runs each test twice for each seed; true if both runs were the same, event by event.
pub(super) fn check_determinism(tests: &[LabTest], options: &Options) -> bool {
    let mut same = true;
    let mut events = 0;
    for &test in tests {
        for seed in options.seeds.clone() {
            let run_options = RunOptions { name: test.name.to_string(), seed, limit: LIMIT };
            // With both kernels built in, the second run is on coroutines: they must agree.
            let record = |kernel| labsync::simulate_recorded(&run_options, kernel, test.body);
            let (first, first_events) = record(Kernel::Threads);
            let (second, second_events) = record(options.kernel);
            events += first_events.len();
            if first != second || first_events != second_events {
                same = false;
                let what = labsync::first_difference(&first_events, &second_events);
                print(&format!(
                    "NOT deterministic: {} seed {seed}\n{what}\n  Something outside labsync \
                     decides there: a clock, a random number, an address, a thread of its own, \
                     the order of a HashMap.\n",
                    test.name
                ));
            }
        }
    }
    let (count, seeds) = (tests.len(), &options.seeds);
    if same {
        print(&format!(
            "deterministic: {count} tests, seeds {} to {}, each twice, {events} events compared\n",
            seeds.start(),
            seeds.end()
        ));
    }
    same
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may be reading; the exit code tells as well.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
