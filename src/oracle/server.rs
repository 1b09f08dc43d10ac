//! What one server may not show, whatever the others do: falling values, indices out of order, a
//! leader that deletes, memory that is not on disk.

use super::finding::{
    APPEND_ONLY, Broken, Check, ELECTION_SAFETY, MATCH_INDEX, NEXT_INDEX, ORDER, PERSISTENT,
    TERMS_RISE, VOLATILE, broken,
};
use super::shadow::{LogChange, Role, Shadow};
use crate::raft::{Index, OnDisk, RoleView, Saved, ServerId, Term, View};

pub(super) fn check_terms(server: ServerId, shadow: &Shadow, view: &View<'_>) -> Check {
    let (old, new) = (shadow.current_term, view.current_term);
    if new < old {
        let when = if shadow.seen { "" } else { " over a restart" };
        let how = format!("the term of server {server} falls from {old} to {new}{when}");
        return broken(TERMS_RISE, &[server], how);
    }
    Ok(())
}

/// The indices of one view, and those of the one before.
pub(super) fn check_indices(server: ServerId, shadow: &Shadow, view: &View<'_>) -> Check {
    let last_index = view.snapshot_index + view.entries.len() as Index;
    let View { snapshot_index, last_applied, commit_index, .. } = *view;
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
    Ok(())
}

/// A leader sends no entry that it does not have: `next_index` is at most one behind its last.
/// How low it is, is not the oracle's business: entries that are sent again cost, but harm nobody.
pub(super) fn check_next_index(server: ServerId, view: &View<'_>) -> Check {
    let RoleView::Leader { next_index, .. } = view.role else { return Ok(()) };
    let last_index = view.snapshot_index + view.entries.len() as Index;
    let peers = next_index.iter().enumerate().filter(|&(peer, _)| peer != server);
    for (peer, &next) in peers {
        if next > last_index + 1 {
            let how = format!(
                "server {server}, leader of term {}, shows next_index {next} for server {peer}, \
                 but its last entry is {last_index}: the next one to send is at most {}",
                view.current_term,
                last_index + 1
            );
            return broken(NEXT_INDEX, &[server, peer], how);
        }
    }
    Ok(())
}

/// What may not change while a server leads a term.
pub(super) fn check_reign(
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
                "server {server} leads term {} and then, without an election, term {term}: \
                 a newer term makes a follower (Figure 2, all servers)",
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
pub(super) fn is_disk_check_due(
    shadow: &Shadow,
    view: &View<'_>,
    change: Option<&LogChange>,
    disk: &OnDisk,
) -> bool {
    let same_vote = (shadow.current_term, shadow.voted_for) == (view.current_term, view.voted_for);
    let same_snapshot = shadow.snapshot == *view.snapshot;
    if !shadow.seen || !same_vote || !same_snapshot || shadow.unsaved_from.is_some() {
        return true;
    }
    match change {
        Some(LogChange { truncated: false, .. }) if shadow.writes < disk.writes => shadow.is_due(),
        Some(_) => true,
        None => shadow.writes != disk.writes,
    }
}

/// "Updated on stable storage before responding to RPCs": before anybody can see it. A leader's
/// own entries may wait for that until it sends them (`sent`: in which term up to where it has): the
/// first that does.
pub(super) fn check_disk(
    server: ServerId,
    view: &View<'_>,
    disk: &OnDisk,
    sent: (Term, Index),
) -> Result<Option<Index>, Broken> {
    let fault = |what: String| {
        let how = format!("server {server}: {what}: a crash now would undo what others can see");
        broken(PERSISTENT, &[server], how).map(|()| None)
    };
    if *view.snapshot != disk.snapshot {
        let (memory, disk) = (view.snapshot.len(), disk.snapshot.len());
        return fault(format!("snapshot of {memory} bytes in memory, another of {disk} on disk"));
    }
    let Some(read_saved) = view.read_saved else { return Ok(None) };
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
        let is_tail = same == saved.entries.len();
        if is_tail && is_unsent(view, first, sent) {
            return Ok(Some(first));
        }
        let (memory, disk) = (view.entries.len(), saved.entries.len());
        return fault(format!(
            "{memory} log entries in memory, {disk} on disk, different from {first} on"
        ));
    }
    Ok(None)
}

/// Whether nobody but their leader can know of the entries from `first` on.
fn is_unsent(view: &View<'_>, first: Index, (term, up_to): (Term, Index)) -> bool {
    let mut entries = view.entries.iter().skip((first - view.snapshot_index - 1) as usize);
    matches!(view.role, RoleView::Leader { .. })
        && entries.all(|entry| entry.term == view.current_term)
        && view.commit_index < first
        && (term != view.current_term || up_to < first)
}
