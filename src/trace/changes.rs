//! From what a server shows at each unlock to what has changed since the last time.

use std::collections::BTreeMap;

use super::event::{Changes, Role, Snapshot};
use super::message::entries;
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
    pub fn update(&mut self, server: ServerId, view: &View<'_>) -> Changes {
        let (role, next_index, match_index): (_, &[Index], &[Index]) = match view.role {
            RoleView::Follower => (Role::Follower, &[], &[]),
            RoleView::Candidate => (Role::Candidate, &[], &[]),
            RoleView::Leader { next_index, match_index } => (Role::Leader, next_index, match_index),
        };
        let role = replace(&mut self.role, role);
        if role.is_some() {
            self.next_index.clear();
            self.match_index.clear();
        }
        let mut changes = Changes {
            term: replace(&mut self.term, view.current_term),
            vote: replace(&mut self.vote, view.voted_for),
            role,
            commit: replace(&mut self.commit_index, view.commit_index),
            applied: replace(&mut self.last_applied, view.last_applied),
            next: update_peers(&mut self.next_index, next_index, server),
            matched: update_peers(&mut self.match_index, match_index, server),
            ..Changes::default()
        };
        self.update_log(view, &mut changes);
        changes
    }

    fn update_log(&mut self, view: &View<'_>, changes: &mut Changes) {
        if view.log_changes.is_some() && view.log_changes == self.log_changes {
            return;
        }
        self.log_changes = view.log_changes;
        let (index, term) = (view.snapshot_index, view.snapshot_term);
        if (self.snapshot_index, self.snapshot_term) != (index, term) {
            changes.snapshot = Some(Snapshot { index, term, size: view.snapshot.len() });
            // A snapshot that goes back leaves nothing of the log as it was.
            let covered = index.checked_sub(self.snapshot_index).unwrap_or(Index::MAX);
            let covered = usize::try_from(covered).unwrap_or(usize::MAX);
            self.entries.drain(..covered.min(self.entries.len()));
            (self.snapshot_index, self.snapshot_term) = (index, term);
        }
        // Entries are shared, not copied, so that equal ones are found equal by their address.
        let same = self.entries.iter().zip(view.entries).take_while(|(old, new)| old == new);
        let same = same.count();
        let kept = index.saturating_add(same as Index);
        if same < self.entries.len() {
            self.entries.truncate(same);
            changes.truncated = Some(kept);
        }
        self.entries.extend_from_slice(&view.entries[same..]);
        changes.appended = entries(kept, &view.entries[same..]);
    }
}

/// `new`, if it is different; it replaces the old value.
fn replace<T: PartialEq + Copy>(old: &mut T, new: T) -> Option<T> {
    let changed = *old != new;
    *old = new;
    changed.then_some(new)
}

/// What is new of what a leader knows of each other server; what it says of itself means nothing.
fn update_peers(
    old: &mut Vec<Index>,
    new: &[Index],
    server: ServerId,
) -> BTreeMap<ServerId, Index> {
    let others = new.iter().enumerate().filter(|&(peer, _)| peer != server);
    let changed = others.filter(|&(peer, index)| old.get(peer) != Some(index));
    let changed = changed.map(|(peer, &index)| (peer, index)).collect();
    if old != new {
        old.clear();
        old.extend_from_slice(new);
    }
    changed
}
