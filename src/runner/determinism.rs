//! Whether equal seeds give equal runs. Each run is made three times: in a process of its own, and
//! twice in another one. What differs from process to process shows between the first two (an
//! address, the process's number, the order of a `HashMap`), what one run leaves to the next
//! between the last two.
use super::suite::{LabTest, short};

use super::options::Options;
use super::output::{Sink, print};
use super::runs::{Run, Runs};
use crate::labsync::{self, Kernel};

/// Compares the runs of each test and seed, event by event, and what they print, log lines
/// included; true if all were the same.
pub(super) fn check(suite: &str, tests: &[LabTest], options: &Options) -> bool {
    let mut same = true;
    let mut events = 0;
    let second_options = Options { verbose: true, ..options.clone() };
    // The other process usually has coroutines: the kernels must agree.
    let (kernel, kernel_name) = (Kernel::Threads, Some("threads".to_string()));
    let first_options = Options { kernel, kernel_name, ..second_options.clone() };
    for &test in tests {
        for seed in options.seeds.clone() {
            let run = |options: &Options, times: usize| {
                let mut runs = Runs::new(suite, test, options, Sink::KeepMuch);
                (0..times).map(|_| runs.run_with_events(seed)).collect::<Vec<_>>()
            };
            let (first, others) = (run(&first_options, 1), run(&second_options, 2));
            events += first[0].events.len();
            let between = ["in another process", "in a process where it had run before"];
            let pairs = [(&first[0], &others[0]), (&others[0], &others[1])];
            let differences = pairs.into_iter().zip(between);
            let difference = differences
                .filter_map(|((one, two), place)| Some((difference(one, two)?, place)))
                .next();
            if let Some((what, place)) = difference {
                same = false;
                print(format!(
                    "NOT deterministic: {} seed {seed}, run again {place}\n{what}\n  Something \
                     outside labsync decides there: a clock, a random number, an address, the \
                     process's\n  number, a thread of its own, the order of a HashMap, a static \
                     that an earlier run has changed.\n  again: make check-determinism T={} \
                     SEED={seed}\n",
                    test.name,
                    short(test.name)
                ));
            }
        }
    }
    let (count, seeds) = (tests.len(), &options.seeds);
    if same {
        print(format!(
            "deterministic: {count} tests, seeds {} to {}, each three times in two processes, \
             {events} events compared\n",
            seeds.start(),
            seeds.end()
        ));
    }
    same
}

/// Where two runs part, in words.
fn difference(first: &Run, second: &Run) -> Option<String> {
    if let Some(died) = [first, second].into_iter().find(|run| run.died) {
        let why = died.record.failure.clone().unwrap_or_default();
        return Some(format!("  there is nothing to compare: {why}"));
    }
    if first.events != second.events {
        return Some(labsync::first_difference(&first.events, &second.events));
    }
    if first.printed_hash != second.printed_hash {
        return Some(printed_difference(&first.printed, &second.printed));
    }
    if !first.record.is_same_run(&second.record) {
        let how = |run: &Run| match &run.record.failure {
            None => "passed".to_string(),
            Some(failure) => failure.replace('\n', "\n    "),
        };
        return Some(format!(
            "  all events are the same, but the first run ended so:\n    {}\n  and the second:\n    \
             {}",
            how(first),
            how(second)
        ));
    }
    None
}

fn printed_difference(first: &[u8], second: &[u8]) -> String {
    let [first, second] = [first, second].map(String::from_utf8_lossy);
    let (mut first, mut second) = (first.lines(), second.lines());
    let mut number = 0;
    loop {
        number += 1;
        let (one, two) = (first.next(), second.next());
        if one.is_none() && two.is_none() {
            return "  they print different things, far behind the beginning".to_string();
        }
        if one != two {
            let show = |line: Option<&str>| line.unwrap_or("nothing more").to_string();
            return format!(
                "  all events are the same, but line {number} of what they print is, in the first \
                 run:\n    {}\n  and in the second:\n    {}",
                show(one),
                show(two)
            );
        }
    }
}
