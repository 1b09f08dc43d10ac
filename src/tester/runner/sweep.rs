//! Many seeds: tests x seeds, simulated on all cores, with a summary.
//!
//! Each core runs a process that takes some seeds of one test and writes a record behind what
//! each run prints. A process that dies (an abort, a thread that never gives up its turn) has
//! failed at the first seed without a record; its other seeds go to another process.
//!
//! Whoever wants one failure only (`--stop-at-first`) gets the same one each time: shares are taken
//! in order, one seed of each test before the next seed of any, and those taken are finished.

use std::collections::{BTreeMap, VecDeque};
use std::io::{IsTerminal, Read, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::options::Options;
use super::record::Record;
use super::simulated::replay_command;
use super::tracing::{self, Ended};
use crate::labsync::{Condvar, Instant, Mutex, thread};
use crate::tester::LabTest;

/// How many seeds a process takes at a time.
const SEEDS_AT_A_TIME: u64 = 10;
/// How many failures are shown in full.
const MOST_FAILURES_SHOWN: usize = 5;

/// Some seeds of one test.
struct Share {
    test: &'static str,
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

/// One run, as its process told.
struct Run {
    printed: String,
    record: Record,
    died: bool,
    shown: bool,
}

#[derive(Default)]
struct Board {
    waiting: VecDeque<Share>,
    working: usize,
    results: BTreeMap<&'static str, Tally>,
    done: u64,
    failures_shown: usize,
    records: Vec<(&'static str, Record)>,
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
    println!("\nsimulating {} tests of suite {suite}, seeds {first} to {last}", tests.len());
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
    let passed = summarize(&board, tests, start.elapsed());
    let Some(path) = &options.report else { return passed };
    if let Err(error) = write_report(path, suite, tests, &board.records) {
        println!("cannot write the report {path}: {error}");
        return false;
    }
    passed
}

fn shares(tests: &[LabTest], first: u64, last: u64, at_a_time: u64) -> VecDeque<Share> {
    let mut shares = VecDeque::new();
    let mut from = first;
    loop {
        let to = from.saturating_add(at_a_time - 1).min(last);
        shares.extend(tests.iter().map(|test| Share { test: test.name, seeds: from..=to }));
        if to == last {
            return shares;
        }
        from = to + 1;
    }
}

impl Sweep {
    fn work(&self) {
        while let Some(share) = self.take() {
            let (output, ending) = self.run_share(&share);
            self.book(&share, &output, &ending);
        }
    }

    /// The next share; waits while others work, since they may leave some.
    fn take(&self) -> Option<Share> {
        let mut board = self.board.lock();
        loop {
            if let Some(share) = board.waiting.pop_front() {
                board.working += 1;
                return Some(share);
            }
            if board.working == 0 {
                return None;
            }
            self.share_done.wait(&mut board);
        }
    }

    fn run_share(&self, share: &Share) -> (String, String) {
        let result = tracing::child(share.test, &self.options).and_then(|mut command| {
            command.args(["--sim", "--records"]);
            command.arg(format!("--seeds={}-{}", share.seeds.start(), share.seeds.end()));
            command.args(self.options.trace.iter().flat_map(|trace| trace.arguments()));
            let (mut reader, writer) = std::io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            let mut child = command.spawn()?;
            drop(command); // it holds the pipe's writing end
            let mut output = Vec::new();
            reader.read_to_end(&mut output)?;
            Ok((String::from_utf8_lossy(&output).into_owned(), child.wait()?.to_string()))
        });
        result.unwrap_or_else(|error| (String::new(), error.to_string()))
    }

    /// The runs of which a process has told: what stands before a record is its run's. One that
    /// died in the middle of a run has failed in it.
    fn runs_of(&self, share: &Share, output: &str, ending: &str) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut printed = String::new();
        for line in output.lines() {
            if let Some(record) = Record::from_line(line) {
                let printed = std::mem::take(&mut printed);
                runs.push(Run { printed, record, died: false, shown: false });
            } else {
                printed.push_str(line);
                printed.push('\n');
            }
        }
        let next = runs.last().map_or(*share.seeds.start(), |run: &Run| run.record.seed + 1);
        if next <= *share.seeds.end() {
            let again = replay_command(&self.suite, share.test, next);
            printed.push_str(&format!(
                "  ... FAILED --  {}, seed {next}: its process ended with {ending}\n      \
                 again: {again}\n",
                share.test
            ));
            let failure = format!("its process ended with {ending}");
            runs.push(Run {
                printed,
                record: Record::of_death(next, failure),
                died: true,
                shown: false,
            });
        }
        runs
    }

    /// Takes in what a process has done; what it left of its share goes to another.
    fn book(&self, share: &Share, output: &str, ending: &str) {
        let mut runs = self.runs_of(share, output, ending);
        for run in runs.iter_mut().filter(|run| !run.record.passed()) {
            run.shown = self.board.lock().may_show_failure();
            if run.shown {
                run.printed.push_str(&self.trace_of(share.test, run, ending));
            }
        }
        let mut board = self.board.lock();
        let last = runs.last().map_or(*share.seeds.start(), |run| run.record.seed);
        for run in runs {
            if run.shown || (self.show_all && run.record.passed()) {
                print!("{}", run.printed);
            }
            board.count(share.test, run.record);
        }
        if last < *share.seeds.end() {
            board
                .waiting
                .push_front(Share { test: share.test, seeds: last + 1..=*share.seeds.end() });
        }
        if self.options.stop_at_first && board.failures_shown > 0 {
            board.waiting.clear();
        }
        board.working -= 1;
        self.share_done.notify_all();
    }

    /// Where the trace of a failed run is, as a line; one that was not recorded is run again.
    fn trace_of(&self, test: &str, run: &Run, ending: &str) -> String {
        let seed = run.record.seed;
        let line = match &self.options.trace {
            Some(_) if !run.died => return String::new(), // the run itself has said so
            Some(trace) => format!("trace: {}", trace.path(test, seed).display()),
            None => {
                let first = if run.died { Ended::Died(ending) } else { Ended::With(&run.record) };
                tracing::record_again(test, seed, &self.options, first)
            }
        };
        format!("      {line}\n")
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
                let seconds = start.elapsed().as_secs_f64();
                let line =
                    format!("[{}/{count} runs, {failed} failed, {seconds:.0} s]", board.done);
                let mut err = std::io::stderr().lock();
                // Progress that nobody can see is no reason to fail.
                let _ = if terminal {
                    write!(err, "\r\x1b[2K{line}\r")
                } else {
                    writeln!(err, "{line}")
                };
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

    fn count(&mut self, test: &'static str, record: Record) {
        self.done += 1;
        let tally = self.results.entry(test).or_default();
        tally.runs += 1;
        tally.elapsed += record.elapsed;
        tally.cpu += record.cpu;
        if !record.passed() {
            tally.failed_seeds.push(record.seed);
        }
        self.records.push((test, record));
    }
}

fn summarize(board: &Board, tests: &[LabTest], wall: Duration) -> bool {
    println!("\n{:38} {:>6} {:>6} {:>11} {:>9}", "test", "runs", "failed", "virtual s", "CPU s");
    let mut total = Tally::default();
    for test in tests {
        let Some(tally) = board.results.get(test.name) else { continue };
        let first = tally.failed_seeds.iter().min();
        let first = first.map_or(String::new(), |seed| format!("  first failing seed {seed}"));
        println!("{}{first}", row(test.name, tally));
        total.runs += tally.runs;
        total.elapsed += tally.elapsed;
        total.cpu += tally.cpu;
        total.failed_seeds.extend(&tally.failed_seeds);
    }
    println!("{}", row("all", &total));
    let failed = total.failed_seeds.len() as u64;
    if board.failures_shown > MOST_FAILURES_SHOWN {
        println!("\n({MOST_FAILURES_SHOWN} of {failed} failures are shown above)");
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {} passed; {failed} failed; 0 ignored; 0 measured; \
         0 filtered out; finished in {:.2}s\n",
        total.runs - failed,
        wall.as_secs_f64()
    );
    failed == 0
}

/// A line of JSON for each run: the seeds in order, the tests in the suite's.
fn write_report(
    path: &str,
    suite: &str,
    tests: &[LabTest],
    records: &[(&str, Record)],
) -> std::io::Result<()> {
    let mut ordered: Vec<_> = records.iter().collect();
    let place = |name: &str| tests.iter().position(|test| test.name == name);
    ordered.sort_by_key(|(test, record)| (record.seed, place(test)));
    let lines: String = ordered.iter().map(|(test, record)| record.to_json(suite, test)).collect();
    std::fs::write(path, lines)
}

fn row(name: &str, tally: &Tally) -> String {
    let (elapsed, cpu) = (tally.elapsed.as_secs_f64(), tally.cpu.as_secs_f64());
    let (runs, failed) = (tally.runs, tally.failed_seeds.len());
    format!("{name:38} {runs:6} {failed:6} {elapsed:11.1} {cpu:9.2}")
}
