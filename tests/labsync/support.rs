//! What the tests share: runs inside a test, lines of the source, polling.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab::labsync::{self, Failure, Instant, Mutex, RunOptions, thread};

/// Much longer than anything here takes: when it is over, something hangs.
pub const LONG: Duration = Duration::from_secs(30);
/// Long enough for others to run, where they should have nothing to do.
pub const MOMENT: Duration = Duration::from_millis(2);
/// The name of the body's thread in the runs made here.
pub const BODY: &str = "body";

/// Runs `body` as a run inside that of the test.
pub fn run(body: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    run_for(LONG, body)
}

/// The same with a limit of its own.
pub fn run_for(limit: Duration, body: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    labsync::run(RunOptions { name: BODY.to_string(), seed: 1, limit }, body)
}

/// Runs `body`, which must fail: the report.
#[track_caller]
pub fn failure(body: impl FnOnce() + Send + 'static) -> Failure {
    run(body).expect_err("this run should have failed")
}

/// The report of a body that fails, and the lines that it has named.
#[track_caller]
pub fn report(body: impl FnOnce(&Lines) + Send + 'static) -> (Failure, Lines) {
    let lines = Lines::default();
    let named = lines.clone();
    (failure(move || body(&named)), lines)
}

/// Runs `body`, which must pass.
#[track_caller]
pub fn passes(body: impl FnOnce() + Send + 'static) {
    if let Err(failure) = run(body) {
        panic!("this run should have passed, but: {failure}");
    }
}

/// Polls until `condition` holds.
#[track_caller]
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < end, "not within {LONG:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Keeps the caller's locks for at least `duration`. It must not wait meanwhile, so it works;
/// each lock that it takes is a chance for a simulated scheduler to let time pass.
pub fn work_for(duration: Duration) {
    let end = Instant::now() + duration;
    let work = Mutex::new(0_u64);
    while Instant::now() < end {
        *work.lock() += 1;
    }
}

/// Where threads meet that hold locks and so must not wait: they spin.
pub struct Meeting {
    size: usize,
    arrived: Mutex<usize>,
}

impl Meeting {
    pub fn of(size: usize) -> Arc<Meeting> {
        Arc::new(Meeting { size, arrived: Mutex::new(0) })
    }

    /// Returns when all have come.
    pub fn meet(&self) {
        *self.arrived.lock() += 1;
        while *self.arrived.lock() < self.size {}
    }
}

/// Tells, once it is dropped, that it was.
pub struct OnDrop(Arc<AtomicBool>);

impl OnDrop {
    /// One to drop, and what then becomes true.
    pub fn new() -> (OnDrop, Arc<AtomicBool>) {
        let dropped = Arc::new(AtomicBool::new(false));
        (OnDrop(dropped.clone()), dropped)
    }
}

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Lines of the source, by names, that a report must contain; clones share them.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Lines {
    /// Gives a name to the line after that of the call.
    #[track_caller]
    pub fn next(&self, name: &'static str) {
        let here = Location::caller();
        let next = format!("{}:{}", here.file(), here.line() + 1);
        self.0.lock().insert(name, next);
    }

    /// `text` with each line in the place of its name in braces.
    pub fn fill(&self, text: &str) -> String {
        let lines = self.0.lock();
        let put = |text: String, (name, line): (&&str, &String)| {
            text.replace(&format!("{{{name}}}"), line)
        };
        lines.iter().fold(text.to_string(), put)
    }

    /// Panics unless the report contains `expected`, filled in; line 1 is not found in line 12.
    #[track_caller]
    pub fn check(&self, report: &str, expected: &str) {
        let (report, expected) = (without_columns(report), self.fill(expected));
        let whole = |(start, found): (usize, &str)| {
            !report[start + found.len()..].starts_with(|c: char| c.is_ascii_digit())
        };
        let found = report.match_indices(&expected).any(whole);
        assert!(found, "expected: {expected}\nin the report: {report}");
    }

    /// Panics unless the failure was noticed at the line of that name.
    #[track_caller]
    pub fn check_at(&self, failure: &Failure, name: &str) {
        let at = failure.at.as_deref().map(without_columns);
        assert_eq!(at, Some(self.fill(&format!("{{{name}}}"))), "the place of: {failure}");
    }
}

/// The text with places as `file.rs:12`, without the column.
pub fn without_columns(text: &str) -> String {
    let mut parts = text.split(".rs:");
    let mut short = parts.next().unwrap_or_default().to_string();
    for part in parts {
        let after_line = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let line = &part[..part.len() - after_line.len()];
        let after_colon = after_line.strip_prefix(':').unwrap_or(after_line);
        let rest = after_colon.trim_start_matches(|c: char| c.is_ascii_digit());
        short.push_str(".rs:");
        short.push_str(line);
        short.push_str(rest);
    }
    short
}
