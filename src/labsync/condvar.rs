//! [`Condvar`]: parking_lot's, plus the rule that no other lock is held while waiting.

use std::panic::Location;
use std::time::Duration;

use super::clock::Instant;
use super::context::{self, Line};
use super::mutex::MutexGuard;
use super::rules;

/// A condition variable, as in `parking_lot`.
///
/// A wait may end without a notification: wait in a loop that tests the condition.
#[derive(Default)]
pub struct Condvar {
    real: parking_lot::Condvar,
}

/// Whether a timed wait ended because its time was over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// True if the time was over before a notification came.
    #[must_use]
    pub fn timed_out(self) -> bool {
        self.0
    }
}

impl Condvar {
    /// A new condition variable; nobody waits on it.
    pub const fn new() -> Condvar {
        Condvar { real: parking_lot::Condvar::new() }
    }

    /// Releases the lock, waits for a notification, takes the lock again.
    ///
    /// # Panics
    /// If this thread holds another lock besides that of `guard`.
    #[track_caller]
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        self.wait_with("Condvar::wait", guard, Location::caller(), |real, guard| real.wait(guard));
    }

    /// Like [`Condvar::wait`], for at most `timeout`.
    ///
    /// # Panics
    /// If this thread holds another lock besides that of `guard`.
    #[track_caller]
    pub fn wait_for<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        let at = Location::caller();
        self.wait_with("Condvar::wait_for", guard, at, |real, guard| {
            WaitTimeoutResult(real.wait_for(guard, timeout).timed_out())
        })
    }

    /// Like [`Condvar::wait`], at most until `deadline`.
    ///
    /// # Panics
    /// If this thread holds another lock besides that of `guard`.
    #[track_caller]
    pub fn wait_until<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        deadline: Instant,
    ) -> WaitTimeoutResult {
        self.wait_for(guard, deadline - Instant::now())
    }

    #[track_caller]
    fn wait_with<T, R>(
        &self,
        what: &'static str,
        guard: &mut MutexGuard<'_, T>,
        at: Line,
        wait: impl FnOnce(&parking_lot::Condvar, &mut parking_lot::MutexGuard<'_, T>) -> R,
    ) -> R {
        rules::no_other_lock_held(what, guard.lock_address(), at);
        let _waiting = context::waiting(what, at);
        guard.unlocked_during(at, |guard| wait(&self.real, guard))
    }

    /// Wakes one thread that waits, if any does.
    pub fn notify_one(&self) {
        self.real.notify_one();
    }

    /// Wakes all threads that wait.
    pub fn notify_all(&self) {
        self.real.notify_all();
    }
}
