//! Many seeds: tests x seeds, simulated on all cores, with a summary.
//!
//! Each core runs a process that takes some seeds of one test, one after another. A process that
//! dies (an abort, a thread that never gives up its turn) has failed at the seed at hand; another
//! process runs the other seeds.
//!
//! A test may fail because of a rule that has a test of its own (`causes.rs`): then that one is
//! shown, and the other is counted among those that follow from it.
//!
//! Whoever wants one failure only (`--stop-at-first`) gets the same one each time: shares are taken
//! in order, one seed of each test before the next seed of any, and those taken are finished.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::IsTerminal;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::LabTest;
use super::causes::{Cause, Causes};
use super::hashes;
use super::options::Options;
use super::output::{Sink, clear_progress, print, show_progress};
use super::record::Record;
use super::runs::{self, Run, Runs};
use crate::labsync::{Condvar, Instant, Mutex, thread};

/// How many seeds a process takes at a time.
const SEEDS_AT_A_TIME: u64 = 10;
/// How many failures are shown in full: the first of each test.
const MOST_FAILURES_SHOWN: usize = 5;

/// Some seeds of one test.
struct Share {
    test: LabTest,
    seeds: RangeInclusive<u64>,
}

struct Sweep {
    suite: String,
    board: Mutex<Board>,
    /// Notified when a share is done.
    share_done: Condvar,
    causes: Causes,
    options: Options,
    /// With one seed only, what each test prints is shown.
    show_all: bool,
}

#[derive(Default)]
struct Board {
    waiting: VecDeque<Share>,
    working: usize,
    results: BTreeMap<&'static str, Tally>,
    done: u64,
    /// The tests of which a failure has been shown in full.
    shown: BTreeSet<&'static str>,
    records: Vec<Booked>,
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
    fn to_json(&self, suite: &str) -> String {
        let cause = self.cause.as_ref();
        self.record.to_json(suite, self.test, cause.map(|cause| (cause.test.name, &cause.run)))
    }
}

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

/// Runs the `tests`, some `of` the suite's, for all seeds; true if all passed.
pub(super) fn run(suite: &str, tests: &[LabTest], of: &[LabTest], options: &Options) -> bool {
    let start = Instant::now();
    let (first, last) = (*options.seeds.start(), *options.seeds.end());
    let count = tests.len() as u64 * (last - first + 1);
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let how_many = tests.len();
    print(format!("\nsimulating {how_many} tests of suite {suite}, seeds {first} to {last}\n"));
    let at_a_time = if options.stop_at_first { 1 } else { SEEDS_AT_A_TIME };
    let shares = shares(tests, first, last, at_a_time);
    let sweep = Arc::new(Sweep {
        suite: suite.to_string(),
        board: Mutex::new(Board { waiting: shares, ..Board::default() }),
        share_done: Condvar::new(),
        causes: Causes::new(suite, of, options),
        options: options.clone(),
        show_all: first == last,
    });
    for core in 0..cores {
        let sweep = sweep.clone();
        thread::spawn(format!("sweep {core}"), move || sweep.work());
    }
    sweep.wait(count, start);
    let board = sweep.board.lock();
    let mut passed = summarize(suite, &board, tests, start.elapsed());
    passed &= report(options, suite, tests, &board.records);
    if let Some(file) = &options.hashes {
        passed &= hashes::check(file, suite, &board.records, options.renew_hashes);
    }
    passed
}

fn shares(tests: &[LabTest], first: u64, last: u64, at_a_time: u64) -> VecDeque<Share> {
    let mut shares = VecDeque::new();
    let mut from = first;
    loop {
        let to = from.saturating_add(at_a_time - 1).min(last);
        shares.extend(tests.iter().map(|&test| Share { test, seeds: from..=to }));
        if to == last {
            return shares;
        }
        from = to + 1;
    }
}

impl Sweep {
    fn work(&self) {
        while let Some(share) = self.take() {
            self.run_share(&share);
        }
    }

    fn take(&self) -> Option<Share> {
        let mut board = self.board.lock();
        let share = board.waiting.pop_front()?;
        board.working += 1;
        Some(share)
    }

    fn run_share(&self, share: &Share) {
        let mut runs = Runs::new(&self.suite, share.test, &self.options, Sink::Keep);
        let last = *share.seeds.end();
        for seed in share.seeds.clone() {
            let run = runs.run(seed, seed == last);
            self.book(share.test, &mut runs, run);
        }
        let mut board = self.board.lock();
        if self.options.stop_at_first && !board.shown.is_empty() {
            board.waiting.clear();
        }
        board.working -= 1;
        self.share_done.notify_all();
    }

    /// Takes in what became of a run, and shows it, or what it follows from, if it is to be shown.
    fn book(&self, test: LabTest, runs: &mut Runs<'_>, run: Run) {
        let failure = run.record.failure.as_ref();
        let cause = failure.and_then(|_| self.causes.of(test, &run.record));
        let told = cause.as_ref().map_or(test, |cause| cause.test);
        let shown = match failure {
            None => self.show_all,
            Some(_) => self.board.lock().may_show_failure(told),
        };
        let (record, printed_hash) = (run.record.clone(), run.printed_hash);
        let text = match &cause {
            _ if !shown => Vec::new(),
            None => runs::shown(runs, run),
            Some(cause) => {
                let mut runs = Runs::new(&self.suite, cause.test, &self.options, Sink::Keep);
                let run = runs.run(record.seed, true);
                runs::shown(&mut runs, run)
            }
        };
        let mut board = self.board.lock();
        // Under the lock, so that the blocks of two runs do not mix.
        if !text.is_empty() {
            clear_progress();
            print(&text);
        }
        board.count(Booked { test: test.name, record, cause, printed_hash });
    }

    fn wait(&self, count: u64, start: Instant) {
        let terminal = std::io::stderr().is_terminal();
        let every = Duration::from_secs(if terminal { 1 } else { 15 });
        let mut next_show = start + every;
        let mut board = self.board.lock();
        while board.working > 0 || !board.waiting.is_empty() {
            self.share_done.wait_until(&mut board, next_show);
            if Instant::now() >= next_show {
                next_show += every;
                let failed: usize = board.results.values().map(|t| t.failed_seeds.len()).sum();
                let (done, seconds) = (board.done, start.elapsed().as_secs_f64());
                show_progress(format!("[{done}/{count} runs, {failed} failed, {seconds:.0} s]"));
            }
        }
    }
}

impl Board {
    /// Whether a failure of `test` is shown in full.
    fn may_show_failure(&mut self, test: LabTest) -> bool {
        self.shown.len() < MOST_FAILURES_SHOWN && self.shown.insert(test.name)
    }

    fn count(&mut self, run: Booked) {
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
}

impl Tally {
    fn all_follow(&self) -> bool {
        self.following > 0 && self.following == self.failed_seeds.len()
    }

    /// What is to be said of its failures: where they begin, or what all of them follow from.
    fn remark(&self) -> String {
        match (self.failed_seeds.iter().min(), self.follows) {
            (Some(_), Some(test)) if self.all_follow() => format!("  follows from {test}"),
            (Some(seed), _) => format!("  first failing seed {seed}"),
            (None, _) => String::new(),
        }
    }
}

fn summarize(suite: &str, board: &Board, tests: &[LabTest], wall: Duration) -> bool {
    let mut text = format!(
        "\n{:38} {:>6} {:>6} {:>11} {:>9}\n",
        "test", "runs", "failed", "virtual s", "CPU s"
    );
    let mut total = Tally::default();
    for test in tests {
        let Some(tally) = board.results.get(test.name) else { continue };
        text.push_str(&format!("{}{}\n", row(test.name, tally), tally.remark()));
        total.runs += tally.runs;
        total.elapsed += tally.elapsed;
        total.cpu += tally.cpu;
        total.failed_seeds.extend(&tally.failed_seeds);
    }
    text.push_str(&format!("{}\n", row("all", &total)));
    let failed = total.failed_seeds.len() as u64;
    text.push_str(&failures(board));
    let has_failed = |test: &&LabTest| {
        board.results.get(test.name).is_some_and(|tally| !tally.failed_seeds.is_empty())
    };
    let first = tests.iter().find(has_failed);
    first.iter().for_each(|first| text.push_str(&runs::advice(suite, first.name)));
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    text.push_str(&format!(
        "\ntest result: {verdict}. {} passed; {failed} failed; 0 ignored; 0 measured; \
         0 filtered out; finished in {:.2}s\n\n",
        total.runs - failed,
        wall.as_secs_f64()
    ));
    print(text);
    failed == 0
}

/// The tests to be read first, if others follow from them, and how many; and how many of them
/// were shown.
fn failures(board: &Board) -> String {
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for (test, tally) in &board.results {
        match tally.follows.filter(|_| tally.all_follow()) {
            Some(cause) => *first.entry(cause).or_default() += 1,
            None if tally.failed_seeds.is_empty() => {}
            None => drop(first.entry(test).or_default()),
        }
    }
    let (count, shown) = (first.len(), board.shown.len());
    let mut text = String::new();
    for (test, more) in first.iter().filter(|&(_, &more)| more > 0) {
        text.push_str(&format!("\n{test} failed, and {more} more follow from it"));
    }
    if count > shown {
        text.push_str(&format!("\n({shown} of {count} failed tests are shown above)"));
    }
    if text.is_empty() { text } else { text + "\n" }
}

/// Writes the report, if one is asked for: a line of JSON for each run, the seeds in order, the
/// tests in the suite's. False if it cannot be written.
pub(super) fn report(
    options: &Options,
    suite: &str,
    tests: &[LabTest],
    records: &[Booked],
) -> bool {
    let Some(path) = &options.report else { return true };
    let mut ordered: Vec<_> = records.iter().collect();
    let place = |name: &str| tests.iter().position(|test| test.name == name);
    ordered.sort_by_key(|run| (run.record.seed, place(run.test)));
    let lines: String = ordered.iter().map(|run| run.to_json(suite)).collect();
    let written = std::fs::write(path, lines);
    if let Err(error) = &written {
        print(format!("cannot write the report {path}: {error}\n"));
    }
    written.is_ok()
}

fn row(name: &str, tally: &Tally) -> String {
    let (elapsed, cpu) = (tally.elapsed.as_secs_f64(), tally.cpu.as_secs_f64());
    let (runs, failed) = (tally.runs, tally.failed_seeds.len());
    format!("{name:38} {runs:6} {failed:6} {elapsed:11.1} {cpu:9.2}")
}
