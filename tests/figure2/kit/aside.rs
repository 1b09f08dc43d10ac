//! What is asked of n0 while the test does something else: what belongs together is one critical
//! section, and here it shows whether it is.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab::labsync::{rng, thread};
use raftlab::raft::rpc::{AppendEntriesArgs, InstallSnapshotArgs, RequestVoteArgs};
use raftlab::raft::{Index, ServerId, Term};

use super::acts::send;
use super::words::{Rpc, command};
use super::{A_MOMENT, Stage};

/// The time between two questions at most.
const OFTEN_US: u64 = 500;

impl Stage {
    /// Asks n0 for its state again and again while `act` goes on: all that it has told.
    pub fn states_during(&self, act: impl FnOnce()) -> BTreeSet<(Term, bool)> {
        let (raft, over) = (self.raft.clone(), Arc::new(AtomicBool::new(false)));
        let is_over = over.clone();
        let asking = thread::spawn("asks n0 for its state", move || {
            let mut told = BTreeSet::new();
            while !is_over.load(Ordering::Relaxed) {
                told.insert(raft.clone().get_state());
                thread::sleep(Duration::from_micros(rng::random_range(0..=OFTEN_US)));
            }
            told
        });
        act();
        over.store(true, Ordering::Relaxed);
        let ground = self.ground();
        asking.join().into_iter().map(|(term, leads)| (ground.lower_term(term), leads)).collect()
    }

    /// Whether n0 has had the votes of a majority in `term`, since it was last started.
    pub fn has_won(&self, term: Term) -> bool {
        let votes = 1 + self.script.with(|state| state.granted.get(&term).map_or(0, BTreeSet::len));
        votes * 2 > self.servers
    }

    /// Calls `start()` while `act` goes on: what it has told.
    pub fn start_during(&self, text: &str, act: impl FnOnce()) -> (Index, Term, bool) {
        let (raft, value) = (self.raft.clone(), command(text));
        let starting = thread::spawn("calls start()", move || raft.start(value));
        act();
        let (index, term, leads) = starting.join();
        let (index, term) = (self.ground().lower(index), self.ground().lower_term(term));
        self.record.note(format_args!(
            "n0        start({text}), meanwhile: index {index}, term {term}, leader: {leads}"
        ));
        (index, term, leads)
    }

    /// Whether `start()` returns within a moment.
    pub fn start_returns(&self, text: &str) -> bool {
        let (raft, value) = (self.raft.clone(), command(text));
        let over = Arc::new(AtomicBool::new(false));
        let is_over = over.clone();
        self.record.note(format_args!("n0        start({text})"));
        thread::spawn("calls start()", move || {
            raft.start(value);
            is_over.store(true, Ordering::Relaxed);
        });
        self.wait(A_MOMENT * 5);
        over.load(Ordering::Relaxed)
    }

    /// Two servers send n0 an AppendEntries at once, and get their replies.
    pub fn both_append(
        &self,
        first: (ServerId, AppendEntriesArgs),
        second: (ServerId, AppendEntriesArgs),
    ) {
        self.both_send([first, second].map(|(from, args)| {
            (from, Rpc::Append(AppendEntriesArgs { leader_id: from, ..args }))
        }));
    }

    /// Two candidates ask n0 for its vote at once, and get their replies.
    pub fn both_ask(
        &self,
        first: (ServerId, RequestVoteArgs),
        second: (ServerId, RequestVoteArgs),
    ) {
        self.both_send(
            [first, second].map(|(from, args)| {
                (from, Rpc::Vote(RequestVoteArgs { candidate_id: from, ..args }))
            }),
        );
    }

    /// Two InstallSnapshots reach n0 at once, and are answered.
    pub fn both_install(
        &self,
        first: (ServerId, InstallSnapshotArgs),
        second: (ServerId, InstallSnapshotArgs),
    ) {
        self.both_send([first, second].map(|(from, args)| {
            let last = (args.last_included_index, args.last_included_term);
            self.script.with(|state| state.snapshots.insert(last));
            (from, Rpc::Install(InstallSnapshotArgs { leader_id: from, ..args }))
        }));
    }

    fn both_send(&self, rpcs: [(ServerId, Rpc); 2]) {
        let ground = self.ground();
        let sending = rpcs.map(|(from, rpc)| {
            self.says(from, &rpc);
            let (end, rpc) = (self.ends[from].clone(), ground.raise_rpc(rpc));
            thread::spawn(format!("n{from} sends to n0"), move || send(&end, &rpc))
        });
        for answered in sending {
            answered.join();
        }
        self.wait(A_MOMENT / 8);
    }
}
