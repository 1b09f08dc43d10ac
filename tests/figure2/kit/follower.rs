//! A right follower, for a leader under test to bring up to date: its log, without votes.

use raftlab::raft::rpc::{AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs};
use raftlab::raft::{Index, Term};

use super::words::append_reply;

/// The log of a scripted follower, as terms: the first is that at index 1.
#[derive(Clone, Default, Debug)]
pub struct Follower {
    pub log: Vec<Term>,
    /// Everything up to here came as a snapshot.
    snapshot_index: Index,
}

impl Follower {
    /// A follower with entries of these terms.
    pub fn with(log: &[Term]) -> Follower {
        Follower { log: log.to_vec(), snapshot_index: 0 }
    }

    fn term_at(&self, index: Index) -> Option<Term> {
        if index == 0 { Some(0) } else { self.log.get(index as usize - 1).copied() }
    }

    /// Figure 2, AppendEntries, receiver 2 to 4, for a leader whose term is not an old one.
    pub fn append(&mut self, args: &AppendEntriesArgs) -> AppendEntriesReply {
        let prev = args.prev_log_index;
        let here = self.term_at(prev);
        if prev > self.snapshot_index && here != Some(args.prev_log_term) {
            let first = |term| self.log.iter().position(|&t| t == term).map_or(0, |at| at + 1);
            let conflict_index = here.map_or(self.log.len() + 1, first) as Index;
            let refusal = append_reply(args.term, false);
            return AppendEntriesReply { conflict_term: here, conflict_index, ..refusal };
        }
        for (index, entry) in (prev + 1..).zip(&args.entries) {
            if self.term_at(index) != Some(entry.term) {
                self.log.truncate(index as usize - 1);
                self.log.push(entry.term);
            }
        }
        append_reply(args.term, true)
    }

    /// Figure 13, receiver 6 and 7.
    pub fn install(&mut self, args: &InstallSnapshotArgs) {
        let index = args.last_included_index;
        if self.term_at(index) != Some(args.last_included_term) {
            self.log = vec![args.last_included_term; index as usize];
        }
        self.snapshot_index = self.snapshot_index.max(index);
    }
}
