//! What is asked of a server itself: its state, and to take a command. Its answers are checked
//! against what it said before, and what the oracle knows.

use std::sync::Arc;

use crate::labgob::{self, Bytes};
use crate::raft::{Index, Raft, ServerId, Term};

use super::config::{Config, Member};
use super::history::TermBefore;
use crate::command::Command;
use crate::trace::{self, Event};

/// What a server answered to `start()`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Started {
    /// Where the command will be if it is ever committed; means nothing unless `is_leader`.
    pub index: Index,
    /// The server's current term.
    pub term: Term,
    /// Whether the server took the command.
    pub is_leader: bool,
}

impl Config {
    /// A server's term, and whether it takes itself for the leader.
    ///
    /// # Panics
    /// If the server is crashed, and if its term has fallen.
    #[must_use]
    #[track_caller]
    pub fn get_state(&self, server: ServerId) -> (Term, bool) {
        match self.state_if_up(server) {
            Some(state) => state,
            None => panic!("get_state: server {server} is crashed"),
        }
    }

    /// The same; `None` if the server is crashed. To look first whether it is up, and then to ask,
    /// is too late where servers crash by themselves ([`Config::crash_after_reply`]).
    ///
    /// # Panics
    /// If its term has fallen.
    #[must_use]
    #[track_caller]
    pub fn state_if_up(&self, server: ServerId) -> Option<(Term, bool)> {
        let before = self.history.before_asking(server); // before: as in `start`
        let (raft, starts) = self.living(server)?;
        let (term, is_leader) = self.ask_state(&before, &raft);
        if let Some(oracle) = self.oracle.as_ref().filter(|_| is_leader) {
            oracle.said_to_lead((server, starts), term);
        }
        Some((term, is_leader))
    }

    /// Gives a command to a server; `None` if it is crashed.
    ///
    /// # Panics
    /// If the answer contradicts an earlier one: see the [module](super).
    #[track_caller]
    pub fn start(&self, server: ServerId, command: impl Into<Command>) -> Option<Started> {
        // In this order: of an instance that a restart has overtaken, the term does not count.
        let before = self.history.before_asking(server);
        let (raft, starts) = self.living(server)?;
        let command = command.into();
        let bytes = Bytes::from(labgob::to_bytes(&command));
        let (index, term, is_leader) = raft.clone().start(bytes.clone());
        trace::record(|| {
            let command = command.to_string();
            Event::Command { server, command, index, term, taken: is_leader }
        });
        // The term of a refusal means nothing.
        if is_leader {
            self.history.saw_term(&before, term);
            self.history.saw_start(&before, index, term, &command);
            if let Some(oracle) = &self.oracle {
                oracle.took((server, starts), index, term, &bytes);
            }
        }
        Some(Started { index, term, is_leader })
    }

    pub(super) fn raft(&self, server: ServerId) -> Option<Arc<Raft>> {
        self.living(server).map(|(raft, _)| raft)
    }

    /// A server's living instance, and how often the server was started.
    fn living(&self, server: ServerId) -> Option<(Arc<Raft>, usize)> {
        let members = self.members.lock();
        let Member { raft, starts, .. } = &members[server];
        raft.clone().map(|raft| (raft, *starts))
    }

    #[track_caller]
    pub(super) fn get_state_of(&self, server: ServerId, raft: &Arc<Raft>) -> (Term, bool) {
        self.ask_state(&self.history.before_asking(server), raft)
    }

    #[track_caller]
    fn ask_state(&self, before: &TermBefore, raft: &Arc<Raft>) -> (Term, bool) {
        let (term, is_leader) = raft.clone().get_state();
        self.history.saw_term(before, term);
        (term, is_leader)
    }
}
