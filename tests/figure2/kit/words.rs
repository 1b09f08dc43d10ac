//! The words of the tests: how arguments are made, and how messages are written in the exchange.

use raftlab::labgob::Bytes;
use raftlab::raft::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use raftlab::raft::{Index, ServerId, Term};

/// An entry's place and term; (0, 0) is "before the log".
pub type EntryAt = (Index, Term);

/// A RequestVote for `term` of a candidate whose log ends with the entry `last`. The sender fills
/// in who it is.
pub fn vote(term: Term, last: EntryAt) -> RequestVoteArgs {
    let (last_log_index, last_log_term) = last;
    RequestVoteArgs { term, candidate_id: 0, last_log_index, last_log_term }
}

/// An AppendEntries of the leader of `term`: behind the entry `prev` come entries of the terms
/// `new`.
pub fn append(term: Term, prev: EntryAt, new: &[Term], leader_commit: Index) -> AppendEntriesArgs {
    let (prev_log_index, prev_log_term) = prev;
    let entries = (prev_log_index + 1..).zip(new).map(|(index, &term)| entry(index, term));
    let entries = entries.collect();
    AppendEntriesArgs { term, leader_id: 0, prev_log_index, prev_log_term, entries, leader_commit }
}

/// A heartbeat behind the empty log.
pub fn heartbeat(term: Term) -> AppendEntriesArgs {
    append(term, (0, 0), &[], 0)
}

/// An InstallSnapshot of the leader of `term`: everything up to the entry `last`.
pub fn install(term: Term, last: EntryAt) -> InstallSnapshotArgs {
    let (last_included_index, last_included_term) = last;
    let data = state_at(last_included_index);
    InstallSnapshotArgs { term, leader_id: 0, last_included_index, last_included_term, data }
}

/// The entry of `term` at `index`, with a command that says so: "3@1".
pub fn entry(index: Index, term: Term) -> Entry {
    Entry { term, command: command(&format!("{index}@{term}")) }
}

/// A command.
pub fn command(text: &str) -> Bytes {
    text.as_bytes().into()
}

/// What a command says.
pub fn text(command: &Bytes) -> String {
    String::from_utf8_lossy(command).into_owned()
}

/// A command's text for a report: of a long one, the beginning.
pub fn brief(text: &str) -> String {
    const MOST: usize = 24;
    if text.len() <= MOST {
        return text.to_string();
    }
    let beginning: String = text.chars().take(8).collect();
    format!("{beginning}... ({} bytes)", text.len())
}

/// Commands for a report; of many, the first and the last.
pub fn list(texts: &[impl AsRef<str>]) -> String {
    const MOST: usize = 12;
    let mut words: Vec<String> = texts.iter().map(|text| brief(text.as_ref())).collect();
    let count = words.len();
    if count <= MOST {
        return format!("[{}]", words.join(", "));
    }
    words.splice(4..count - 2, ["...".to_string()]);
    format!("[{}], {count} of them", words.join(", "))
}

/// The service's snapshot when it has applied everything up to `index`.
pub fn state_at(index: Index) -> Bytes {
    command(&format!("the state at {index}"))
}

/// The index of a service's snapshot; none if it is not one of [`state_at`].
pub fn index_of_state(data: &Bytes) -> Option<Index> {
    text(data).strip_prefix("the state at ")?.parse().ok()
}

/// The index of the last entry that an AppendEntries carries, or of the one before.
pub fn last_new(args: &AppendEntriesArgs) -> Index {
    args.prev_log_index + args.entries.len() as Index
}

/// What a Raft sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rpc {
    Vote(RequestVoteArgs),
    Append(AppendEntriesArgs),
    Install(InstallSnapshotArgs),
}

/// What it is answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reply {
    Vote(RequestVoteReply),
    Append(AppendEntriesReply),
    Install(InstallSnapshotReply),
}

impl Rpc {
    pub fn term(&self) -> Term {
        match self {
            Rpc::Vote(args) => args.term,
            Rpc::Append(args) => args.term,
            Rpc::Install(args) => args.term,
        }
    }

    /// Whether it comes from a leader.
    pub fn is_leaders(&self) -> bool {
        !matches!(self, Rpc::Vote(_))
    }

    /// Who it says it is.
    pub fn sender(&self) -> ServerId {
        match self {
            Rpc::Vote(args) => args.candidate_id,
            Rpc::Append(args) => args.leader_id,
            Rpc::Install(args) => args.leader_id,
        }
    }
}

impl std::fmt::Display for Rpc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rpc::Vote(args) => {
                let RequestVoteArgs { term, last_log_index, last_log_term, .. } = args;
                write!(f, "RequestVote term {term}, last {last_log_index}@{last_log_term}")
            }
            Rpc::Append(args) => {
                let AppendEntriesArgs { term, prev_log_index, prev_log_term, .. } = args;
                let (commit, new) = (args.leader_commit, entries(args));
                let prev = format!("{prev_log_index}@{prev_log_term}");
                write!(f, "AppendEntries term {term}, prev {prev}, [{new}], commit {commit}")
            }
            Rpc::Install(args) => {
                let (index, last_term) = (args.last_included_index, args.last_included_term);
                let (term, size) = (args.term, args.data.len());
                write!(f, "InstallSnapshot term {term}, up to {index}@{last_term}, {size} bytes")
            }
        }
    }
}

/// The entries, "4@2 5@2"; of many, the first and the last.
fn entries(args: &AppendEntriesArgs) -> String {
    const MOST: usize = 5;
    let all = (args.prev_log_index + 1..).zip(&args.entries);
    let mut words: Vec<String> =
        all.map(|(index, entry)| format!("{index}@{}", entry.term)).collect();
    if words.len() > MOST {
        words.splice(1..words.len() - 1, ["..".to_string()]);
    }
    words.join(" ")
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reply::Vote(RequestVoteReply { term, vote_granted: true }) => {
                write!(f, "granted, term {term}")
            }
            Reply::Vote(RequestVoteReply { term, .. }) => write!(f, "not granted, term {term}"),
            Reply::Append(AppendEntriesReply { term, success: true, .. }) => {
                write!(f, "success, term {term}")
            }
            Reply::Append(AppendEntriesReply { term, conflict_term, conflict_index, .. }) => {
                write!(f, "no success, term {term}")?;
                match conflict_term {
                    Some(conflict) => write!(f, ", conflict {conflict_index}@{conflict}"),
                    None => write!(f, ", conflict at {conflict_index}"),
                }
            }
            Reply::Install(InstallSnapshotReply { term }) => write!(f, "done, term {term}"),
        }
    }
}

/// The reply that means yes, in `term`.
pub fn yes(rpc: &Rpc, term: Term) -> Reply {
    match rpc {
        Rpc::Vote(_) => Reply::Vote(RequestVoteReply { term, vote_granted: true }),
        Rpc::Append(_) => Reply::Append(append_reply(term, true)),
        Rpc::Install(_) => Reply::Install(InstallSnapshotReply { term }),
    }
}

/// The reply that means no: the receiver is in `term`, which is a later one.
pub fn no(rpc: &Rpc, term: Term) -> Reply {
    match rpc {
        Rpc::Vote(_) => Reply::Vote(RequestVoteReply { term, vote_granted: false }),
        Rpc::Append(_) => Reply::Append(append_reply(term, false)),
        Rpc::Install(_) => Reply::Install(InstallSnapshotReply { term }),
    }
}

pub fn append_reply(term: Term, success: bool) -> AppendEntriesReply {
    AppendEntriesReply { term, success, conflict_term: None, conflict_index: 0 }
}
