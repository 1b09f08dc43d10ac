//! A right Raft: decide under the lock, act behind it.
//!
//! Structure: each critical section returns what is to be done, a list of effects; the thread that
//! was in it does them after it has released the lock: it spawns the RPC threads and wakes the
//! applier.
//!
//! Unusual: effects of two critical sections may be done in another order than they were decided.
//! `snapshot()` hands over and returns; a thread of its own compacts the log and saves it
//! later. Refusals carry no term: they say "from behind my commit on". Commits are told at once.
//! A refused `start()` returns the current term.
//!
//! Still right: each effect carries a copy of its arguments, and the network reorders anyhow. Until
//! the snapshot is saved, the log that it replaces is there. What lies up to a server's commit is
//! the same in every later leader's log, so a leader that goes on behind it skips nothing.

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
use crate::labsync::channel::{self, Sender};
use crate::labsync::{Condvar, Instant, Mutex, thread};

pub use self::core::ApplyMsg;
pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// One Raft server.
pub struct Raft {
    me: ServerId,
    peers: Vec<ClientEnd>,
    state: Mutex<State>,
    applier: Condvar,
    /// Snapshots on their way to the saver.
    snapshots: Mutex<Option<Sender<(Index, Bytes)>>>,
}

struct State {
    core: Core,
    heartbeat_at: Instant,
    told: Index,
    killed: bool,
}

enum Effect {
    Ask(ServerId, RequestVoteArgs),
    Send(ServerId, Message),
}

impl State {
    /// What everybody must hear, if there is anything new since the last time.
    fn news(&mut self, always: bool) -> Vec<Effect> {
        let due = always || self.told < self.core.commit;
        if self.killed || self.core.role != Role::Leader || !due {
            return Vec::new();
        }
        self.heartbeat_at = Instant::now() + core::HEARTBEAT;
        self.told = self.core.commit;
        let message = |peer| Effect::Send(peer, self.core.message_for(peer));
        self.core.peers().map(message).collect()
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
        let core = Core::new(me, peers.len(), persister, Hint::Committed);
        let state = State { core, heartbeat_at: Instant::now(), told: 0, killed: false };
        let (snapshots, to_save) = channel::unbounded();
        let raft = Arc::new(Raft {
            me,
            peers,
            state: Mutex::new(state),
            applier: Condvar::new(),
            snapshots: Mutex::new(Some(snapshots)),
        });
        let (ticker, applier, saver) = (raft.clone(), raft.clone(), raft.clone());
        thread::spawn(format!("raft-{me} ticker"), move || ticker.tick());
        thread::spawn(format!("raft-{me} applier"), move || applier.apply(&apply_ch));
        thread::spawn(format!("raft-{me} saver"), move || {
            while let Ok((index, data)) = to_save.recv() {
                saver.step(|state| (state.core.snapshot(index, data), Vec::new()));
            }
        });
        raft
    }

    /// The current term, and whether this server takes itself for its leader.
    pub fn get_state(&self) -> (Term, bool) {
        let state = self.state.lock();
        (state.core.term(), state.core.role == Role::Leader)
    }

    /// Asks for agreement on `command`.
    pub fn start(self: &Arc<Self>, command: Bytes) -> (Index, Term, bool) {
        self.step(|state| {
            let taken = if state.killed { None } else { state.core.start(command) };
            match taken {
                Some((index, term)) => ((index, term, true), state.news(true)),
                None => ((0, state.core.term(), false), Vec::new()),
            }
        })
    }

    /// Drops the log up to `index`, soon.
    pub fn snapshot(&self, index: Index, data: Bytes) {
        let snapshots = self.snapshots.lock().clone();
        if let Some(snapshots) = snapshots {
            let _ = snapshots.send((index, data));
        }
    }

    /// Ends all threads soon.
    pub fn kill(&self) {
        self.state.lock().killed = true;
        self.applier.notify_all();
        drop(self.snapshots.lock().take());
    }

    /// A critical section, and then what follows from it.
    fn step<T>(self: &Arc<Self>, decide: impl FnOnce(&mut State) -> (T, Vec<Effect>)) -> T {
        let (result, effects) = {
            let mut state = self.state.lock();
            let decided = decide(&mut state);
            state.core.show();
            decided
        };
        self.applier.notify_all();
        for effect in effects {
            let raft = self.clone();
            thread::spawn(format!("raft-{} effect", self.me), move || raft.act(effect));
        }
        result
    }

    fn tick(self: Arc<Self>) {
        loop {
            thread::sleep(Duration::from_millis(10));
            let killed = self.step(|state| {
                if state.killed {
                    return (true, Vec::new());
                }
                if state.core.role == Role::Leader {
                    return (false, state.news(Instant::now() >= state.heartbeat_at));
                }
                let Some(args) = state.core.campaign_if_due() else { return (false, Vec::new()) };
                let ask = |peer| Effect::Ask(peer, args.clone());
                (false, state.core.peers().map(ask).collect())
            });
            if killed {
                return;
            }
        }
    }

    fn act(self: Arc<Self>, effect: Effect) {
        match effect {
            Effect::Ask(peer, args) => {
                let Some(reply) = self.peers[peer].call("Raft.RequestVote", &args) else { return };
                self.step(|state| {
                    let elected = state.core.voted(peer, args.term, &reply);
                    ((), if elected { state.news(true) } else { Vec::new() })
                });
            }
            Effect::Send(peer, Message::Append(args)) => {
                let reply = self.peers[peer].call("Raft.AppendEntries", &args);
                let Some(reply) = reply else { return };
                self.step(|state| {
                    state.core.appended(peer, &args, &reply);
                    ((), Vec::new())
                });
            }
            Effect::Send(peer, Message::Install(args)) => {
                let reply = self.peers[peer].call("Raft.InstallSnapshot", &args);
                let Some(reply) = reply else { return };
                self.step(|state| {
                    state.core.installed(peer, &args, &reply);
                    ((), Vec::new())
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

    pub(super) fn request_vote(self: &Arc<Self>, args: &RequestVoteArgs) -> RequestVoteReply {
        self.step(|state| (state.core.request_vote(args), Vec::new()))
    }

    pub(super) fn append_entries(self: &Arc<Self>, args: AppendEntriesArgs) -> AppendEntriesReply {
        self.step(|state| (state.core.append_entries(args), Vec::new()))
    }

    pub(super) fn install_snapshot(
        self: &Arc<Self>,
        args: InstallSnapshotArgs,
    ) -> InstallSnapshotReply {
        self.step(|state| (state.core.install_snapshot(args), Vec::new()))
    }
}
