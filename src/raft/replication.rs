//! Part B: log replication (§5.3, §5.4.2): the leader's side. The followers' is in `append.rs`.
//!
//! When a message goes is not the paper's: see `pacing.rs`, and `replicator.rs` for the thread.

use super::Raft;
use super::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, Index, InstallSnapshotArgs, ServerId,
};
use super::state::{Receipt, Role, State};
use crate::labgob::Bytes;
use crate::labsync::Instant;

/// What a leader has to tell a follower.
pub(super) enum Content {
    Append(AppendEntriesArgs),
    Install(InstallSnapshotArgs),
}

impl Raft {
    /// The sender of AppendEntries.
    pub(super) fn send_append(&self, peer: ServerId, receipt: Receipt, args: &AppendEntriesArgs) {
        let reply = self.peers[peer].call::<_, AppendEntriesReply>("Raft.AppendEntries", args);
        let Some(reply) = reply else { return };
        let Some(mut state) = self.monitor.relock(receipt, reply.term) else { return };
        if reply.success {
            state.append_accepted(peer, args);
        } else {
            state.append_rejected(peer, args, &reply);
        }
    }
}

impl State {
    /// Leaders: a client's command becomes an entry of the local log (§5.3). The replicator
    /// sends it, and [`State::advance_commit_index`] counts its copies.
    pub(super) fn append_command(&mut self, command: Bytes) -> Index {
        let index = self.log.append(Entry { term: self.current_term, command });
        self.advance_commit_index(); // a cluster of one has its majority already
        self.signals.replicate.notify_one();
        index
    }

    /// Leaders: a follower gets the entries from its `next_index` on (§5.3), or the snapshot if
    /// they are no longer in the log (§7).
    pub(super) fn content_for(&self, next_index: Index, repeats: bool) -> Content {
        let snapshot_index = self.log.snapshot_index();
        if next_index > snapshot_index {
            return Content::Append(
                self.append_args(next_index, self.log.entries_from(next_index)),
            );
        }
        if repeats {
            // A snapshot is large: it is not sent again before the follower answers. This
            // heartbeat asks whether it is there, and whether it has the snapshot.
            return Content::Append(self.append_args(snapshot_index + 1, Vec::new()));
        }
        Content::Install(self.install_args())
    }

    fn append_args(&self, next_index: Index, entries: Vec<Entry>) -> AppendEntriesArgs {
        let prev_log_index = next_index - 1;
        let prev_log_term = self.log.term_at(prev_log_index);
        AppendEntriesArgs {
            term: self.current_term,
            leader_id: self.me,
            prev_log_index,
            prev_log_term: prev_log_term.expect("next_index lies behind the snapshot"),
            entries,
            leader_commit: self.commit_index,
        }
    }

    /// Leaders: after a success, the follower's `next_index` and `match_index` rise (§5.3).
    ///
    /// The match is what the request said, not what the log holds now: entries that were added
    /// since then were not in it.
    pub(super) fn append_accepted(&mut self, peer: ServerId, args: &AppendEntriesArgs) {
        let Role::Leader(leader) = &mut self.role else { return };
        leader.matched(peer, args.prev_log_index + args.entries.len() as Index);
        let told = &mut leader.pace[peer].commit_told;
        *told = args.leader_commit.max(*told);
        self.advance_commit_index();
    }

    /// Leaders: where the logs differ, try again from further back (§5.3), by a whole term at a
    /// time.
    pub(super) fn append_rejected(
        &mut self,
        peer: ServerId,
        args: &AppendEntriesArgs,
        reply: &AppendEntriesReply,
    ) {
        // Entries of the follower's conflicting term that we hold as well may match: go on
        // behind the last of them. Only before prev_log_index: from there on nothing matches.
        let ours = reply
            .conflict_term
            .and_then(|term| self.log.last_index_of_term(term, args.prev_log_index));
        let hint = ours.map_or(reply.conflict_index, |index| index + 1);
        let Role::Leader(leader) = &mut self.role else { return };
        leader.back_up(peer, hint);
    }

    /// Leaders: an entry N of the own term that a majority has (by `match_index`) is committed,
    /// and all before it (§5.3, §5.4).
    pub(super) fn advance_commit_index(&mut self) {
        let Role::Leader(leader) = &mut self.role else { return };
        let mut matched = leader.match_index.clone();
        matched[self.me] = self.log.last_index();
        matched.sort_unstable_by(|a, b| b.cmp(a));
        // The highest N that a majority has reached: counted from the top, more than half.
        let n = matched[self.servers / 2];
        // An entry of an earlier term could still be overwritten although a majority has it
        // (Figure 8); it commits along with the first one of our own term.
        if n > self.commit_index && self.log.term_at(n) == Some(self.current_term) {
            leader.committed_at = Instant::now();
            self.commit_to(n);
            self.signals.replicate.notify_one();
        }
    }
}
