//! The one lock around a server's [`State`], and its two condition variables.
//!
//! Rule 5 of the lab's locking advice says: after a lock was given up and taken again, check
//! what was assumed before. Here that is a type. Whoever sends an RPC gets a [`Receipt`] in the
//! critical section that decides to send it; with the reply, [`Monitor::relock`] gives the
//! state back only if the receipt is still good.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::rpc::Term;
use super::state::State;
use crate::labsync::{self, Condvar, Instant, Mutex, MutexGuard};

/// In which capacity an RPC was sent. Made by the transitions alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Receipt {
    /// As a candidate in this term.
    Campaign(Term),
    /// As the leader of this term.
    Reign(Term),
}

/// The condition variables of a server.
#[derive(Default)]
pub struct Signals {
    /// For the applier. Notified when `commit_index` advances (by a majority, by a leader's
    /// word, or by a snapshot that arrived) and when the server is killed.
    pub apply: Condvar,
    /// For the replicator. Notified when this server becomes leader, when a leader takes a
    /// command, when its `commit_index` advances, when an RPC of its reign came back (with a
    /// reply or lost), and when the server is killed.
    pub replicate: Condvar,
}

/// A server's state behind its lock.
pub struct Monitor {
    state: Mutex<State>,
    signals: Arc<Signals>,
}

/// The state, locked. Others see it when this is dropped, or while it waits: then the tester
/// sees it as well.
pub struct Locked<'a> {
    state: MutexGuard<'a, State>,
}

impl Monitor {
    /// A monitor around `state`, which uses the same `signals`.
    pub fn new(state: State, signals: Arc<Signals>) -> Monitor {
        Monitor { state: Mutex::new(state), signals }
    }

    /// Takes the lock.
    #[track_caller]
    pub fn lock(&self) -> Locked<'_> {
        Locked { state: self.state.lock() }
    }

    /// Takes the lock again with an RPC's reply, or gives nothing if the reply has come too late:
    /// only a server that still has the role and term in which it asked may use the answer.
    #[track_caller]
    pub fn relock(&self, receipt: Receipt, reply_term: Term) -> Option<Locked<'_>> {
        let mut state = self.lock();
        // This rule binds late replies as well: they tell of a newer term all the same (§5.1).
        state.observe_term(reply_term);
        state.persist();
        state.is_current(receipt).then_some(state)
    }

    /// The condition variables.
    pub fn signals(&self) -> &Signals {
        &self.signals
    }
}

impl Locked<'_> {
    /// Gives up the lock until `condvar` is notified.
    #[track_caller]
    pub fn wait(&mut self, condvar: &Condvar) {
        self.state.show();
        condvar.wait(&mut self.state);
    }

    /// Gives up the lock until `condvar` is notified, or until `deadline`.
    #[track_caller]
    pub fn wait_until(&mut self, condvar: &Condvar, deadline: Instant) {
        self.state.show();
        condvar.wait_until(&mut self.state, deadline);
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // During a panic the state may be half changed, and a second panic would abort.
        if !labsync::unwinding() {
            self.state.show();
        }
    }
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}
