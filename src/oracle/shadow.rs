//! What a server showed last.

use std::fmt;

use crate::labgob::Bytes;
use crate::raft::rpc::Entry;
use crate::raft::{Index, RoleView, ServerId, Term, View};

/// A copy of the last [`View`] of a server, and so of its disk.
#[derive(Default)]
pub(super) struct Shadow {
    /// Which instance of the server is alive: how often it was started.
    pub instance: Option<usize>,
    /// Whether this instance has shown itself yet. If not, the rest is of the one before.
    pub seen: bool,
    pub current_term: Term,
    pub voted_for: Option<ServerId>,
    pub snapshot_index: Index,
    pub snapshot_term: Term,
    pub entries: Vec<Entry>,
    pub log_changes: Option<u64>,
    pub snapshot: Bytes,
    pub commit_index: Index,
    pub last_applied: Index,
    pub role: Role,
    /// How often its disk had been written then.
    pub writes: u64,
    /// The first of a leader's entries that are not on its disk, since nobody has been sent them.
    pub unsaved_from: Option<Index>,
    /// In which term it has last sent entries as a leader, and up to where.
    pub sent: (Term, Index),
    /// The next entry to be compared although the server says that nothing has changed.
    spot: usize,
    /// How many changes of the log there were since it was last compared as a whole.
    unread: usize,
}

/// A copy of a [`RoleView`].
#[derive(Default, PartialEq, Eq, Clone)]
pub(super) enum Role {
    #[default]
    Follower,
    Candidate,
    Leader {
        match_index: Vec<Index>,
    },
}

/// How a log differs from the one before.
pub(super) struct LogChange {
    /// The first index whose entry is new or another one.
    pub first_new: Index,
    /// Whether entries that were there are gone from the end, or replaced.
    pub truncated: bool,
}

impl Shadow {
    pub fn last_index(&self) -> Index {
        self.snapshot_index + self.entries.len() as Index
    }

    /// The term that it leads.
    pub fn led_in(&self) -> Option<Term> {
        (self.seen && self.is_leader()).then_some(self.current_term)
    }

    pub fn last_term(&self) -> Term {
        self.entries.last().map_or(self.snapshot_term, |entry| entry.term)
    }

    /// The entry at `index`, if it is in the log.
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        let position = index.checked_sub(self.snapshot_index + 1)?;
        self.entries.get(usize::try_from(position).ok()?)
    }

    /// The term of the entry at `index`, as far as it is in the log.
    pub fn term_at(&self, index: Index) -> Term {
        self.entry(index).map_or(self.snapshot_term, |entry| entry.term)
    }

    /// Whether the server has the entry of that index and term, in its log or, as far as can be
    /// told, in its snapshot.
    pub fn holds(&self, index: Index, term: Term) -> bool {
        match index.cmp(&self.snapshot_index) {
            std::cmp::Ordering::Less => true,
            std::cmp::Ordering::Equal => self.snapshot_term == term,
            std::cmp::Ordering::Greater => self.entry(index).is_some_and(|e| e.term == term),
        }
    }

    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// Whether the view shows nothing new, as far as a few comparisons tell.
    pub fn equals(&self, view: &View<'_>, writes: u64) -> bool {
        self.seen
            && self.unsaved_from.is_none()
            && self.writes == writes
            && self.current_term == view.current_term
            && self.voted_for == view.voted_for
            && self.commit_index == view.commit_index
            && self.last_applied == view.last_applied
            && self.log_seems_same(view)
            && self.snapshot == *view.snapshot
            && self.role == view.role
    }

    /// Whether the server says that its log is the same, and its ends and one entry say so too.
    fn log_seems_same(&self, view: &View<'_>) -> bool {
        let (ours, theirs) = (&self.entries, view.entries);
        view.log_changes.is_some()
            && self.log_changes == view.log_changes
            && self.snapshot_index == view.snapshot_index
            && self.snapshot_term == view.snapshot_term
            && ours.len() == theirs.len()
            && ours.last() == theirs.last()
            && ours.get(self.spot) == theirs.get(self.spot)
    }

    /// Whether it is time to compare log and disk as a whole: always if the log is short, and
    /// for each entry of a long one a few times, so that an append does not cost a whole log.
    pub fn is_due(&self) -> bool {
        const SHORT: usize = 64;
        const SHARE: usize = 32;
        !self.seen || self.entries.len() < SHORT.max(self.unread * SHARE)
    }

    /// Whether the log of `view` is this one with more entries at its end, as the entry at the
    /// joint says.
    fn seems_appended(&self, view: &View<'_>) -> bool {
        self.snapshot_index == view.snapshot_index
            && self.entries.len() < view.entries.len()
            && self.entries.last() == view.entries[..self.entries.len()].last()
    }

    /// How the log of `view` differs from this one; none if it does not.
    pub fn log_change(&self, view: &View<'_>) -> Option<LogChange> {
        if self.log_seems_same(view) {
            return None;
        }
        if !self.is_due() && self.seems_appended(view) {
            return Some(LogChange { first_new: self.last_index() + 1, truncated: false });
        }
        let last_shown = view.snapshot_index + view.entries.len() as Index;
        let first = self.snapshot_index.max(view.snapshot_index) + 1;
        let last = self.last_index().min(last_shown);
        let differs = |&index: &Index| self.entry(index) != entry_of(view, index);
        let end = last.max(first - 1) + 1;
        let first_new = (first..end).find(differs).unwrap_or(end);
        let truncated = first_new <= self.last_index();
        let same = !truncated && first_new > last_shown;
        let same = same && self.snapshot_index == view.snapshot_index;
        (!same || !self.seen).then_some(LogChange { first_new, truncated })
    }

    /// Takes over what the view shows; of the log, from the first new entry on.
    pub fn update(&mut self, view: &View<'_>, change: Option<&LogChange>, writes: u64) {
        self.seen = true;
        self.current_term = view.current_term;
        self.voted_for = view.voted_for;
        if let Some(LogChange { first_new, .. }) = change {
            self.unread = if self.is_due() { 0 } else { self.unread + 1 };
            let kept = first_new.saturating_sub(self.snapshot_index + 1);
            self.entries.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
            let dropped = view.snapshot_index.saturating_sub(self.snapshot_index) as usize;
            self.entries.drain(..dropped.min(self.entries.len()));
            if view.snapshot_index < self.snapshot_index {
                self.entries.clear();
            }
            self.entries.extend_from_slice(&view.entries[self.entries.len()..]);
        }
        self.snapshot_index = view.snapshot_index;
        self.snapshot_term = view.snapshot_term;
        self.log_changes = view.log_changes;
        self.snapshot.clone_from(view.snapshot);
        self.commit_index = view.commit_index;
        self.last_applied = view.last_applied;
        if self.role != view.role {
            self.role = match view.role {
                RoleView::Follower => Role::Follower,
                RoleView::Candidate => Role::Candidate,
                RoleView::Leader { match_index, .. } => {
                    Role::Leader { match_index: match_index.to_vec() }
                }
            };
        }
        self.writes = writes;
        self.spot = if self.spot + 1 < self.entries.len() { self.spot + 1 } else { 0 };
    }
}

/// The entry at `index` of a view's log.
pub(super) fn entry_of<'a>(view: &View<'a>, index: Index) -> Option<&'a Entry> {
    let position = index.checked_sub(view.snapshot_index + 1)?;
    view.entries.get(usize::try_from(position).ok()?)
}

impl PartialEq<RoleView<'_>> for Role {
    fn eq(&self, view: &RoleView<'_>) -> bool {
        match (self, view) {
            (Role::Follower, RoleView::Follower) | (Role::Candidate, RoleView::Candidate) => true,
            (Role::Leader { match_index: ours }, RoleView::Leader { match_index, .. }) => {
                ours == match_index
            }
            _ => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Role::Follower => f.write_str("follower"),
            Role::Candidate => f.write_str("candidate"),
            Role::Leader { match_index } => write!(f, "leader, match_index {match_index:?}"),
        }
    }
}

impl fmt::Display for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "term {}, ", self.current_term)?;
        match self.voted_for {
            Some(server) => write!(f, "voted for {server}, ")?,
            None => write!(f, "no vote, ")?,
        }
        if self.snapshot_index > 0 {
            write!(f, "snapshot {}@{}, ", self.snapshot_index, self.snapshot_term)?;
        }
        write!(f, "last entry {}@{}, ", self.last_index(), self.last_term())?;
        write!(f, "commit_index {}, applied {}, ", self.commit_index, self.last_applied)?;
        write!(f, "{}", self.role)
    }
}
