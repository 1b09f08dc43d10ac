//! A right Raft with a choice: what the paper and the lab leave open is decided otherwise than
//! usual. Several variants are this file, with a `choice.rs` of their own that says what, and why
//! it is right.
//!
//! Structure: one `Mutex<State>` with a guard that shows the View; a ticker, an applier, and a
//! thread for each RPC.

mod choice;
mod core;
mod open;
mod persister;
mod view;

pub mod rpc;

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use self::choice::CHOICE;
use self::core::{Core, Hint, Message, Role};
use self::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::labgob::Bytes;
use crate::labrpc::ClientEnd;
use crate::labsync::channel::Sender;
use crate::labsync::{self, Condvar, Instant, Mutex, MutexGuard, rng, thread};

pub use self::core::ApplyMsg;
pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// One Raft server.
pub struct Raft {
    me: ServerId,
    peers: Vec<ClientEnd>,
    state: Mutex<State>,
    /// There may be something to apply, or the server was killed.
    applier: Condvar,
    /// The service has taken a message, or the server was killed.
    taken: Condvar,
}

struct State {
    core: Core,
    heartbeat_at: Instant,
    ask_at: Option<(Instant, RequestVoteArgs)>,
    /// Who has answered in this campaign.
    answered: BTreeSet<ServerId>,
    /// When each server has last answered its leader.
    heard: Vec<Instant>,
    /// So many RPCs are under way to each server.
    under_way: Vec<usize>,
    /// How far to go back at the next refusal.
    step: Vec<Index>,
    /// The highest leaderCommit heard of.
    commit_heard: Index,
    /// Up to where the log is that of the leader of this term.
    met: (Term, Index),
    /// The last index that the service has taken.
    delivered: Index,
    /// The last entries are not on disk, and were sent to nobody.
    has_unsaved: bool,
    killed: bool,
}

struct Guard<'a>(MutexGuard<'a, State>);

impl Deref for Guard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.0
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if !labsync::unwinding() {
            self.show();
        }
    }
}

impl State {
    fn show(&self) {
        if CHOICE.shows {
            self.core.show();
        }
    }

    /// Saves again what is saved already.
    fn save_again(&self) {
        if CHOICE.saves_often {
            self.core.save();
        }
    }
}

impl Raft {
    /// Starts a server and returns at once.
    pub fn make(
        peers: Vec<ClientEnd>,
        me: ServerId,
        persister: Arc<Persister>,
        apply_ch: Sender<ApplyMsg>,
    ) -> Arc<Raft> {
        let (servers, now) = (peers.len(), Instant::now());
        let mut core = Core::new(me, servers, persister, Hint::Term);
        let delivered = core.commit; // its snapshot
        if CHOICE.keeps_commit {
            core.recall_commit();
        }
        let state = State {
            heartbeat_at: now,
            ask_at: None,
            answered: BTreeSet::new(),
            heard: vec![now; servers],
            under_way: vec![0; servers],
            step: vec![1; servers],
            commit_heard: 0,
            met: (0, 0),
            delivered,
            has_unsaved: false,
            killed: false,
            core,
        };
        let signal = Condvar::new;
        let (state, applier, taken) = (Mutex::new(state), signal(), signal());
        let raft = Arc::new(Raft { me, peers, state, applier, taken });
        let (ticker, applier) = (raft.clone(), raft.clone());
        thread::spawn(format!("raft-{me} ticker"), move || ticker.tick());
        thread::spawn(format!("raft-{me} applier"), move || applier.apply(&apply_ch));
        raft
    }

    /// The current term, and whether this server takes itself for its leader.
    pub fn get_state(&self) -> (Term, bool) {
        let state = self.lock();
        (state.core.term(), state.core.role == Role::Leader)
    }

    /// Asks for agreement on `command`.
    pub fn start(self: Arc<Self>, command: Bytes) -> (Index, Term, bool) {
        let mut state = self.lock();
        if state.killed {
            return (0, state.core.term(), false);
        }
        // Whoever is alone sends to nobody.
        let saves_later = CHOICE.saves_when_sending && self.peers.len() > 1;
        let taken = match saves_later && state.core.role == Role::Leader {
            true => Some(state.core.take_command(command)),
            false => state.core.start(command),
        };
        let Some((index, term)) = taken else { return (0, state.core.term(), false) };
        state.has_unsaved |= saves_later;
        self.go_on(&mut state);
        (index, term, true)
    }

    /// Drops the log up to `index`.
    pub fn snapshot(&self, index: Index, data: Bytes) {
        self.lock().core.snapshot(index, data);
    }

    /// Ends all threads soon.
    pub fn kill(&self) {
        self.lock().killed = true;
        for signal in [&self.applier, &self.taken] {
            signal.notify_all();
        }
    }

    fn lock(&self) -> Guard<'_> {
        Guard(self.state.lock())
    }

    fn tick(self: Arc<Self>) {
        loop {
            {
                let mut state = self.lock();
                if state.killed {
                    return;
                }
                let now = Instant::now();
                self.check_quorum(&mut state, now);
                if state.core.role == Role::Leader && now >= state.heartbeat_at {
                    self.send_to_all(&mut state);
                } else if let Some(args) = state.core.campaign_if_due() {
                    state.answered.clear();
                    self.ask_all(&mut state, args);
                    self.lead_if_elected(&mut state);
                } else {
                    self.ask_again(&mut state, now);
                }
            }
            thread::sleep(Duration::from_millis(12));
        }
    }

    fn check_quorum(&self, state: &mut State, now: Instant) {
        let Some(limit) = CHOICE.quorum else { return };
        let heard = state.core.peers().filter(|&peer| state.heard[peer] + limit >= now).count();
        if state.core.role == Role::Leader && heard + 1 <= self.peers.len() / 2 {
            state.core.follow();
        }
    }

    fn ask_again(self: &Arc<Self>, state: &mut State, now: Instant) {
        if state.core.role != Role::Candidate {
            return;
        }
        if let Some((at, args)) = state.ask_at.clone()
            && now >= at
            && args.term == state.core.term()
        {
            self.ask_all(state, args);
        }
    }

    fn ask_all(self: &Arc<Self>, state: &mut State, args: RequestVoteArgs) {
        for peer in state.core.peers().filter(|peer| !state.answered.contains(peer)) {
            let (raft, args) = (self.clone(), args.clone());
            thread::spawn(format!("raft-{} vote", self.me), move || raft.ask(peer, &args));
        }
        state.ask_at = CHOICE.ask_again.map(|wait| (Instant::now() + wait, args));
    }

    fn ask(self: Arc<Self>, peer: ServerId, args: &RequestVoteArgs) {
        let Some(reply) = self.peers[peer].call("Raft.RequestVote", args) else { return };
        let mut state = self.lock();
        if args.term == state.core.term() {
            state.answered.insert(peer);
        }
        if state.core.voted(peer, args.term, &reply) {
            self.lead_if_elected(&mut state);
        }
    }

    fn lead_if_elected(self: &Arc<Self>, state: &mut State) {
        if state.core.role == Role::Leader {
            state.heard = vec![Instant::now(); self.peers.len()];
            state.step = vec![1; self.peers.len()];
            self.send_to_all(state);
        }
    }

    fn send_to_all(self: &Arc<Self>, state: &mut State) {
        let interval = Duration::from_millis(rng::random_range(CHOICE.heartbeat_ms));
        state.heartbeat_at = Instant::now() + interval;
        for peer in state.core.peers() {
            self.send_to(state, peer);
        }
    }

    fn send_to(self: &Arc<Self>, state: &mut State, peer: ServerId) {
        state.under_way[peer] += 1;
        if std::mem::take(&mut state.has_unsaved) {
            state.core.save();
        }
        let mut message = state.core.message_for(peer);
        if let Message::Append(args) = &mut message {
            args.entries.truncate(CHOICE.entries);
            if CHOICE.told_to_match {
                args.leader_commit = args.leader_commit.min(state.core.matched[peer]);
            }
        }
        let raft = self.clone();
        thread::spawn(format!("raft-{} to {peer}", self.me), move || raft.call(peer, &message));
    }

    fn call(self: Arc<Self>, peer: ServerId, message: &Message) {
        let end = &self.peers[peer];
        match message {
            Message::Append(args) => {
                let reply: Option<AppendEntriesReply> = end.call("Raft.AppendEntries", args);
                let mut state = self.lock();
                state.under_way[peer] -= 1;
                let Some(mut reply) = reply else { return };
                self.heard_from(&mut state, peer, args.term);
                if !CHOICE.hints && !reply.success && reply.term == args.term {
                    // Whatever it says: further and further back.
                    let back = args.prev_log_index + 1;
                    reply.conflict_term = None;
                    reply.conflict_index = back.saturating_sub(state.step[peer]).max(1);
                    state.step[peer] = state.step[peer].saturating_mul(2);
                }
                if reply.success {
                    state.step[peer] = 1;
                }
                state.core.appended(peer, args, &reply);
                let counts = !reply.success && args.term == state.core.term();
                if CHOICE.snapshot_when_refused && counts {
                    state.core.send_snapshot_next(peer);
                }
                self.go_on(&mut state);
            }
            Message::Install(args) => {
                let reply = end.call("Raft.InstallSnapshot", args);
                let mut state = self.lock();
                state.under_way[peer] -= 1;
                let Some(reply) = reply else { return };
                self.heard_from(&mut state, peer, args.term);
                state.core.installed(peer, args, &reply);
                self.go_on(&mut state);
            }
        }
    }

    fn heard_from(&self, state: &mut State, peer: ServerId, term: Term) {
        if term == state.core.term() {
            state.heard[peer] = Instant::now();
        }
    }

    /// Something has changed: there may be something to apply, or to send.
    fn go_on(self: &Arc<Self>, state: &mut State) {
        self.applier.notify_all();
        if state.core.role != Role::Leader {
            return;
        }
        for peer in state.core.peers() {
            if state.under_way[peer] == 0 && state.core.next[peer] <= state.core.last() {
                self.send_to(state, peer);
            }
        }
    }

    fn apply(self: Arc<Self>, apply_ch: &Sender<ApplyMsg>) {
        loop {
            let messages = {
                let mut state = self.lock();
                loop {
                    if state.killed {
                        return;
                    }
                    let most = if CHOICE.one_at_a_time { 1 } else { usize::MAX };
                    let messages = state.core.take(most);
                    if !messages.is_empty() {
                        break messages;
                    }
                    state.show();
                    self.applier.wait(&mut state.0);
                }
            };
            for message in messages {
                let (ApplyMsg::Command { index, .. } | ApplyMsg::Snapshot { index, .. }) = message;
                if self.lock().killed || apply_ch.send(message).is_err() {
                    return;
                }
                self.lock().delivered = index;
                self.taken.notify_all();
            }
        }
    }

    /// A reply is on its way.
    fn dawdle(&self) {
        if CHOICE.answers_late_ms > 0 {
            let late = rng::random_range(0..CHOICE.answers_late_ms * 1000);
            thread::sleep(Duration::from_micros(late));
        }
    }

    pub(super) fn request_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        let reply = {
            let mut state = self.lock();
            let lacks = CHOICE.refuses_who_lacks && args.last_log_index < state.core.commit;
            let reply = match lacks {
                // As one without a log: a vote for it would be for nothing.
                true => state.core.request_vote(&RequestVoteArgs {
                    last_log_index: 0,
                    last_log_term: 0,
                    ..args.clone()
                }),
                false => state.core.request_vote(args),
            };
            state.save_again();
            reply
        };
        self.dawdle();
        reply
    }

    pub(super) fn append_entries(&self, mut args: AppendEntriesArgs) -> AppendEntriesReply {
        let reply = {
            let mut state = self.lock();
            if CHOICE.remembers_commit && args.term >= state.core.term() {
                state.commit_heard = state.commit_heard.max(args.leader_commit);
                args.leader_commit = state.commit_heard;
            }
            state.save_again();
            let (asked, prev, prev_term) = (args.term, args.prev_log_index, args.prev_log_term);
            let leader = args.leader_id;
            let inside = CHOICE.refuses_in_snapshot && prev > 0 && state.core.covers(prev);
            if inside {
                (args.prev_log_index, args.entries) = (Index::MAX, Vec::new()); // nobody has it
            }
            let (told, last) = (args.leader_commit, prev + args.entries.len() as Index);
            let mut reply = state.core.append_entries(args);
            if inside {
                (reply.conflict_term, reply.conflict_index) = (None, 0);
            }
            if CHOICE.commits_at_refusal && reply.term == asked {
                let met = if state.met.0 == asked { state.met.1 } else { 0 };
                if reply.success {
                    state.met = (asked, met.max(last));
                } else {
                    state.core.commit = state.core.commit.max(told.min(met));
                }
            }
            if CHOICE.drops_at_refusal && !reply.success && reply.term == asked {
                state.core.drop_conflict(prev, prev_term);
            }
            if CHOICE.notes_the_leader {
                state.core.note_leader(leader, asked);
            }
            state.save_again();
            if !CHOICE.hints {
                (reply.conflict_term, reply.conflict_index) = (None, 0);
            }
            self.applier.notify_all();
            reply
        };
        self.dawdle();
        reply
    }

    pub(super) fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let (index, leader, asked) = (args.last_included_index, args.leader_id, args.term);
        let mut state = self.lock();
        let reply = state.core.install_snapshot(args);
        if CHOICE.repeats_snapshot {
            state.core.repeat_snapshot(index);
        }
        if CHOICE.notes_the_leader {
            state.core.note_leader(leader, asked);
        }
        state.save_again();
        self.applier.notify_all();
        if let Some(wait) = CHOICE.install_waits {
            let deadline = Instant::now() + wait;
            while !state.killed
                && state.delivered < index.min(state.core.commit)
                && Instant::now() < deadline
            {
                state.show();
                self.taken.wait_until(&mut state.0, deadline);
            }
        }
        reply
    }
}
