//! What servers say to each other, read from the RPCs' bytes.

use std::fmt;

use crate::labgob;
use crate::labrpc::{CallEvent, Step};
use crate::raft::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::raft::{Index, ServerId, Term};

/// So many entries of a message are named in a report; of more, the first two and the last.
const MOST_SHOWN: usize = 6;

/// An RPC between two servers.
pub(super) struct Rpc {
    pub from: ServerId,
    /// Which instance of the sender.
    pub instance: usize,
    pub to: ServerId,
    pub message: Message,
}

/// The arguments of an RPC.
pub(crate) enum Message {
    Vote(RequestVoteArgs),
    Append(AppendEntriesArgs),
    Install(InstallSnapshotArgs),
}

/// The reply to an RPC.
pub(super) enum Reply {
    Vote(RequestVoteReply),
    Append(AppendEntriesReply),
    Install(InstallSnapshotReply),
}

impl Message {
    /// What is said where a request is sent; none at another step, or if it is not one of Raft's.
    pub fn sent(event: &CallEvent<'_>) -> Option<Message> {
        let Step::Sent { args } = event.step else { return None };
        Message::decode(event.method, args)
    }

    /// What is said with this method.
    pub(super) fn decode(method: &str, args: &[u8]) -> Option<Message> {
        match method {
            "Raft.RequestVote" => labgob::from_bytes(args).ok().map(Message::Vote),
            "Raft.AppendEntries" => labgob::from_bytes(args).ok().map(Message::Append),
            "Raft.InstallSnapshot" => labgob::from_bytes(args).ok().map(Message::Install),
            _ => None,
        }
    }

    /// Who claims with it to lead which term, and how.
    pub fn leader(&self) -> Option<(ServerId, Term, &'static str)> {
        match self {
            Message::Vote(_) => None,
            Message::Append(args) => Some((args.leader_id, args.term, "sent AppendEntries")),
            Message::Install(args) => Some((args.leader_id, args.term, "sent InstallSnapshot")),
        }
    }

    pub fn term(&self) -> Term {
        match self {
            Message::Vote(args) => args.term,
            Message::Append(args) => args.term,
            Message::Install(args) => args.term,
        }
    }

    pub(super) fn decode_reply(&self, reply: &[u8]) -> Option<Reply> {
        match self {
            Message::Vote(_) => labgob::from_bytes(reply).ok().map(Reply::Vote),
            Message::Append(_) => labgob::from_bytes(reply).ok().map(Reply::Append),
            Message::Install(_) => labgob::from_bytes(reply).ok().map(Reply::Install),
        }
    }
}

impl Reply {
    pub fn term(&self) -> Term {
        match self {
            Reply::Vote(reply) => reply.term,
            Reply::Append(reply) => reply.term,
            Reply::Install(reply) => reply.term,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self {
            Reply::Vote(reply) if reply.vote_granted => ", vote granted",
            Reply::Vote(_) => ", no vote",
            Reply::Append(reply) if reply.success => ", success",
            Reply::Append(_) => ", no success",
            Reply::Install(_) => "",
        };
        write!(f, "(term {}{verdict})", self.term())
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Vote(args) => write!(
                f,
                "RequestVote(term {}, last entry {}@{})",
                args.term, args.last_log_index, args.last_log_term
            ),
            Message::Append(args) => {
                write!(
                    f,
                    "AppendEntries(term {}, prev {}@{}, [",
                    args.term, args.prev_log_index, args.prev_log_term
                )?;
                let (count, left_out) = (args.entries.len(), args.entries.len() > MOST_SHOWN);
                for (number, entry) in args.entries.iter().enumerate() {
                    if left_out && (2..count - 1).contains(&number) {
                        continue;
                    }
                    let gap = match number {
                        0 => "",
                        _ if left_out && number == count - 1 => " ... ",
                        _ => " ",
                    };
                    let index = args.prev_log_index + 1 + number as Index;
                    write!(f, "{gap}{index}@{}", entry.term)?;
                }
                write!(f, "], commit {})", args.leader_commit)
            }
            Message::Install(args) => write!(
                f,
                "InstallSnapshot(term {}, up to {}@{})",
                args.term, args.last_included_index, args.last_included_term
            ),
        }
    }
}
