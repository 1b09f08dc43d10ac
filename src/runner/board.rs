//! What has come of many runs so far: counted by test, shown while they run and at the end.

use super::suite::{LabTest, short};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::causes::Cause;
use super::record::Record;
use super::runs;

/// How many failures are shown in full: the first of each test.
const MOST_FAILURES_SHOWN: usize = 5;
/// How many rows the table has at most while tests run: it fits a screen of 24 lines.
const MOST_ROWS: usize = 18;
/// And at the end: all of the lab's tests. Of more the failed ones are listed only.
const MOST_ROWS_AT_THE_END: usize = 28;

/// What is known of a sweep.
#[derive(Default)]
pub(super) struct Board {
    results: BTreeMap<&'static str, Tally>,
    done: u64,
    /// A signal has ended it before its time.
    pub stopped: bool,
    /// The tests that run at present; one may run several times.
    pub running: Vec<&'static str>,
    /// The tests of which a failure has been shown in full.
    shown: BTreeSet<&'static str>,
    /// All runs, in the order of their ends.
    pub records: Vec<Booked>,
}

/// A run that is over.
pub(super) struct Booked {
    pub test: &'static str,
    pub record: Record,
    /// What its failure follows from.
    pub cause: Option<Cause>,
    /// A hash of what it printed.
    pub printed_hash: u64,
}

impl Booked {
    pub fn to_json(&self, suite: &str) -> String {
        let cause = self.cause.as_ref();
        self.record.to_json(suite, self.test, cause.map(|cause| (cause.test.name, &cause.run)))
    }
}

/// The runs of one test.
#[derive(Default)]
struct Tally {
    runs: u64,
    failed_seeds: Vec<u64>,
    /// Of those seeds, how many failures follow from that of another test, and from which at first.
    following: usize,
    follows: Option<&'static str>,
    elapsed: Duration,
    cpu: Duration,
}

impl Board {
    /// How many runs have failed.
    pub fn failed(&self) -> usize {
        self.results.values().map(|tally| tally.failed_seeds.len()).sum()
    }

    /// Whether a failure has been shown in full.
    pub fn has_shown_any(&self) -> bool {
        !self.shown.is_empty()
    }

    /// Whether a failure of `test` is shown in full; then it has been.
    pub fn may_show_failure(&mut self, test: LabTest) -> bool {
        self.shown.len() < MOST_FAILURES_SHOWN && self.shown.insert(test.name)
    }

    /// Takes in a run.
    pub fn count(&mut self, run: Booked) {
        let record = &run.record;
        self.done += 1;
        let tally = self.results.entry(run.test).or_default();
        tally.runs += 1;
        tally.elapsed += record.elapsed;
        tally.cpu += record.cpu;
        if !record.passed() {
            tally.failed_seeds.push(record.seed);
        }
        if let Some(cause) = &run.cause {
            tally.following += 1;
            tally.follows.get_or_insert(cause.test.name);
        }
        self.records.push(run);
    }

    /// Some runs of a test have ended.
    pub fn ended(&mut self, test: &str) {
        if let Some(place) = self.running.iter().position(|name| *name == test) {
            self.running.remove(place);
        }
    }

    /// How far it is: a line, and for a screen a table above it.
    pub fn progress(&self, count: u64, after: Duration) -> (String, String) {
        let (done, failed, seconds) = (self.done, self.failed(), after.as_secs());
        let mut line = format!("[{done}/{count} runs, {failed} failed, {seconds} s]");
        let running: BTreeSet<_> = self.running.iter().map(|name| short(name)).collect();
        if !running.is_empty() {
            let running: Vec<_> = running.into_iter().collect();
            line.push_str(&format!(" running: {}", running.join(", ")));
        }
        let all = self.results.iter();
        let few = all.len() <= MOST_ROWS;
        let rows = all.filter(|(_, tally)| few || !tally.failed_seeds.is_empty()).take(MOST_ROWS);
        let rows: String = rows.map(|(name, tally)| row_and_remark(name, tally)).collect();
        (if rows.is_empty() { rows } else { header() + &rows }, line)
    }

    /// All that is to be said at the end: if each test has run `once`, what it printed is above.
    pub fn summary(
        &self,
        suite: &str,
        tests: &[LabTest],
        once: bool,
        filtered_out: usize,
        wall: Duration,
    ) -> String {
        let has_failed = |test: &&LabTest| {
            self.results.get(test.name).is_some_and(|tally| !tally.failed_seeds.is_empty())
        };
        let failed: Vec<_> = tests.iter().filter(has_failed).collect();
        let mut text = if once { self.list(&failed) } else { self.table(tests) };
        failed.first().iter().for_each(|first| text.push_str(&runs::advice(suite, first.name)));
        let count = self.failed();
        let verdict = if count == 0 && !self.stopped { "ok" } else { "FAILED" };
        text.push_str(&format!(
            "\ntest result: {verdict}. {} passed; {count} failed; 0 ignored; 0 measured; \
             {filtered_out} filtered out; finished in {:.2}s\n\n",
            self.done - count as u64,
            wall.as_secs_f64()
        ));
        text
    }

    fn list(&self, failed: &[&LabTest]) -> String {
        let mut text = String::new();
        for (place, test) in failed.iter().enumerate() {
            text.push_str(if place == 0 { "\nfailed:\n" } else { "" });
            let remark = self.results.get(test.name).map(Tally::follows_from).unwrap_or_default();
            text.push_str(&format!("  {}{remark}\n", test.name));
        }
        text + &self.first_to_read()
    }

    fn table(&self, tests: &[LabTest]) -> String {
        let mut text = "\n".to_string() + &header();
        let mut total = Tally::default();
        for test in tests {
            let Some(tally) = self.results.get(test.name) else { continue };
            if tests.len() <= MOST_ROWS_AT_THE_END || !tally.failed_seeds.is_empty() {
                text.push_str(&row_and_remark(test.name, tally));
            }
            total.runs += tally.runs;
            total.elapsed += tally.elapsed;
            total.cpu += tally.cpu;
            total.failed_seeds.extend(&tally.failed_seeds);
        }
        text.push_str(&format!("{}\n", row("all", &total)));
        text + &self.first_to_read()
    }

    /// The tests to be read first, if others follow from them, and how many; and how many of them
    /// were shown.
    fn first_to_read(&self) -> String {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        for (test, tally) in &self.results {
            match tally.follows.filter(|_| tally.all_follow()) {
                Some(cause) => *first.entry(cause).or_default() += 1,
                None if tally.failed_seeds.is_empty() => {}
                None => drop(first.entry(test).or_default()),
            }
        }
        let (count, shown) = (first.len(), self.shown.len());
        let mut text = String::new();
        for (test, more) in first.iter().filter(|&(_, &more)| more > 0) {
            text.push_str(&format!("\n{test} failed, and {more} more follow from it"));
        }
        if count > shown && shown > 0 {
            text.push_str(&format!("\n({shown} of {count} failed tests are shown above)"));
        }
        if text.is_empty() { text } else { text + "\n" }
    }
}

impl Tally {
    fn all_follow(&self) -> bool {
        self.following > 0 && self.following == self.failed_seeds.len()
    }

    fn follows_from(&self) -> String {
        let cause = self.follows.filter(|_| self.all_follow());
        cause.map(|test| format!("  follows from {test}")).unwrap_or_default()
    }

    /// What is to be said of its failures: where they begin, or what all of them follow from.
    fn remark(&self) -> String {
        match self.failed_seeds.iter().min() {
            Some(_) if self.all_follow() => self.follows_from(),
            Some(seed) => format!("  first failing seed {seed}"),
            None => String::new(),
        }
    }
}

fn header() -> String {
    format!("{:38} {:>6} {:>6} {:>11} {:>9}\n", "test", "runs", "failed", "seconds", "CPU s")
}

fn row_and_remark(name: &str, tally: &Tally) -> String {
    format!("{}{}\n", row(name, tally), tally.remark())
}

fn row(name: &str, tally: &Tally) -> String {
    let (elapsed, cpu) = (tally.elapsed.as_secs_f64(), tally.cpu.as_secs_f64());
    let (runs, failed) = (tally.runs, tally.failed_seeds.len());
    format!("{name:38} {runs:6} {failed:6} {elapsed:11.1} {cpu:9.2}")
}
