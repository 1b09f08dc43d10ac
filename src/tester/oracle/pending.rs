//! What must show when a lock is released next.
//!
//! A server may start the threads of its RPCs while it holds its lock: then a message can be out,
//! and even answered, before the state that it tells of has been shown. That is right as long as
//! the server shows it at the end of that critical section, which is the next time it shows
//! anything. So what a message says too early is not a finding yet, nor is what others
//! do because of it: both are kept until then. So are answers: a server that works without a lock may
//! send one in the middle of its turn, and show itself at the end of it.

use std::sync::Arc;

use super::book::Book;
use super::messages::{Message, Reply, Rpc};
use super::{Check, broken};
use crate::raft::{Index, ServerId, Term};

const LOG_MATCHING: &str = "Log Matching (Figure 3)";
const SAME_COMMITS: &str = "State Machine Safety (Figure 3)";

/// Something that a server has told before it showed it.
pub(super) enum Pending {
    /// What this message of its own says.
    Sent(Arc<Rpc>),
    /// Its answer to this message of another server.
    Answer(Arc<Rpc>, Arc<Reply>),
    /// That it has this entry, as a follower has already.
    Entry { index: Index, term: Term, follower: ServerId },
    /// That it has committed this entry, as a follower has already.
    Commit { index: Index, term: Term, follower: ServerId },
}

impl Book {
    /// A follower has an entry that no leader has shown: whether a leader is about to.
    pub fn expect_entry(&mut self, index: Index, term: Term, follower: ServerId) -> bool {
        let leader = self.sent_early().find(|rpc| rpc.message.term() == term).map(|rpc| rpc.from);
        if let Some(leader) = leader {
            self.pending[leader].push(Pending::Entry { index, term, follower });
        }
        leader.is_some() || self.last_words.iter().any(|rpc| rpc.message.term() == term)
    }

    /// The highest commit index that a message tells of before its leader shows it.
    pub fn promised_commit(&self) -> Index {
        let last_words = self.last_words.iter().map(|rpc| &**rpc);
        self.sent_early().chain(last_words).filter_map(leader_commit).max().unwrap_or(0)
    }

    /// A follower has committed an entry, and the message that said so came early. If its sender
    /// has crashed, there is nobody left to show it, and the follower is believed.
    pub fn expect_commit(&mut self, index: Index, term: Term, follower: ServerId) {
        let mut early = self.sent_early().filter(|rpc| leader_commit(rpc) >= Some(index));
        let leader = early.next().map(|rpc| rpc.from);
        drop(early);
        if let Some(leader) = leader {
            self.pending[leader].push(Pending::Commit { index, term, follower });
        } else {
            self.note_commits(follower);
        }
    }

    /// Whether a server has told others something that it has still to show.
    pub fn has_told_early(&self, server: ServerId, what: impl Fn(&Said<'_>) -> bool) -> bool {
        self.pending[server].iter().any(|pending| match pending {
            Pending::Answer(rpc, reply) => what(&Said { rpc, reply }),
            _ => false,
        })
    }

    fn sent_early(&self) -> impl Iterator<Item = &Rpc> {
        self.pending.iter().flatten().filter_map(|pending| match pending {
            Pending::Sent(rpc) => Some(&**rpc),
            _ => None,
        })
    }

    /// The server has shown itself: what it told before must be so now.
    pub fn check_pending(&mut self, server: ServerId) -> Check {
        for pending in std::mem::take(&mut self.pending[server]) {
            match pending {
                Pending::Sent(rpc) => self.check_sent(&rpc)?,
                Pending::Answer(rpc, reply) => self.check_reply(&rpc, &reply)?,
                Pending::Entry { index, term, follower } => {
                    if !self.shadows[server].holds(index, term) {
                        let how = format!(
                            "entry {index}@{term} appears in the log of server {follower}, but \
                             was never in that of the leader of term {term}"
                        );
                        return broken(LOG_MATCHING, &[follower, server], how);
                    }
                }
                Pending::Commit { index, term, follower } => {
                    if self.committed.get(index as usize - 1) != Some(&term) {
                        let how = format!(
                            "server {follower} commits entry {index}@{term}, but no leader has \
                             committed it"
                        );
                        return broken(SAME_COMMITS, &[follower, server], how);
                    }
                }
            }
        }
        Ok(())
    }
}

/// An answer with what it answers.
pub(super) struct Said<'a> {
    rpc: &'a Rpc,
    reply: &'a Reply,
}

impl Said<'_> {
    /// Whether it grants the vote of `term` to `candidate`.
    pub fn grants(&self, term: Term, candidate: ServerId) -> bool {
        let granted = matches!(self.reply, Reply::Vote(reply) if reply.vote_granted);
        granted && self.rpc.from == candidate && self.rpc.message.term() == term
    }

    /// Whether it accepts entries up to `index` at least from the leader of `term`.
    pub fn accepts(&self, term: Term, index: Index) -> bool {
        let accepted = match (&self.rpc.message, self.reply) {
            (Message::Append(args), Reply::Append(reply)) if reply.success => {
                args.prev_log_index + args.entries.len() as Index
            }
            (Message::Install(args), Reply::Install(_)) => args.last_included_index,
            _ => return false,
        };
        self.rpc.message.term() == term && accepted >= index
    }
}

/// Up to where a message tells that entries are committed.
fn leader_commit(rpc: &Rpc) -> Option<Index> {
    match &rpc.message {
        Message::Append(args) => Some(args.leader_commit),
        Message::Install(args) => Some(args.last_included_index),
        Message::Vote(_) => None,
    }
}
