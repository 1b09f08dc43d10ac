//! What a server shows of itself: Figure 2's state, for the tester's oracle. Given to students.
//!
//! A server that calls [`Persister::show`](super::Persister::show) whenever it releases its lock,
//! and before each wait on a condition variable, is checked at every step: the oracle compares
//! what it shows with what it showed before, with its disk, and with all other servers, and a
//! broken property of Figure 3 is reported where it broke. Who saves later than it changes shows
//! itself after the save. Nothing is copied here: a view borrows.

use super::rpc::{Entry, Index, ServerId, Term};
use crate::labgob::Bytes;

/// A server's state in the terms of Figure 2, as it is when the lock is released.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The latest term the server has seen.
    pub current_term: Term,
    /// The candidate that received its vote in the current term.
    pub voted_for: Option<ServerId>,
    /// The last index that its snapshot covers; 0 without a snapshot.
    pub snapshot_index: Index,
    /// The term of the entry there; 0 without a snapshot.
    pub snapshot_term: Term,
    /// The entries behind the snapshot; the first is that at `snapshot_index + 1`.
    pub entries: &'a [Entry],
    /// A number that rises whenever snapshot index or entries change, if the server counts: then
    /// the oracle compares the log only when it has changed. `None`: each time.
    pub log_changes: Option<u64>,
    /// The service's snapshot; empty without one.
    pub snapshot: &'a Bytes,
    /// The highest entry known to be committed.
    pub commit_index: Index,
    /// The highest entry handed to the service.
    pub last_applied: Index,
    /// What the server is at present.
    pub role: RoleView<'a>,
    /// Reads what this server saves, if it can say: then memory is compared with the disk.
    pub read_saved: Option<ReadSaved>,
}

/// Reads a server's persisted Raft state; an error says what is wrong with it.
pub type ReadSaved = fn(&Bytes) -> Result<Saved, String>;

/// The role in a [`View`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RoleView<'a> {
    /// Answers candidates and leaders.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Replicates its log. A value for each server; those for the leader itself mean nothing.
    Leader {
        /// The index of the next entry to send to each server.
        next_index: &'a [Index],
        /// The highest entry known to be replicated on each server.
        match_index: &'a [Index],
    },
}

/// What a server has on disk, in the terms of Figure 2; the fields as in [`View`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs, reason = "they are View's")]
pub struct Saved {
    pub current_term: Term,
    pub voted_for: Option<ServerId>,
    pub snapshot_index: Index,
    pub snapshot_term: Term,
    pub entries: Vec<Entry>,
}
