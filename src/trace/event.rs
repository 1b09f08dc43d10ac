//! What a trace is made of. These types are the file's format: the order of variants and fields
//! is what is written, so that any change here is another [`VERSION`](super::format::VERSION).

use serde::{Deserialize, Serialize};

use crate::labgob::Bytes;
use crate::labrpc;
use crate::raft::rpc::Entry;
use crate::raft::{Index, ServerId, Term};

/// Which run it was: the first thing in a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The test's name, `test_initial_election_2a`.
    pub test: String,
    /// The seed of the run's random choices.
    pub seed: u64,
    /// Whether it was simulated, in virtual time. On which kernel is not told: the run and its
    /// trace are the same on each.
    pub simulated: bool,
    /// The version of this crate that wrote the file.
    pub crate_version: String,
}

/// A name that is written once and then stands for itself: [`Trace::name`](super::Trace::name).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Name(pub u32);

/// What follows the header in a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Item {
    /// The next [`Name`], counted from 0.
    Name(String),
    /// Something happened.
    Happened { after_ns: u64, thread: Name, event: Event },
}

/// Something that happened, with its moment and the thread that did it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Nanoseconds since the run began: virtual ones if it was simulated.
    pub at_ns: u64,
    /// The thread.
    pub thread: Name,
    /// What happened.
    pub event: Event,
}

/// What can happen in a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// The test has made a cluster.
    Cluster {
        /// How many servers it has.
        servers: usize,
        /// Whether the network delays and drops messages.
        unreliable: bool,
        /// Whether the services take snapshots.
        snapshot: bool,
    },
    /// The test does something.
    Test(TestStep),
    /// An RPC is on its way.
    Call {
        /// Its number, the same in all its steps.
        call: u64,
        /// The caller.
        from: ServerId,
        /// How often the caller had been started when it called.
        starts: usize,
        /// Who is called.
        to: ServerId,
        /// "Raft.RequestVote".
        method: Name,
        /// How far it has got.
        step: CallStep,
    },
    /// A server has released its lock, and this is what has changed while it held it.
    State {
        /// The server.
        server: ServerId,
        /// What is different from what it showed last; nothing was known when it started.
        changes: Vec<Change>,
    },
    /// A server has saved its state.
    Saved {
        /// The server.
        server: ServerId,
        /// The bytes of Raft's state.
        state_size: usize,
        /// The bytes of the service's snapshot.
        snapshot_size: usize,
        /// How often this server has saved, ever.
        writes: u64,
    },
    /// A service was handed a committed command.
    Applied {
        /// The server.
        server: ServerId,
        /// The index that Raft says it has.
        index: Index,
        /// The command, in short.
        command: String,
    },
    /// A service was handed a snapshot.
    Installed {
        /// The server.
        server: ServerId,
        /// The last index that the snapshot covers.
        index: Index,
        /// The term of that index.
        term: Term,
        /// The snapshot's bytes.
        size: usize,
    },
    /// The code under test has logged something.
    Log {
        /// 1 for an error, 2 warning, 3 info, 4 debug, 5 trace.
        level: u8,
        /// The line.
        text: String,
    },
    /// How the run ended; nothing follows.
    Verdict(Option<Failure>),
}

/// Why a run failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The panic's message, or the runner's own.
    pub message: String,
    /// The thread in which it showed.
    pub thread: String,
    /// File, line and column of the panic.
    pub at: Option<String>,
}

/// What a test does, and what it is told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TestStep {
    /// The banner.
    Begin(String),
    /// The test has done all that it wanted to.
    End,
    /// A server is started: the first time, or once more after a crash.
    Start {
        /// The server.
        server: ServerId,
        /// How often it has been started, this time included.
        starts: usize,
    },
    /// A server is killed. What it does from now on is not recorded any more.
    Crash(ServerId),
    /// A server is attached to the network.
    Connect(ServerId),
    /// A server is cut off from the network.
    Disconnect(ServerId),
    /// The network delays and drops messages from now on, or does not.
    Unreliable(bool),
    /// The network holds back most replies from now on, or does not.
    LongReordering(bool),
    /// A command was given to a server.
    Command {
        /// The server.
        server: ServerId,
        /// The command, in short.
        command: String,
        /// The index that the server answered.
        index: Index,
        /// The term that it answered.
        term: Term,
        /// Whether it took the command.
        taken: bool,
    },
    /// `check_one_leader` has found one.
    OneLeader(ServerId),
    /// `one` begins: agreement on a command.
    OneBegins {
        /// The command, in short.
        command: String,
        /// How many services must apply it.
        expected: usize,
        /// Whether a lost command is given to a leader again.
        retry: bool,
    },
    /// `one` has seen so many services apply its command.
    OneAgreed {
        /// The command's index.
        index: Index,
    },
    /// A warning.
    Warning(String),
}

/// How far a call has got.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum CallStep {
    /// The caller has sent the request.
    Sent {
        /// The arguments, encoded with labgob.
        args: Bytes,
    },
    /// The request has reached its server, whose handler is about to run.
    Delivered,
    /// The handler is done.
    Answered {
        /// The reply, encoded with labgob.
        reply: Bytes,
    },
    /// The reply has reached the caller.
    Received,
    /// The caller hears 'lost'.
    Lost(Loss),
}

/// Where a call got lost: [`labrpc::Loss`], in the order of its variants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they are labrpc's")]
pub enum Loss {
    Unreachable,
    RequestDropped,
    ReplyDropped,
    CutOff,
    ServerGone,
    HandlerPanicked,
    Closed,
}

/// A part of a server's state that has changed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// `current_term`.
    Term(Term),
    /// `voted_for`.
    Vote(Option<ServerId>),
    /// What it is.
    Role(Role),
    /// The log's beginning is in a snapshot now, and gone.
    Snapshot {
        /// The last index that it covers.
        index: Index,
        /// The term of that index.
        term: Term,
        /// The snapshot's bytes.
        size: usize,
    },
    /// The entries behind this index are gone.
    Truncated(Index),
    /// The log has grown.
    Appended {
        /// The index of the first of these entries.
        first: Index,
        /// The entries.
        entries: Vec<Entry>,
    },
    /// `commit_index`.
    Commit(Index),
    /// `last_applied`.
    LastApplied(Index),
    /// A leader's `next_index` for another server.
    Next(ServerId, Index),
    /// A leader's `match_index` for another server.
    Match(ServerId, Index),
}

/// The roles of §5.1.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub enum Role {
    /// Answers candidates and leaders.
    #[default]
    Follower,
    /// Asks for votes.
    Candidate,
    /// Replicates its log.
    Leader,
}

impl From<labrpc::Loss> for Loss {
    fn from(loss: labrpc::Loss) -> Loss {
        match loss {
            labrpc::Loss::Unreachable => Loss::Unreachable,
            labrpc::Loss::RequestDropped => Loss::RequestDropped,
            labrpc::Loss::ReplyDropped => Loss::ReplyDropped,
            labrpc::Loss::CutOff => Loss::CutOff,
            labrpc::Loss::ServerGone => Loss::ServerGone,
            labrpc::Loss::HandlerPanicked => Loss::HandlerPanicked,
            labrpc::Loss::Closed => Loss::Closed,
        }
    }
}

impl From<Loss> for labrpc::Loss {
    fn from(loss: Loss) -> labrpc::Loss {
        match loss {
            Loss::Unreachable => labrpc::Loss::Unreachable,
            Loss::RequestDropped => labrpc::Loss::RequestDropped,
            Loss::ReplyDropped => labrpc::Loss::ReplyDropped,
            Loss::CutOff => labrpc::Loss::CutOff,
            Loss::ServerGone => labrpc::Loss::ServerGone,
            Loss::HandlerPanicked => labrpc::Loss::HandlerPanicked,
            Loss::Closed => labrpc::Loss::Closed,
        }
    }
}
