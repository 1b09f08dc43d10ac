//! All that is known of a cluster, and what one server's views may not show: falling values, a
//! second vote, a log out of order, memory that is not on disk.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use super::messages::{Call, Reply, Rpc};
use super::shadow::{LogChange, Role, Shadow, entry_of};
use super::{Broken, Check, broken};
use crate::labgob::Bytes;
use crate::raft::{Index, OnDisk, RoleView, Saved, ServerId, Term, View};

const ELECTION_SAFETY: &str = "Election Safety (Figure 3)";
const APPEND_ONLY: &str = "Leader Append-Only (Figure 3)";
const LOG_MATCHING: &str = "Log Matching (Figure 3)";
const TERMS_RISE: &str = "terms only rise (Figure 2, current_term)";
const VOLATILE: &str = "indices only rise (Figure 2, volatile state)";
const ORDER: &str = "indices in order (Figure 2)";
const PERSISTENT: &str = "persistent state (Figure 2)";
const MATCH_INDEX: &str = "match_index (Figure 2, volatile state on leaders)";

/// The record of one test.
pub(super) struct Book {
    pub shadows: Vec<Shadow>,
    /// Who got whose vote, restarts included.
    pub votes: BTreeMap<(Term, ServerId), ServerId>,
    pub leaders: BTreeMap<Term, ServerId>,
    /// Every entry that was ever in a log: by index, then those of different terms.
    pub entries: Vec<Vec<KnownEntry>>,
    /// The terms of the committed entries, from index 1 on.
    pub committed: Vec<Term>,
    /// The highest index that the leader of each term has committed.
    pub committed_in: BTreeMap<Term, Index>,
    /// The RPCs under way.
    pub calls: BTreeMap<u64, Call>,
    /// What reached each server last.
    pub last_heard: Vec<Option<Heard>>,
    /// The time of the current step, since the run began.
    pub now: Duration,
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
    pub reply: Option<Reply>,
}

impl Book {
    pub fn new(servers: usize) -> Book {
        Book {
            shadows: (0..servers).map(|_| Shadow::default()).collect(),
            votes: BTreeMap::new(),
            leaders: BTreeMap::new(),
            entries: Vec::new(),
            committed: Vec::new(),
            committed_in: BTreeMap::new(),
            calls: BTreeMap::new(),
            last_heard: (0..servers).map(|_| None).collect(),
            now: Duration::ZERO,
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
    }

    pub fn crashed(&mut self, server: ServerId) {
        self.shadows[server].instance = None;
        self.last_heard[server] = None;
    }

    /// Nothing is checked after this; the message that tells of the finding.
    pub fn close_with(&mut self, broken: &Broken) -> String {
        self.closed = true;
        let Broken { property, how, servers } = broken;
        let mut text = format!("{property} is broken: {how}");
        let mut line = |args: std::fmt::Arguments<'_>| {
            let _ = write!(text, "\n  {args}"); // writing to a String cannot fail
        };
        for &server in servers {
            line(format_args!("server {server}: {}", self.shadows[server]));
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

    /// An instance of a server shows itself, with this on its disk.
    pub fn shown(
        &mut self,
        server: ServerId,
        instance: usize,
        view: &View<'_>,
        disk: &OnDisk,
    ) -> Check {
        let shadow = &self.shadows[server];
        if shadow.instance != Some(instance) || shadow.equals(view, disk.writes) {
            return Ok(());
        }
        let first_view = !shadow.seen;
        let change = shadow.log_change(view);
        let read_disk = is_disk_check_due(shadow, view, change.as_ref(), disk);
        check_terms(server, shadow, view)?;
        self.check_vote(server, view)?;
        check_indices(server, shadow, view)?;
        check_reign(server, shadow, view, change.as_ref())?;
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
        self.check_snapshot(server)
    }

    /// One vote a server and term, whatever happens in between (§5.2).
    fn check_vote(&self, server: ServerId, view: &View<'_>) -> Check {
        let term = view.current_term;
        let cast = self.votes.get(&(term, server)).copied();
        if let Some(first) = cast.filter(|&first| view.voted_for != Some(first)) {
            let now = match view.voted_for {
                Some(second) => format!("now for server {second}"),
                None => "and now has no vote".to_string(),
            };
            let how = format!("server {server} voted for server {first} in term {term}, {now}");
            return broken(ELECTION_SAFETY, &[server], how);
        }
        if view.role != RoleView::Follower && view.voted_for != Some(server) {
            let how = format!(
                "server {server} is candidate or leader of term {term} without its own vote ({:?})",
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
                         {:?} behind term {prev_term} in that of server {server}",
                        known.command, known.prev_term, known.server, entry.command
                    );
                    return broken(LOG_MATCHING, &[known.server, server], how);
                }
            } else {
                let is_its_leader =
                    term == view.current_term && matches!(view.role, RoleView::Leader { .. });
                // What a server saved in the moment of its crash, its next instance shows first.
                if !is_its_leader && !first_view {
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

fn check_terms(server: ServerId, shadow: &Shadow, view: &View<'_>) -> Check {
    let (old, new) = (shadow.current_term, view.current_term);
    if new < old {
        let when = if shadow.seen { "" } else { " over a restart" };
        let how = format!("the term of server {server} falls from {old} to {new}{when}");
        return broken(TERMS_RISE, &[server], how);
    }
    Ok(())
}

/// The indices of one view, and those of the one before.
fn check_indices(server: ServerId, shadow: &Shadow, view: &View<'_>) -> Check {
    let last_index = view.snapshot_index + view.entries.len() as Index;
    let View { snapshot_index, last_applied, commit_index, .. } = *view;
    for (low, low_name, high, high_name) in [
        (last_applied, "last_applied", commit_index, "commit_index"),
        (commit_index, "commit_index", last_index, "last index"),
        (snapshot_index, "snapshot index", commit_index, "commit_index"),
    ] {
        if low > high {
            let how = format!("server {server}: {low_name} {low} > {high_name} {high}");
            return broken(ORDER, &[server], how);
        }
    }
    let rising = [
        ("snapshot index", shadow.snapshot_index, snapshot_index),
        ("commit_index", if shadow.seen { shadow.commit_index } else { 0 }, commit_index),
        ("last_applied", if shadow.seen { shadow.last_applied } else { 0 }, last_applied),
    ];
    for (name, old, new) in rising {
        if new < old {
            let how = format!("server {server}: {name} falls from {old} to {new}");
            return broken(VOLATILE, &[server], how);
        }
    }
    // A snapshot that a leader has sent is ahead of what is applied, until it is delivered.
    let moved = !shadow.seen || last_applied != shadow.last_applied;
    if moved && last_applied < snapshot_index {
        let how = format!(
            "server {server}: last_applied {last_applied} < snapshot index {snapshot_index}: the \
             entries between are gone"
        );
        return broken(ORDER, &[server], how);
    }
    if !shadow.seen && last_applied > snapshot_index {
        let how = format!(
            "server {server} restarts with last_applied {last_applied}, but its service has its \
             snapshot only, up to {snapshot_index}"
        );
        return broken(PERSISTENT, &[server], how);
    }
    Ok(())
}

/// What may not change while a server leads a term.
fn check_reign(
    server: ServerId,
    shadow: &Shadow,
    view: &View<'_>,
    change: Option<&LogChange>,
) -> Check {
    let Role::Leader { match_index: old } = &shadow.role else { return Ok(()) };
    let RoleView::Leader { match_index: new, .. } = view.role else { return Ok(()) };
    let term = view.current_term;
    if !shadow.seen || term != shadow.current_term {
        if shadow.seen {
            let how = format!(
                "server {server} leads term {} and then, without an election, term {term}",
                shadow.current_term
            );
            return broken(ELECTION_SAFETY, &[server], how);
        }
        return Ok(());
    }
    if let Some(LogChange { first_new, truncated: true }) = change {
        let how = format!(
            "server {server}, leader of term {term}, deletes or replaces its entries from \
             {first_new} on"
        );
        return broken(APPEND_ONLY, &[server], how);
    }
    for (peer, (&old, &new)) in old.iter().zip(new).enumerate() {
        if new < old {
            let how = format!("server {server}: match_index of {peer} falls from {old} to {new}");
            return broken(MATCH_INDEX, &[server, peer], how);
        }
    }
    Ok(())
}

/// Whether to read the disk: if anything persistent has changed, but not at each append to a long
/// log, as long as it was saved at all.
fn is_disk_check_due(
    shadow: &Shadow,
    view: &View<'_>,
    change: Option<&LogChange>,
    disk: &OnDisk,
) -> bool {
    let same_vote = (shadow.current_term, shadow.voted_for) == (view.current_term, view.voted_for);
    let same_snapshot = shadow.snapshot == *view.snapshot;
    if !shadow.seen || !same_vote || !same_snapshot {
        return true;
    }
    match change {
        Some(LogChange { truncated: false, .. }) if shadow.writes < disk.writes => shadow.is_due(),
        Some(_) => true,
        None => shadow.writes != disk.writes,
    }
}

/// "Updated on stable storage before responding to RPCs": before anybody can see it.
fn check_disk(server: ServerId, view: &View<'_>, disk: &OnDisk) -> Check {
    let fault = |what: String| {
        let how = format!("server {server}: {what}: a crash now would undo what others can see");
        broken(PERSISTENT, &[server], how)
    };
    if *view.snapshot != disk.snapshot {
        let (memory, disk) = (view.snapshot.len(), disk.snapshot.len());
        return fault(format!("snapshot of {memory} bytes in memory, another of {disk} on disk"));
    }
    let Some(read_saved) = view.read_saved else { return Ok(()) };
    let saved = if disk.raft_state.is_empty() {
        Saved::default()
    } else {
        match read_saved(&disk.raft_state) {
            Ok(saved) => saved,
            Err(error) => return fault(format!("its persisted state cannot be read: {error}")),
        }
    };
    if saved.current_term != view.current_term {
        let (memory, disk) = (view.current_term, saved.current_term);
        return fault(format!("current_term {memory} in memory, {disk} on disk"));
    }
    if saved.voted_for != view.voted_for {
        let (memory, disk) = (view.voted_for, saved.voted_for);
        return fault(format!("voted_for {memory:?} in memory, {disk:?} on disk"));
    }
    let (memory, on_disk) =
        ((view.snapshot_index, view.snapshot_term), (saved.snapshot_index, saved.snapshot_term));
    if memory != on_disk {
        return fault(format!("snapshot up to {memory:?} in memory, {on_disk:?} on disk"));
    }
    if saved.entries != view.entries {
        let same = saved.entries.iter().zip(view.entries).take_while(|(a, b)| a == b).count();
        let first = view.snapshot_index + 1 + same as Index;
        let (memory, disk) = (view.entries.len(), saved.entries.len());
        return fault(format!(
            "{memory} log entries in memory, {disk} on disk, different from {first} on"
        ));
    }
    Ok(())
}
