//! Threads that labsync has not started: a `std::thread` of the code under test, which no schedule
//! knows, no locking rule sees, and no `kill()` of the harness ends.
//!
//! Such a thread must not be able to hide anything: its panic fails the run under way (see
//! `panics.rs`), labsync's locks and channels refuse it, and a run that leaves one behind has
//! failed. Where there is no `/proc`, what is left behind is not looked for.

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::sync::OnceLock;
use std::thread::ThreadId;
use std::time::Duration;

use super::run::{Failure, THREAD_GRACE};
use super::{panics, pool};

/// How often a run that is over looks whether foreign threads are still there.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// So many of them are named in a report.
const MOST: usize = 5;

/// The number that the operating system gives a thread.
type Tid = u32;

/// Whether all threads of the process come from labsync, its runner, or the code under test: then,
/// the runner's main thread.
static BLAMED: OnceLock<ThreadId> = OnceLock::new();

/// The threads that labsync has started.
static OURS: parking_lot::Mutex<BTreeSet<Tid>> = parking_lot::Mutex::new(BTreeSet::new());

/// The first panic of a foreign thread since the run under way began.
static PANIC: parking_lot::Mutex<Option<Failure>> = parking_lot::Mutex::new(None);

/// From now on a run fails if a thread that labsync has not started panics, uses labsync, or is left
/// behind. For a program that runs one test at a time: where others run beside it, nobody could
/// tell whose the thread is. To be called in its main thread.
pub fn blame_foreign_threads() {
    BLAMED.get_or_init(|| std::thread::current().id());
}

/// Whether the current thread is one of the code under test that labsync has not started.
pub(super) fn is_foreign() -> bool {
    BLAMED.get().is_some_and(|&main| main != std::thread::current().id())
        && !pool::is_worker()
        && panics::is_a_run_under_way()
}

/// A foreign thread has panicked.
pub(super) fn note_panic(failure: Failure) {
    PANIC.lock().get_or_insert(failure);
}

/// The current thread has been started by labsync.
pub(super) fn join_ours() {
    OURS.lock().extend(my_tid());
}

/// The current thread, started by labsync, is about to end; its number may be given to another.
pub(super) fn leave_ours() {
    if let Some(tid) = my_tid() {
        OURS.lock().remove(&tid);
    }
}

fn my_tid() -> Option<Tid> {
    let link = fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}

fn all_tids() -> BTreeSet<Tid> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).collect()
}

/// What the threads of this process do, but for the one that asks.
#[derive(Clone, Copy)]
pub(super) struct Activity {
    /// Some of them compute, or would if they were given a processor.
    pub runs: bool,
    /// Some of them wait for somebody to read what the process prints.
    pub writes: bool,
    /// What the process has used of the processors, in ticks of 10 ms.
    pub ticks: u64,
}

/// What this process does; none if the operating system does not tell.
pub(super) fn activity() -> Option<Activity> {
    let me = my_tid()?;
    let mut activity = Activity { runs: false, writes: false, ticks: 0 };
    for tid in all_tids().into_iter().filter(|&tid| tid != me) {
        let Some((state, ticks)) = state_and_ticks(tid) else { continue };
        activity.runs |= matches!(state, 'R' | 'D');
        activity.writes |= prints(tid);
        activity.ticks += ticks;
    }
    Some(activity)
}

/// The state of a thread, as one letter, and what it has used of the processors.
fn state_and_ticks(tid: Tid) -> Option<(char, u64)> {
    let stat = fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let mut times = fields.skip(10).take(2).map_while(|field| field.parse::<u64>().ok());
    Some((state, times.next()? + times.next()?))
}

/// Whether a thread is in `write` to standard output or error (1 on x86-64, 64 on aarch64).
fn prints(tid: Tid) -> bool {
    let call = fs::read_to_string(format!("/proc/self/task/{tid}/syscall")).unwrap_or_default();
    let mut words = call.split_whitespace();
    matches!(words.next(), Some("1" | "64")) && matches!(words.next(), Some("0x1" | "0x2"))
}

/// What there was before a run began.
pub(super) struct Before {
    tids: BTreeSet<Tid>,
}

impl Drop for Before {
    /// A panic that has failed this run is no other one's: runs may be nested.
    fn drop(&mut self) {
        *PANIC.lock() = None;
    }
}

impl Before {
    /// Looks which threads there are.
    pub fn look() -> Before {
        *PANIC.lock() = None;
        let tids = if BLAMED.get().is_some() { all_tids() } else { BTreeSet::new() };
        Before { tids }
    }

    /// Whether a run that has passed otherwise has hidden something: it has put a panic hook in
    /// place of ours, or has left threads behind that labsync did not start. `name` is the run's.
    pub fn check(&self, name: &str) -> Result<(), Failure> {
        let by_runner = |message| Failure { thread: name.to_string(), message, at: None };
        if !panics::is_hook_ours() {
            panics::install_hook_again();
            return Err(by_runner(
                "the harness's panic hook is gone, and a panic may have been lost: src/raft must \
                 not call std::panic::set_hook or take_hook"
                    .to_string(),
            ));
        }
        if BLAMED.get().is_none() {
            return Ok(());
        }
        let mut looks = THREAD_GRACE.as_millis() / LOOK_EVERY.as_millis();
        loop {
            let left = self.foreign_now();
            if left.is_empty() {
                // It may have panicked when the body had returned already.
                return PANIC.lock().take().map_or(Ok(()), Err);
            }
            if looks == 0 {
                return Err(by_runner(report(&left)));
            }
            looks -= 1;
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn foreign_now(&self) -> Vec<Tid> {
        let now = all_tids();
        let ours = OURS.lock();
        now.into_iter().filter(|tid| !self.tids.contains(tid) && !ours.contains(tid)).collect()
    }
}

fn report(left: &[Tid]) -> String {
    let seconds = THREAD_GRACE.as_secs();
    let mut text = format!(
        "{} left {seconds} s after the end that labsync did not start (std::thread::spawn?):",
        if left.len() == 1 {
            "a thread is".to_string()
        } else {
            format!("{} threads are", left.len())
        }
    );
    for tid in left.iter().take(MOST) {
        text.push_str(&format!("\n  thread {tid}, {}", what_it_does(*tid)));
    }
    if left.len() > MOST {
        text.push_str(&format!("\n  and {} more", left.len() - MOST));
    }
    text.push_str(
        "\nStart threads with labsync::thread::spawn, and let them end when kill() is called.",
    );
    text
}

/// What the operating system says of a thread.
fn what_it_does(tid: Tid) -> &'static str {
    match state_and_ticks(tid) {
        Some(('R', _)) => "computing",
        Some(('S' | 'D', _)) => "asleep",
        _ => "about to end",
    }
}

/// Whether a hook sees what is thrown here; for [`panics::is_hook_ours`].
pub(super) fn throw_and_catch(payload: impl std::any::Any + Send) {
    // Whatever hook is installed is called; the payload goes no further.
    drop(panic::catch_unwind(panic::AssertUnwindSafe(|| panic::panic_any(payload))));
}
