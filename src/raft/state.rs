//! The State box of Figure 2, the roles, and the rules for all servers.
//!
//! Everything here happens under the one lock of [`Monitor`](super::monitor::Monitor): whoever has
//! a `&mut State` holds it, and nobody with a `&mut State` waits for anything. The handlers of
//! each Part are further `impl State` blocks in that Part's file.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::log::Log;
use super::pacing::Pace;
use super::persister::Persister;
use super::rpc::{Index, ServerId, Term};
use super::signals::Signals;
use crate::labgob::Bytes;
use crate::labsync::Instant;

/// All that a server knows (Figure 2, State).
///
/// Invariants, checked by the tester's oracle whenever the lock is released:
/// - `snapshot_index <= last_applied`, except between a snapshot's arrival and its delivery;
/// - `last_applied <= commit_index <= last_index`;
/// - what must be persistent is on disk as it is in memory.
pub struct State {
    // Persistent state on all servers: updated on stable storage before responding to RPCs.
    /// The latest term this server has seen; 0 at first, only ever rises.
    pub(super) current_term: Term,
    /// The candidate that received this server's vote in `current_term`.
    pub(super) voted_for: Option<ServerId>,
    /// The log; its first entries may live in `snapshot` only.
    pub(super) log: Log,
    /// The service's state up to the log's snapshot index (§7); empty without a snapshot.
    pub(super) snapshot: Bytes,

    // Volatile state on all servers.
    /// The highest log entry known to be committed.
    pub(super) commit_index: Index,
    /// The highest log entry handed to the service.
    pub(super) last_applied: Index,

    /// What this server is at present, with what only that role needs.
    pub(super) role: Role,

    // Not in Figure 2.
    /// This server.
    pub(super) me: ServerId,
    /// How many servers there are.
    pub(super) servers: usize,
    /// When to start an election, unless the timer is reset before.
    pub(super) election_deadline: Instant,
    pub(super) signals: Arc<Signals>,
    pub(super) persister: Arc<Persister>,
    /// What is on disk.
    pub(super) saved: SavedMark,
}

/// The three roles of §5.1. What is "reinitialized after election" lives in the role, so that
/// nothing of an earlier term can be left over.
pub enum Role {
    /// Answers candidates and leaders; times out into a candidate.
    Follower,
    /// Asks for votes.
    Candidate {
        /// Who has voted for this server, itself included; a set, since replies may repeat.
        votes: BTreeSet<ServerId>,
    },
    /// Replicates its log.
    Leader(Leader),
}

/// Volatile state on leaders (Figure 2), reinitialized after election because it is made then.
pub struct Leader {
    /// For each server, the index of the next log entry to send to that server.
    pub(super) next_index: Vec<Index>,
    /// For each server, the highest log entry known to be replicated on it. Never falls.
    pub(super) match_index: Vec<Index>,
    // Not in Figure 2.
    /// For each server, when to send the next message to it.
    pub(super) pace: Vec<Pace>,
    /// When `commit_index` has risen last; when it was elected, if it has not.
    pub(super) committed_at: Instant,
}

impl Leader {
    /// `next_index` starts behind the leader's last entry, `match_index` at 0; a heartbeat is due.
    pub(super) fn new(servers: usize, last_log_index: Index) -> Leader {
        Leader {
            next_index: vec![last_log_index + 1; servers],
            match_index: vec![0; servers],
            pace: vec![Pace::new(); servers],
            committed_at: Instant::now(),
        }
    }

    /// The follower has everything up to `index`. Replies overtake each other: nothing falls.
    pub(super) fn matched(&mut self, peer: ServerId, index: Index) {
        self.match_index[peer] = self.match_index[peer].max(index);
        self.next_index[peer] = self.next_index[peer].max(index + 1);
    }

    /// The follower's log does not match ours before `hint`. Below what is known to match,
    /// and forward, a late answer cannot move `next_index`.
    pub(super) fn back_up(&mut self, peer: ServerId, hint: Index) {
        let lowest = self.match_index[peer] + 1;
        self.next_index[peer] = self.next_index[peer].min(hint.max(lowest));
    }
}

/// The role and term in which an RPC was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Receipt {
    /// By the candidate of this term.
    Candidate(Term),
    /// By the leader of this term.
    Leader(Term),
}

/// Enough of the persistent state to tell whether any of it has changed: term, vote, and how often
/// the log was changed.
pub type SavedMark = (Term, Option<ServerId>, u64);

impl State {
    /// A server that has never run, or has just restarted: what was persisted, and a fresh timer.
    pub(super) fn new(
        me: ServerId,
        servers: usize,
        persister: Arc<Persister>,
        signals: Arc<Signals>,
    ) -> State {
        let mut state = State {
            current_term: 0,
            voted_for: None,
            log: Log::default(),
            snapshot: Bytes::default(),
            commit_index: 0,
            last_applied: 0,
            role: Role::Follower,
            me,
            servers,
            election_deadline: Instant::now(),
            signals,
            persister,
            saved: SavedMark::default(),
        };
        state.restore();
        // A snapshot holds committed entries only, and the service starts from it (§7).
        state.commit_index = state.log.snapshot_index();
        state.last_applied = state.log.snapshot_index();
        state.reset_election_timer();
        state
    }

    /// All servers: a newer term in any request or reply is adopted, and whoever was candidate
    /// or leader in the old one is a follower now (§5.1).
    pub(super) fn observe_term(&mut self, term: Term) {
        if term > self.current_term {
            self.current_term = term;
            self.voted_for = None;
            self.become_follower();
        }
    }

    /// Steps down. The vote stays: it belongs to the term, not to the role.
    pub(super) fn become_follower(&mut self) {
        if let Role::Leader(_) = self.role {
            log::info!("n{}@{} steps down", self.me, self.current_term);
            // A leader has no election timer (§5.2); as a follower it needs one again.
            self.reset_election_timer();
        }
        self.role = Role::Follower;
    }

    /// Whether this server is the leader of its current term.
    pub(super) fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Whether `count` servers are more than half of all.
    pub(super) fn is_majority(&self, count: usize) -> bool {
        count > self.servers / 2
    }

    /// All servers but this one.
    pub(super) fn peers(&self) -> impl Iterator<Item = ServerId> + use<> {
        let me = self.me;
        (0..self.servers).filter(move |&server| server != me)
    }

    /// Whether this server still is what it was when the receipt was made: the same role in the
    /// same term.
    pub(super) fn is_current(&self, receipt: Receipt) -> bool {
        match (receipt, &self.role) {
            (Receipt::Candidate(term), Role::Candidate { .. })
            | (Receipt::Leader(term), Role::Leader(_)) => term == self.current_term,
            _ => false,
        }
    }

    /// Moves `commit_index` forward and wakes the applier.
    pub(super) fn commit_to(&mut self, index: Index) {
        let (from, last) = (self.commit_index, self.log.last_index());
        assert!(index > from, "commit_index regression {from} -> {index}");
        assert!(index <= last, "commit_index {index} beyond the last entry {last}");
        self.commit_index = index;
        self.signals.apply.notify_one();
    }
}
