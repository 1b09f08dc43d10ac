//! All that is seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::super::finding::is_majority;
use super::super::message::{Message, Rpc};
use crate::labgob::Bytes;
use crate::raft::{Index, ServerId, Term};

/// What was seen of a cluster from outside.
pub(crate) struct Wire {
    /// Whether nothing is looked at: for tests of what servers show.
    pub deaf: bool,
    pub(super) peers: Vec<Peer>,
    /// Whose vote each server has granted in an answer.
    pub(super) votes: BTreeMap<(Term, ServerId), ServerId>,
    /// When a candidate's request first reached a voter: how often the voter had saved.
    pub(super) asked: BTreeMap<(Term, ServerId, ServerId), u64>,
    pub(super) campaigns: BTreeMap<(Term, ServerId), Campaign>,
    pub(super) reigns: BTreeMap<Term, Reign>,
    /// Every entry that was sent: by index, then those of different terms.
    pub(super) entries: Vec<Vec<Sent>>,
    /// The terms of the entries that some leader can know to be committed, as far as they are
    /// known, from index 1 on.
    pub(super) committed: Vec<Option<Term>>,
    /// Up to where the leader of each term can know that entries are committed.
    pub(super) committed_in: BTreeMap<Term, Index>,
}

/// What was seen of one server.
#[derive(Default, Clone)]
pub(super) struct Peer {
    /// The number of its last instance.
    pub(super) instance: usize,
    /// How often its disk was written.
    pub(super) writes: u64,
    /// The highest term of its answers, and how often it had saved when it was in that term for
    /// sure.
    pub(super) told: (Term, u64),
    /// The highest term of this instance's requests.
    pub(super) sent: Term,
    /// The term of this instance's last campaign.
    pub(super) campaign: Option<Term>,
    /// What it had told when this instance started.
    pub(super) floor: Term,
    /// What its log holds for sure.
    pub(super) held: Option<Held>,
    /// The newest reign whose entries or snapshot have reached it.
    pub(super) newest_reign: Term,
    /// The last index that its snapshot may cover.
    pub(super) covered: Index,
    pub(super) applied: Index,
}

/// Up to where a log goes at least.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// The term in which it was so.
    pub(super) term: Term,
    pub(super) last_term: Term,
    pub(super) last_index: Index,
    /// Whether it said so as a candidate, not as the follower of that term's leader.
    pub(super) as_candidate: bool,
}

/// A candidate of a term.
pub(super) struct Campaign {
    pub(super) instance: usize,
    pub(super) last_index: Index,
    pub(super) last_term: Term,
    /// Who has granted it a vote, in answers that have arrived.
    pub(super) votes: BTreeSet<ServerId>,
    /// Whether it has answered somebody since: then its term and vote were on disk.
    pub(super) is_past: bool,
}

/// A leader of a term.
pub(super) struct Reign {
    pub(super) leader: ServerId,
    /// The terms of its entries as far as it has sent them, from index 1 on; 0: not known.
    pub(super) log: Vec<Term>,
    /// Up to where each server has accepted, in answers that have arrived.
    pub(super) accepted: Vec<Index>,
    pub(super) told_commit: Index,
}

/// An entry that was sent, or taken by a `start()`.
pub(super) struct Sent {
    pub(super) term: Term,
    pub(super) command: Bytes,
    pub(super) prev_term: Option<Term>,
    /// How often each server had saved when it was first sent this entry.
    pub(super) first_to: Vec<Option<u64>>,
}

/// How things were when a request arrived at a server.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(super) term: Term,
    pub(super) writes: u64,
    pub(super) held: Option<Held>,
    pub(super) campaign: Option<Term>,
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

    /// Whether a server has saved again since its disk had been written so often.
    pub fn has_saved_since(&self, server: ServerId, writes: u64) -> bool {
        self.peers[server].writes > writes
    }

    /// A request has reached a server, whose handler is about to run.
    pub fn delivered(&mut self, rpc: &Rpc) -> Arrival {
        let (from, to, term) = (rpc.from, rpc.to, rpc.message.term());
        let peer = &mut self.peers[to];
        // A server may also note as its vote whom it hears as the leader.
        self.asked.entry((term, to, from)).or_insert(peer.writes);
        if !matches!(rpc.message, Message::Vote(_)) {
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
    pub(super) fn holds(&mut self, server: ServerId, held: Held) {
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

    pub(super) fn instance(&self, server: ServerId) -> usize {
        self.peers[server].instance
    }

    /// Whether these servers save at all: before Part C a student's do not, and what a restart takes
    /// is seen then.
    pub(super) fn saves(&self) -> bool {
        self.peers.iter().any(|peer| peer.writes > 0)
    }

    /// A candidate that has the votes of a majority, in the newest term of all, and leads not.
    pub fn won_and_silent(&self, connected: &[ServerId]) -> Option<(Term, ServerId)> {
        let (&(term, _), _) = self.campaigns.last_key_value()?;
        let campaigns = self.campaigns.range((term, 0)..);
        let has_won = |campaign: &Campaign| is_majority(campaign.votes.len(), self.peers.len());
        let mut won = campaigns.filter(|(_, campaign)| has_won(campaign));
        let ((_, server), campaign) = won.next()?;
        let lives = connected.contains(server) && campaign.instance == self.instance(*server);
        (lives && !self.reigns.contains_key(&term)).then_some((term, *server))
    }

    /// In how many of the newest terms, one after the other, several servers have asked for votes,
    /// and nobody has led.
    pub fn split_votes(&self) -> usize {
        let mut candidates: BTreeMap<Term, usize> = BTreeMap::new();
        for (term, _) in self.campaigns.keys() {
            *candidates.entry(*term).or_default() += 1;
        }
        let newest = candidates.iter().rev();
        newest.take_while(|(term, count)| **count > 1 && !self.reigns.contains_key(term)).count()
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
