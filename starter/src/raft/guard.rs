//! The lock around [`State`]: whenever it is released, the tester sees the state.
//!
//! What others may see at that moment must be right, and on disk: so that is when the oracle
//! looks. Yours to change, as long as [`Persister::show`] is called before the lock is released,
//! at each end of a critical section and before each wait.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use super::{Persister, State};
use crate::labsync::{self, Condvar, Instant, MutexGuard};

/// The state, locked as long as this lives.
pub(super) struct Guard<'a> {
    state: MutexGuard<'a, State>,
    persister: &'a Persister,
}

impl<'a> Guard<'a> {
    /// The locked state of the server that saves to `persister`.
    pub fn new(state: MutexGuard<'a, State>, persister: &'a Persister) -> Guard<'a> {
        Guard { state, persister }
    }

    /// Releases the lock until `condvar` is notified, and takes it again: anything may have
    /// changed meanwhile. It may return without a reason, so wait in a loop that looks.
    #[track_caller]
    pub fn wait(&mut self, condvar: &Condvar) {
        self.persister.show(&self.state.view());
        condvar.wait(&mut self.state);
    }

    /// The same, but for so long at most.
    #[track_caller]
    #[allow(dead_code, reason = "for threads that wait for an event or a time; none does yet")]
    pub fn wait_for(&mut self, condvar: &Condvar, timeout: Duration) {
        self.persister.show(&self.state.view());
        condvar.wait_for(&mut self.state, timeout);
    }

    /// The same, but until `deadline` at most.
    #[track_caller]
    #[allow(dead_code, reason = "for threads that wait for an event or a deadline; none does yet")]
    pub fn wait_until(&mut self, condvar: &Condvar, deadline: Instant) {
        self.persister.show(&self.state.view());
        condvar.wait_until(&mut self.state, deadline);
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // In a panic the state may be half changed, and is not to be judged.
        if !labsync::unwinding() {
            self.persister.show(&self.state.view());
        }
    }
}

impl Deref for Guard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
