//! The one lock around a server's [`State`].
//!
//! Rule 5 of the lab's locking advice says: after a lock was given up and taken again, check
//! what was assumed before. Here that is a type. Whoever sends an RPC gets a [`Receipt`] in the
//! critical section that decides to send it; with the reply, [`Monitor::relock`] gives the
//! state back only if the receipt is still good.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::persist::read_saved;
use super::rpc::Term;
use super::signals::Signals;
use super::state::{Receipt, Role, State};
use super::view::{RoleView, View};
use crate::labsync::{self, Condvar, Instant, Mutex, MutexGuard};

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

impl State {
    /// This server in the terms of Figure 2, for the tester's oracle, which checks whatever must
    /// hold when others may look.
    pub(super) fn figure2(&self) -> View<'_> {
        let role = match &self.role {
            Role::Follower => RoleView::Follower,
            Role::Candidate { .. } => RoleView::Candidate,
            Role::Leader(leader) => RoleView::Leader {
                next_index: &leader.next_index,
                match_index: &leader.match_index,
            },
        };
        View {
            current_term: self.current_term,
            voted_for: self.voted_for,
            snapshot_index: self.log.snapshot_index(),
            snapshot_term: self.log.snapshot_term(),
            entries: self.log.all(),
            log_changes: Some(self.log.changes()),
            snapshot: &self.snapshot,
            commit_index: self.commit_index,
            last_applied: self.last_applied,
            role,
            read_saved: Some(read_saved),
        }
    }

    /// Shows this server to the tester.
    pub(super) fn show(&self) {
        self.persister.show(&self.figure2());
    }
}
