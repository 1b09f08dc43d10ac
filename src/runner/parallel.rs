//! Several tests, each in a process of its own, some at a time.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use super::LabTest;
use super::options::Options;
use super::output::{Sink, clear_progress, print, show_progress};
use super::runs::{self, Runs};
use super::sweep::{self, Booked};
use super::tracing::short;
use crate::labsync::{Condvar, Instant, Mutex, rng, thread};

/// How often progress is shown on a terminal, and where there is none.
const SHOW_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

struct Suite {
    name: String,
    options: Options,
    /// With one test at a time what it prints is shown as it comes; else when it is over.
    live: bool,
    board: Mutex<Board>,
    /// Notified when a test ends.
    test_ended: Condvar,
}

#[derive(Default)]
struct Board {
    /// Yet to be started; the next is the last.
    waiting: Vec<LabTest>,
    running: Vec<&'static str>,
    passed: usize,
    failed: Vec<&'static str>,
    records: Vec<Booked>,
}

/// Runs one test, in real time or for each of its seeds, and nothing else; true if it passed. What
/// it prints is shown as it comes.
pub(super) fn run_one(suite: &str, test: LabTest, options: &Options) -> bool {
    let mut runs = Runs::new(suite, test, options, Sink::Show);
    let seed = options.seed.unwrap_or_else(short_seed);
    let seeds = if options.simulated { options.seeds.clone() } else { seed..=seed };
    let last = *seeds.end();
    let mut passed = true;
    for seed in seeds {
        let run = runs.run(seed, seed == last);
        passed &= run.record.passed();
        print(runs::shown(&mut runs, run));
    }
    passed
}

/// Runs the tests; true if all passed.
pub(super) fn run(suite: &str, tests: &[LabTest], filtered_out: usize, options: &Options) -> bool {
    let start = Instant::now();
    let count = tests.len();
    let jobs = options.jobs.min(count);
    let live = jobs <= 1;
    print(format!("\nrunning {count} tests of suite {suite}, {jobs} at a time\n"));
    // One at a time: in the lab's order. Otherwise from the last Part on, where the longest are.
    let mut waiting = tests.to_vec();
    if live {
        waiting.reverse();
    }
    let shared = Arc::new(Suite {
        name: suite.to_string(),
        options: options.clone(),
        live,
        board: Mutex::new(Board { waiting, ..Board::default() }),
        test_ended: Condvar::new(),
    });
    for job in 0..jobs {
        let shared = shared.clone();
        thread::spawn(format!("runner {job}"), move || shared.work());
    }
    shared.wait(count, start);
    let board = shared.board.lock();
    let (passed, failed) = (board.passed, board.failed.len());
    if failed > 0 {
        print("\nfailed:\n");
        board.failed.iter().for_each(|name| print(format!("  {name}\n")));
        let first = tests.iter().find(|test| board.failed.contains(&test.name));
        first.iter().for_each(|first| print(runs::advice(suite, first.name)));
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    print(format!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; \
         {filtered_out} filtered out; finished in {:.2}s\n\n",
        start.elapsed().as_secs_f64()
    ));
    let reported = sweep::report(options, suite, tests, &board.records);
    failed == 0 && reported
}

impl Suite {
    /// Runs tests as long as there are any.
    fn work(&self) {
        while let Some(test) = self.take() {
            let (booked, output) = self.run(test);
            let mut board = self.board.lock();
            // Under the lock, so that the blocks of two tests do not mix.
            clear_progress();
            print(&output);
            board.running.retain(|name| *name != test.name);
            if booked.record.passed() {
                board.passed += 1;
            } else {
                board.failed.push(test.name);
            }
            board.records.push(booked);
            self.test_ended.notify_all();
        }
    }

    /// What became of a test, and what is to be shown of it.
    fn run(&self, test: LabTest) -> (Booked, Vec<u8>) {
        let sink = if self.live { Sink::Show } else { Sink::Keep };
        let mut runs = Runs::new(&self.name, test, &self.options, sink);
        let run = runs.run(self.options.seed.unwrap_or_else(short_seed), true);
        let (record, printed_hash) = (run.record.clone(), run.printed_hash);
        let booked = Booked { test: test.name, record, cause: None, printed_hash };
        (booked, runs::shown(&mut runs, run))
    }

    fn take(&self) -> Option<LabTest> {
        let mut board = self.board.lock();
        let test = board.waiting.pop()?;
        board.running.push(test.name);
        Some(test)
    }

    /// Waits for all tests to end, and shows how far they are.
    fn wait(&self, count: usize, start: Instant) {
        let terminal = std::io::stderr().is_terminal();
        let every = if terminal { SHOW_EVERY.0 } else { SHOW_EVERY.1 };
        let mut next_show = start + every;
        let mut board = self.board.lock();
        while board.passed + board.failed.len() < count {
            self.test_ended.wait_until(&mut board, next_show);
            if Instant::now() >= next_show {
                next_show += every;
                if !self.live {
                    show_progress(board.progress(count, start));
                }
            }
        }
    }
}

impl Board {
    fn progress(&self, count: usize, start: Instant) -> String {
        let done = self.passed + self.failed.len();
        let (failed, seconds) = (self.failed.len(), start.elapsed().as_secs_f64());
        let running: Vec<_> = self.running.iter().map(|name| short(name)).collect();
        let running = running.join(", ");
        format!("[{done}/{count} done, {failed} failed, {seconds:.0} s] running: {running}")
    }
}

/// A fresh seed that is quickly typed.
pub(super) fn short_seed() -> u64 {
    rng::fresh_seed() % 1_000_000_000
}
