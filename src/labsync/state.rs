//! What is known of each thread, and of each run: what others may ask about them.
//!
//! A thread belongs to a run, and a run knows its threads: so the two stand in one file. Nothing
//! here waits, and nothing here knows how threads wait.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Serialize;

use super::clock::Instant;

/// A place in the source, as `Location::caller()` gives it.
pub type Line = &'static Location<'static>;

/// What all threads may know of a thread.
pub(super) struct ThreadInfo {
    /// Unique in this process, never 0.
    pub id: u32,
    pub name: String,
    /// The run that the thread belongs to; none for the threads of a runner or a benchmark.
    pub run: Option<Arc<RunState>>,
    pub waiting: parking_lot::Mutex<Option<Wait>>,
}

/// What a thread waits for, and since when.
#[derive(Clone)]
pub(super) struct Wait {
    pub what: &'static str,
    pub at: Line,
    pub since: Instant,
}

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

impl ThreadInfo {
    pub fn new(name: String, run: Option<Arc<RunState>>) -> Arc<ThreadInfo> {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Arc::new(ThreadInfo { id, name, run, waiting: parking_lot::Mutex::new(None) })
    }

    /// What the thread waits for, without the time.
    pub fn waiting_where(&self) -> String {
        match &*self.waiting.lock() {
            None => "waits".to_string(),
            Some(Wait { what, at, .. }) => format!("waits in {what} at {at}"),
        }
    }

    /// One line for a report: the name, and what the thread waits for.
    pub fn describe(&self) -> String {
        match self.waiting.lock().clone() {
            None => format!("'{}' is running", self.name),
            Some(Wait { what, at, since }) => {
                let seconds = since.elapsed().as_secs_f64();
                format!("'{}' has waited {seconds:.1} s in {what} at {at}", self.name)
            }
        }
    }
}

/// Why a run failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// The thread in which it showed.
    pub thread: String,
    /// The panic's message, or the runner's own.
    pub message: String,
    /// File, line and column of the panic.
    pub at: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nin thread '{}'", self.message, self.thread)?;
        self.at.iter().try_for_each(|at| write!(f, " at {at}"))
    }
}

/// After the body, how long the run's threads have to end.
pub const THREAD_GRACE: Duration = Duration::from_secs(2);

/// So many threads of a run may be alive. The reference has 450 at most; a Raft that sends with each
/// start(), to servers that are cut off, has some thousand: with seven servers, and
/// calls that take seven seconds to fail.
const MOST_THREADS: usize = 10_000;

/// Wakes a thread that waits.
pub(super) type Wake = Box<dyn FnOnce() + Send>;

/// What a run's threads and its runner share.
pub(super) struct RunState {
    pub progress: parking_lot::Mutex<Progress>,
    /// Notified when the run fails, when its body returns, and when its last thread ends.
    pub changed: parking_lot::Condvar,
    /// The same for a run inside a simulation: how to wake the thread that waits for its end.
    pub waiters: parking_lot::Mutex<Vec<Wake>>,
    over: AtomicBool,
}

/// How far a run is.
#[derive(Default)]
pub(super) struct Progress {
    pub failure: Option<Failure>,
    pub body_returned: bool,
    pub live: BTreeMap<u32, Arc<ThreadInfo>>,
}

impl RunState {
    pub fn new() -> RunState {
        RunState {
            progress: parking_lot::Mutex::default(),
            changed: parking_lot::Condvar::new(),
            waiters: parking_lot::Mutex::new(Vec::new()),
            over: AtomicBool::new(false),
        }
    }

    pub fn failure(&self) -> Option<Failure> {
        self.progress.lock().failure.clone()
    }

    pub fn has_failed(&self) -> bool {
        self.progress.lock().failure.is_some()
    }

    pub fn nobody_is_left(&self) -> bool {
        self.progress.lock().live.is_empty()
    }

    pub fn note_body_returned(&self) {
        self.progress.lock().body_returned = true;
        self.notify();
    }

    pub fn has_body_returned(&self) -> bool {
        self.progress.lock().body_returned
    }

    fn notify(&self) {
        self.changed.notify_all();
        let waiters = std::mem::take(&mut *self.waiters.lock());
        waiters.into_iter().for_each(|wake| wake());
    }

    /// The verdict has been given.
    pub fn set_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Records the first failure.
    pub fn fail(&self, failure: Failure) {
        self.progress.lock().failure.get_or_insert(failure);
        self.notify();
    }

    /// Whether the verdict has been given: threads that are left unwind at their next wait.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A thread begins; the report, if so many are alive that more can only be a mistake.
    pub fn thread_started(&self, info: &Arc<ThreadInfo>) -> Option<String> {
        let mut progress = self.progress.lock();
        let too_many = progress.live.len() >= MOST_THREADS;
        let report = too_many.then(|| too_many_of(progress.live.values()));
        progress.live.insert(info.id, info.clone());
        report
    }

    pub fn thread_ended(&self, id: u32) {
        let mut progress = self.progress.lock();
        progress.live.remove(&id);
        if progress.live.is_empty() {
            drop(progress);
            self.notify();
        }
    }
}

/// Whether a run has begun and is not over.
pub(super) fn is_a_run_under_way() -> bool {
    !RUNNING.lock().is_empty()
}

/// The runs that have begun and are not over, the oldest first.
static RUNNING: parking_lot::Mutex<Vec<Weak<RunState>>> = parking_lot::Mutex::new(Vec::new());

/// Counts `run` among those under way until the result is dropped.
pub(super) fn under_way(run: &Arc<RunState>) -> UnderWay {
    RUNNING.lock().push(Arc::downgrade(run));
    UnderWay(Arc::downgrade(run))
}

/// The run that has begun last and is not over.
pub(super) fn latest_under_way() -> Option<Arc<RunState>> {
    RUNNING.lock().last().and_then(Weak::upgrade)
}

/// Ends what [`under_way`] began.
pub(super) struct UnderWay(Weak<RunState>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        RUNNING.lock().retain(|run| !run.ptr_eq(&self.0));
    }
}

/// The names that most of these threads have: numbers do not count.
fn too_many_of<'a>(threads: impl Iterator<Item = &'a Arc<ThreadInfo>>) -> String {
    const SHOWN: usize = 3;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for info in threads {
        let mut name = info.name.replace(|c: char| c.is_ascii_digit(), "#");
        while name.contains("##") {
            name = name.replace("##", "#");
        }
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let most: Vec<_> = counts
        .iter()
        .take(SHOWN)
        .map(|(name, count)| format!("\n  {count} times '{name}'"))
        .collect();
    format!(
        "{MOST_THREADS} threads are alive at once, and one more is spawned. Most of them:{}\n\
         A thread for each RPC is right; it must end with its RPC, and not start others without end.",
        most.concat()
    )
}

pub(super) fn list(threads: &[Arc<ThreadInfo>]) -> String {
    const MOST: usize = 40;
    let mut text = String::new();
    for info in threads.iter().take(MOST) {
        text.push_str("\n  ");
        text.push_str(&info.describe());
    }
    if threads.len() > MOST {
        text.push_str(&format!("\n  and {} more", threads.len() - MOST));
    }
    text
}
