//! Many seeds: tests x seeds, simulated on all cores, with a summary.
//!
//! Each core runs a process that takes some seeds of one test, one after another. A process that
//! dies (an abort, a thread that never gives up its turn) has failed at the seed at hand; another
//! process runs the other seeds.
//!
//! Whoever wants one failure only (`--stop-at-first`) gets the same one each time: shares are taken
//! in order, one seed of each test before the next seed of any, and those taken are finished.

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::hashes;
use super::options::Options;
use super::output::{Sink, clear_progress, print, show_progress};
use super::record::Record;
use super::runs::{self, Run, Runs};
use crate::labsync::{Condvar, Instant, Mutex, thread};
use crate::tester::LabTest;

/// How many seeds a process takes at a time.
const SEEDS_AT_A_TIME: u64 = 10;
/// How many failures are shown in full.
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
    failures_shown: usize,
    records: Vec<Booked>,
}

/// A run that is over.
pub(super) struct Booked {
    pub test: &'static str,
    pub record: Record,
    /// A hash of what it printed.
    pub printed_hash: u64,
}

#[derive(Default)]
struct Tally {
    runs: u64,
    failed_seeds: Vec<u64>,
    elapsed: Duration,
    cpu: Duration,
}

/// Runs the tests for all seeds; true if all passed.
pub(super) fn run(suite: &str, tests: &[LabTest], options: &Options) -> bool {
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
        options: options.clone(),
        show_all: first == last,
    });
    for core in 0..cores {
        let sweep = sweep.clone();
        thread::spawn(format!("sweep {core}"), move || sweep.work());
    }
    sweep.wait(count, start);
    let board = sweep.board.lock();
    let mut passed = summarize(&board, tests, start.elapsed());
    if let Some(path) = &options.report
        && let Err(error) = write_report(path, suite, tests, &board.records)
    {
        print(format!("cannot write the report {path}: {error}\n"));
        passed = false;
    }
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
        if self.options.stop_at_first && board.failures_shown > 0 {
            board.waiting.clear();
        }
        board.working -= 1;
        self.share_done.notify_all();
    }

    /// Takes in what became of a run, and shows it if it is to be shown.
    fn book(&self, test: LabTest, runs: &mut Runs<'_>, run: Run) {
        let shown =
            if run.record.passed() { self.show_all } else { self.board.lock().may_show_failure() };
        let (record, printed) = (run.record.clone(), run.printed_hash);
        let text = if shown { runs::shown(runs, run) } else { Vec::new() };
        let mut board = self.board.lock();
        // Under the lock, so that the blocks of two runs do not mix.
        if !text.is_empty() {
            clear_progress();
            print(&text);
        }
        board.count(test.name, record, printed);
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
    /// Whether one more failure is shown in full.
    fn may_show_failure(&mut self) -> bool {
        self.failures_shown += 1;
        self.failures_shown <= MOST_FAILURES_SHOWN
    }

    fn count(&mut self, test: &'static str, record: Record, printed_hash: u64) {
        self.done += 1;
        let tally = self.results.entry(test).or_default();
        tally.runs += 1;
        tally.elapsed += record.elapsed;
        tally.cpu += record.cpu;
        if !record.passed() {
            tally.failed_seeds.push(record.seed);
        }
        self.records.push(Booked { test, record, printed_hash });
    }
}

fn summarize(board: &Board, tests: &[LabTest], wall: Duration) -> bool {
    let mut text = format!(
        "\n{:38} {:>6} {:>6} {:>11} {:>9}\n",
        "test", "runs", "failed", "virtual s", "CPU s"
    );
    let mut total = Tally::default();
    for test in tests {
        let Some(tally) = board.results.get(test.name) else { continue };
        let first = tally.failed_seeds.iter().min();
        let first = first.map_or(String::new(), |seed| format!("  first failing seed {seed}"));
        text.push_str(&format!("{}{first}\n", row(test.name, tally)));
        total.runs += tally.runs;
        total.elapsed += tally.elapsed;
        total.cpu += tally.cpu;
        total.failed_seeds.extend(&tally.failed_seeds);
    }
    text.push_str(&format!("{}\n", row("all", &total)));
    let failed = total.failed_seeds.len() as u64;
    if board.failures_shown > MOST_FAILURES_SHOWN {
        text.push_str(&format!("\n({MOST_FAILURES_SHOWN} of {failed} failures are shown above)\n"));
    }
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

/// A line of JSON for each run: the seeds in order, the tests in the suite's.
fn write_report(
    path: &str,
    suite: &str,
    tests: &[LabTest],
    records: &[Booked],
) -> std::io::Result<()> {
    let mut ordered: Vec<_> = records.iter().collect();
    let place = |name: &str| tests.iter().position(|test| test.name == name);
    ordered.sort_by_key(|run| (run.record.seed, place(run.test)));
    let lines: String = ordered.iter().map(|run| run.record.to_json(suite, run.test)).collect();
    std::fs::write(path, lines)
}

fn row(name: &str, tally: &Tally) -> String {
    let (elapsed, cpu) = (tally.elapsed.as_secs_f64(), tally.cpu.as_secs_f64());
    let (runs, failed) = (tally.runs, tally.failed_seeds.len());
    format!("{name:38} {runs:6} {failed:6} {elapsed:11.1} {cpu:9.2}")
}
