//! What befalls a cluster in the nemesis only: links that carry one direction or are late,
//! servers that crash behind a reply, services that dawdle; and the checks at the end of it.

use std::sync::{Arc, Weak};

use crate::labgob;
use crate::labrpc::Disturbance;
use crate::raft::rpc::{AppendEntriesReply, RequestVoteReply};
use crate::raft::{Index, Persister, Raft, ServerId};

use super::config::{Config, server_name};

/// Behind which reply a server crashes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LastReply {
    /// Any.
    Any,
    /// One that grants a vote.
    Vote,
    /// One that accepts entries.
    Append,
    /// One to a snapshot.
    Install,
}

impl LastReply {
    fn is_it(self, method: &str, reply: &[u8]) -> bool {
        match self {
            LastReply::Any => true,
            LastReply::Install => method == "Raft.InstallSnapshot",
            LastReply::Vote => {
                let reply = labgob::from_bytes::<RequestVoteReply>(reply);
                method == "Raft.RequestVote" && reply.is_ok_and(|reply| reply.vote_granted)
            }
            LastReply::Append => {
                let reply = labgob::from_bytes::<AppendEntriesReply>(reply);
                method == "Raft.AppendEntries" && reply.is_ok_and(|reply| reply.success)
            }
        }
    }
}

/// An instance of a server that is to crash behind a reply.
struct Doomed {
    server: ServerId,
    /// The instance of its service.
    instance: u64,
    raft: Weak<Raft>,
    persister: Arc<Persister>,
}

impl Config {
    /// From now on this befalls the calls of `from` to `to`, restarts included.
    pub fn disturb(&self, from: ServerId, to: ServerId, disturbance: Disturbance) {
        let mut members = self.members.lock();
        members[from].disturbances[to] = disturbance;
        if let Some(end) = members[from].ends.get(to) {
            self.network.disturb(end.name(), disturbance);
        }
    }

    /// From now on a server's service now and then pauses for up to so many milliseconds; 0: no
    /// more.
    pub fn dawdle(&self, server: ServerId, up_to_ms: u64) {
        self.services.dawdle(server, up_to_ms);
    }

    /// The server crashes in the moment in which the next such reply leaves it: with what is on
    /// its disk then. The reply gets through. Nothing if it is crashed already.
    pub fn crash_after_reply(self: &Arc<Config>, server: ServerId, which: LastReply) {
        let instance = self.services.instance(server);
        let (doomed, ends) = {
            let members = self.members.lock();
            let member = &members[server];
            let Some(raft) = &member.raft else { return };
            let (raft, persister) = (Arc::downgrade(raft), member.persister.clone());
            let ends = member.ends.iter().map(|end| end.name().to_string()).collect();
            (Doomed { server, instance, raft, persister }, ends)
        };
        let config = Arc::downgrade(self);
        let is_it = move |method: &str, reply: &[u8]| which.is_it(method, reply);
        self.network.last_reply(&server_name(server), is_it, ends, move || {
            if let Some(config) = config.upgrade() {
                config.crash_now(&doomed);
            }
        });
    }

    /// Takes back a [`Config::crash_after_reply`] that has not struck.
    pub fn no_crash_after_reply(&self, server: ServerId) {
        self.network.no_last_reply(&server_name(server));
    }

    /// The network has cut the server off: nothing that it does from now on is seen.
    fn crash_now(&self, doomed: &Doomed) {
        let server = doomed.server;
        let Some(raft) = doomed.raft.upgrade() else { return };
        {
            // As one: who starts the server again, or asks it something, finds all done or nothing.
            let mut members = self.members.lock();
            let current = members[server].raft.as_ref();
            if !current.is_some_and(|current| Arc::ptr_eq(current, &raft)) {
                return; // crashed in another way meanwhile
            }
            let disk = self.disk_at_crash(server, doomed.instance, &doomed.persister);
            self.cut_off(&mut members, server);
            members[server].raft = None;
            members[server].persister = Arc::new(disk);
        }
        raft.clone().kill();
        self.services.killed(server, doomed.instance);
    }

    /// What clients were promised, over the whole test: all services have applied the same up to
    /// `index`, and nothing was ever applied but what a leader accepted for that very index.
    ///
    /// # Panics
    /// If it is not so.
    #[track_caller]
    pub fn check_promises(&self, index: Index) {
        let decided = self.services.decided();
        for (server, history) in self.services.histories().iter().enumerate() {
            let applied = history.len() as Index;
            assert!(applied >= index, "server {server} has applied {applied} entries of {index}");
            for (at, (here, there)) in (1..).zip(history.iter().zip(&decided)) {
                assert!(here == there, "server {server} has {here} at {at}; decided was {there}");
            }
        }
        for (at, command) in (1..).zip(&decided) {
            assert!(
                self.history.was_started(at, command),
                "{command} was applied at index {at}, but no start() put it there"
            );
        }
    }
}
