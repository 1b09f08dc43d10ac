//! What a trace is made of: these types are the lines of the file, their names are its words. Any
//! change here is another [`VERSION`].

use std::collections::BTreeMap;

use serde::Serialize;

use super::message::{Entry, Message};
use crate::labrpc::Loss;
use crate::labsync::Failure;
use crate::raft::{Index, ServerId, Term};

/// The version of the format; one more with each change of what is written.
pub const VERSION: u32 = 2;
/// What every trace begins with.
pub(super) const START: &[u8] = b"{\"trace\":";

/// Which run it was: the first line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Header {
    /// The [`VERSION`] of the format.
    pub trace: u32,
    /// The test's name, `test_initial_election_2a`.
    pub test: String,
    /// The seed of the run's random choices.
    pub seed: u64,
    /// Whether it was simulated, in virtual time. On which kernel is not told: the run and its
    /// trace are the same on each.
    pub simulated: bool,
    /// The version of this crate.
    pub version: &'static str,
}

impl Header {
    /// For a run that this crate records.
    #[must_use]
    pub fn new(test: &str, seed: u64, simulated: bool) -> Header {
        let version = env!("CARGO_PKG_VERSION");
        Header { trace: VERSION, test: test.to_string(), seed, simulated, version }
    }
}

/// Every other line: something that happened, with its moment and the thread that did it.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    /// Nanoseconds since the run began: virtual ones if it was simulated.
    pub at: u64,
    pub thread: &'a str,
    #[serde(flatten)]
    pub event: &'a Event,
}

/// What can happen in a run. Commands are told in short.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(missing_docs, reason = "of the fields: they are Raft's, or said with their variant")]
pub enum Event {
    /// The test has made a cluster. Does the network delay and drop messages, do the services
    /// take snapshots?
    Cluster { servers: usize, unreliable: bool, snapshot: bool },
    /// The test's banner.
    Begin { text: String },
    /// The test has done all that it wanted to.
    End {},
    /// A server is started: how often by now.
    Start { server: ServerId, starts: usize },
    /// A server is killed. What it does from now on is not recorded any more.
    Crash { server: ServerId },
    /// A server is attached to the network.
    Connect { server: ServerId },
    /// A server is cut off from the network.
    Disconnect { server: ServerId },
    /// The network delays and drops messages from now on, or does not.
    Unreliable { on: bool },
    /// The network holds back most replies from now on, or does not.
    LongReordering { on: bool },
    /// A command was given to a server, which answered with index and term, and whether it took
    /// the command.
    Command { server: ServerId, command: String, index: Index, term: Term, taken: bool },
    /// `check_one_leader` has found one.
    OneLeader { server: ServerId },
    /// `one` begins: so many services are to apply a command. Is a lost one given to a leader
    /// again?
    OneBegins { command: String, expected: usize, retry: bool },
    /// `one` has seen so many services apply its command.
    OneAgreed { index: Index },
    /// The test warns.
    Warning { text: String },
    /// The caller has sent the request; nothing is known of arguments that are not Raft's.
    Sent {
        #[serde(flatten)]
        call: Call,
        args: Option<Message>,
    },
    /// The request has reached its server, whose handler is about to run.
    Delivered(Call),
    /// The handler is done.
    Answered {
        #[serde(flatten)]
        call: Call,
        reply: Option<Message>,
    },
    /// The reply has reached the caller.
    Received(Call),
    /// The caller hears 'lost'.
    Lost {
        #[serde(flatten)]
        call: Call,
        why: Loss,
    },
    /// A server has released its lock, and this is what has changed while it held it. Nothing was
    /// known when it started.
    State {
        server: ServerId,
        #[serde(flatten)]
        changes: Changes,
    },
    /// A server has saved its state: bytes of Raft's state and of the snapshot, and how often
    /// this server has saved, ever.
    Saved { server: ServerId, state_size: usize, snapshot_size: usize, writes: u64 },
    /// A service was handed a committed command.
    Applied { server: ServerId, index: Index, command: String },
    /// A service was handed a snapshot: the last index that it covers, that one's term, bytes.
    Installed { server: ServerId, index: Index, term: Term, size: usize },
    /// The code under test has logged something: "error", "warn", "info", "debug", "trace".
    Log { level: String, text: String },
    /// How the run ended, the last line: why it failed, if it did.
    Verdict { failure: Option<Failure> },
}

/// A call; the same in all its steps.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Call {
    /// Its number.
    pub call: u64,
    /// The caller.
    pub from: ServerId,
    /// How often the caller had been started when it called.
    pub starts: usize,
    /// Who is called.
    pub to: ServerId,
    /// "Raft.RequestVote".
    pub method: String,
}

/// The parts of a server's state that have changed; Figure 2 tells what they are.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
#[allow(missing_docs, reason = "Figure 2 has most of them")]
pub struct Changes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<Term>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vote: Option<Option<ServerId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The log's beginning is in a snapshot now, and gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    /// The entries behind this index are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<Index>,
    /// The log has grown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub appended: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Index>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<Index>,
    /// A leader's `next_index` for other servers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub next: BTreeMap<ServerId, Index>,
    /// A leader's `match_index` for other servers.
    #[serde(rename = "match", skip_serializing_if = "BTreeMap::is_empty")]
    pub matched: BTreeMap<ServerId, Index>,
}

/// The roles of §5.1.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Answers candidates and leaders.
    #[default]
    Follower,
    /// Asks for votes.
    Candidate,
    /// Replicates its log.
    Leader,
}

/// What a snapshot covers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Snapshot {
    /// The last index that it covers.
    pub index: Index,
    /// The term of that index.
    pub term: Term,
    /// The snapshot's bytes.
    pub size: usize,
}
