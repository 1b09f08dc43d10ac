//! Part B: log replication (§5.3): the followers' side.

use super::Raft;
use super::rpc::{AppendEntriesArgs, AppendEntriesReply, Entry, Index, Term};
use super::state::State;

impl Raft {
    /// The receiver of AppendEntries.
    pub(super) fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
        let mut state = self.monitor.lock();
        let reply = state.handle_append_entries(args);
        state.persist();
        reply
    }
}

impl State {
    /// Figure 2, AppendEntries RPC, receiver implementation.
    pub(super) fn handle_append_entries(&mut self, args: AppendEntriesArgs) -> AppendEntriesReply {
        // 1. An old leader is refused, and learns the newer term (§5.1).
        if args.term < self.current_term {
            return self.append_reply(false);
        }
        self.hear_from_leader(args.term);
        // 2. Refuse unless our log has the entry that precedes the new ones, with the same term
        //    (§5.3). Heartbeats as well: their success counts as a match.
        if !self.log_matches(&args) {
            return self.mismatch_reply(args.prev_log_index);
        }
        let last_new_entry = args.prev_log_index + args.entries.len() as Index;
        for (index, entry) in (args.prev_log_index + 1..).zip(args.entries) {
            self.store_entry(index, entry);
        }
        // 5. Commit what the leader has committed, up to the last new entry. Not up to our own
        //    last entry: what follows the new ones may be an old leader's.
        let commit_index = args.leader_commit.min(last_new_entry);
        if commit_index > self.commit_index {
            self.commit_to(commit_index);
        }
        self.append_reply(true)
    }

    /// Followers and candidates: the current leader has sent an RPC. A candidate becomes a follower,
    /// and the election timer starts anew (§5.2). Leaders of older terms have been refused before.
    pub(super) fn hear_from_leader(&mut self, term: Term) {
        self.observe_term(term);
        assert!(!self.is_leader(), "n{} hears from another leader of term {term}", self.me);
        self.become_follower();
        self.reset_election_timer();
    }

    fn log_matches(&self, args: &AppendEntriesArgs) -> bool {
        // Inside the snapshot everything is committed, and so the same in the leader's log.
        args.prev_log_index < self.log.snapshot_index()
            || self.log.term_at(args.prev_log_index) == Some(args.prev_log_term)
    }

    fn store_entry(&mut self, index: Index, entry: Entry) {
        if index <= self.log.snapshot_index() || self.log.term_at(index) == Some(entry.term) {
            // Here already. What follows stays: this may be an old message that was overtaken.
            return;
        }
        // 3. Another term at the same index: our entry goes, and all that follow it (§5.3).
        if index <= self.log.last_index() {
            let committed = self.commit_index;
            assert!(index > committed, "deletes entry {index}, committed up to {committed}");
            self.log.truncate_from(index);
        }
        // 4. Append the entries that we do not have.
        self.log.append(entry);
    }

    fn append_reply(&self, success: bool) -> AppendEntriesReply {
        AppendEntriesReply {
            term: self.current_term,
            success,
            conflict_term: None,
            conflict_index: 0,
        }
    }

    /// "No" to a leader whose entry at `prev_log_index` is not ours, with what it takes to skip
    /// all our entries of the conflicting term at once (§5.3, the optimization).
    fn mismatch_reply(&self, prev_log_index: Index) -> AppendEntriesReply {
        let conflict_term = self.log.term_at(prev_log_index);
        let conflict_index = match conflict_term {
            Some(term) => self.log.first_index_of_term(term, prev_log_index),
            None => self.log.last_index() + 1,
        };
        AppendEntriesReply { conflict_term, conflict_index, ..self.append_reply(false) }
    }
}
