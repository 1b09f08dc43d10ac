//! Threads that labsync has not started: a `std::thread` of the code under test, which no schedule
//! knows, no locking rule sees, and no `kill()` of the harness ends.
//!
//! Such a thread must not be able to hide anything: its panic fails the run under way (see
//! `panics.rs`), labsync's locks and channels refuse it, and a run that leaves one behind has
//! failed (`before.rs`). Where there is no `/proc`, what is left behind is not looked for.

use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;

use super::os;
use super::state::{self, Failure, RunState};

/// Whether all threads of the process come from labsync, its runner, or the code under test: then,
/// the runner's main thread.
static BLAMED: OnceLock<ThreadId> = OnceLock::new();

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
        && !os::is_ours()
        && state::is_a_run_under_way()
}

/// A foreign thread has panicked.
pub(super) fn note_panic(failure: Failure) {
    PANIC.lock().get_or_insert(failure);
}

/// Whose failure it is that the current thread panics, which belongs to no run.
pub(super) fn run_to_blame() -> Option<Arc<RunState>> {
    if is_foreign() { state::latest_under_way() } else { None }
}

/// Whether foreign threads are held against a run.
pub(super) fn are_blamed() -> bool {
    BLAMED.get().is_some()
}

/// The panic of a foreign thread, if there was one; it is forgotten.
pub(super) fn take_panic() -> Option<Failure> {
    PANIC.lock().take()
}
