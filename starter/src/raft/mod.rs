//! Raft: yours to write. Have Figure 2 of the extended Raft paper beside you.
//!
//! What is here builds, runs, and does nothing: no server ever asks for a vote. Search for
//! "Your code here": each mark names the Part that it belongs to. Split this file into as many
//! modules as you like; only what the tests use must stay as it is: [`ApplyMsg`], the names and
//! signatures of [`Raft`]'s public functions, those of the three receivers that `rpc.rs` calls,
//! and what is re-exported below.
//!
//! # Given
//! - `rpc.rs`: the messages, and the service that hands them to the receivers
//! - `persister.rs`: the "disk"; `view.rs`: what a server shows to the tester
//! - `guard.rs`: the lock around [`State`], which shows the state when it is released
//!
//! The first two lines of this list are fixed (graders put their own in their place); the third
//! is yours.
//!
//! # Receivers of methods
//! The tests call every method on a clone of an `Arc<Raft>`: `&self`, `self: &Arc<Self>` and
//! `self: Arc<Self>` all compile. A method that spawns a thread, say `start()` for an RPC, needs
//! one of the last two: `let raft = self.clone();`, and the thread's body owns `raft`.
//!
//! # Tools
//! Threads, locks, time and randomness come from `labsync`, and nowhere else:
//! `thread::spawn(name, body)`, `thread::sleep`, `Mutex`, `Condvar`, `Instant::now()`,
//! `rng::random_range(300..600)`. RPCs are calls of `self.peers[peer]`; `labgob` encodes what is
//! saved. `log::info!` writes to the log, which `VERBOSE=1` shows.

mod guard;
mod persister;
mod view;

pub mod rpc;

use std::sync::Arc;
use std::time::Duration;

use self::guard::Guard;
use self::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::labgob::Bytes;
use crate::labrpc::ClientEnd;
use crate::labsync::channel::Sender;
use crate::labsync::{Condvar, Mutex, thread};

pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

/// How long the ticker sleeps, and so how long it may outlive `kill()`.
const TICK: Duration = Duration::from_millis(20);

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
    persister: Arc<Persister>,
    /// Locked by [`Raft::lock`], which shows the state to the tester as well.
    state: Mutex<State>,
    /// For the applier. Notified when there is something to apply, and by `kill()`.
    applier: Condvar,
}

/// What a server knows, all of it under one lock.
struct State {
    /// The latest term this server has seen; 0 at first, only ever rises.
    current_term: Term,
    // Your code here (2A): who got this server's vote, its role, its election timer.
    // Your code here (2B): the log, and what is committed and applied; what a leader needs.
    /// The service's snapshot; empty without one.
    snapshot: Bytes, // Your code here (2D): the last index and term that it covers.
    /// Set by `kill()`: all threads end.
    killed: bool,
}

impl State {
    /// This server in the terms of Figure 2. The tester's oracle sees it whenever the lock is
    /// released, compares it with what all others show, and reports a broken property of Figure 3
    /// in the moment in which it breaks. Keep this in step with your state: what is missing here
    /// cannot be checked, and what is wrong here is reported.
    fn view(&self) -> View<'_> {
        View {
            current_term: self.current_term,
            voted_for: None,          // Your code here (2A).
            role: RoleView::Follower, // Your code here (2A); a leader's indices: (2B).
            entries: &[],             // Your code here (2B): those behind the snapshot.
            log_changes: None,        // A number that rises with each change saves time.
            commit_index: 0,          // Your code here (2B).
            last_applied: 0,          // Your code here (2B).
            read_saved: None,         // Your code here (2C): a function that decodes the disk.
            snapshot: &self.snapshot,
            snapshot_index: 0, // Your code here (2D).
            snapshot_term: 0,  // Your code here (2D).
        }
    }
}

impl Raft {
    /// Starts a server and returns at once.
    ///
    /// `peers` has an end for each server of the cluster, in the same order everywhere, and this
    /// server is `peers[me]`. `persister` holds what an earlier instance has saved, if there
    /// was one. The service takes the messages from the other side of `apply_ch`, and goes on as
    /// long as somebody holds this side.
    pub fn make(
        peers: Vec<ClientEnd>,
        me: ServerId,
        persister: Arc<Persister>,
        apply_ch: Sender<ApplyMsg>,
    ) -> Arc<Raft> {
        // Your code here (2A, 2B).
        // Your code here (2C): start from what was saved. (2D): and from its snapshot.
        let state = State { current_term: 0, snapshot: Bytes::default(), killed: false };
        let (state, applier) = (Mutex::new(state), Condvar::new());
        let raft = Arc::new(Raft { me, peers, persister, state, applier });
        let (ticker, applier) = (raft.clone(), raft.clone());
        thread::spawn(format!("raft-{me} ticker"), move || ticker.ticker_loop());
        thread::spawn(format!("raft-{me} applier"), move || applier.applier_loop(&apply_ch));
        raft
    }

    /// The current term, and whether this server takes itself for its leader.
    #[must_use]
    pub fn get_state(&self) -> (Term, bool) {
        let state = self.lock();
        // Your code here (2A).
        (state.current_term, false)
    }

    /// Asks for agreement on `command` and returns at once: the index at which it will be if it
    /// is ever committed, the current term, and whether this server is the leader. If it is not,
    /// the command is not taken, and the index means nothing. The first index is 1.
    pub fn start(&self, _command: Bytes) -> (Index, Term, bool) {
        let state = self.lock();
        // Your code here (2B).
        (0, state.current_term, false)
    }

    /// The service has all entries up to `index` in `data`: Raft drops them from its log (§7), and
    /// saves `data` together with its own state.
    pub fn snapshot(&self, _index: Index, _data: Bytes) {
        // Your code here (2D).
    }

    /// Tells the server's threads to end, which they do soon; no message is applied afterwards,
    /// but for one that is under way.
    pub fn kill(&self) {
        self.lock().killed = true;
        // Whoever waits must look again; one that you add waits for its own condition variable.
        self.applier.notify_all();
    }

    /// The state, locked until the guard is dropped: at the end of its block, or of the statement
    /// if it has no name. What must be saved is saved before that; nothing waits before that.
    #[track_caller]
    fn lock(&self) -> Guard<'_> {
        Guard::new(self.state.lock(), &self.persister)
    }

    // ---- threads ----------------------------------------------------------------------------

    /// The ticker's thread: looks at the clock, again and again.
    fn ticker_loop(self: Arc<Raft>) {
        while !self.lock().killed {
            // Your code here (2A): has the election timer run out? If so, ask for votes, each
            // server in a thread of its own. The lock is not held while a call waits.
            thread::sleep(TICK);
        }
    }

    /// The applier's thread: the only one that sends on the apply channel.
    fn applier_loop(self: Arc<Raft>, _apply_ch: &Sender<ApplyMsg>) {
        let mut state = self.lock();
        while !state.killed {
            // Your code here (2B): take what is committed and not applied yet, release the lock,
            // send, and look again. (2D): a snapshot that came from the leader, in its place.
            state.wait(&self.applier);
        }
    }

    /// An example of an RPC: `None` if the request or its reply was lost, which may take seconds.
    /// Whoever calls this holds no lock. With the reply, lock again, and first see whether you
    /// are still in the term and role in which you asked: the world has moved on.
    #[allow(dead_code, reason = "nobody asks for votes yet; take this line away when you do (2A)")]
    fn send_request_vote(
        &self,
        peer: ServerId,
        args: &RequestVoteArgs,
    ) -> Option<RequestVoteReply> {
        log::info!("n{}@{} asks n{peer} for its vote", self.me, args.term);
        self.peers[peer].call("Raft.RequestVote", args)
    }

    // ---- receivers: called for each RPC that arrives, each in a thread of its own -------------

    /// RequestVote, receiver implementation (Figure 2).
    pub(super) fn request_vote(&self, _args: &RequestVoteArgs) -> RequestVoteReply {
        let state = self.lock();
        // Your code here (2A).
        RequestVoteReply { term: state.current_term, vote_granted: false }
    }

    /// AppendEntries, receiver implementation (Figure 2).
    pub(super) fn append_entries(&self, _args: AppendEntriesArgs) -> AppendEntriesReply {
        let state = self.lock();
        // Your code here (2A): heartbeats. (2B): entries, and where the logs differ.
        AppendEntriesReply {
            term: state.current_term,
            success: false,
            conflict_term: None,
            conflict_index: 0,
        }
    }

    /// InstallSnapshot, receiver implementation (Figure 13).
    pub(super) fn install_snapshot(&self, _args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let state = self.lock();
        // Your code here (2D).
        InstallSnapshotReply { term: state.current_term }
    }
}
