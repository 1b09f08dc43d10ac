//! A right Raft: an actor that works in batches.
//!
//! Structure: one thread owns all state, and all others send it events and wait for answers; there
//! is no lock. It takes up to 65 events that are there, and then once saves, shows itself, answers
//! and sends. For each follower it probes, streams up to eight messages of 32 entries, or waits for
//! a snapshot's reply.
//!
//! Unusual: within one batch it may take a command, commit, and step down. A candidate asks itself for
//! its vote, and asks again who is silent. A leader that hears from no majority for three seconds
//! steps down. A heartbeat follows matchIndex, and tells no commit beyond it.
//!
//! Still right: a batch is a critical section. Nothing is said before all of it is on disk; what was
//! to be sent by a leader or a candidate that it is not any more, is not sent.

mod actor;
mod persister;
mod view;

pub mod rpc;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::actor::{Actor, Event};
use self::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::labgob::Bytes;
use crate::labrpc::ClientEnd;
use crate::labsync::channel::{self, Receiver, Sender};
use crate::labsync::thread;

pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// What Raft tells the service through the apply channel.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "as in the reference")]
pub enum ApplyMsg {
    Command { index: Index, command: Bytes },
    Snapshot { index: Index, term: Term, data: Bytes },
}

/// One Raft server.
pub struct Raft {
    inbox: Sender<Event>,
    dead: Arc<AtomicBool>,
}

impl Raft {
    /// Starts a server.
    pub fn make(
        peers: Vec<ClientEnd>,
        me: ServerId,
        persister: Arc<Persister>,
        apply_ch: Sender<ApplyMsg>,
    ) -> Arc<Raft> {
        let dead = Arc::new(AtomicBool::new(false));
        let (inbox, events) = channel::unbounded();
        let (applies, to_apply) = channel::unbounded();
        let raft = Arc::new(Raft { inbox: inbox.clone(), dead: dead.clone() });
        let killed = dead.clone();
        thread::spawn(format!("raft {me} applier"), move || apply(&to_apply, &apply_ch, &killed));
        let actor = Actor::new(me, peers, persister, dead, (inbox, events), applies);
        thread::spawn(format!("raft {me}"), move || actor.run());
        raft
    }

    /// Sends an event and waits for the answer; none when the server is dead.
    #[track_caller]
    fn ask<R>(&self, event: impl FnOnce(Sender<R>) -> Event) -> Option<R> {
        let (answer, answers) = channel::bounded(1);
        self.inbox.send(event(answer)).ok()?;
        answers.recv().ok()
    }

    /// The term, and whether this server leads.
    #[must_use]
    pub fn get_state(&self) -> (Term, bool) {
        self.ask(Event::State).unwrap_or_default()
    }

    /// Takes a command.
    pub fn start(&self, command: Bytes) -> (Index, Term, bool) {
        if self.dead.load(Ordering::SeqCst) {
            return (0, 0, false);
        }
        self.ask(|answer| Event::Start(command, answer)).unwrap_or_default()
    }

    /// The service has a snapshot.
    pub fn snapshot(&self, index: Index, data: Bytes) {
        self.ask(|answer| Event::Snapshot(index, data, answer));
    }

    /// Ends the threads.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
        let _ended = self.inbox.send(Event::Kill);
    }

    pub(super) fn request_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        let refusal = RequestVoteReply { term: 0, vote_granted: false };
        self.ask(|answer| Event::Vote(args.clone(), answer)).unwrap_or(refusal)
    }

    pub(super) fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
        let refusal =
            AppendEntriesReply { term: 0, success: false, conflict_term: None, conflict_index: 0 };
        self.ask(|answer| Event::Append(args, answer)).unwrap_or(refusal)
    }

    pub(super) fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let refusal = InstallSnapshotReply { term: 0 };
        self.ask(|answer| Event::Install(args, answer)).unwrap_or(refusal)
    }
}

fn apply(messages: &Receiver<ApplyMsg>, service: &Sender<ApplyMsg>, dead: &AtomicBool) {
    while let Ok(message) = messages.recv() {
        if dead.load(Ordering::SeqCst) || service.send(message).is_err() {
            return;
        }
    }
}
