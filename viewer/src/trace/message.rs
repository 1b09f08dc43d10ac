//! Arguments and replies of the three RPCs; their names are those of `src/raft/rpc.rs`.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ServerId;

/// An entry of a log; its command in short.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "said above")]
pub struct Entry {
    pub index: u64,
    pub term: u64,
    pub command: String,
}

/// What a message says.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "Figures 2 and 13 have the names")]
pub enum Message {
    RequestVote(RequestVote),
    VoteReply(VoteReply),
    Append(AppendEntries),
    AppendReply(AppendReply),
    Install(InstallSnapshot),
    InstallReply(InstallReply),
    /// Of another method, or in another form.
    Other(Option<Value>),
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[allow(missing_docs, reason = "Figure 2 has the names")]
pub struct RequestVote {
    pub term: u64,
    pub candidate_id: ServerId,
    pub last_log_index: u64,
    pub last_log_term: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[allow(missing_docs, reason = "Figure 2 has the names")]
pub struct VoteReply {
    pub term: u64,
    pub vote_granted: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[allow(missing_docs, reason = "Figure 2 has the names")]
pub struct AppendEntries {
    pub term: u64,
    pub prev_log_index: u64,
    pub prev_log_term: u64,
    pub entries: Vec<Entry>,
    pub leader_commit: u64,
}

impl AppendEntries {
    /// The last index that the receiver has after it has accepted.
    #[must_use]
    pub fn last_index(&self) -> u64 {
        self.prev_log_index.saturating_add(self.entries.len() as u64)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[allow(missing_docs, reason = "§5.3 has the names")]
pub struct AppendReply {
    pub term: u64,
    pub success: bool,
    #[serde(default)]
    pub conflict_term: Option<u64>,
    #[serde(default)]
    pub conflict_index: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[allow(missing_docs, reason = "Figure 13 has the names")]
pub struct InstallSnapshot {
    pub term: u64,
    pub last_included_index: u64,
    pub last_included_term: u64,
    /// Its bytes.
    pub data: u64,
}

#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[allow(missing_docs, reason = "Figure 13 has the names")]
pub struct InstallReply {
    pub term: u64,
}

impl Message {
    /// What a call of `method` asks.
    #[must_use]
    pub fn request(method: &str, args: Option<&Value>) -> Message {
        match method.rsplit('.').next().unwrap_or_default() {
            "RequestVote" => known(args, Message::RequestVote),
            "AppendEntries" => known(args, Message::Append),
            "InstallSnapshot" => known(args, Message::Install),
            _ => Message::Other(args.cloned()),
        }
    }

    /// What is answered to a call of `method`.
    #[must_use]
    pub fn reply(method: &str, reply: Option<&Value>) -> Message {
        match method.rsplit('.').next().unwrap_or_default() {
            "RequestVote" => known(reply, Message::VoteReply),
            "AppendEntries" => known(reply, Message::AppendReply),
            "InstallSnapshot" => known(reply, Message::InstallReply),
            _ => Message::Other(reply.cloned()),
        }
    }

    /// The term that it carries.
    #[must_use]
    pub fn term(&self) -> Option<u64> {
        match self {
            Message::RequestVote(m) => Some(m.term),
            Message::VoteReply(m) => Some(m.term),
            Message::Append(m) => Some(m.term),
            Message::AppendReply(m) => Some(m.term),
            Message::Install(m) => Some(m.term),
            Message::InstallReply(m) => Some(m.term),
            Message::Other(_) => None,
        }
    }
}

fn known<T: DeserializeOwned>(value: Option<&Value>, of: fn(T) -> Message) -> Message {
    match value.map(T::deserialize) {
        Some(Ok(message)) => of(message),
        _ => Message::Other(value.cloned()),
    }
}
