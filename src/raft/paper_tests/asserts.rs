//! All Parts: what must never be, and is caught where it would happen.

use super::*;

/// What is committed is never deleted (§5.4, State Machine Safety): a leader that asks for it has
/// no right to lead.
#[test]
#[should_panic(expected = "deletes entry 2, committed up to 2")]
fn a_committed_entry_is_never_deleted() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 2);

    state.handle_append_entries(append(3, (1, 1), &[3], 0));
}

/// A commit is never taken back (Figure 2: `commit_index` "increases monotonically").
#[test]
#[should_panic(expected = "commit_index regression 2 -> 1")]
fn a_commit_that_goes_back_is_caught() {
    let mut state = server(&[1, 1]);
    state.commit_to(2);

    state.commit_to(1);
}

/// There is no commit without the entry.
#[test]
#[should_panic(expected = "commit_index 3 beyond the last entry 2")]
fn a_commit_beyond_the_log_is_caught() {
    server(&[1, 1]).commit_to(3);
}

/// Election Safety (Figure 3): there is one leader a term. A second one would be our own fault,
/// and is not obeyed.
#[test]
#[should_panic(expected = "n0 hears from another leader of term 2")]
fn a_leader_never_hears_from_another_leader_of_its_term() {
    leader(&[1]).handle_append_entries(append(2, (1, 1), &[], 0));
}

/// The same with a snapshot.
#[test]
#[should_panic(expected = "n0 hears from another leader of term 2")]
fn a_leader_never_gets_a_snapshot_from_another_leader_of_its_term() {
    leader(&[1]).handle_install_snapshot(install(2, (1, 1)));
}

/// A leader has no election to start: it stays one until it hears of a newer term (§5.2).
#[test]
#[should_panic(expected = "the leader of term 2 campaigns")]
fn a_leader_does_not_campaign() {
    let _ = leader(&[1]).become_candidate();
}

/// A service cannot have a state that it was not given: the entries would be lost.
#[test]
#[should_panic(expected = "snapshot(3), but applied up to 2")]
fn a_snapshot_of_an_unapplied_index_is_a_mistake() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 2);
    state.commit_to(3);

    state.take_snapshot(3, snapshot_at(3));
}
