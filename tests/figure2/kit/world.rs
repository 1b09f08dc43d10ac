//! The world of a script: what n0 is told it could be told in a cluster of right Rafts.
//!
//! A right Raft may rely on Figure 3. It may note the leader as its vote, or stop when a second leader
//! of a term shows up. A script that breaks Figure 3 itself would accuse it, so it is refused here.

use std::collections::BTreeMap;

use raftlab::raft::rpc::{AppendEntriesArgs, RequestVoteArgs};
use raftlab::raft::{Index, ServerId, Term};

use super::words::{EntryAt, Rpc};

/// What the scripted servers have said so far.
#[derive(Default)]
pub struct World {
    /// Who leads, by term.
    leaders: BTreeMap<Term, ServerId>,
    /// Of each entry the term of the one before.
    before: BTreeMap<EntryAt, Term>,
    /// The terms of the committed entries, each with the term of the first leader that told of it.
    committed: BTreeMap<Index, (Term, Term)>,
}

impl World {
    /// Server `from` says this to n0.
    ///
    /// # Errors
    /// Why no right server could.
    pub fn hear(&mut self, from: ServerId, rpc: &Rpc) -> Result<(), String> {
        match rpc {
            Rpc::Vote(args) => self.hear_candidate(from, args),
            Rpc::Append(args) => {
                self.lead(from, args.term)?;
                self.hear_entries(args)
            }
            Rpc::Install(args) => {
                self.lead(from, args.term)?;
                let last = (args.last_included_index, args.last_included_term);
                self.check_committed(args.term, last)?;
                self.committed.entry(last.0).or_insert((last.1, args.term));
                Ok(())
            }
        }
    }

    /// Server `from` leads `term`.
    pub fn lead(&mut self, from: ServerId, term: Term) -> Result<(), String> {
        match *self.leaders.entry(term).or_insert(from) {
            leader if leader == from => Ok(()),
            leader => Err(format!("n{leader} leads term {term}, not n{from}")),
        }
    }

    /// n0 leads `term`, if nobody else was said to: that is for others to judge.
    pub fn follow(&mut self, term: Term) {
        self.leaders.entry(term).or_insert(0);
    }

    /// Whether n0 can be asked to vote for `from`: there a follower may have noted another leader.
    pub fn may_win(&self, from: ServerId, term: Term) -> bool {
        self.leaders.get(&term).is_none_or(|&leader| leader == from)
    }

    fn hear_candidate(&self, from: ServerId, args: &RequestVoteArgs) -> Result<(), String> {
        match args.last_log_term < args.term {
            true => Ok(()),
            false => Err(format!("n{from} campaigns in term {} with an entry of it", args.term)),
        }
    }

    fn hear_entries(&mut self, args: &AppendEntriesArgs) -> Result<(), String> {
        let mut last = (args.prev_log_index, args.prev_log_term);
        let mut shown = vec![last];
        for entry in &args.entries {
            let next = (last.0 + 1, entry.term);
            if next.1 < last.1 || next.1 > args.term {
                return Err(format!("entry {next:?} behind {last:?} in term {}", args.term));
            }
            let before = *self.before.entry(next).or_insert(last.1);
            if before != last.1 {
                return Err(format!("before entry {next:?} is one of term {before}, not {last:?}"));
            }
            shown.push(next);
            last = next;
        }
        for at in shown {
            self.check_committed(args.term, at)?;
            if at.0 <= args.leader_commit {
                self.committed.entry(at.0).or_insert((at.1, args.term));
            }
        }
        Ok(())
    }

    fn check_committed(&self, leads: Term, at: EntryAt) -> Result<(), String> {
        match self.committed.get(&at.0) {
            Some(&(term, told_in)) if term != at.1 && leads >= told_in => {
                Err(format!("entry {}@{term} is committed, not {at:?}", at.0))
            }
            _ => Ok(()),
        }
    }
}
