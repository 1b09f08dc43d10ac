//! All that is known of a cluster, and what its servers have still to show. The checks are further
//! `impl Book` blocks, in the files above this one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::finding::{Broken, Check, SNAPSHOT, broken};
use super::message::{Reply, Rpc};
use super::shadow::Shadow;
use super::wire::{Arrival, Wire};
use crate::labgob::Bytes;
use crate::raft::{Index, ServerId, Term};

/// The record of one test.
pub(super) struct Book {
    pub shadows: Vec<Shadow>,
    /// Who got whose vote, restarts included.
    pub votes: BTreeMap<(Term, ServerId), ServerId>,
    /// Who has asked for votes in which term.
    pub campaigns: BTreeSet<(Term, ServerId)>,
    pub leaders: BTreeMap<Term, ServerId>,
    /// Every entry that was ever in a log: by index, then those of different terms.
    pub entries: Vec<Vec<KnownEntry>>,
    /// The terms of the committed entries, from index 1 on.
    pub committed: Vec<Term>,
    /// The highest index that the leader of each term has committed.
    pub committed_in: BTreeMap<Term, Index>,
    /// The RPCs under way, and those that were lost and may still arrive.
    pub calls: BTreeMap<u64, Call>,
    /// Those that were lost lately, and when.
    pub lost_calls: VecDeque<(Duration, u64)>,
    /// What each server must show when it releases its lock next: see `pending.rs`.
    pub pending: Vec<Vec<Pending>>,
    pub unshown: Vec<Unshown>,
    /// Whether some instance of a server has shown itself.
    pub has_shown: Vec<bool>,
    /// What servers said, and could not show any more because they crashed.
    pub last_words: Vec<Arc<Rpc>>,
    /// What reached each server last.
    pub last_heard: Vec<Option<Heard>>,
    /// What each server has said to each other lately, and when somebody last asked for votes.
    pub talks: Vec<Vec<Talk>>,
    pub last_campaign: Duration,
    /// What is seen from outside, View or not.
    pub wire: Wire,
    /// The time of the current step, since the run began, and its number.
    pub now: Duration,
    pub step: u64,
    /// Whether what servers show is not looked at.
    pub blind: bool,
    closed: bool,
}

/// An entry that was in some log.
pub(super) struct KnownEntry {
    pub term: Term,
    pub command: Bytes,
    /// The term of the entry before it.
    pub prev_term: Term,
    /// Where it was first seen.
    pub server: ServerId,
}

/// A message that reached a server.
pub(super) struct Heard {
    pub at: Duration,
    pub rpc: Arc<Rpc>,
    /// The reply to a message of its own, if it was one.
    pub reply: Option<Arc<Reply>>,
}

/// An RPC under way.
pub(super) struct Call {
    pub rpc: Arc<Rpc>,
    /// The instance of the receiver that it has reached; none if there were several, since a
    /// request may arrive twice.
    pub reached: Option<usize>,
    pub deliveries: u32,
    /// How things were then, and the number of the step.
    pub arrival: Option<(Arrival, u64)>,
}

/// Since when a server has something to show, and how often it has answered since.
#[derive(Default, Clone)]
pub(super) struct Unshown {
    pub since: u64,
    pub answers: u32,
}

/// Something that a server has told before it showed it.
pub(super) enum Pending {
    /// What this message of its own says.
    Sent(Arc<Rpc>),
    /// Its answer to this message of another server.
    Answer(Arc<Rpc>, Arc<Reply>),
    /// That it leads this term, as `get_state()` says.
    Leads { term: Term },
    /// That it leads this term and has this entry, as `start()` says.
    Took { index: Index, term: Term },
    /// That it has committed this entry, as its service has applied it.
    Applied { index: Index },
    /// That it has this entry, as a follower has already.
    Entry { index: Index, term: Term, follower: ServerId },
    /// That it has committed this entry, as a follower has already.
    Commit { index: Index, term: Term, follower: ServerId },
}

/// What a server has said to another lately.
#[derive(Default, Clone)]
pub(super) struct Talk {
    /// Where it was last refused as a leader, and how often in a row.
    pub refused_at: Option<(Term, (Index, Term))>,
    pub refused: u32,
    /// How often in a row a server in the term of the request, whose log was no better, has refused
    /// it its vote.
    pub no_vote: u32,
    /// Up to where it has last told that entries are committed, and was believed.
    pub told_commit: Index,
}

impl Book {
    pub fn new(servers: usize) -> Book {
        Book {
            shadows: (0..servers).map(|_| Shadow::default()).collect(),
            votes: BTreeMap::new(),
            campaigns: BTreeSet::new(),
            leaders: BTreeMap::new(),
            entries: Vec::new(),
            committed: Vec::new(),
            committed_in: BTreeMap::new(),
            calls: BTreeMap::new(),
            lost_calls: VecDeque::new(),
            pending: (0..servers).map(|_| Vec::new()).collect(),
            unshown: vec![Unshown::default(); servers],
            has_shown: vec![false; servers],
            last_words: Vec::new(),
            last_heard: (0..servers).map(|_| None).collect(),
            talks: vec![vec![Talk::default(); servers]; servers],
            last_campaign: Duration::ZERO,
            wire: Wire::new(servers),
            now: Duration::ZERO,
            step: 0,
            blind: false,
            closed: false,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// A server's next instance starts.
    pub fn started(&mut self, server: ServerId, instance: usize) {
        let shadow = &mut self.shadows[server];
        shadow.instance = Some(instance);
        shadow.seen = false;
        shadow.log_changes = None; // it counts anew
        shadow.unsaved_from = None;
        self.unshown[server] = Unshown { since: self.step, answers: 0 };
        self.wire.started(server, instance);
    }

    pub fn crashed(&mut self, server: ServerId) {
        self.shadows[server].instance = None;
        for pending in std::mem::take(&mut self.pending[server]) {
            match pending {
                Pending::Sent(rpc) => self.last_words.push(rpc),
                // There is nobody left to show it: the follower is believed.
                Pending::Commit { follower, .. } => self.note_commits(follower),
                _ => {}
            }
        }
        self.last_heard[server] = None;
    }

    /// Nothing is checked after this.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Nothing is checked after this; the message that tells of the finding.
    pub fn close_with(&mut self, broken: &Broken) -> String {
        self.close();
        let Broken { property, how, servers } = broken;
        let mut text = format!("{property} is broken: {how}");
        let mut line = |args: std::fmt::Arguments<'_>| text.push_str(&format!("\n  {args}"));
        for &server in servers {
            match self.shadows[server].seen {
                true => line(format_args!("server {server}: {}", self.shadows[server])),
                false => line(format_args!("server {server}: {}", self.wire.describe(server))),
            }
            if let Some(Heard { at, rpc, reply }) = &self.last_heard[server] {
                let seconds = at.as_secs_f64();
                match reply {
                    Some(reply) => line(format_args!(
                        "  last heard, at {seconds:.6} s: reply of server {} to {}: {reply}",
                        rpc.to, rpc.message
                    )),
                    None => line(format_args!(
                        "  last heard, at {seconds:.6} s: server {} sends {}",
                        rpc.from, rpc.message
                    )),
                }
            }
        }
        text
    }

    /// An instance of a server has saved.
    pub fn saved(&mut self, server: ServerId, instance: usize, writes: u64) {
        if self.shadows[server].instance == Some(instance) {
            self.wire.saved(server, writes);
        }
    }

    /// The service of a living server has been given a command.
    pub fn applied(&mut self, server: ServerId, index: Index, command: &Bytes) -> Check {
        self.wire.applied(server, index, command)?;
        self.told_applied(server, index);
        Ok(())
    }

    /// The service of a living server has been given a snapshot.
    pub fn installed(&mut self, server: ServerId, index: Index, term: Term) -> Check {
        self.wire.installed(server, index)?;
        self.told_applied(server, index);
        let shown = (index as usize).checked_sub(1).and_then(|at| self.committed.get(at));
        let known = shown.copied().or_else(|| self.wire.term_of_committed(index));
        match known.filter(|&known| known != term) {
            None => Ok(()),
            Some(known) => broken(
                SNAPSHOT,
                &[server],
                format!(
                    "server {server} hands its service a snapshot up to {index}@{term}, but the \
                     entry at {index} is of term {known}"
                ),
            ),
        }
    }

    fn told_applied(&mut self, server: ServerId, index: Index) {
        if self.shadows[server].seen && self.shadows[server].commit_index < index {
            self.pend(server, Pending::Applied { index });
        }
    }
}
