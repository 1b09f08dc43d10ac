//! What can be told of servers that show no [`View`](crate::raft::View): from the messages that
//! they send and answer, from how often they save, and from what they apply.
//!
//! Only what no order of threads can change is held against a server. A request is seen before it
//! can have an effect, but it may have been made up long before: so it says what its sender was at
//! some time since it started. An answer is seen after the critical section that it comes from, which
//! is later than the arrival of its request. What a dead instance says counts for nothing.
//!
//! What was answered was on disk, so it binds the next instance as well. Whether it was saved is asked
//! only where somebody saves: Parts A and B can be written before Part C.
//!
//! # Layout
//! `mod.rs` (the record), `requests.rs`, `answers.rs`, `commits.rs` (who can know what is committed).

mod answers;
mod commits;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::messages::{Message, Rpc};
use crate::labgob::Bytes;
use crate::raft::{Index, ServerId, Term};

const ELECTION_SAFETY: &str = "Election Safety (Figure 3)";
const APPEND_ONLY: &str = "Leader Append-Only (Figure 3)";
const LOG_MATCHING: &str = "Log Matching (Figure 3)";
const COMPLETENESS: &str = "Leader Completeness (Figure 3)";
const SAME_COMMITS: &str = "State Machine Safety (Figure 3)";
const COMMIT_RULE: &str = "the commit rule (Figure 2, Leaders; §5.4.2)";
const TERMS_RISE: &str = "terms only rise (Figure 2, current_term)";
const PERSISTENT: &str = "persistent state (Figure 2)";
const UP_TO_DATE: &str = "votes go to logs that are up to date (§5.4.1)";
const ANSWER: &str = "an answer is true (Figure 2)";

/// What was seen of a cluster from outside.
pub(in super::super) struct Wire {
    /// Whether nothing is looked at: for tests of what servers show.
    pub deaf: bool,
    peers: Vec<Peer>,
    /// Whose vote each server has granted in an answer.
    votes: BTreeMap<(Term, ServerId), ServerId>,
    /// When a candidate's request first reached a voter: how often the voter had saved.
    asked: BTreeMap<(Term, ServerId, ServerId), u64>,
    campaigns: BTreeMap<(Term, ServerId), Campaign>,
    reigns: BTreeMap<Term, Reign>,
    /// Every entry that was sent: by index, then those of different terms.
    entries: Vec<Vec<Sent>>,
    /// The terms of the entries that some leader can know to be committed, as far as they are
    /// known, from index 1 on.
    committed: Vec<Option<Term>>,
    /// Up to where the leader of each term can know that entries are committed.
    committed_in: BTreeMap<Term, Index>,
}

/// What was seen of one server.
#[derive(Default, Clone)]
struct Peer {
    /// The number of its last instance.
    instance: usize,
    /// How often its disk was written.
    writes: u64,
    /// The highest term of its answers, and how often it had saved when it was in that term for
    /// sure.
    told: (Term, u64),
    /// The highest term of this instance's requests.
    sent: Term,
    /// The term of this instance's last campaign.
    campaign: Option<Term>,
    /// What it had told when this instance started.
    floor: Term,
    /// What its log holds for sure.
    held: Option<Held>,
    /// The newest reign whose entries or snapshot have reached it.
    newest_reign: Term,
    /// The last index that its snapshot may cover.
    covered: Index,
    applied: Index,
}

/// Up to where a log goes at least.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Held {
    /// The term in which it was so.
    term: Term,
    last_term: Term,
    last_index: Index,
    /// Whether it said so as a candidate, not as the follower of that term's leader.
    as_candidate: bool,
}

/// A candidate of a term.
struct Campaign {
    instance: usize,
    last_index: Index,
    last_term: Term,
    /// Who has granted it a vote, in answers that have arrived.
    votes: BTreeSet<ServerId>,
    /// Whether it has answered somebody since: then its term and vote were on disk.
    is_past: bool,
}

/// A leader of a term.
struct Reign {
    leader: ServerId,
    /// The terms of its entries as far as it has sent them, from index 1 on; 0: not known.
    log: Vec<Term>,
    /// Up to where each server has accepted, in answers that have arrived.
    accepted: Vec<Index>,
    told_commit: Index,
}

/// An entry that was sent, or taken by a `start()`.
struct Sent {
    term: Term,
    command: Bytes,
    prev_term: Option<Term>,
    /// How often each server had saved when it was first sent this entry.
    first_to: Vec<Option<u64>>,
}

/// How things were when a request arrived at a server.
#[derive(Clone, Copy)]
pub(in super::super) struct Arrival {
    term: Term,
    writes: u64,
    held: Option<Held>,
    campaign: Option<Term>,
}

impl Wire {
    pub fn new(servers: usize) -> Wire {
        Wire {
            deaf: false,
            peers: vec![Peer::default(); servers],
            votes: BTreeMap::new(),
            asked: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            reigns: BTreeMap::new(),
            entries: Vec::new(),
            committed: Vec::new(),
            committed_in: BTreeMap::new(),
        }
    }

    pub fn started(&mut self, server: ServerId, instance: usize) {
        let peer = &mut self.peers[server];
        peer.instance = instance;
        (peer.sent, peer.floor, peer.campaign) = (0, peer.told.0, None);
    }

    pub fn saved(&mut self, server: ServerId, writes: u64) {
        self.peers[server].writes = writes;
    }

    /// A request has reached a server, whose handler is about to run.
    pub fn delivered(&mut self, rpc: &Rpc) -> Arrival {
        let (from, to, term) = (rpc.from, rpc.to, rpc.message.term());
        let peer = &mut self.peers[to];
        if let Message::Vote(_) = rpc.message {
            self.asked.entry((term, to, from)).or_insert(peer.writes);
        } else {
            peer.newest_reign = peer.newest_reign.max(term);
            // From now on the leader of that term may take entries away.
            let stays = |held: &Held| held.term > term || (held.term == term && !held.as_candidate);
            peer.held = peer.held.filter(stays);
        }
        if let Message::Install(args) = &rpc.message {
            peer.covered = peer.covered.max(args.last_included_index);
        }
        let term = peer.told.0.max(peer.sent);
        Arrival { term, writes: peer.writes, held: peer.held, campaign: peer.campaign }
    }

    /// A server's log goes so far.
    fn holds(&mut self, server: ServerId, held: Held) {
        let peer = &mut self.peers[server];
        let is_safe = match held.as_candidate {
            true => held.term > peer.newest_reign,
            false => held.term >= peer.newest_reign,
        };
        let key = |held: &Held| (held.term, !held.as_candidate, held.last_term, held.last_index);
        if is_safe && peer.held.is_none_or(|old| key(&old) <= key(&held)) {
            peer.held = Some(held);
        }
    }

    /// Nothing is known of a server's log.
    #[cfg(test)]
    pub fn holds_nothing(&mut self, server: ServerId) {
        self.peers[server].held = None;
    }

    fn instance(&self, server: ServerId) -> usize {
        self.peers[server].instance
    }

    /// Whether these servers save at all: before Part C a student's do not, and what a restart takes
    /// is seen then.
    fn saves(&self) -> bool {
        self.peers.iter().any(|peer| peer.writes > 0)
    }

    fn is_majority(&self, count: usize) -> bool {
        count > self.peers.len() / 2
    }

    /// A candidate that has the votes of a majority, in the newest term of all, and leads not.
    pub fn won_and_silent(&self, connected: &[ServerId]) -> Option<(Term, ServerId)> {
        let (&(term, _), _) = self.campaigns.last_key_value()?;
        let campaigns = self.campaigns.range((term, 0)..);
        let mut won = campaigns.filter(|(_, campaign)| self.is_majority(campaign.votes.len()));
        let ((_, server), campaign) = won.next()?;
        let lives = connected.contains(server) && campaign.instance == self.instance(*server);
        (lives && !self.reigns.contains_key(&term)).then_some((term, *server))
    }

    /// Whether a server was seen to vote in the last term that it has told.
    pub fn votes_in_its_last_term(&self, server: ServerId) -> bool {
        let key = (self.peers[server].told.0, server);
        self.votes.contains_key(&key) || self.campaigns.contains_key(&key)
    }

    pub fn has_entries(&self) -> bool {
        !self.entries.is_empty()
    }

    /// The newest leader.
    pub fn last_reign(&self) -> Option<(Term, ServerId)> {
        self.reigns.last_key_value().map(|(&term, reign)| (term, reign.leader))
    }

    /// Up to where the leader of a term can know that entries are committed, and has told.
    pub fn committed_by(&self, term: Term) -> Index {
        self.committed_in.get(&term).copied().unwrap_or(0)
    }

    pub fn told_commit(&self, term: Term) -> Index {
        self.reigns.get(&term).map_or(0, |reign| reign.told_commit)
    }

    pub fn applied_by(&self, server: ServerId) -> Index {
        self.peers[server].applied
    }

    /// What is known of a server, in a line.
    pub fn describe(&self, server: ServerId) -> String {
        let peer = &self.peers[server];
        let term = peer.told.0.max(peer.sent);
        let mut text = format!("term {term} by its messages");
        let mut add = |part: std::fmt::Arguments<'_>| {
            let _ = write!(text, ", {part}"); // writing to a String cannot fail
        };
        match self.votes.get(&(term, server)) {
            _ if self.reigns.get(&term).is_some_and(|reign| reign.leader == server) => {
                add(format_args!("leader"));
            }
            Some(candidate) => add(format_args!("voted for {candidate}")),
            None if self.campaigns.contains_key(&(term, server)) => add(format_args!("candidate")),
            None => {}
        }
        if let Some(held) = &peer.held {
            add(format_args!("has entries up to {}@{}", held.last_index, held.last_term));
        }
        if let Some(reign) = self.reigns.get(&term).filter(|reign| reign.leader == server) {
            add(format_args!("followers have accepted up to {:?}", reign.accepted));
        }
        add(format_args!("applied {}", peer.applied));
        text
    }
}
