//! One test in real time, in this process.
use super::cpu::cpu_time;
use super::suite::LabTest;

use super::canary::Canary;
use super::options::Options;
use super::record::{Record, message_of};
use super::tracing;
use super::wire::{Answer, RunOrder};
use crate::labsync::{self, Instant, RunOptions};

/// Runs the test. After a failure threads may be left in any state; the runner ends the process.
pub(super) fn run(test: LabTest, options: &Options, order: &RunOrder) -> Answer {
    let canary = Canary::start();
    let start = Instant::now();
    if let Err(problem) = tracing::begin(options.simulated, test, order) {
        return Answer::NotBegun(problem);
    }
    let (name, seed) = (test.name.to_string(), order.seed);
    let run_options = RunOptions { name, seed, limit: options.limit };
    let result = labsync::run(run_options, test.body);
    let failure = result.as_ref().err();
    let elapsed = start.elapsed();
    let traced = tracing::end(elapsed, failure);
    Answer::Ended(Record {
        seed,
        failure: failure.map(message_of),
        elapsed,
        cpu: cpu_time().unwrap_or_default(),
        note: failure.and_then(|failure| canary.suspicion(failure)),
        traced,
        ..Record::default()
    })
}
