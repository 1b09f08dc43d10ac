//! Raft: the reference solution. Read it beside Figure 2 of the extended Raft paper ("In Search
//! of an Understandable Consensus Algorithm"); the section numbers are the paper's.
//!
//! # Layout, in reading order
//! | file | what | paper |
//! |---|---|---|
//! | `rpc.rs` | arguments and replies of the three RPCs | Figures 2, 13 |
//! | `state.rs` | the State box, the roles, the rules for all servers | Figure 2, §5.1 |
//! | `monitor.rs` | the one lock around the state; coming back to it with a reply | |
//! | `log.rs` | the log after a snapshot: all index arithmetic | §5.3, §7 |
//! | `election.rs` | Part A: timeouts, votes | §5.2, §5.4.1 |
//! | `replication.rs` | Part B: what a leader sends, and what it learns | §5.3, §5.4.2 |
//! | `append.rs` | Part B: what a follower does with it | §5.3 |
//! | `apply.rs` | Part B: committed entries go to the service | §5.3 |
//! | `persist.rs`, `persister.rs` | Part C: what survives a crash | Figure 2 |
//! | `snapshot.rs` | Part D: dropping the log's beginning | §7, Figure 13 |
//! | `view.rs` | what a server shows of itself, for the tester's oracle | Figure 2 |
//!
//! # Threads
//! | thread | number | what it waits on | ends |
//! |---|---|---|---|
//! | ticker | 1 a server | sleep, without the lock | at the next look after `kill()` |
//! | replicator | 1 a server | condvar `replicate`, until the next heartbeat | `kill()` |
//! | applier | 1 a server | condvar `apply`; the apply channel, without the lock | `kill()` |
//! | one an RPC, sent or received | | the reply, without the lock | reply, or 'lost' |
//!
//! # Locking
//! All state is in one [`State`] behind one lock. `&mut State` in a signature means
//! that the lock is held, and that nothing waits; `&self` on [`Raft`] means that it is not held
//! on entry. Every handler is one critical section, and what must be persistent is on disk
//! before it ends.

mod append;
mod apply;
mod election;
mod log;
mod monitor;
mod persist;
mod persister;
mod replication;
mod snapshot;
mod state;
mod view;

#[cfg(test)]
mod paper_tests;

pub mod rpc;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use self::monitor::{Monitor, Signals};
use self::state::State;
use crate::labgob::Bytes;
use crate::labrpc::ClientEnd;
use crate::labsync::channel::Sender;
use crate::labsync::thread;

pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// What Raft tells the service through the apply channel: in index order, without gaps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ApplyMsg {
    /// The entry at `index` is committed.
    Command {
        /// One more than that of the message before.
        index: Index,
        /// As given to [`Raft::start`].
        command: Bytes,
    },
    /// Everything up to `index` is in `data`; the next command is that at `index + 1`.
    Snapshot {
        /// Higher than that of any message before.
        index: Index,
        /// The term of the entry at `index`.
        term: Term,
        /// As given to [`Raft::snapshot`], on this server or another.
        data: Bytes,
    },
}

/// One Raft server.
pub struct Raft {
    me: ServerId,
    peers: Vec<ClientEnd>,
    monitor: Monitor,
    /// Set once, under the lock, so that a thread that has just looked cannot miss it and wait.
    killed: AtomicBool,
}

impl Raft {
    /// Starts a server and returns at once.
    ///
    /// `peers` has an end for each server of the cluster, in the same order everywhere, and this
    /// server is `peers[me]`. `persister` holds what an earlier instance has saved, if there
    /// was one. The service must take the messages from the other side of `apply_ch`.
    ///
    /// # Panics
    /// If `me` is not among the peers, and if the persisted state is unreadable.
    pub fn make(
        peers: Vec<ClientEnd>,
        me: ServerId,
        persister: Arc<Persister>,
        apply_ch: Sender<ApplyMsg>,
    ) -> Arc<Raft> {
        assert!(me < peers.len(), "server {me} of a cluster of {}", peers.len());
        let signals = Arc::new(Signals::default());
        let state = State::new(me, peers.len(), persister, signals.clone());
        let monitor = Monitor::new(state, signals);
        let raft = Arc::new(Raft { me, peers, monitor, killed: AtomicBool::new(false) });
        let (ticker, replicator, applier) = (raft.clone(), raft.clone(), raft.clone());
        thread::spawn(format!("raft-{me} ticker"), move || ticker.ticker_loop());
        thread::spawn(format!("raft-{me} replicator"), move || replicator.replicator_loop());
        thread::spawn(format!("raft-{me} applier"), move || applier.applier_loop(apply_ch));
        raft
    }

    /// The current term, and whether this server takes itself for its leader.
    #[must_use]
    pub fn get_state(&self) -> (Term, bool) {
        let state = self.monitor.lock();
        (state.current_term, state.is_leader())
    }

    /// Asks for agreement on `command` and returns at once: the index at which it will be if it
    /// is ever committed, the current term, and whether this server is the leader. If it is not,
    /// the command is not taken, and the index means nothing.
    pub fn start(&self, command: Bytes) -> (Index, Term, bool) {
        let mut state = self.monitor.lock();
        if !state.is_leader() || self.killed() {
            return (state.log.last_index() + 1, state.current_term, false);
        }
        let index = state.append_command(command);
        state.persist();
        (index, state.current_term, true)
    }

    /// The service has all entries up to `index` in `data`: Raft drops them from its log (§7).
    ///
    /// # Panics
    /// If the entry at `index` has not been applied yet.
    pub fn snapshot(&self, index: Index, data: Bytes) {
        let mut state = self.monitor.lock();
        state.take_snapshot(index, data);
        state.persist();
    }

    /// Tells the server's threads to end, which they do within a tick (50 ms), or when the RPC
    /// they wait for returns; no message is applied afterwards, but for one that is under way.
    pub fn kill(&self) {
        let _state = self.monitor.lock();
        self.killed.store(true, Ordering::Relaxed);
        self.monitor.signals().apply.notify_all();
        self.monitor.signals().replicate.notify_all();
    }

    fn killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }
}
