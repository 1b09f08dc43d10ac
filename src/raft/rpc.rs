//! The messages: arguments and replies of the three RPCs (Figures 2 and 13), and the service
//! that receives them.
//!
//! These types are fixed: the tests play servers with them. Of Figure 13, `offset` and `done` are
//! left out, since a snapshot travels in one piece; `conflict_term` and `conflict_index` are
//! the fast backup that the paper sketches at the end of §5.3.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Raft;
use crate::labgob::Bytes;
use crate::labrpc::Service;

/// A term number (§5.1); the first election makes term 1.
pub type Term = u64;
/// A position in the log; the first entry is at 1, and 0 stands for "before the log".
pub type Index = u64;
/// A server: its position in the list of peers, from 0.
pub type ServerId = usize;

/// A log entry (§5.3).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// The term in which a leader received it.
    pub term: Term,
    /// The command for the state machine, encoded by the service; Raft never looks inside.
    pub command: Bytes,
}

/// Invoked by candidates to gather votes (§5.2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RequestVoteArgs {
    /// The candidate's term.
    pub term: Term,
    /// The candidate that asks for the vote.
    pub candidate_id: ServerId,
    /// The index of the candidate's last log entry (§5.4).
    pub last_log_index: Index,
    /// The term of the candidate's last log entry (§5.4).
    pub last_log_term: Term,
}

/// The answer to [`RequestVoteArgs`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RequestVoteReply {
    /// The receiver's current term, for the candidate to update itself.
    pub term: Term,
    /// True means the candidate received the vote.
    pub vote_granted: bool,
}

/// Invoked by the leader to replicate log entries (§5.3); also used as heartbeat (§5.2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AppendEntriesArgs {
    /// The leader's term.
    pub term: Term,
    /// The leader, so that a follower could redirect clients.
    pub leader_id: ServerId,
    /// The index of the entry that precedes the new ones.
    pub prev_log_index: Index,
    /// The term of that entry.
    pub prev_log_term: Term,
    /// The entries to store; none in a heartbeat, several for efficiency.
    pub entries: Vec<Entry>,
    /// The leader's commit index.
    pub leader_commit: Index,
}

/// The answer to [`AppendEntriesArgs`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AppendEntriesReply {
    /// The receiver's current term, for the leader to update itself.
    pub term: Term,
    /// True if the follower's log matched `prev_log_index` and `prev_log_term`.
    pub success: bool,
    /// On a mismatch, the term of the follower's entry at `prev_log_index`; none if its log
    /// ends before.
    pub conflict_term: Option<Term>,
    /// On a mismatch, the follower's first index of that term; without one, the index after the
    /// follower's last entry. 0 when there was no mismatch.
    pub conflict_index: Index,
}

/// Invoked by the leader when the entries that a follower needs are in its snapshot only (§7).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InstallSnapshotArgs {
    /// The leader's term.
    pub term: Term,
    /// The leader, so that a follower could redirect clients.
    pub leader_id: ServerId,
    /// The snapshot replaces all entries up through this index.
    pub last_included_index: Index,
    /// The term of the entry at that index.
    pub last_included_term: Term,
    /// The whole snapshot.
    pub data: Bytes,
}

/// The answer to [`InstallSnapshotArgs`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InstallSnapshotReply {
    /// The receiver's current term, for the leader to update itself.
    pub term: Term,
}

/// The labrpc service "Raft" that hands incoming RPCs to `raft`.
#[must_use]
pub fn service(raft: &Arc<Raft>) -> Service {
    let (vote, append, install) = (raft.clone(), raft.clone(), raft.clone());
    Service::new("Raft")
        .method("RequestVote", move |args| vote.clone().request_vote(&args))
        .method("AppendEntries", move |args| append.clone().append_entries(args))
        .method("InstallSnapshot", move |args| install.clone().install_snapshot(args))
}
