//! A right Raft: one polling thread does everything.
//!
//! Structure: every 15 ms one thread looks at the clock, at what followers lack, and at what is to be
//! applied, and spawns the RPCs. Nothing is ever notified. A second thread carries messages to the
//! service, for the service may be slow, and heartbeats must not wait for it.
//!
//! Unusual: no View; `start()` only appends, and the loop finds it within 15 ms. Refusals carry no
//! term, and an index half way back to the follower's commit: a decrement with growing steps.
//!
//! Still right: Figure 2 says what must be done, not how soon; 15 ms are small beside the
//! election timeout. The hint never lies before what is committed, and each refusal halves the rest.

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
use crate::labsync::{Instant, Mutex, thread};

pub use self::core::ApplyMsg;
pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// One Raft server.
pub struct Raft {
    me: ServerId,
    peers: Vec<ClientEnd>,
    state: Mutex<State>,
}

struct State {
    core: Core,
    /// When each follower is due again, and the last entry and the commit that it was sent.
    sent: Vec<(Instant, Index, Index)>,
    /// What `next` was when it was sent: if it changed, the follower has answered.
    next: Vec<Index>,
    reign: Term,
    killed: bool,
}

impl State {
    fn is_due(&self, peer: ServerId) -> bool {
        let (due, last, commit) = self.sent[peer];
        let core = &self.core;
        let moved = core.next[peer] != self.next[peer] && core.next[peer] <= core.last();
        Instant::now() >= due || last < core.last() || commit < core.commit || moved
    }

    fn messages(&mut self) -> Vec<(ServerId, Message)> {
        if self.core.role != Role::Leader {
            return Vec::new();
        }
        if self.reign != self.core.term() {
            self.reign = self.core.term();
            self.sent = vec![(Instant::now(), 0, 0); self.core.servers];
        }
        let due: Vec<ServerId> = self.core.peers().filter(|&peer| self.is_due(peer)).collect();
        let mut messages = Vec::new();
        for peer in due {
            let again = Instant::now() + core::HEARTBEAT;
            self.sent[peer] = (again, self.core.last(), self.core.commit);
            self.next[peer] = self.core.next[peer];
            messages.push((peer, self.core.message_for(peer)));
        }
        messages
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
        let servers = peers.len();
        let state = State {
            core: Core::new(me, servers, persister, Hint::Halved),
            sent: vec![(Instant::now(), 0, 0); servers],
            next: vec![0; servers],
            reign: 0,
            killed: false,
        };
        let raft = Arc::new(Raft { me, peers, state: Mutex::new(state) });
        let (to_apply, messages) = channel::unbounded();
        let (poller, carrier) = (raft.clone(), raft.clone());
        thread::spawn(format!("raft-{me} poller"), move || poller.poll(&to_apply));
        thread::spawn(format!("raft-{me} carrier"), move || {
            while let Ok(message) = messages.recv() {
                if carrier.state.lock().killed || apply_ch.send(message).is_err() {
                    return;
                }
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
    pub fn start(&self, command: Bytes) -> (Index, Term, bool) {
        let mut state = self.state.lock();
        let taken = if state.killed { None } else { state.core.start(command) };
        taken.map_or((0, 0, false), |(index, term)| (index, term, true))
    }

    /// Drops the log up to `index`.
    pub fn snapshot(&self, index: Index, data: Bytes) {
        self.state.lock().core.snapshot(index, data);
    }

    /// Ends all threads soon.
    pub fn kill(&self) {
        self.state.lock().killed = true;
    }

    fn poll(self: Arc<Self>, to_apply: &Sender<ApplyMsg>) {
        loop {
            let (campaign, messages, unapplied) = {
                let mut state = self.state.lock();
                if state.killed {
                    return;
                }
                let campaign = state.core.campaign_if_due();
                (campaign, state.messages(), state.core.take_unapplied())
            };
            for message in unapplied {
                let _ = to_apply.send(message);
            }
            for peer in (0..self.peers.len()).filter(|&peer| peer != self.me) {
                let Some(args) = campaign.clone() else { break };
                let raft = self.clone();
                thread::spawn(format!("raft-{} vote", self.me), move || {
                    let reply = raft.peers[peer].call("Raft.RequestVote", &args);
                    if let Some(reply) = reply {
                        raft.state.lock().core.voted(peer, args.term, &reply);
                    }
                });
            }
            for (peer, message) in messages {
                let raft = self.clone();
                thread::spawn(format!("raft-{} to {peer}", self.me), move || {
                    raft.send(peer, &message);
                });
            }
            thread::sleep(Duration::from_millis(15));
        }
    }

    fn send(&self, peer: ServerId, message: &Message) {
        let end = &self.peers[peer];
        match message {
            Message::Append(args) => {
                let Some(reply) = end.call("Raft.AppendEntries", args) else { return };
                self.state.lock().core.appended(peer, args, &reply);
            }
            Message::Install(args) => {
                let Some(reply) = end.call("Raft.InstallSnapshot", args) else { return };
                self.state.lock().core.installed(peer, args, &reply);
            }
        }
    }

    pub(super) fn request_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        self.state.lock().core.request_vote(args)
    }

    pub(super) fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
        self.state.lock().core.append_entries(args)
    }

    pub(super) fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        self.state.lock().core.install_snapshot(args)
    }
}
