//! Several tests, each in a process of its own, some at a time.

use std::io::{IsTerminal, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::options::Options;
use super::tracing::Tracing;
use crate::labsync::{Condvar, Instant, Mutex, thread};
use crate::tester::LabTest;

/// How often progress is shown on a terminal, and where there is none.
const SHOW_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

struct Suite {
    options: Arc<ForChildren>,
    board: Mutex<Board>,
    /// Notified when a test ends.
    test_ended: Condvar,
}

/// What each child is told.
struct ForChildren {
    trace: Vec<String>,
    seed: Option<u64>,
    verbose: bool,
    /// With one test at a time a child prints as it goes; else its output is shown when it ends.
    live: bool,
}

#[derive(Default)]
struct Board {
    /// Yet to be started; the next is the last.
    waiting: Vec<LabTest>,
    running: Vec<&'static str>,
    passed: usize,
    failed: Vec<&'static str>,
}

/// Runs the tests; true if all passed.
pub(super) fn run(suite: &str, tests: &[LabTest], filtered_out: usize, options: &Options) -> bool {
    let start = Instant::now();
    let count = tests.len();
    let jobs = options.jobs.min(count);
    let live = jobs <= 1;
    println!("\nrunning {count} tests of suite {suite}, {jobs} at a time");
    // One at a time: in the lab's order. Otherwise from the last Part on, where the longest are.
    let mut waiting = tests.to_vec();
    if live {
        waiting.reverse();
    }
    let shared = Arc::new(Suite {
        options: Arc::new(ForChildren {
            trace: options.trace.as_ref().map_or(Vec::new(), Tracing::arguments),
            seed: options.seed,
            verbose: options.verbose,
            live,
        }),
        board: Mutex::new(Board { waiting, ..Board::default() }),
        test_ended: Condvar::new(),
    });
    for job in 0..jobs {
        let shared = shared.clone();
        thread::spawn(format!("runner {job}"), move || shared.work());
    }
    shared.wait(count, live, start);
    let board = shared.board.lock();
    let (passed, failed) = (board.passed, board.failed.len());
    if failed > 0 {
        println!("\nfailed:");
        board.failed.iter().for_each(|name| println!("  {name}"));
    }
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; \
         {filtered_out} filtered out; finished in {:.2}s\n",
        start.elapsed().as_secs_f64()
    );
    failed == 0
}

impl Suite {
    /// Runs tests as long as there are any.
    fn work(&self) {
        while let Some(test) = self.take() {
            let (passed, output) = run_child(test, &self.options);
            let mut board = self.board.lock();
            // Under the lock, so that the blocks of two tests do not mix.
            show(&output);
            board.running.retain(|name| *name != test.name);
            if passed {
                board.passed += 1;
            } else {
                board.failed.push(test.name);
            }
            self.test_ended.notify_all();
        }
    }

    fn take(&self) -> Option<LabTest> {
        let mut board = self.board.lock();
        let test = board.waiting.pop()?;
        board.running.push(test.name);
        Some(test)
    }

    /// Waits for all tests to end, and shows how far they are.
    fn wait(&self, count: usize, live: bool, start: Instant) {
        let terminal = std::io::stderr().is_terminal();
        let every = if terminal { SHOW_EVERY.0 } else { SHOW_EVERY.1 };
        let mut next_show = start + every;
        let mut board = self.board.lock();
        while board.passed + board.failed.len() < count {
            self.test_ended.wait_until(&mut board, next_show);
            if Instant::now() >= next_show {
                next_show += every;
                if !live {
                    show_progress(&board, count, start, terminal);
                }
            }
        }
    }
}

fn show_progress(board: &Board, count: usize, start: Instant, terminal: bool) {
    let done = board.passed + board.failed.len();
    let seconds = start.elapsed().as_secs_f64();
    let failed = board.failed.len();
    let running: Vec<_> =
        board.running.iter().map(|name| name.strip_prefix("test_").unwrap_or(name)).collect();
    let mut line = format!(
        "[{done}/{count} done, {failed} failed, {seconds:.0} s] running: {}",
        running.join(", ")
    );
    let mut err = std::io::stderr().lock();
    // Progress that nobody can see is no reason to fail.
    let _ = if terminal {
        line.truncate(100); // names are ASCII; a longer line would wrap and not be overwritten
        write!(err, "\r\x1b[2K{line}\r")
    } else {
        writeln!(err, "{line}")
    };
}

fn show(output: &[u8]) {
    if output.is_empty() {
        return;
    }
    if std::io::stderr().is_terminal() {
        let _ = write!(std::io::stderr(), "\r\x1b[2K");
    }
    let mut out = std::io::stdout().lock();
    // A reader that went away does not change the verdict.
    let _ = out.write_all(output).and_then(|()| out.flush());
}

/// Runs one test in a process of its own: whether it passed, and what it printed.
fn run_child(test: LabTest, options: &ForChildren) -> (bool, Vec<u8>) {
    let mut output = Vec::new();
    let status = start_child(test, options, &mut output).and_then(|mut child| child.wait());
    match status {
        Ok(status) if status.success() => return (true, output),
        Ok(status) if status.code() == Some(i32::from(super::FAILED)) => {}
        Ok(status) => note_death(test, status, &mut output),
        Err(error) => {
            let note = format!("  ... FAILED --  {}: cannot run it: {error}\n", test.name);
            output.extend_from_slice(note.as_bytes());
        }
    }
    (false, output)
}

fn start_child(
    test: LabTest,
    options: &ForChildren,
    output: &mut Vec<u8>,
) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", test.name]).stdin(Stdio::null());
    if options.verbose {
        command.arg("--verbose");
    }
    if let Some(seed) = options.seed {
        command.arg(format!("--seed={seed}"));
    }
    command.args(&options.trace).env_remove("TRACE");
    if options.live {
        return command.spawn();
    }
    // One pipe for both streams keeps the lines in order.
    let (mut reader, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let child = command.spawn()?;
    drop(command); // it holds the pipe's writing end, and the reader waits until all are closed
    reader.read_to_end(output)?;
    Ok(child)
}

/// The process died without a verdict: a stack overflow, an abort, no memory.
fn note_death(test: LabTest, status: ExitStatus, output: &mut Vec<u8>) {
    let name = test.name.strip_prefix("test_").unwrap_or(test.name);
    let note = format!(
        "  ... FAILED --  {}\n      the test's process ended with {status}\n      \
         again: make test T={name}\n",
        test.name
    );
    output.extend_from_slice(note.as_bytes());
}
