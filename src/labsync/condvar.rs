//! [`Condvar`]: parking_lot's, plus the rule that no other lock is held while waiting.

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Instant;
use super::context::Waiting;
use super::mutex::MutexGuard;
use super::state::Line;
use super::{rules, sim};

/// A condition variable, as in `parking_lot`.
///
/// A wait may end without a notification: wait in a loop that tests the condition.
#[derive(Default)]
pub struct Condvar {
    real: parking_lot::Condvar,
    /// In a simulation: the threads that wait.
    waiters: parking_lot::Mutex<Vec<sim::Slot>>,
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
        Condvar { real: parking_lot::Condvar::new(), waiters: parking_lot::Mutex::new(Vec::new()) }
    }

    /// Releases the lock, waits for a notification, takes the lock again.
    ///
    /// # Panics
    /// If this thread holds another lock besides that of `guard`.
    #[track_caller]
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        let at = Location::caller();
        let (sim, _waiting) = self.begin_wait("Condvar::wait", guard, at);
        if let Some(sim) = sim {
            self.wait_simulated(&sim, guard, at, None);
        } else {
            guard.unlocked_during(at, |guard| self.real.wait(guard));
        }
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
        self.wait_at_most("Condvar::wait_for", guard, timeout)
    }

    #[track_caller]
    fn wait_at_most<T>(
        &self,
        what: &'static str,
        guard: &mut MutexGuard<'_, T>,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        let at = Location::caller();
        let (sim, _waiting) = self.begin_wait(what, guard, at);
        WaitTimeoutResult(match sim {
            Some(sim) => self.wait_simulated(&sim, guard, at, Some(Instant::now() + timeout)),
            None => {
                guard.unlocked_during(at, |guard| self.real.wait_for(guard, timeout).timed_out())
            }
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
        self.wait_at_most("Condvar::wait_until", guard, deadline - Instant::now())
    }

    #[track_caller]
    fn begin_wait<T>(
        &self,
        what: &'static str,
        guard: &MutexGuard<'_, T>,
        at: Line,
    ) -> (Option<Arc<sim::Sim>>, Waiting) {
        rules::no_other_lock_held(what, guard.lock_address(), at);
        (sim::current(), rules::waiting(what, at))
    }

    /// Waits in a simulation; true if the time was over. Between joining the waiters and giving
    /// up the turn there is no scheduling point: no notification can slip through.
    #[track_caller]
    fn wait_simulated<T>(
        &self,
        sim: &sim::Sim,
        guard: &mut MutexGuard<'_, T>,
        at: Line,
        deadline: Option<Instant>,
    ) -> bool {
        sim.point();
        if sim.is_unwinding() {
            return true;
        }
        let me = sim.me();
        self.waiters.lock().push(me);
        guard.unlocked_during_simulated(at, || {
            sim.maybe_cut_short();
            sim.block(sim::Why::Other, deadline.map(Instant::nanos));
            let mut waiters = self.waiters.lock();
            let before = waiters.len();
            waiters.retain(|&slot| slot != me);
            let notified = waiters.len() == before;
            !notified && deadline.is_some_and(|deadline| Instant::now() >= deadline)
        })
    }

    /// Wakes one thread that waits, if any does.
    pub fn notify_one(&self) {
        match sim::current() {
            Some(sim) => {
                sim.point();
                sim.unblock_one_of(&mut self.waiters.lock());
            }
            None => drop(self.real.notify_one()),
        }
    }

    /// Wakes all threads that wait.
    pub fn notify_all(&self) {
        match sim::current() {
            Some(sim) => {
                sim.point();
                let waiters = std::mem::take(&mut *self.waiters.lock());
                waiters.into_iter().for_each(|slot| sim.unblock(slot));
            }
            None => drop(self.real.notify_all()),
        }
    }
}
