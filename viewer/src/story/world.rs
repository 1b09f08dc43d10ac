//! The servers as Figure 2 sees them, event by event.

use std::collections::BTreeMap;

use crate::trace::{Changes, Entry, Event, Role, ServerId, Snapshot};

/// A server at a moment.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[allow(missing_docs, reason = "Figure 2 has most of them")]
pub struct Server {
    /// It runs: started, and not crashed.
    pub up: bool,
    /// It is attached to the network.
    pub connected: bool,
    /// How often it was started.
    pub starts: usize,
    pub term: u64,
    pub vote: Option<ServerId>,
    pub role: Role,
    pub snapshot: Snapshot,
    /// The entries behind the snapshot.
    pub entries: Vec<Entry>,
    pub commit: u64,
    pub applied: u64,
    pub next: BTreeMap<ServerId, u64>,
    pub matched: BTreeMap<ServerId, u64>,
}

impl Server {
    /// Index and term of its last entry.
    #[must_use]
    pub fn last(&self) -> (u64, u64) {
        let covered = (self.snapshot.index, self.snapshot.term);
        self.entries.last().map_or(covered, |entry| (entry.index, entry.term))
    }

    /// What one sees at a glance.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            up: self.up,
            connected: self.connected,
            role: self.role,
            term: self.term,
            vote: self.vote,
            last: self.last(),
            commit: self.commit,
        }
    }

    /// What it is after a state event.
    pub fn apply(&mut self, changes: &Changes) {
        self.term = changes.term.unwrap_or(self.term);
        self.vote = changes.vote.unwrap_or(self.vote);
        if let Some(role) = changes.role {
            self.role = role;
            self.next.clear();
            self.matched.clear();
        }
        if let Some(snapshot) = changes.snapshot {
            self.snapshot = snapshot;
            self.entries.retain(|entry| entry.index > snapshot.index);
        }
        if let Some(last) = changes.truncated {
            self.entries.retain(|entry| entry.index <= last);
        }
        self.entries.extend(changes.appended.iter().cloned());
        self.commit = changes.commit.unwrap_or(self.commit);
        self.applied = changes.applied.unwrap_or(self.applied);
        self.next.extend(&changes.next);
        self.matched.extend(&changes.matched);
    }
}

/// What one sees of a server at a glance.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[allow(missing_docs, reason = "see Server")]
pub struct Status {
    pub up: bool,
    pub connected: bool,
    pub role: Role,
    pub term: u64,
    pub vote: Option<ServerId>,
    pub last: (u64, u64),
    pub commit: u64,
}

/// All servers.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct World {
    /// By their numbers.
    pub servers: Vec<Server>,
}

impl World {
    /// Before anything has happened.
    #[must_use]
    pub fn new(servers: usize) -> World {
        World { servers: vec![Server::default(); servers] }
    }

    /// Whether the event has changed a server.
    pub fn apply(&mut self, event: &Event) -> bool {
        match event {
            Event::Start { server, starts } => {
                let connected = self.servers[*server].connected;
                self.servers[*server] =
                    Server { up: true, connected, starts: *starts, ..Server::default() };
            }
            Event::Crash { server } => self.servers[*server].up = false,
            Event::Connect { server } => self.servers[*server].connected = true,
            Event::Disconnect { server } => self.servers[*server].connected = false,
            Event::State { server, changes } => self.servers[*server].apply(changes),
            _ => return false,
        }
        true
    }
}
