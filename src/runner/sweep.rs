//! Many runs: tests x seeds, some at a time, with a summary.
//!
//! In real time each run has a process of its own, and `--jobs` of them run at a time: they mostly
//! sleep. Simulated, each core has a process that takes some seeds of one test, one after another.
//! A process that dies (an abort, a thread that never gives up its turn) has failed at the seed at
//! hand; another process runs the other seeds.
//!
//! A test may fail because of a rule that has a test of its own (`causes.rs`): then that one is
//! shown, and the other is counted among those that follow from it.
//!
//! Whoever wants one failure only (`--stop-at-first`) gets the same one each time: shares are taken
//! in order, one seed of each test before the next seed of any, and those taken are finished.

use std::collections::VecDeque;
use std::io::IsTerminal;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::suite::LabTest;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use super::board::{Board, Booked};
use super::causes::Causes;
use super::hashes;
use super::keep;
use super::options::Options;
use super::output::{Sink, clear_progress, print, show_progress};
use super::report::{self, Report};
use super::runs::{self, Run, Runs};
use super::shown::what_is_shown;
use crate::labsync::{Condvar, Instant, Mutex, rng, thread};

/// How many seeds a process takes at a time, simulated.
const SEEDS_AT_A_TIME: u64 = 10;
/// How often progress is shown on a terminal, and where there is none.
const SHOW_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// How often it is looked whether Ctrl-C has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Some seeds of one test.
struct Share {
    test: LabTest,
    seeds: RangeInclusive<u64>,
    /// Which of the selected tests it is.
    number: u64,
}

impl Share {
    fn runs(&self) -> u64 {
        (self.seeds.end() - self.seeds.start()).saturating_add(1)
    }
}

struct Sweep {
    suite: String,
    /// How many tests there are.
    tests: u64,
    board: Mutex<State>,
    /// Notified when a share is done.
    share_done: Condvar,
    causes: Causes,
    options: Options,
    start: Instant,
    /// Which sources are run, for runs that are kept.
    about: String,
    /// With one run of each test, what each prints is shown.
    show_all: bool,
    /// One at a time: what a test prints is shown as it comes.
    live: bool,
}

struct State {
    waiting: VecDeque<Share>,
    working: usize,
    board: Board,
    report: Report,
}

/// Runs one test, in real time or for each of its seeds, and nothing else; true if it passed. What
/// it prints is shown as it comes.
pub(super) fn run_one(suite: &str, test: LabTest, options: &Options) -> bool {
    let mut runs = Runs::new(suite, test, options, Sink::Show);
    let seeds = seeds_of(options);
    let last = *seeds.end();
    let mut passed = true;
    for seed in seeds {
        let run = runs.run(seed, seed == last);
        passed &= run.record.passed();
        print(what_is_shown(&mut runs, run));
    }
    passed
}

/// Runs the `tests`, some `of` the suite's, for all seeds; true if all passed.
pub(super) fn run(suite: &str, tests: &[LabTest], of: &[LabTest], options: &Options) -> bool {
    let start = Instant::now();
    let jobs = if options.simulated { cores() } else { options.jobs };
    let prepared = shares(suite, tests, options, jobs)
        .and_then(|shares| Ok((shares, Report::begin(options.report.as_deref())?)));
    let (shares, report) = match prepared {
        Ok(prepared) => prepared,
        Err(problem) => {
            print(format!("{problem}\n"));
            return false;
        }
    };
    let stop = stop_on_signals();
    let count = shares.iter().fold(0, |sum: u64, share| sum.saturating_add(share.runs()));
    let count = options.shard.map_or(count, |shard| shard.size_of(count));
    let show_all = options.seeds.start() == options.seeds.end() && options.failed_in.is_none();
    let sweep = Arc::new(Sweep {
        suite: suite.to_string(),
        tests: tests.len() as u64,
        board: Mutex::new(State { waiting: shares, working: 0, board: Board::default(), report }),
        share_done: Condvar::new(),
        causes: Causes::new(suite, of, options),
        options: options.clone(),
        start,
        about: options.keep.as_ref().map(|_| keep::about()).unwrap_or_default(),
        show_all,
        live: !options.simulated && jobs == 1,
    });
    print(sweep.opening(jobs));
    for job in 0..jobs {
        let sweep = sweep.clone();
        thread::spawn(format!("runner {job}"), move || sweep.work());
    }
    let stopped = sweep.wait(&stop, count);
    let mut state = sweep.board.lock();
    if stopped {
        state.board.stopped = true;
        clear_progress();
        let under_way = state.board.running.len();
        print(format!("\nstopped by a signal; {under_way} runs under way are not counted\n"));
    }
    let not_run = of.len() - tests.len();
    let filtered_out = if options.simulated { 0 } else { not_run };
    let once = show_all && !options.simulated;
    print(state.board.summary(suite, tests, once, filtered_out, start.elapsed()));
    let mut passed = state.board.failed() == 0 && !stopped;
    let records = std::mem::take(&mut state.board.records);
    if let Err(problem) = state.report.finish(suite, tests, &records) {
        print(format!("{problem}\n"));
        passed = false;
    }
    if let Some(file) = &options.hashes {
        passed &= hashes::check(file, suite, &records, options.renew_hashes);
    }
    passed
}

/// Set when Ctrl-C comes, or whoever has started this wants it to end; when that comes once more,
/// the runner ends at once. The processes of the tests end with the runner.
fn stop_on_signals() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
        // Without, the signal ends the runner as it always does: no summary, nothing else lost.
        let _ = flag::register_conditional_shutdown(signal, code, stop.clone());
        let _ = flag::register(signal, stop.clone());
    }
    stop
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// The seeds to run: in real time a fresh one, if none was asked for.
fn seeds_of(options: &Options) -> RangeInclusive<u64> {
    if options.simulated || options.seeds_chosen.is_some() {
        return options.seeds.clone();
    }
    // One that is quickly typed.
    let seed = rng::fresh_seed() % 1_000_000_000;
    seed..=seed
}

fn shares(
    suite: &str,
    tests: &[LabTest],
    options: &Options,
    jobs: usize,
) -> Result<VecDeque<Share>, String> {
    if let Some(path) = &options.failed_in {
        let failed = report::failed_in(path, suite, tests)?.into_iter();
        let share =
            |(place, seed)| Share { test: tests[place], seeds: seed..=seed, number: place as u64 };
        return Ok(failed.map(share).collect());
    }
    let at_a_time = if options.stop_at_first || !options.simulated { 1 } else { SEEDS_AT_A_TIME };
    let mut numbered: Vec<(u64, LabTest)> = (0..).zip(tests.iter().copied()).collect();
    // Several at a time: in real time from the last Part on, where the longest are.
    if !options.simulated && jobs > 1 {
        numbered.reverse();
    }
    if !options.simulated && options.seeds_chosen.is_none() {
        let share = |(number, test)| Share { test, seeds: seeds_of(options), number };
        return Ok(numbered.into_iter().map(share).collect());
    }
    let (first, last) = (*options.seeds.start(), *options.seeds.end());
    let mut shares = VecDeque::new();
    let mut from = first;
    loop {
        let to = from.saturating_add(at_a_time - 1).min(last);
        let share = |&(number, test)| Share { test, seeds: from..=to, number };
        shares.extend(numbered.iter().map(share));
        if to == last {
            return Ok(shares);
        }
        from = to + 1;
    }
}

impl Sweep {
    fn opening(&self, jobs: usize) -> String {
        let (tests, suite) = (self.tests, &self.suite);
        let (first, last) = (self.options.seeds.start(), self.options.seeds.end());
        let part = self.options.shard.map(|s| format!(", shard {s}")).unwrap_or_default();
        match (self.options.simulated, self.show_all) {
            (true, _) => {
                format!(
                    "\nsimulating {tests} tests of suite {suite}, seeds {first} to {last}{part}\n"
                )
            }
            (false, true) => {
                format!("\nrunning {tests} tests of suite {suite}, {jobs} at a time\n")
            }
            (false, false) => format!(
                "\nrunning {tests} tests of suite {suite}, seeds {first} to {last}{part}, \
                 {jobs} at a time\n"
            ),
        }
    }

    fn work(&self) {
        while let Some(share) = self.take() {
            self.run_share(&share);
        }
    }

    fn take(&self) -> Option<Share> {
        let mut state = self.board.lock();
        let share = state.waiting.pop_front()?;
        state.working += 1;
        state.board.running.push(share.test.name);
        Some(share)
    }

    fn run_share(&self, share: &Share) {
        let sink = if self.live { Sink::Show } else { Sink::Keep };
        let mut runs = Runs::new(&self.suite, share.test, &self.options, sink);
        let mut seeds = share.seeds.clone().filter(|&seed| self.is_mine(share, seed)).peekable();
        while let Some(seed) = seeds.next() {
            if self.is_time_over() {
                break;
            }
            let run = runs.run(seed, seeds.peek().is_none());
            self.book(share.test, &mut runs, run);
        }
        let mut state = self.board.lock();
        if self.options.stop_at_first && state.board.has_shown_any() {
            state.waiting.clear();
        }
        state.board.ended(share.test.name);
        state.working -= 1;
        self.share_done.notify_all();
    }

    /// Whether a run belongs to the shard that is asked for: each n-th of all does.
    fn is_mine(&self, share: &Share, seed: u64) -> bool {
        let Some(shard) = self.options.shard else { return true };
        // Each row of tests is turned by one, lest a shard has the same tests in all of them.
        let row = seed.wrapping_sub(*self.options.seeds.start());
        let column = (share.number + row % self.tests) % self.tests;
        shard.has(u128::from(row) * u128::from(self.tests) + u128::from(column))
    }

    /// Whether it is too late to begin another run.
    fn is_time_over(&self) -> bool {
        self.options.at_most.is_some_and(|time| self.start.elapsed() >= time)
    }

    /// Takes in what became of a run, and shows it, or what it follows from, if it is to be shown.
    fn book(&self, test: LabTest, runs: &mut Runs<'_>, run: Run) {
        let failure = run.record.failure.as_ref();
        let cause = failure.and_then(|_| self.causes.of(test, &run.record));
        let told = cause.as_ref().map_or(test, |cause| cause.test);
        let shown = match failure {
            None => self.show_all,
            Some(_) => {
                self.show_all && !self.options.simulated
                    || self.board.lock().board.may_show_failure(told)
            }
        };
        let (record, printed_hash) = (run.record.clone(), run.printed_hash);
        let folder = failure.and_then(|_| runs.folder(run.record.seed));
        let text = match &cause {
            _ if !shown && folder.is_none() => Vec::new(),
            None => what_is_shown(runs, run),
            Some(cause) => {
                let mut runs = Runs::new(&self.suite, cause.test, &self.options, Sink::Keep);
                let run = runs.run(record.seed, true);
                what_is_shown(&mut runs, run)
            }
        };
        let kept = folder.map(|folder| folder.keep(&text, &self.about));
        let mut state = self.board.lock();
        // Under the lock, so that the blocks of two runs do not mix.
        if shown {
            clear_progress();
            print(&text);
            kept.iter().for_each(|line| print(runs::indented(line)));
        }
        let booked = Booked { test: test.name, record, cause, printed_hash };
        state.report.add(&self.suite, &booked);
        state.board.count(booked);
    }

    /// Waits until all runs are over, and shows how far they are; true if it was told to stop.
    fn wait(&self, stop: &AtomicBool, count: u64) -> bool {
        let terminal = std::io::stderr().is_terminal();
        let every = if terminal { SHOW_EVERY.0 } else { SHOW_EVERY.1 };
        let mut next_show = self.start + every;
        let mut state = self.board.lock();
        while state.working > 0 || !state.waiting.is_empty() {
            if stop.load(Ordering::Relaxed) {
                return true;
            }
            let next_look = Instant::now() + LOOK_EVERY;
            self.share_done.wait_until(&mut state, next_look.min(next_show));
            if Instant::now() >= next_show {
                next_show += every;
                if !self.live {
                    show_progress(state.board.progress(count, self.start.elapsed()));
                }
            }
        }
        false
    }
}
