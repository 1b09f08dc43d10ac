//! All that is known of a cluster; votes and entries, which must be the same wherever they show.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::calls::Call;
use super::messages::{Reply, Rpc};
use super::pending::{Pending, Unshown};
use super::plight::Talk;
use super::server::{
    check_disk, check_indices, check_next_index, check_reign, check_terms, is_disk_check_due,
};
use super::shadow::{LogChange, Role, Shadow, entry_of};
use super::wire::Wire;
use super::{Broken, Check, broken};
use crate::labgob::Bytes;
use crate::raft::{Index, OnDisk, RoleView, ServerId, Term, View};

const ELECTION_SAFETY: &str = "Election Safety (Figure 3)";
const LOG_MATCHING: &str = "Log Matching (Figure 3)";
const SNAPSHOT: &str = "a snapshot has the index and term of its last entry (Figure 13)";

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
    /// The RPCs under way.
    pub calls: BTreeMap<u64, Call>,
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

    /// Nothing is checked after this; the message that tells of the finding.
    pub fn close_with(&mut self, broken: &Broken) -> String {
        self.closed = true;
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

    /// An instance of a server shows itself, with this on its disk.
    pub fn shown(
        &mut self,
        server: ServerId,
        instance: usize,
        view: &View<'_>,
        disk: &OnDisk,
    ) -> Check {
        let shadow = &self.shadows[server];
        if shadow.instance != Some(instance) || self.blind {
            return Ok(());
        }
        self.has_shown[server] = true;
        if shadow.equals(view, disk.writes) {
            return self.check_pending(server);
        }
        let first_view = !shadow.seen;
        let change = shadow.log_change(view);
        let read_disk = is_disk_check_due(shadow, view, change.as_ref(), disk);
        check_terms(server, shadow, view)?;
        self.check_vote(server, view)?;
        check_indices(server, shadow, view)?;
        check_reign(server, shadow, view, change.as_ref())?;
        check_next_index(server, view)?;
        if read_disk {
            check_disk(server, view, disk)?;
        }
        // What the server showed before, for the checks that look at all servers.
        let was_leader = shadow.is_leader() && shadow.current_term == view.current_term;
        let (old_commit, old_match) = match &shadow.role {
            _ if first_view => (0, None),
            Role::Leader { match_index } if was_leader => {
                (shadow.commit_index, Some(match_index.clone()))
            }
            _ => (shadow.commit_index, None),
        };
        if let Some(change) = &change {
            self.check_entries(server, view, change, first_view)?;
        }
        if let Some(candidate) = view.voted_for {
            if candidate == server {
                self.campaigns.insert((view.current_term, server));
            }
            self.votes.insert((view.current_term, server), candidate);
        }
        self.shadows[server].update(view, change.as_ref(), disk.writes);
        if let RoleView::Leader { match_index, .. } = view.role {
            if !was_leader {
                self.check_new_leader(server, match_index)?;
            }
            let old_match = old_match.unwrap_or_else(|| vec![0; match_index.len()]);
            self.check_match(server, &old_match, match_index)?;
        }
        if view.commit_index > old_commit {
            self.check_commit(server, old_commit)?;
        }
        self.check_snapshot(server)?;
        self.check_pending(server)
    }

    /// One vote a server and term, whatever happens in between (§5.2).
    fn check_vote(&self, server: ServerId, view: &View<'_>) -> Check {
        let term = view.current_term;
        let cast = self.votes.get(&(term, server)).copied();
        if let Some(first) = cast.filter(|&first| view.voted_for != Some(first)) {
            let now = match view.voted_for {
                Some(second) if second == server => {
                    "now for itself: a candidate raises the term and \
                     votes for itself in one critical section (rule 5 of the locking advice)"
                        .to_string()
                }
                Some(second) => format!(
                    "now for server {second}: a server votes once in a term (Figure 2, \
                     RequestVote, receiver 2)"
                ),
                None => "and now has no vote".to_string(),
            };
            let how = format!("server {server} voted for server {first} in term {term}, {now}");
            return broken(ELECTION_SAFETY, &[server], how);
        }
        // A vote answers a request, which has been seen on its way.
        let asker = view.voted_for.filter(|&candidate| candidate != server);
        if let Some(candidate) = asker.filter(|&it| !self.campaigns.contains(&(term, it))) {
            let how = format!(
                "server {server} shows a vote for server {candidate} in term {term}, but server \
                 {candidate} never asked for votes in term {term}: votedFor belongs to the term \
                 (Figure 2, state); was it cleared when the term changed?"
            );
            return broken(ELECTION_SAFETY, &[server], how);
        }
        if view.role != RoleView::Follower && view.voted_for != Some(server) {
            let how = format!(
                "server {server} is candidate or leader of term {term} without its own vote \
                 ({:?}): a candidate votes for itself (Figure 2, candidates)",
                view.voted_for
            );
            return broken(ELECTION_SAFETY, &[server], how);
        }
        Ok(())
    }

    /// New entries: known ones are what they were, and unknown ones are the leader's own.
    fn check_entries(
        &mut self,
        server: ServerId,
        view: &View<'_>,
        change: &LogChange,
        first_view: bool,
    ) -> Check {
        let last = view.snapshot_index + view.entries.len() as Index;
        let mut prev_term = match entry_of(view, change.first_new - 1) {
            Some(entry) => entry.term,
            None => view.snapshot_term,
        };
        for index in change.first_new..=last {
            let Some(entry) = entry_of(view, index) else { continue };
            let term = entry.term;
            if term < prev_term || term > view.current_term {
                let how = format!(
                    "server {server} in term {} has entry {index}@{term} behind one of term \
                     {prev_term}",
                    view.current_term
                );
                return broken(LOG_MATCHING, &[server], how);
            }
            if self.entries.len() < index as usize {
                self.entries.resize_with(index as usize, Vec::new);
            }
            let known = self.entries[index as usize - 1].iter().find(|known| known.term == term);
            if let Some(known) = known {
                if known.command != entry.command || known.prev_term != prev_term {
                    let how = format!(
                        "two entries {index}@{term}: {:?} behind term {} in the log of server {}, \
                         {:?} behind term {prev_term} in that of server {server}{}",
                        known.command,
                        known.prev_term,
                        known.server,
                        entry.command,
                        self.who_does_not_lead(term, &[known.server, server])
                    );
                    return broken(LOG_MATCHING, &[known.server, server], how);
                }
            } else {
                let is_its_leader =
                    term == view.current_term && matches!(view.role, RoleView::Leader { .. });
                // What a server saved in the moment of its crash, its next instance shows first.
                let is_expected = is_its_leader || first_view;
                if !is_expected && !self.expect_entry(index, term, server) {
                    let how = format!(
                        "entry {index}@{term} appears in the log of server {server}, but was never \
                         in that of the leader of term {term}"
                    );
                    return broken(LOG_MATCHING, &[server], how);
                }
                let command = entry.command.clone();
                self.entries[index as usize - 1].push(KnownEntry {
                    term,
                    command,
                    prev_term,
                    server,
                });
            }
            prev_term = term;
        }
        Ok(())
    }
}
