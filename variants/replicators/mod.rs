//! A right Raft: a replicator thread for each peer, with pipelining.
//!
//! Structure: one `Mutex<State>` and a condition variable for each replicator; each RPC waits in a
//! thread of its own, so that a lost one holds nobody up.
//!
//! Unusual: `next_index` moves on when entries are sent, not when they are acknowledged, and up
//! to two RPCs with news are under way to each follower; new commits are told at once when
//! nothing else is under way. A refusal or a loss moves `next_index` back.
//!
//! Still right: `next_index` is a guess in Figure 2 as well; what counts is match_index, which rises
//! with acknowledgements of the very entries that were sent. A guess that is too high is refused by
//! the consistency check, and the hint brings it back.

mod core;
mod persister;
mod view;

pub mod rpc;

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
use crate::labsync::{Condvar, Instant, Mutex, thread};

pub use self::core::ApplyMsg;
pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// So many RPCs with news may be under way to a follower; heartbeats leave anyhow.
const WINDOW: usize = 2;

/// One Raft server.
pub struct Raft {
    me: ServerId,
    peers: Vec<ClientEnd>,
    state: Mutex<State>,
    applier: Condvar,
    /// One for each peer's replicator.
    news: Vec<Condvar>,
}

struct State {
    core: Core,
    flows: Vec<Flow>,
    killed: bool,
}

/// What a leader of `term` has sent to a follower.
#[derive(Clone)]
struct Flow {
    term: Term,
    under_way: usize,
    told: Index,
    heartbeat_at: Instant,
}

impl Flow {
    fn new(term: Term) -> Flow {
        Flow { term, under_way: 0, told: 0, heartbeat_at: Instant::now() }
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
        let core = Core::new(me, peers.len(), persister, Hint::Term);
        let flows = vec![Flow::new(0); peers.len()];
        let raft = Arc::new(Raft {
            me,
            state: Mutex::new(State { core, flows, killed: false }),
            applier: Condvar::new(),
            news: peers.iter().map(|_| Condvar::new()).collect(),
            peers,
        });
        for peer in (0..raft.peers.len()).filter(|&peer| peer != me) {
            let raft = raft.clone();
            thread::spawn(format!("raft-{me} replicator {peer}"), move || raft.replicate(peer));
        }
        let (ticker, applier) = (raft.clone(), raft.clone());
        thread::spawn(format!("raft-{me} ticker"), move || ticker.tick());
        thread::spawn(format!("raft-{me} applier"), move || applier.apply(&apply_ch));
        raft
    }

    /// The current term, and whether this server takes itself for its leader.
    pub fn get_state(&self) -> (Term, bool) {
        self.with(|state| (state.core.term(), state.core.role == Role::Leader))
    }

    /// Asks for agreement on `command`.
    pub fn start(&self, command: Bytes) -> (Index, Term, bool) {
        self.with(|state| {
            let taken = if state.killed { None } else { state.core.start(command) };
            let refused = (0, state.core.term(), false);
            taken.map_or(refused, |(index, term)| (index, term, true))
        })
    }

    /// Drops the log up to `index`.
    pub fn snapshot(&self, index: Index, data: Bytes) {
        self.with(|state| state.core.snapshot(index, data));
    }

    /// Ends all threads soon.
    pub fn kill(&self) {
        self.with(|state| state.killed = true);
    }

    /// One critical section; whoever waits for news looks again afterwards.
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let result = change(&mut state);
        self.applier.notify_all();
        self.news.iter().for_each(Condvar::notify_all);
        state.core.show();
        result
    }

    fn tick(self: Arc<Self>) {
        loop {
            thread::sleep(Duration::from_millis(20));
            let (killed, args) = self.with(|state| {
                let campaign = if state.killed { None } else { state.core.campaign_if_due() };
                (state.killed, campaign)
            });
            if killed {
                return;
            }
            let Some(args) = args else { continue };
            for peer in (0..self.peers.len()).filter(|&peer| peer != self.me) {
                let (raft, args) = (self.clone(), args.clone());
                thread::spawn(format!("raft-{} vote", self.me), move || {
                    let reply = raft.peers[peer].call("Raft.RequestVote", &args);
                    if let Some(reply) = reply {
                        raft.with(|state| state.core.voted(peer, args.term, &reply));
                    }
                });
            }
        }
    }

    /// The replicator of one peer.
    fn replicate(self: Arc<Self>, peer: ServerId) {
        while let Some((term, message)) = self.wait_for_news(peer) {
            let raft = self.clone();
            thread::spawn(format!("raft-{} to {peer}", self.me), move || {
                raft.send(peer, term, &message);
            });
        }
    }

    fn wait_for_news(&self, peer: ServerId) -> Option<(Term, Message)> {
        let mut state = self.state.lock();
        loop {
            if state.killed {
                return None;
            }
            if state.core.role != Role::Leader {
                state.core.show();
                self.news[peer].wait(&mut state);
                continue;
            }
            let term = state.core.term();
            if state.flows[peer].term != term {
                state.flows[peer] = Flow::new(term);
            }
            let (flow, core) = (&state.flows[peer], &state.core);
            let entries = core.next[peer] <= core.last() && flow.under_way < WINDOW;
            let commit = flow.told < core.commit && flow.under_way == 0;
            if entries || commit || Instant::now() >= flow.heartbeat_at {
                let message = state.take_message(peer);
                state.core.show();
                return Some((term, message));
            }
            let due = flow.heartbeat_at;
            state.core.show();
            self.news[peer].wait_until(&mut state, due);
        }
    }

    fn send(&self, peer: ServerId, term: Term, message: &Message) {
        let end = &self.peers[peer];
        match message {
            Message::Append(args) => {
                let reply = end.call("Raft.AppendEntries", args);
                self.with(|state| {
                    state.ended(peer, term);
                    match reply {
                        Some(reply) => state.core.appended(peer, args, &reply),
                        None => state.core.lost(peer, term),
                    }
                });
            }
            Message::Install(args) => {
                let reply = end.call("Raft.InstallSnapshot", args);
                self.with(|state| {
                    state.ended(peer, term);
                    match reply {
                        Some(reply) => state.core.installed(peer, args, &reply),
                        None => state.core.lost(peer, term),
                    }
                });
            }
        }
    }

    fn apply(self: Arc<Self>, apply_ch: &Sender<ApplyMsg>) {
        loop {
            let messages = {
                let mut state = self.state.lock();
                loop {
                    if state.killed {
                        return;
                    }
                    let messages = state.core.take_unapplied();
                    state.core.show();
                    if !messages.is_empty() {
                        break messages;
                    }
                    self.applier.wait(&mut state);
                }
            };
            for message in messages {
                if self.state.lock().killed || apply_ch.send(message).is_err() {
                    return;
                }
            }
        }
    }

    pub(super) fn request_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        self.with(|state| state.core.request_vote(args))
    }

    pub(super) fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
        self.with(|state| state.core.append_entries(args))
    }

    pub(super) fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        self.with(|state| state.core.install_snapshot(args))
    }
}

impl State {
    /// The message, after which the follower is taken to have what is in it.
    fn take_message(&mut self, peer: ServerId) -> Message {
        let message = self.core.message_for(peer);
        self.core.next[peer] = match &message {
            Message::Append(_) => self.core.last() + 1,
            Message::Install(args) => args.last_included_index + 1,
        };
        let flow = &mut self.flows[peer];
        flow.under_way += 1;
        flow.told = self.core.commit;
        flow.heartbeat_at = Instant::now() + core::HEARTBEAT;
        message
    }

    fn ended(&mut self, peer: ServerId, term: Term) {
        let flow = &mut self.flows[peer];
        if flow.term == term {
            flow.under_way -= 1;
        }
    }
}
