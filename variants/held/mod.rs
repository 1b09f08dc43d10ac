//! A right Raft: RPC threads are spawned under the lock, and the lock is held long after that.
//!
//! Structure: one `Mutex<Core>` with a guard that shows the View; a ticker, an applier, and a
//! thread for each RPC.
//!
//! Unusual: between the spawning of the RPC threads and the release of the lock, other locks are
//! taken and released, so that the RPC may be delivered, handled and answered before the
//! sender's state is shown for the first time. A candidate asks itself for its vote as well,
//! through its own end. A new commit is told at once, if nothing is under way to that follower.
//!
//! Still right: the state is saved before the threads are spawned; the reply's thread waits for
//! the lock. The own vote is cast and saved by the campaign; its repetition is granted to the same
//! candidate (RequestVote, receiver 2), and votes are a set.

mod core;
mod persister;
mod view;

pub mod rpc;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use self::core::{Core, Hint, Message, Role};
use self::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::labgob::Bytes;
use crate::labrpc::ClientEnd;
use crate::labsync::channel::Sender;
use crate::labsync::{self, Condvar, Instant, Mutex, MutexGuard, thread};

pub use self::core::ApplyMsg;
pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// One Raft server.
pub struct Raft {
    me: ServerId,
    peers: Vec<ClientEnd>,
    state: Mutex<State>,
    statistics: Mutex<[u64; 3]>,
    applier: Condvar,
}

/// So many messages to a follower may be unanswered when a command is sent at once.
const MOST_UNDER_WAY: usize = 3;
/// Two commits are told at once if they are so far apart.
const BURST: Duration = Duration::from_millis(1);

struct State {
    core: Core,
    heartbeat_at: Instant,
    /// So many RPCs are under way to each server.
    under_way: Vec<usize>,
    /// The highest commit that each was told in an RPC.
    told: Vec<Index>,
    /// The last entry that each was sent.
    sent: Vec<Index>,
    /// When each was told a commit that came with no entry.
    told_at: Vec<Instant>,
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
            self.0.core.show();
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
        let state = State {
            core: Core::new(me, peers.len(), persister, Hint::Term),
            heartbeat_at: Instant::now(),
            under_way: vec![0; peers.len()],
            told: vec![0; peers.len()],
            sent: vec![0; peers.len()],
            told_at: vec![Instant::now(); peers.len()],
            killed: false,
        };
        let (state, statistics, applier) = (Mutex::new(state), Mutex::new([0; 3]), Condvar::new());
        let raft = Arc::new(Raft { me, peers, state, statistics, applier });
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
            return (0, 0, false);
        }
        let Some((index, term)) = state.core.start(command) else { return (0, 0, false) };
        for peer in state.core.peers() {
            // The lab counts RPCs: more commands travel with the next reply.
            if state.under_way[peer] < MOST_UNDER_WAY {
                self.send_to(&mut state, peer);
            }
        }
        self.note_new_commit(&mut state);
        (index, term, true)
    }

    /// Drops the log up to `index`.
    pub fn snapshot(&self, index: Index, data: Bytes) {
        self.lock().core.snapshot(index, data);
    }

    /// Ends all threads soon.
    pub fn kill(&self) {
        self.lock().killed = true;
        self.applier.notify_all();
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
                if state.core.role == Role::Leader && Instant::now() >= state.heartbeat_at {
                    self.send_to_all(&mut state);
                } else if let Some(args) = state.core.campaign_if_due() {
                    self.ask_all(&args);
                }
            }
            thread::sleep(Duration::from_millis(15));
        }
    }

    /// Still under the lock: the RPCs may be there and back before it is released.
    fn dawdle(&self, kind: usize) {
        for _ in 0..20 {
            self.statistics.lock()[kind] += 1;
        }
    }

    fn ask_all(self: &Arc<Self>, args: &RequestVoteArgs) {
        for peer in 0..self.peers.len() {
            let (raft, args) = (self.clone(), args.clone());
            thread::spawn(format!("raft-{} vote", self.me), move || raft.ask(peer, &args));
        }
        self.dawdle(0);
    }

    fn ask(self: Arc<Self>, peer: ServerId, args: &RequestVoteArgs) {
        let Some(reply) = self.peers[peer].call("Raft.RequestVote", args) else { return };
        let mut state = self.lock();
        if state.core.voted(peer, args.term, &reply) {
            state.told = vec![0; self.peers.len()];
            state.sent = state.told.clone();
            self.send_to_all(&mut state);
        }
    }

    fn send_to_all(self: &Arc<Self>, state: &mut State) {
        state.heartbeat_at = Instant::now() + core::HEARTBEAT;
        for peer in state.core.peers() {
            self.send_to(state, peer);
        }
    }

    fn send_to(self: &Arc<Self>, state: &mut State, peer: ServerId) {
        state.under_way[peer] += 1;
        state.told[peer] = state.core.commit;
        state.sent[peer] = state.core.last();
        let (raft, message) = (self.clone(), state.core.message_for(peer));
        thread::spawn(format!("raft-{} to {peer}", self.me), move || raft.call(peer, &message));
        self.dawdle(1);
    }

    fn call(self: Arc<Self>, peer: ServerId, message: &Message) {
        let end = &self.peers[peer];
        match message {
            Message::Append(args) => {
                let reply = end.call("Raft.AppendEntries", args);
                let mut state = self.lock();
                state.under_way[peer] -= 1;
                let Some(reply) = reply else { return };
                state.core.appended(peer, args, &reply);
                self.note_new_commit(&mut state);
            }
            Message::Install(args) => {
                let reply = end.call("Raft.InstallSnapshot", args);
                let mut state = self.lock();
                state.under_way[peer] -= 1;
                let Some(reply) = reply else { return };
                state.core.installed(peer, args, &reply);
                self.note_new_commit(&mut state);
            }
        }
    }

    fn note_new_commit(self: &Arc<Self>, state: &mut State) {
        self.applier.notify_all();
        if state.core.role != Role::Leader {
            return;
        }
        for peer in state.core.peers() {
            if state.under_way[peer] > 0 {
                continue;
            }
            // The lab counts RPCs: in a burst of commands the next one carries the commit.
            let is_burst = state.told_at[peer].elapsed() < BURST;
            let commit = state.told[peer] < state.core.commit && !is_burst;
            if commit || state.sent[peer] < state.core.last() {
                state.told_at[peer] = Instant::now();
                self.send_to(state, peer);
            }
        }
        self.dawdle(2);
    }

    fn apply(self: Arc<Self>, apply_ch: &Sender<ApplyMsg>) {
        loop {
            let messages = {
                let mut state = self.lock();
                loop {
                    if state.killed {
                        return;
                    }
                    let messages = state.core.take_unapplied();
                    if !messages.is_empty() {
                        break messages;
                    }
                    state.core.show();
                    self.applier.wait(&mut state.0);
                }
            };
            for message in messages {
                if self.lock().killed || apply_ch.send(message).is_err() {
                    return;
                }
            }
        }
    }

    pub(super) fn request_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        self.lock().core.request_vote(args)
    }

    pub(super) fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
        let reply = self.lock().core.append_entries(args);
        self.applier.notify_all();
        reply
    }

    pub(super) fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let reply = self.lock().core.install_snapshot(args);
        self.applier.notify_all();
        reply
    }
}
