//! The lines of a trace: these names are its words. What is not known here is passed over, so
//! that a field may be added without harm.

use std::collections::BTreeMap;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::ServerId;
use super::message::Entry;

/// The first line: which run it was.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub trace: u32,
    /// The test's name, `test_initial_election_2a`.
    pub test: String,
    /// The seed of its random choices.
    pub seed: u64,
    /// Whether time was virtual.
    pub simulated: bool,
    /// The version of the lab.
    pub version: String,
}

impl Header {
    /// The run in a line.
    #[must_use]
    pub fn title(&self) -> String {
        let how = if self.simulated { "simulated" } else { "in real time" };
        format!("{}, seed {}, {how}", self.test, self.seed)
    }
}

/// What can happen in a run.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(missing_docs, reason = "docs/trace.md describes the events and their fields")]
pub enum Event {
    Cluster {
        servers: usize,
        unreliable: bool,
        snapshot: bool,
    },
    Begin {
        text: String,
    },
    End {},
    Start {
        server: ServerId,
        starts: usize,
    },
    Crash {
        server: ServerId,
    },
    Connect {
        server: ServerId,
    },
    Disconnect {
        server: ServerId,
    },
    Unreliable {
        on: bool,
    },
    LongReordering {
        on: bool,
    },
    Command {
        server: ServerId,
        command: String,
        index: u64,
        term: u64,
        taken: bool,
    },
    OneLeader {
        server: ServerId,
    },
    OneBegins {
        command: String,
        expected: usize,
        retry: bool,
    },
    OneAgreed {
        index: u64,
    },
    Warning {
        text: String,
    },
    Sent {
        #[serde(flatten)]
        call: Call,
        args: Option<Value>,
    },
    Delivered(Call),
    Answered {
        #[serde(flatten)]
        call: Call,
        reply: Option<Value>,
    },
    Received(Call),
    Lost {
        #[serde(flatten)]
        call: Call,
        why: String,
    },
    State {
        server: ServerId,
        #[serde(flatten)]
        changes: Changes,
    },
    Saved {
        server: ServerId,
        state_size: u64,
        snapshot_size: u64,
        writes: u64,
    },
    Applied {
        server: ServerId,
        index: u64,
        command: String,
    },
    Installed {
        server: ServerId,
        index: u64,
        term: u64,
        size: u64,
    },
    Log {
        level: String,
        text: String,
    },
    Verdict {
        failure: Option<Failure>,
    },
}

/// A call; the same in all its steps.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[allow(missing_docs, reason = "docs/trace.md describes the fields")]
pub struct Call {
    pub call: u64,
    pub from: ServerId,
    pub starts: usize,
    pub to: ServerId,
    pub method: String,
}

/// What has changed of a server's state; Figure 2 tells what the fields are.
#[derive(Clone, PartialEq, Eq, Default, Debug, Deserialize, Serialize)]
#[serde(default)]
#[allow(missing_docs, reason = "docs/trace.md describes the fields")]
pub struct Changes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<u64>,
    /// A vote that is no more is `Some(None)`.
    #[serde(deserialize_with = "there", skip_serializing_if = "Option::is_none")]
    pub vote: Option<Option<ServerId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Snapshot>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub truncated: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub appended: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied: Option<u64>,
    #[serde(deserialize_with = "by_server", skip_serializing_if = "BTreeMap::is_empty")]
    pub next: BTreeMap<ServerId, u64>,
    #[serde(
        rename = "match",
        deserialize_with = "by_server",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub matched: BTreeMap<ServerId, u64>,
}

/// The roles of §5.1.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the paper has them")]
pub enum Role {
    #[default]
    Follower,
    Candidate,
    Leader,
}

impl Role {
    /// "follower".
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Role::Follower => "follower",
            Role::Candidate => "candidate",
            Role::Leader => "leader",
        }
    }
}

/// What a snapshot covers: up to an index, of a term; its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize, Serialize)]
#[allow(missing_docs, reason = "said above")]
pub struct Snapshot {
    pub index: u64,
    pub term: u64,
    pub size: u64,
}

/// Why a run failed: the message, the thread in which it showed, and the line of the code.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[allow(missing_docs, reason = "said above")]
pub struct Failure {
    pub message: String,
    pub thread: String,
    pub at: Option<String>,
}

/// A field that is there is `Some`, even if it is null.
fn there<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Option<ServerId>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// The keys of objects are texts in JSON.
fn by_server<'de, D: Deserializer<'de>>(field: D) -> Result<BTreeMap<ServerId, u64>, D::Error> {
    let texts: BTreeMap<String, u64> = BTreeMap::deserialize(field)?;
    let server = |(key, index): (String, u64)| match key.parse() {
        Ok(server) => Ok((server, index)),
        Err(_) => Err(D::Error::custom(format!("'{key}' is no server"))),
    };
    texts.into_iter().map(server).collect()
}

impl Event {
    /// The call of which this is a step.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Event::Sent { call, .. }
            | Event::Delivered(call)
            | Event::Answered { call, .. }
            | Event::Received(call)
            | Event::Lost { call, .. } => Some(call),
            _ => None,
        }
    }

    /// The server at which it happened, if the event itself says so.
    #[must_use]
    pub fn server(&self) -> Option<ServerId> {
        match self {
            Event::Sent { call, .. } | Event::Received(call) | Event::Lost { call, .. } => {
                Some(call.from)
            }
            Event::Delivered(call) | Event::Answered { call, .. } => Some(call.to),
            Event::State { server, .. }
            | Event::Saved { server, .. }
            | Event::Applied { server, .. }
            | Event::Installed { server, .. } => Some(*server),
            _ => None,
        }
    }

    /// The server with which the test does something.
    #[must_use]
    pub fn concerns(&self) -> Option<ServerId> {
        match self {
            Event::Start { server, .. }
            | Event::Crash { server }
            | Event::Connect { server }
            | Event::Disconnect { server }
            | Event::Command { server, .. }
            | Event::OneLeader { server } => Some(*server),
            _ => None,
        }
    }

    /// The largest number that names a server.
    #[must_use]
    pub fn largest_server(&self) -> Option<ServerId> {
        let call = self.call().map(|call| call.from.max(call.to));
        let vote = match self {
            Event::State { changes, .. } => {
                let known = changes.next.keys().chain(changes.matched.keys()).max().copied();
                known.max(changes.vote.flatten())
            }
            _ => None,
        };
        call.max(vote).max(self.server()).max(self.concerns())
    }
}
