//! One test simulated in this process, once for each order.

use super::cpu::cpu_time;
use super::suite::{Explain, Failed, LabTest};
use std::time::Duration;

use super::options::Options;
use super::record::Record;
use super::tracing;
use super::wire::{Answer, RunOrder};
use crate::labsync::{self, Event, Failure, RunOptions};

/// How many events are told at a time.
const EVENTS_AT_A_TIME: usize = 10_000;

/// A test that is simulated, and how it last failed.
pub(super) struct Simulated<'a> {
    test: LabTest,
    options: &'a Options,
    explain: Option<Explain>,
    cpu_before: Duration,
    failed: Option<(RunOptions, Failure)>,
}

impl Simulated<'_> {
    pub fn new(test: LabTest, options: &Options, explain: Option<Explain>) -> Simulated<'_> {
        Simulated { test, options, explain, cpu_before: Duration::ZERO, failed: None }
    }

    /// Simulates the test with the seed of the order, and tells its events if they are wanted.
    pub fn run(&mut self, order: &RunOrder, tell: impl Fn(Vec<Event>)) -> Answer {
        if let Err(problem) = tracing::begin(self.options.simulated, self.test, order) {
            return Answer::NotBegun(problem);
        }
        let (name, seed, limit) = (self.test.name.to_string(), order.seed, self.options.limit);
        let options = RunOptions { name, seed, limit };
        let (kernel, body) = (self.options.kernel, self.test.body);
        let (report, events) = if order.events {
            labsync::simulate_recorded(&options, kernel, body)
        } else {
            (labsync::simulate(&options, kernel, body), Vec::new())
        };
        let traced = tracing::end(report.elapsed, report.failure.as_ref());
        let cpu_now = cpu_time().unwrap_or_default();
        let cpu = cpu_now.saturating_sub(std::mem::replace(&mut self.cpu_before, cpu_now));
        events.chunks(EVENTS_AT_A_TIME).for_each(|some| tell(some.to_vec()));
        let record = Record { traced, ..Record::of(seed, &report, cpu) };
        self.failed = report.failure.map(|failure| (options, failure));
        Answer::Ended(record)
    }

    /// Says more of the last run, which has failed.
    pub fn explain(&mut self) -> String {
        let (Some(explain), Some((options, failure))) = (self.explain, &self.failed) else {
            return String::new();
        };
        let (test, kernel) = (self.test, self.options.kernel);
        let text = explain(&Failed { test, options, kernel, failure });
        self.cpu_before = cpu_time().unwrap_or_default();
        text
    }
}
