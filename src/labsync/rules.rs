//! The locking rules and the words in which a breach is reported.
//!
//! A thread that already unwinds from a panic is let through: a second panic would abort the
//! process and hide the first message.

use std::panic::Location;

use super::context::{self, Waiting};
use super::panics;
use super::state::Line;

/// Panics if this thread holds a lock: it is about to wait in `what` (say, "ClientEnd::call").
///
/// # Panics
/// With the line of the wait and the line where the lock was taken (locking rule 4 of the lab:
/// never wait while holding a lock).
#[track_caller]
pub fn check_no_lock_held(what: &str) {
    no_lock_held(what, Location::caller());
}

/// The current thread waits for `what`, as reports say, until the value is dropped. If its run is
/// over it does not: it unwinds.
pub fn waiting(what: &'static str, at: Line) -> Waiting {
    panics::stop_if_run_is_over();
    context::mark_waiting(what, at)
}

/// The current thread is about to wait for `what`: it may, and it is marked.
#[track_caller]
pub(super) fn begin_wait(what: &'static str, at: Line) -> Waiting {
    no_lock_held(what, at);
    waiting(what, at)
}

#[track_caller]
fn no_lock_held(what: &str, at: Line) {
    if let Some(taken) = context::held_any() {
        breach(format!("{what} at {at} waits while this thread holds the lock taken at {taken}"));
    }
}

/// The same for a wait on a condition variable, which gives up one lock: that at `address`.
#[track_caller]
pub(super) fn no_other_lock_held(what: &str, address: usize, at: Line) {
    if let Some(taken) = context::held_other_than(address) {
        breach(format!(
            "{what} at {at} waits while this thread holds another lock, taken at {taken}"
        ));
    }
}

#[cold]
#[track_caller]
fn breach(what: String) {
    if !panics::unwinding() {
        panic!(
            "locking rule broken: {what}.\n\
             Others that need the lock would stand still until the wait ends, or for ever: \
             release the lock first, then wait."
        );
    }
}

/// The current thread wants a lock that it holds already.
#[cold]
#[track_caller]
pub(super) fn self_deadlock(at: Line, taken: Line) -> ! {
    let what = format!(
        "self-deadlock: lock() at {at}, but this thread holds that lock already, taken at {taken}"
    );
    if panics::unwinding() {
        // Neither a second panic nor a wait that never ends would leave the first message alone.
        eprintln!("{what}, in a destructor during a panic");
        std::process::abort();
    }
    panic!("{what}.\nSplit the function so that its inner part takes `&mut` of the locked data.");
}
