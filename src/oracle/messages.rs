//! RPCs: what a message says must be so.
//!
//! Nobody can take a message back, so what it promises must be true when it leaves, and on disk.

use super::book::Book;
use super::finding::{
    ANSWER, Check, ELECTION_SAFETY, LOG_MATCHING, NEWER_TERM, SAME_COMMITS, broken,
};
use super::message::{Message, Reply, Rpc};
use super::shadow::{Role, Shadow};
use crate::raft::rpc::{AppendEntriesArgs, AppendEntriesReply, RequestVoteReply};
use crate::raft::{Index, Term};

const NO_CANDIDATE: &str = "but who asks for votes in a term has voted for itself in it (§5.2): \
     what it asks is written down where it decides to, in one critical section (rule 5 of the \
     locking advice)";
const NO_LEADER: &str = "who no longer leads sends no AppendEntries (§5.2); what a leader sends is \
     written down where it finds that it leads, in one critical section (rule 5 of the locking \
     advice)";

impl Book {
    /// A request says what its sender is and has.
    pub fn check_sent(&self, rpc: &Rpc) -> Check {
        let Rpc { from, .. } = *rpc;
        let shadow = &self.shadows[from];
        if shadow.instance != Some(rpc.instance) || !shadow.seen {
            return Ok(()); // of an instance that is dead, or never shows itself
        }
        let term = rpc.message.term();
        let fault = |property, what: String| {
            broken(property, &[from], format!("server {from} sends {}, {what}", rpc.message))
        };
        match &rpc.message {
            Message::Vote(args) => {
                if self.votes.get(&(term, from)) != Some(&from) {
                    return fault(ELECTION_SAFETY, NO_CANDIDATE.to_string());
                }
                if !self.is_known(args.last_log_index, args.last_log_term) {
                    return fault(LOG_MATCHING, "but there is no such entry".to_string());
                }
            }
            Message::Append(args) => {
                if self.leaders.get(&term) != Some(&from) {
                    return fault(
                        ELECTION_SAFETY,
                        format!("but does not lead term {term}: {NO_LEADER}"),
                    );
                }
                self.check_sent_entries(rpc, args)?;
                if args.leader_commit > self.committed.len() as Index {
                    return fault(SAME_COMMITS, "but that is not committed".to_string());
                }
            }
            Message::Install(args) => {
                if self.leaders.get(&term) != Some(&from) {
                    return fault(
                        ELECTION_SAFETY,
                        format!("but does not lead term {term}: {NO_LEADER}"),
                    );
                }
                let index = args.last_included_index as usize;
                let committed = index.checked_sub(1).and_then(|at| self.committed.get(at));
                if committed != Some(&args.last_included_term) {
                    let index = args.last_included_index;
                    let what = format!("but {}", self.what_is_committed(index));
                    return fault(SAME_COMMITS, what);
                }
            }
        }
        Ok(())
    }

    /// Entries travel as they are in the log.
    fn check_sent_entries(&self, rpc: &Rpc, args: &AppendEntriesArgs) -> Check {
        let from = rpc.from;
        let fault = |what: String| {
            broken(LOG_MATCHING, &[from], format!("server {from} sends {}, {what}", rpc.message))
        };
        if !self.is_known(args.prev_log_index, args.prev_log_term) {
            return fault("but there is no such previous entry".to_string());
        }
        let mut prev_term = args.prev_log_term;
        for (index, entry) in (args.prev_log_index + 1..).zip(&args.entries) {
            let mut known = self.entries.get(index as usize - 1).into_iter().flatten();
            let is_so = known.any(|known| {
                (known.term, known.prev_term) == (entry.term, prev_term)
                    && known.command == entry.command
            });
            if !is_so {
                return fault(format!("but was never in a log: {index}@{}", entry.term));
            }
            prev_term = entry.term;
        }
        Ok(())
    }

    pub fn is_known(&self, index: Index, term: Term) -> bool {
        let Some(position) = (index as usize).checked_sub(1) else { return term == 0 };
        self.entries.get(position).is_some_and(|known| known.iter().any(|k| k.term == term))
            || self.committed.get(position) == Some(&term)
    }

    /// A reply that is delivered was true when it left, and its promise stays true while its
    /// sender is in the term of the request.
    pub fn check_reply(&mut self, rpc: &Rpc, reply: &Reply) -> Check {
        let Rpc { from, to, ref message, .. } = *rpc;
        let (asked, term) = (message.term(), reply.term());
        let is_vote = matches!(reply, Reply::Vote(reply) if reply.vote_granted);
        if is_vote && term == asked && self.shadows[to].current_term > asked {
            // In one critical section it has voted and gone on to a newer term.
            self.votes.entry((asked, to)).or_insert(from);
        }
        let shadow = &self.shadows[to];
        let fault = |property, what: String| {
            let how =
                format!("server {to} answers {message} of server {from} with {reply}, {what}");
            broken(property, &[to, from], how)
        };
        // One that adopts the term and then answers with what it had before is polite enough: to
        // the sender this says nothing.
        if term < asked && shadow.current_term < asked {
            let what = format!("and stays in term {}", shadow.current_term);
            return fault(NEWER_TERM, what);
        }
        if term > shadow.current_term {
            return fault(ANSWER, format!("but is in term {}", shadow.current_term));
        }
        let still_in_term = term == asked && shadow.current_term == asked;
        match (message, reply) {
            (Message::Vote(_), Reply::Vote(RequestVoteReply { vote_granted: true, .. }))
                if self.votes.get(&(asked, to)) != Some(&from) =>
            {
                return fault(ELECTION_SAFETY, "but has not cast that vote".to_string());
            }
            (Message::Append(_), Reply::Append(AppendEntriesReply { success: true, .. }))
                if term != asked =>
            {
                return fault(ANSWER, "but accepts nothing of an older term".to_string());
            }
            (Message::Append(_) | Message::Install(_), _) if still_in_term => {
                if shadow.role == Role::Candidate {
                    let what = "but campaigns on against its term's leader";
                    return fault(ANSWER, what.to_string());
                }
                if let Some(what) = unkept_promise(shadow, message, reply) {
                    return fault(ANSWER, what);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a follower in the term of the message should have done before it answered so.
fn unkept_promise(shadow: &Shadow, message: &Message, reply: &Reply) -> Option<String> {
    let committed = match (message, reply) {
        (Message::Append(args), Reply::Append(AppendEntriesReply { success: true, .. })) => {
            let last_new = args.prev_log_index + args.entries.len() as Index;
            let last_term = args.entries.last().map_or(args.prev_log_term, |entry| entry.term);
            if !shadow.holds(last_new, last_term) {
                return Some(format!("but does not have entry {last_new}@{last_term}"));
            }
            args.leader_commit.min(last_new)
        }
        (Message::Install(args), _) => args.last_included_index,
        _ => 0,
    };
    let commit_index = shadow.commit_index;
    (commit_index < committed)
        .then(|| format!("but its commit_index is {commit_index}, not {committed}"))
}
