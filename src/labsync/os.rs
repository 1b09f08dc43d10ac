//! The threads of this process as the operating system sees them: which there are, what each does
//! (`/proc`), and which of them labsync has started. Where there is no `/proc`, there seem to be none.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;

/// The number that the operating system gives a thread.
pub(super) type Tid = u32;

/// The threads that labsync has started.
static OURS: parking_lot::Mutex<BTreeSet<Tid>> = parking_lot::Mutex::new(BTreeSet::new());

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// The current thread has been started by labsync.
pub(super) fn join_ours() {
    IS_OURS.set(true);
    OURS.lock().extend(my_tid());
}

/// Whether labsync has started the current thread.
pub(super) fn is_ours() -> bool {
    IS_OURS.get()
}

/// The threads that there are and labsync has not started.
pub(super) fn not_ours() -> BTreeSet<Tid> {
    let now = all_tids();
    let ours = OURS.lock();
    now.into_iter().filter(|tid| !ours.contains(tid)).collect()
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

pub(super) fn all_tids() -> BTreeSet<Tid> {
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

/// What the operating system says of a thread.
pub(super) fn what_it_does(tid: Tid) -> &'static str {
    match state_and_ticks(tid) {
        Some(('R', _)) => "computing",
        Some(('S' | 'D', _)) => "asleep",
        _ => "about to end",
    }
}
