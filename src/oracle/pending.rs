//! What must show when a lock is released next.
//!
//! A server may start the threads of its RPCs while it holds its lock: then a message can be out,
//! and even answered, before the state that it tells of has been shown. That is right as long as
//! the server shows it at the end of that critical section, which is the next time it shows
//! anything. So what a message says too early is not a finding yet, nor is what others
//! do because of it: both are kept until then. So are answers: a server that works without a lock may
//! send one in the middle of its turn, and show itself at the end of it.

use super::book::{Book, Pending, Unshown};
use super::finding::{Check, LOG_MATCHING, SAME_COMMITS, SHOWS, broken};
use super::message::{Message, Reply, Rpc};
use crate::raft::{Index, ServerId, Term};

impl Book {
    /// A follower has an entry that no leader has shown: whether a leader is about to.
    pub fn expect_entry(&mut self, index: Index, term: Term, follower: ServerId) -> bool {
        // A candidate of that term may have asked for votes early, too.
        let leads = |rpc: &Rpc| rpc.message.leader().is_some_and(|(_, led, _)| led == term);
        let leader = self.sent_early().find(|rpc| leads(rpc)).map(|rpc| rpc.from);
        if let Some(leader) = leader {
            self.pend(leader, Pending::Entry { index, term, follower });
        }
        leader.is_some() || self.last_words.iter().any(|rpc| leads(rpc))
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
            self.pend(leader, Pending::Commit { index, term, follower });
        } else {
            self.note_commits(follower);
        }
    }

    /// The server must show this next.
    pub fn pend(&mut self, server: ServerId, pending: Pending) {
        if self.pending[server].is_empty() {
            self.unshown[server] = Unshown { since: self.step, answers: 0 };
        }
        self.pending[server].push(pending);
    }

    /// A server has answered a request that reached it at `step`. A server that shows itself
    /// does so in each critical section, and so has to have shown by now what it told before.
    pub fn check_goes_on_showing(&mut self, server: ServerId, step: u64) -> Check {
        /// One that shows itself behind its answers may be late.
        const ENOUGH: u32 = 3;
        let unshown = &mut self.unshown[server];
        let is_silent = !self.shadows[server].seen && self.has_shown[server];
        if (self.pending[server].is_empty() && !is_silent) || step <= unshown.since {
            return Ok(());
        }
        unshown.answers += 1;
        if unshown.answers < ENOUGH {
            return Ok(());
        }
        self.pending[server].truncate(1); // the first stands for all
        self.check_pending(server)?;
        let how = format!(
            "server {server} has shown itself to the tester before, but does not do so any more, \
             although it answers: it has to in each critical section (Persister::show)"
        );
        if is_silent { broken(SHOWS, &[server], how) } else { Ok(()) }
    }

    /// What `get_state()` or `start()` of an instance has answered as a leader.
    pub fn said_to_lead(&mut self, server: ServerId, instance: usize, pending: Pending) {
        let shadow = &self.shadows[server];
        if shadow.seen
            && shadow.instance == Some(instance)
            && self.check_told(server, &pending).is_err()
        {
            self.pend(server, pending);
        }
    }

    /// What a server has told without a message is so.
    fn check_told(&self, server: ServerId, pending: &Pending) -> Check {
        let fault = |property, how: String| broken(property, &[server], how);
        match *pending {
            Pending::Leads { term } if self.leaders.get(&term) != Some(&server) => fault(
                SHOWS,
                format!(
                    "server {server} says in get_state() that it leads term {term}, but has not \
                     shown that"
                ),
            ),
            Pending::Took { index, term } if !self.is_known(index, term) => fault(
                SHOWS,
                format!(
                    "start() on server {server} has taken a command at {index}@{term}, but the \
                     server has not shown that entry"
                ),
            ),
            Pending::Applied { index } if self.shadows[server].commit_index < index => fault(
                SHOWS,
                format!(
                    "server {server} applies entry {index}, but shows a commit_index of {}",
                    self.shadows[server].commit_index
                ),
            ),
            _ => Ok(()),
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
        self.unshown[server] = Unshown { since: self.step, answers: 0 };
        for pending in std::mem::take(&mut self.pending[server]) {
            match pending {
                Pending::Sent(rpc) => self.check_sent(&rpc)?,
                Pending::Answer(rpc, reply) => self.check_reply(&rpc, &reply)?,
                told @ (Pending::Leads { .. } | Pending::Took { .. } | Pending::Applied { .. }) => {
                    self.check_told(server, &told)?;
                }
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
