//! A right Raft: an actor, without any lock.
//!
//! Structure: one thread owns the state; RPC handlers, `start()`, `get_state()` and the threads
//! that wait for replies send it a message, and the first three wait for its answer. Another thread
//! carries what is to be applied to the service, since the actor never waits for anybody.
//!
//! Unusual: there are no critical sections, but turns of the actor; `snapshot()` returns before
//! anything is saved; a killed server answers with the term it had last; a candidate asks itself
//! for its vote as well. `last_applied` counts what was handed to the carrying thread.
//!
//! Still right: a turn is a critical section. It saves, shows the View, and only then sends and
//! answers: what leaves is what others may see. If the server dies before the snapshot is saved,
//! the log is still there.

mod core;
mod persister;
mod view;

pub mod rpc;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use self::core::{Core, Hint, Message, Role};
use self::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::labgob::Bytes;
use crate::labrpc::ClientEnd;
use crate::labsync::channel::{self, Receiver, Sender};
use crate::labsync::{Instant, thread};

pub use self::core::ApplyMsg;
pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// One Raft server.
pub struct Raft {
    mailbox: Sender<Turn>,
    killed: Arc<AtomicBool>,
    last_term: Arc<AtomicU64>,
}

/// What the actor is told or asked.
enum Turn {
    Vote(RequestVoteArgs, Sender<RequestVoteReply>),
    Append(AppendEntriesArgs, Sender<AppendEntriesReply>),
    Install(InstallSnapshotArgs, Sender<InstallSnapshotReply>),
    Voted(ServerId, Term, RequestVoteReply),
    Appended(ServerId, AppendEntriesArgs, AppendEntriesReply),
    Installed(ServerId, InstallSnapshotArgs, InstallSnapshotReply),
    Start(Bytes, Sender<(Index, Term, bool)>),
    GetState(Sender<(Term, bool)>),
    Snapshot(Index, Bytes),
    Kill(Sender<()>),
}

/// What a turn has decided to send or to answer, done when the turn is over.
type Deed = Box<dyn FnOnce() + Send>;

struct Actor {
    core: Core,
    deeds: Vec<Deed>,
    peers: Arc<Vec<ClientEnd>>,
    mailbox: Sender<Turn>,
    to_apply: Sender<ApplyMsg>,
    heartbeat_at: Instant,
    /// For each server, a token that every message on its way to it holds too.
    on_their_way: Vec<Arc<()>>,
    last_term: Arc<AtomicU64>,
}

/// With so many on their way to a server, `start()` sends it nothing more: to one that is cut off
/// they would pile up, each with all entries that it lacks.
const MANY: usize = 8;

impl Raft {
    /// Starts a server and returns at once.
    pub fn make(
        peers: Vec<ClientEnd>,
        me: ServerId,
        persister: Arc<Persister>,
        apply_ch: Sender<ApplyMsg>,
    ) -> Arc<Raft> {
        let (mailbox, turns) = channel::unbounded();
        let (to_apply, messages) = channel::unbounded();
        let core = Core::new(me, peers.len(), persister, Hint::Term);
        let last_term = Arc::new(AtomicU64::new(core.term()));
        let killed = Arc::new(AtomicBool::new(false));
        let actor = Actor {
            on_their_way: (0..peers.len()).map(|_| Arc::new(())).collect(),
            core,
            deeds: Vec::new(),
            peers: Arc::new(peers),
            mailbox: mailbox.clone(),
            to_apply,
            heartbeat_at: Instant::now(),
            last_term: last_term.clone(),
        };
        let is_killed = killed.clone();
        thread::spawn(format!("raft-{me} actor"), move || actor.run(&turns));
        thread::spawn(format!("raft-{me} carrier"), move || {
            while let Ok(message) = messages.recv() {
                if is_killed.load(Ordering::SeqCst) || apply_ch.send(message).is_err() {
                    return;
                }
            }
        });
        Arc::new(Raft { mailbox, killed, last_term })
    }

    /// The current term, and whether this server takes itself for its leader.
    pub fn get_state(&self) -> (Term, bool) {
        self.ask(Turn::GetState).unwrap_or_else(|| (self.last_term(), false))
    }

    /// Asks for agreement on `command`.
    pub fn start(&self, command: Bytes) -> (Index, Term, bool) {
        self.ask(|answer| Turn::Start(command, answer)).unwrap_or((0, 0, false))
    }

    /// Drops the log up to `index`, soon.
    pub fn snapshot(&self, index: Index, data: Bytes) {
        let _ = self.mailbox.send(Turn::Snapshot(index, data));
    }

    /// Ends all threads soon.
    pub fn kill(&self) {
        self.killed.store(true, Ordering::SeqCst);
        let _ = self.ask(Turn::Kill);
    }

    fn last_term(&self) -> Term {
        self.last_term.load(Ordering::SeqCst)
    }

    /// The actor's answer; none if it is dead.
    fn ask<T>(&self, turn: impl FnOnce(Sender<T>) -> Turn) -> Option<T> {
        let (answer, answers) = channel::bounded(1);
        self.mailbox.send(turn(answer)).ok()?;
        answers.recv().ok()
    }

    pub(super) fn request_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        let reply = self.ask(|answer| Turn::Vote(args.clone(), answer));
        reply.unwrap_or_else(|| RequestVoteReply { term: self.last_term(), vote_granted: false })
    }

    pub(super) fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
        self.ask(|answer| Turn::Append(args, answer)).unwrap_or_else(|| AppendEntriesReply {
            term: self.last_term(),
            success: false,
            conflict_term: None,
            conflict_index: 1,
        })
    }

    pub(super) fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        // The reply has no room for "no": a term that no leader has says it.
        let reply = self.ask(|answer| Turn::Install(args, answer));
        reply.unwrap_or(InstallSnapshotReply { term: 0 })
    }
}

impl Actor {
    fn run(mut self, turns: &Receiver<Turn>) {
        loop {
            match turns.recv_timeout(Duration::from_millis(10)) {
                Ok(Turn::Kill(done)) => {
                    let _ = done.send(());
                    return;
                }
                Ok(turn) => self.take(turn),
                Err(_) => {}
            }
            self.look_at_the_clock();
            let unapplied = self.core.take_unapplied();
            self.last_term.store(self.core.term(), Ordering::SeqCst);
            self.core.show();
            for message in unapplied {
                let _ = self.to_apply.send(message);
            }
            self.deeds.drain(..).for_each(|deed| deed());
        }
    }

    fn take(&mut self, turn: Turn) {
        let core = &mut self.core;
        match turn {
            Turn::Vote(args, answer) => {
                let reply = core.request_vote(&args);
                self.answer(answer, reply);
            }
            Turn::Append(args, answer) => {
                let reply = core.append_entries(args);
                self.answer(answer, reply);
            }
            Turn::Install(args, answer) => {
                let reply = core.install_snapshot(args);
                self.answer(answer, reply);
            }
            Turn::Voted(peer, term, reply) => {
                if core.voted(peer, term, &reply) {
                    self.send_heartbeats();
                }
            }
            Turn::Appended(peer, args, reply) => core.appended(peer, &args, &reply),
            Turn::Installed(peer, args, reply) => core.installed(peer, &args, &reply),
            Turn::Start(command, answer) => {
                let taken = core.start(command);
                let term = core.term();
                if taken.is_some() {
                    let few = |&peer: &ServerId| Arc::strong_count(&self.on_their_way[peer]) <= MANY;
                    let to: Vec<_> = core.peers().filter(few).collect();
                    to.into_iter().for_each(|peer| self.send(peer));
                }
                let taken = taken.map_or((0, term, false), |(index, term)| (index, term, true));
                self.answer(answer, taken);
            }
            Turn::GetState(answer) => {
                let state = (core.term(), core.role == Role::Leader);
                self.answer(answer, state);
            }
            Turn::Snapshot(index, data) => core.snapshot(index, data),
            Turn::Kill(_) => {}
        }
    }

    fn look_at_the_clock(&mut self) {
        if self.core.role == Role::Leader && Instant::now() >= self.heartbeat_at {
            self.send_heartbeats();
        } else if let Some(args) = self.core.campaign_if_due() {
            for peer in 0..self.core.servers {
                self.ask_for_vote(peer, args.clone());
            }
        }
    }

    fn answer<T: Send + 'static>(&mut self, to: Sender<T>, answer: T) {
        self.deeds.push(Box::new(move || {
            let _ = to.send(answer);
        }));
    }

    /// Begins a thread when the turn is over.
    fn begin(&mut self, name: String, body: impl FnOnce() + Send + 'static) {
        self.deeds.push(Box::new(move || {
            thread::spawn(name, body);
        }));
    }

    fn ask_for_vote(&mut self, peer: ServerId, args: RequestVoteArgs) {
        let (peers, mailbox) = (self.peers.clone(), self.mailbox.clone());
        self.begin(format!("raft-{} vote", self.core.me), move || {
            if let Some(reply) = peers[peer].call("Raft.RequestVote", &args) {
                let _ = mailbox.send(Turn::Voted(peer, args.term, reply));
            }
        });
    }

    fn send_heartbeats(&mut self) {
        self.heartbeat_at = Instant::now() + core::HEARTBEAT;
        self.core.peers().for_each(|peer| self.send(peer));
    }

    fn send(&mut self, peer: ServerId) {
        let (peers, mailbox) = (self.peers.clone(), self.mailbox.clone());
        let message = self.core.message_for(peer);
        let token = self.on_their_way[peer].clone();
        self.begin(format!("raft-{} to {peer}", self.core.me), move || {
            let end = &peers[peer];
            let turn = match message {
                Message::Append(args) => end
                    .call("Raft.AppendEntries", &args)
                    .map(|reply| Turn::Appended(peer, args, reply)),
                Message::Install(args) => end
                    .call("Raft.InstallSnapshot", &args)
                    .map(|reply| Turn::Installed(peer, args, reply)),
            };
            drop(token);
            if let Some(turn) = turn {
                let _ = mailbox.send(turn);
            }
        });
    }
}
