//! Part D: log compaction (§7, Figure 13).
//!
//! The service says when: it hands in its state up to an index, and Raft drops the log up to
//! there. A follower that needs those entries gets the snapshot instead, in one piece: `offset`
//! and `done` of Figure 13, and its steps 2 to 4, do not apply.

use super::Raft;
use super::rpc::{Index, InstallSnapshotArgs, InstallSnapshotReply, ServerId};
use super::state::{Receipt, Role, State};
use crate::labgob::Bytes;

impl Raft {
    /// The receiver of InstallSnapshot.
    pub(super) fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let mut state = self.monitor.lock();
        let reply = state.handle_install_snapshot(args);
        state.persist();
        reply
    }

    /// The sender of InstallSnapshot.
    pub(super) fn send_install(
        &self,
        peer: ServerId,
        receipt: Receipt,
        args: &InstallSnapshotArgs,
    ) {
        let reply = self.peers[peer].call::<_, InstallSnapshotReply>("Raft.InstallSnapshot", args);
        let Some(reply) = reply else { return };
        let Some(mut state) = self.monitor.relock(receipt, reply.term) else { return };
        state.snapshot_installed(peer, args);
    }
}

impl State {
    /// The service has everything up to `index` in `data` (§7).
    ///
    /// # Panics
    /// If the service has not been given the entry at `index` yet.
    pub(super) fn take_snapshot(&mut self, index: Index, data: Bytes) {
        if index <= self.log.snapshot_index() {
            return; // a later one, say from the leader, has overtaken this call
        }
        let applied = self.last_applied;
        assert!(index <= applied, "snapshot({index}), but applied up to {applied}");
        self.log.compact_to(index);
        self.snapshot = data;
    }

    /// Figure 13, InstallSnapshot RPC, receiver implementation.
    pub(super) fn handle_install_snapshot(
        &mut self,
        args: InstallSnapshotArgs,
    ) -> InstallSnapshotReply {
        // 1. An old leader is refused, and learns the newer term.
        if args.term < self.current_term {
            return InstallSnapshotReply { term: self.current_term };
        }
        self.hear_from_leader(args.term);
        // Unless it is an old one that later messages have overtaken: then all it covers is
        // committed here, and to install it would take the service back.
        if args.last_included_index > self.commit_index {
            self.install(args);
        }
        InstallSnapshotReply { term: self.current_term }
    }

    fn install(&mut self, args: InstallSnapshotArgs) {
        let (index, term) = (args.last_included_index, args.last_included_term);
        if self.log.term_at(index) == Some(term) {
            // 6. Our log has the snapshot's last entry: the entries after it stay, since we may
            //    have acknowledged them already.
            self.log.compact_to(index);
        } else {
            // 7. Otherwise the whole log goes.
            self.log.reset_to(index, term);
        }
        // 5. The snapshot replaces the earlier one. It goes to disk together with the log, in one
        //    write, before the lock is released.
        self.snapshot = args.data;
        // 8. The service takes the snapshot's state: the applier sees to it, since `last_applied`
        //    is behind the snapshot now.
        self.commit_to(index);
    }

    pub(super) fn install_args(&self) -> InstallSnapshotArgs {
        InstallSnapshotArgs {
            term: self.current_term,
            leader_id: self.me,
            last_included_index: self.log.snapshot_index(),
            last_included_term: self.log.snapshot_term(),
            data: self.snapshot.clone(),
        }
    }

    /// The follower has what the snapshot covers, from this message or from before.
    pub(super) fn snapshot_installed(&mut self, peer: ServerId, args: &InstallSnapshotArgs) {
        let Role::Leader(leader) = &mut self.role else { return };
        leader.matched(peer, args.last_included_index);
        self.advance_commit_index();
    }
}
