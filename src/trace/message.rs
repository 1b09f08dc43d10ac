//! The messages as a trace tells them: the fields of `raft/rpc.rs`, with commands in short and
//! snapshots by their size.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::Command;
use crate::labgob::{self, Bytes};
use crate::raft::rpc::{
    self, AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::raft::{Index, ServerId, Term};

/// Arguments or a reply.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "the types of raft/rpc.rs have them")]
pub enum Message {
    RequestVote(RequestVoteArgs),
    RequestVoteReply(RequestVoteReply),
    AppendEntries {
        term: Term,
        leader_id: ServerId,
        prev_log_index: Index,
        prev_log_term: Term,
        entries: Vec<Entry>,
        leader_commit: Index,
    },
    AppendEntriesReply(AppendEntriesReply),
    InstallSnapshot {
        term: Term,
        leader_id: ServerId,
        last_included_index: Index,
        last_included_term: Term,
        data: usize,
    },
    InstallSnapshotReply(InstallSnapshotReply),
}

/// An entry of a log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Entry {
    /// Where it stands.
    pub index: Index,
    /// Its term.
    pub term: Term,
    /// The command, in short.
    pub command: String,
}

/// The entries as they stand behind an index.
pub(super) fn entries(before: Index, entries: &[rpc::Entry]) -> Vec<Entry> {
    let number = |(at, entry): (usize, &rpc::Entry)| Entry {
        index: before.saturating_add(at as Index + 1),
        term: entry.term,
        command: command(&entry.command),
    };
    entries.iter().enumerate().map(number).collect()
}

fn command(bytes: &Bytes) -> String {
    match labgob::from_bytes::<Command>(bytes) {
        Ok(command) => command.to_string(),
        Err(_) => format!("{bytes:?}"),
    }
}

/// What a request says, if it is one of Raft's.
pub(super) fn request(method: &str, bytes: &[u8]) -> Option<Message> {
    match method {
        "Raft.RequestVote" => decoded(bytes).map(Message::RequestVote),
        "Raft.AppendEntries" => {
            decoded(bytes).map(|args: AppendEntriesArgs| Message::AppendEntries {
                term: args.term,
                leader_id: args.leader_id,
                prev_log_index: args.prev_log_index,
                prev_log_term: args.prev_log_term,
                entries: entries(args.prev_log_index, &args.entries),
                leader_commit: args.leader_commit,
            })
        }
        "Raft.InstallSnapshot" => {
            decoded(bytes).map(|args: InstallSnapshotArgs| Message::InstallSnapshot {
                term: args.term,
                leader_id: args.leader_id,
                last_included_index: args.last_included_index,
                last_included_term: args.last_included_term,
                data: args.data.len(),
            })
        }
        _ => None,
    }
}

/// What a reply says, if it is one of Raft's.
pub(super) fn reply(method: &str, bytes: &[u8]) -> Option<Message> {
    match method {
        "Raft.RequestVote" => decoded(bytes).map(Message::RequestVoteReply),
        "Raft.AppendEntries" => decoded(bytes).map(Message::AppendEntriesReply),
        "Raft.InstallSnapshot" => decoded(bytes).map(Message::InstallSnapshotReply),
        _ => None,
    }
}

fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    labgob::from_bytes(bytes).ok()
}
