//! What the scripted servers answer n0, and what has become of their logs.

use raftlab::raft::rpc::AppendEntriesReply;
use raftlab::raft::{Index, ServerId, Term};

use super::rules::{FOLLOWERS_REPAIRED, SNAPSHOT_SENT};
use super::words::{Reply, Rpc, no, yes};
use super::{A_MOMENT, Held, Manner, PATIENCE, Stage};

/// So often a follower with an empty log refuses what n0 sends, until it must get the snapshot.
const MOST_REFUSALS: usize = 30;

impl Stage {
    /// The server says yes to what n0 asked: the vote is granted, the entries are taken.
    pub fn says_yes(&self, held: &Held) {
        self.script.answer(held.id, yes(&held.rpc, held.rpc.term()));
    }

    /// The server says no, since it is in a later `term`.
    pub fn says_no(&self, held: &Held, term: Term) {
        self.script.answer(held.id, no(&held.rpc, term));
    }

    /// The server says no to an AppendEntries: its log ends before `conflict_index`.
    pub fn says_mismatch(&self, held: &Held, conflict_index: Index) {
        let refusal = super::words::append_reply(held.rpc.term(), false);
        let reply = AppendEntriesReply { conflict_index, ..refusal };
        self.script.answer(held.id, Reply::Append(reply));
    }

    /// The server refuses what n0 asks, as one with an empty log does, until n0 sends its
    /// snapshot.
    #[track_caller]
    pub fn asks_for_snapshot(&self, peer: ServerId) -> Held {
        self.asks_for_snapshot_since(0, peer)
    }

    /// The same, with what n0 has sent since `mark`.
    #[track_caller]
    pub fn asks_for_snapshot_since(&self, mut mark: usize, peer: ServerId) -> Held {
        for _ in 0..MOST_REFUSALS {
            let held = self.next(mark, peer, "its snapshot, at last", Rpc::is_leaders);
            if let Rpc::Install(_) = held.rpc {
                return held;
            }
            mark = held.id + 1;
            self.says_mismatch(&held, 1);
        }
        self.fail_step(
            SNAPSHOT_SENT,
            format_args!("n0 sends n{peer} its snapshot"),
            format_args!("{MOST_REFUSALS} other requests, all refused as by an empty log"),
        )
    }

    /// The requests to `peer` that wait for a reply are lost.
    pub fn lose(&self, peer: ServerId) {
        let end = super::end_name(peer, self.instance);
        self.network.enable(&end, false);
        self.script.lost(peer);
        self.network.enable(&end, true);
    }

    /// From now on `peer` takes all that a leader sends.
    pub fn obey(&self, peer: ServerId) {
        self.behave(peer, Manner::Obeys);
    }

    /// From now on `peer` treats what a leader sends like this; what it has kept, it keeps.
    pub fn behave(&self, peer: ServerId, manner: Manner) {
        self.script.with(|state| state.manners[peer] = manner);
    }

    /// The log of a server that follows ([`Manner::Follows`]).
    pub fn log_of(&self, peer: ServerId) -> Vec<Term> {
        self.script.with(|state| match &state.manners[peer] {
            Manner::Follows(follower) => follower.log.clone(),
            _ => Vec::new(),
        })
    }

    /// Waits until a server that follows has a log of these terms.
    #[track_caller]
    pub fn wait_for_log(&self, peer: ServerId, log: &[Term]) {
        let deadline = super::now() + PATIENCE;
        while self.log_of(peer) != log {
            if super::now() >= deadline {
                let expected = format!("n{peer} gets the log {log:?}");
                let happened = format!("after {PATIENCE:?} it has {:?}", self.log_of(peer));
                self.fail_step(FOLLOWERS_REPAIRED, expected, happened);
            }
            self.wait(A_MOMENT / 2);
        }
    }
}
