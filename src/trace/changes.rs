//! From what a server shows at each unlock to what has changed since the last time.

use super::event::{Change, Role};
use crate::raft::rpc::Entry;
use crate::raft::{Index, RoleView, ServerId, Term, View};

/// What a server has shown last; at first what a server is that has never run.
#[derive(Default)]
pub(super) struct Shown {
    term: Term,
    vote: Option<ServerId>,
    role: Role,
    snapshot_index: Index,
    snapshot_term: Term,
    entries: Vec<Entry>,
    log_changes: Option<u64>,
    commit_index: Index,
    last_applied: Index,
    next_index: Vec<Index>,
    match_index: Vec<Index>,
}

impl Shown {
    /// What is different in `view`, which is remembered. `server` is the one that shows itself.
    pub fn update(&mut self, server: ServerId, view: &View<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        if replace(&mut self.term, view.current_term) {
            changes.push(Change::Term(self.term));
        }
        if replace(&mut self.vote, view.voted_for) {
            changes.push(Change::Vote(self.vote));
        }
        let (role, next_index, match_index): (_, &[Index], &[Index]) = match view.role {
            RoleView::Follower => (Role::Follower, &[], &[]),
            RoleView::Candidate => (Role::Candidate, &[], &[]),
            RoleView::Leader { next_index, match_index } => (Role::Leader, next_index, match_index),
        };
        if replace(&mut self.role, role) {
            changes.push(Change::Role(role));
            self.next_index.clear();
            self.match_index.clear();
        }
        self.update_log(view, &mut changes);
        if replace(&mut self.commit_index, view.commit_index) {
            changes.push(Change::Commit(self.commit_index));
        }
        if replace(&mut self.last_applied, view.last_applied) {
            changes.push(Change::LastApplied(self.last_applied));
        }
        update_peers(&mut self.next_index, next_index, server, Change::Next, &mut changes);
        update_peers(&mut self.match_index, match_index, server, Change::Match, &mut changes);
        changes
    }

    fn update_log(&mut self, view: &View<'_>, changes: &mut Vec<Change>) {
        if view.log_changes.is_some() && view.log_changes == self.log_changes {
            return;
        }
        self.log_changes = view.log_changes;
        let (index, term) = (view.snapshot_index, view.snapshot_term);
        if (self.snapshot_index, self.snapshot_term) != (index, term) {
            changes.push(Change::Snapshot { index, term, size: view.snapshot.len() });
            // A snapshot that goes back leaves nothing of the log as it was.
            let covered = index.checked_sub(self.snapshot_index).unwrap_or(Index::MAX);
            let covered = usize::try_from(covered).unwrap_or(usize::MAX);
            self.entries.drain(..covered.min(self.entries.len()));
            (self.snapshot_index, self.snapshot_term) = (index, term);
        }
        // Entries are shared, not copied, so that equal ones are found equal by their address.
        let same = self.entries.iter().zip(view.entries).take_while(|(old, new)| old == new);
        let same = same.count();
        if same < self.entries.len() {
            self.entries.truncate(same);
            changes.push(Change::Truncated(index + same as Index));
        }
        if same < view.entries.len() {
            let entries = view.entries[same..].to_vec();
            self.entries.extend_from_slice(&entries);
            changes.push(Change::Appended { first: index + same as Index + 1, entries });
        }
    }
}

/// Whether `new` is different; it replaces the old value.
fn replace<T: PartialEq>(old: &mut T, new: T) -> bool {
    let changed = *old != new;
    *old = new;
    changed
}

/// Compares what a leader knows of each other server; what it says of itself means nothing.
fn update_peers(
    old: &mut Vec<Index>,
    new: &[Index],
    server: ServerId,
    change: fn(ServerId, Index) -> Change,
    changes: &mut Vec<Change>,
) {
    if old.as_slice() == new {
        return;
    }
    for (peer, &index) in new.iter().enumerate().filter(|&(peer, _)| peer != server) {
        if old.get(peer) != Some(&index) {
            changes.push(change(peer, index));
        }
    }
    old.clear();
    old.extend_from_slice(new);
}
