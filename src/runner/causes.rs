//! What a failure follows from. A test's step may rest on a rule that has a test of its own, and
//! then its failure names that test. If that one fails as well, with the same seed, it tells what
//! is wrong; the failure that named it is counted, and need not be read.

use super::suite::LabTest;
use std::collections::BTreeMap;

use super::options::Options;
use super::output::Sink;
use super::record::Record;
use super::runs::Runs;
use crate::labsync::Mutex;

/// Which tests of a suite explain which.
pub(super) struct Causes {
    suite: String,
    tests: Vec<LabTest>,
    options: Options,
    /// What has come of runs, by test and seed.
    known: Mutex<BTreeMap<(&'static str, u64), Record>>,
}

/// A test that fails as well, and explains a failure.
#[derive(Clone)]
pub(super) struct Cause {
    pub test: LabTest,
    pub run: Record,
}

impl Causes {
    pub fn new(suite: &str, tests: &[LabTest], options: &Options) -> Causes {
        let (suite, tests, options) = (suite.to_string(), tests.to_vec(), options.clone());
        Causes { suite, tests, options, known: Mutex::default() }
    }

    /// Where the failure of `test` leads: from test to test, each named by the one before, and
    /// failing as well; the last. If they name each other, the suite's first of these.
    pub fn of(&self, test: LabTest, run: &Record) -> Option<Cause> {
        self.known.lock().insert((test.name, run.seed), run.clone());
        let mut chain = vec![Cause { test, run: run.clone() }];
        while let Some(next) = chain.last().and_then(|last| self.next(last, part_of(test.name))) {
            if let Some(before) = chain.iter().position(|one| one.test.name == next.test.name) {
                let circle = chain.split_off(before).into_iter();
                chain.extend(circle.min_by_key(|one| self.place(one.test.name)));
                break;
            }
            chain.push(next);
        }
        chain.pop().filter(|last| last.test.name != test.name)
    }

    /// The first test that a failure says to see, and that fails as well; none of a later `part`,
    /// which may be yet to be written.
    fn next(&self, last: &Cause, part: Option<char>) -> Option<Cause> {
        let names = last.run.first_see.iter().filter(|name| part_of(name) <= part);
        names.into_iter().find_map(|name| {
            let test = self.tests.iter().find(|test| test.name == name).copied()?;
            let run = self.run(test, last.run.seed);
            (!run.passed()).then_some(Cause { test, run })
        })
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.tests.iter().position(|test| test.name == name)
    }

    fn run(&self, test: LabTest, seed: u64) -> Record {
        if let Some(known) = self.known.lock().get(&(test.name, seed)) {
            return known.clone();
        }
        let mut runs = Runs::new(&self.suite, test, &self.options, Sink::Keep);
        let record = runs.run(seed, true).record;
        self.known.lock().insert((test.name, seed), record.clone());
        record
    }
}

/// The Part of a test whose name ends in it: `test_vote_survives_2c`.
fn part_of(name: &str) -> Option<char> {
    name.chars().last()
}
