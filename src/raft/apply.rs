//! Part B: the applier (§5.3): the one thread that hands committed entries, and from Part D on
//! snapshots, to the service.
//!
//! One thread, because messages must leave in index order; without the lock, because the
//! service may be slow, or may call `snapshot()` before it takes the next message.

use std::sync::Arc;

use super::state::State;
use super::{ApplyMsg, Raft};
use crate::labsync::channel::Sender;

impl Raft {
    /// The applier's thread.
    pub(super) fn applier_loop(self: Arc<Raft>, apply_ch: Sender<ApplyMsg>) {
        while let Some(messages) = self.wait_for_unapplied() {
            for message in messages {
                if self.killed() || apply_ch.send(message).is_err() {
                    return;
                }
            }
        }
    }

    /// Waits until there is something to apply; `None` after `kill()`.
    fn wait_for_unapplied(&self) -> Option<Vec<ApplyMsg>> {
        let mut state = self.monitor.lock();
        loop {
            if self.killed() {
                return None;
            }
            let messages = state.take_unapplied();
            if !messages.is_empty() {
                return Some(messages);
            }
            state.wait(&self.monitor.signals().apply);
        }
    }
}

impl State {
    /// All servers: what is committed is applied, in order (§5.3). `last_applied` moves here,
    /// where the entries are taken, so that none is taken twice, whatever happens while they
    /// are sent.
    pub(super) fn take_unapplied(&mut self) -> Vec<ApplyMsg> {
        let mut messages = Vec::new();
        // A snapshot came from the leader, and its entries are gone: it is applied in their place.
        let snapshot_index = self.log.snapshot_index();
        if self.last_applied < snapshot_index {
            messages.push(ApplyMsg::Snapshot {
                index: snapshot_index,
                term: self.log.snapshot_term(),
                data: self.snapshot.clone(),
            });
            self.last_applied = snapshot_index;
        }
        let unapplied = self.last_applied + 1..=self.commit_index;
        for (index, entry) in unapplied.clone().zip(self.log.entries(unapplied)) {
            messages.push(ApplyMsg::Command { index, command: entry.command });
        }
        self.last_applied = self.commit_index;
        messages
    }
}
