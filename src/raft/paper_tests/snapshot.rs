//! Part D: dropping the log's beginning (§7, Figure 13).

use super::*;

/// The applier's message for a snapshot up to the entry `last` (index, term).
fn applied_snapshot(last: EntryAt) -> ApplyMsg {
    ApplyMsg::Snapshot { index: last.0, term: last.1, data: snapshot_at(last.0) }
}

/// Where the log begins, its entries' terms, and the snapshot.
fn view(state: &State) -> (EntryAt, Vec<Term>, Bytes) {
    let begin = (state.log.snapshot_index(), state.log.snapshot_term());
    (begin, terms(state), state.snapshot.clone())
}

/// A snapshot replaces the log up to its index; the entries after it stay, with their indices, and
/// the index and term of its last entry are kept (§7).
#[test]
fn a_snapshot_replaces_the_entries_it_covers() {
    for (index, term, rest) in [(1, 1, &[1, 2, 2][..]), (3, 2, &[2]), (4, 2, &[])] {
        let mut state = server(&[1, 1, 2, 2]);
        apply_up_to(&mut state, 4);

        state.take_snapshot(index, snapshot_at(index));

        assert_eq!(view(&state), ((index, term), rest.to_vec(), snapshot_at(index)));
        assert_eq!((state.log.last_index(), state.log.last_term()), (4, 2));
    }
}

/// Each snapshot replaces the one before it (§7).
#[test]
fn a_later_snapshot_replaces_an_earlier_one() {
    let mut state = server(&[1, 1, 2, 2]);
    apply_up_to(&mut state, 4);

    state.take_snapshot(1, snapshot_at(1));
    state.take_snapshot(3, snapshot_at(3));

    assert_eq!(view(&state), ((3, 2), vec![2], snapshot_at(3)));
}

/// A call that was overtaken by a later snapshot is ignored: the log cannot begin earlier again.
#[test]
fn a_snapshot_of_an_old_index_is_ignored() {
    for old in [0, 1, 3] {
        let mut state = server(&[1, 1, 2, 2]);
        compact_to(&mut state, 3);

        state.take_snapshot(old, b"another".into());

        assert_eq!(view(&state), ((3, 2), vec![2], snapshot_at(3)), "snapshot({old})");
    }
}

/// So it is when the leader's snapshot is on its way to the service, which does not know yet.
#[test]
fn a_snapshot_call_does_not_undo_an_installed_one() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 2);
    state.handle_install_snapshot(install(1, (9, 1)));

    state.take_snapshot(2, snapshot_at(2));

    assert_eq!(view(&state), ((9, 1), vec![], snapshot_at(9)));
    assert_eq!(state.take_unapplied(), [applied_snapshot((9, 1))]);
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

/// A snapshot does not change what is committed or applied, nor who leads, nor what the leader
/// knows of its followers: it is this server's own affair (§7).
#[test]
fn a_snapshot_changes_nothing_but_the_log() {
    let mut state = leader(&[]);
    for index in 1..=3 {
        state.append_command(command(index));
    }
    state.append_accepted(OTHER, &append(1, (0, 0), &[1, 1], 0));
    let _ = state.take_unapplied();

    state.take_snapshot(2, snapshot_at(2));

    assert_eq!((state.commit_index, state.last_applied, role(&state)), (2, 2, "leader"));
    assert_eq!((progress(&mut state, OTHER), progress(&mut state, THIRD)), ((2, 3), (0, 1)));
    assert_eq!(state.append_command(command(4)), 4);
    assert_eq!(state.take_unapplied(), []);
}

/// A snapshot that goes beyond the log replaces all of it, and moves the commit index with it
/// (§7; Figure 13, 5 and 7).
#[test]
fn a_snapshot_beyond_the_log_replaces_all_of_it() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 1);

    let reply = state.handle_install_snapshot(install(4, (9, 3)));

    assert_eq!(reply.term, 4);
    assert_eq!(view(&state), ((9, 3), vec![], snapshot_at(9)));
    assert_eq!((state.commit_index, state.log.last_index()), (9, 9));
}

/// A log that has the snapshot's last entry keeps what follows it: it agrees with the leader's up
/// to there, and the rest may have been acknowledged (§7; Figure 13, 6).
#[test]
fn entries_behind_a_snapshot_that_matches_stay() {
    for (index, rest) in [(2, &[2, 2][..]), (3, &[2]), (4, &[])] {
        let mut state = server(&[1, 1, 2, 2]);
        let term = state.log.term_at(index).expect("it is in the log");

        state.handle_install_snapshot(install(2, (index, term)));

        assert_eq!(view(&state), ((index, term), rest.to_vec(), snapshot_at(index)));
        assert_eq!((state.commit_index, state.log.last_index()), (index, 4));
    }
}

/// A log that has another entry in that place is discarded, with all that follows: it conflicts
/// with what is committed (§7; Figure 13, 7).
#[test]
fn a_log_that_conflicts_with_the_snapshot_is_discarded() {
    for last in [(2, 3), (3, 3), (4, 3), (4, 1)] {
        let mut state = server(&[1, 1, 2, 2]);

        state.handle_install_snapshot(install(4, last));

        assert_eq!(view(&state), (last, vec![], snapshot_at(last.0)), "up to {last:?}");
    }
}

/// A snapshot that was overtaken, by entries or by a later snapshot, is ignored: to install it
/// would take the service back (§7: a follower that has all of it already keeps its own).
#[test]
fn an_old_snapshot_is_ignored() {
    let mut with_entries = server(&[1, 1, 2, 2]);
    apply_up_to(&mut with_entries, 3);
    let mut with_snapshot = server(&[1, 1, 2, 2]);
    compact_to(&mut with_snapshot, 3);

    for mut state in [with_entries, with_snapshot] {
        let before = view(&state);
        for last in [(1, 1), (2, 1), (3, 2)] {
            let reply = state.handle_install_snapshot(install(2, last));

            assert_eq!((reply.term, view(&state)), (2, before.clone()), "up to {last:?}");
            assert_eq!((state.commit_index, state.last_applied), (3, 3), "up to {last:?}");
            assert_eq!(state.take_unapplied(), [], "up to {last:?}");
        }
    }
}

/// Also if what it covers is committed, but not applied yet: the entries are, one by one.
#[test]
fn an_old_snapshot_does_not_skip_entries_that_wait_to_be_applied() {
    let mut state = server(&[1, 1, 1]);
    state.commit_to(3);

    state.handle_install_snapshot(install(1, (2, 1)));

    assert_eq!(state.take_unapplied(), [1, 2, 3].map(applied));
}

/// A snapshot sent twice is installed once (§5.5).
#[test]
fn a_repeated_snapshot_is_ignored() {
    let mut state = server(&[]);
    state.handle_install_snapshot(install(2, (5, 2)));
    state.handle_append_entries(append(2, (5, 2), &[2], 6));
    let first = state.take_unapplied();

    state.handle_install_snapshot(install(2, (5, 2)));

    assert_eq!(first, [applied_snapshot((5, 2)), applied(6)]);
    assert_eq!(state.take_unapplied(), []);
    assert_eq!(terms(&state), [2]);
}

/// The service gets the snapshot in place of the entries that it covers, and then goes on with the
/// entry after it: never back, and nothing twice (§7; Figure 13, 8).
#[test]
fn the_service_gets_the_snapshot_and_then_what_follows_it() {
    let mut state = server(&[1, 1, 1, 1, 1]);
    apply_up_to(&mut state, 1);
    state.commit_to(2);

    state.handle_install_snapshot(install(1, (3, 1)));
    state.handle_append_entries(append(1, (5, 1), &[1], 5));
    let messages = state.take_unapplied();

    assert_eq!(messages, [applied_snapshot((3, 1)), applied(4), applied(5)]);
    assert_eq!((state.take_unapplied(), state.last_applied), (vec![], 5));
}

/// Of two snapshots that arrive before the service is ready, it gets the later one only.
#[test]
fn a_later_snapshot_overtakes_one_that_waits_to_be_applied() {
    let mut state = server(&[]);

    state.handle_install_snapshot(install(1, (3, 1)));
    state.handle_install_snapshot(install(1, (7, 1)));

    assert_eq!(state.take_unapplied(), [applied_snapshot((7, 1))]);
}

/// The service's own snapshot is not given back to it (§7).
#[test]
fn the_services_own_snapshot_is_not_applied() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 2);

    state.take_snapshot(2, snapshot_at(2));
    state.commit_to(3);

    assert_eq!(state.take_unapplied(), [applied(3)]);
}

/// After a snapshot the log goes on where it ends: the next append is compared with its last entry
/// (§7: the index and term are kept for this).
#[test]
fn the_log_goes_on_behind_an_installed_snapshot() {
    let mut state = server(&[1]);
    state.handle_install_snapshot(install(3, (5, 2)));

    let other_term = state.handle_append_entries(append(3, (5, 1), &[3], 0)).success;
    let gap = state.handle_append_entries(append(3, (6, 3), &[3], 0)).success;
    let next = state.handle_append_entries(append(3, (5, 2), &[3, 3], 7)).success;

    assert_eq!((other_term, gap, next), (false, false, true));
    assert_eq!(log_of(&state), entries(6, &[3, 3]));
    assert_eq!(state.commit_index, 7);
}

/// A leader sends the snapshot that it has, with the index and term of its last entry (Figure 13,
/// arguments).
#[test]
fn a_leader_sends_its_snapshot_with_its_last_index_and_term() {
    let mut state = server(&[1, 1, 2, 2]);
    compact_to(&mut state, 3);
    let mut state = elected(state, 5);
    reign(&mut state).next_index[OTHER] = 2;

    let Content::Install(args) = message_to(&mut state, OTHER).content else {
        panic!("entries that are gone");
    };

    assert_eq!(args, InstallSnapshotArgs { leader_id: ME, ..install(5, (3, 2)) });
}

/// A follower that has the snapshot has what it covers, not what the leader has besides: entries
/// that follow are still to be sent (§7).
#[test]
fn an_installed_snapshot_matches_up_to_its_last_index() {
    let mut state = server(&[1, 1, 2, 2]);
    compact_to(&mut state, 2);
    let mut state = elected(state, 5);
    reign(&mut state).next_index[OTHER] = 1;
    let Content::Install(args) = message_to(&mut state, OTHER).content else {
        panic!("entries that are gone");
    };
    compact_to(&mut state, 3); // meanwhile

    state.snapshot_installed(OTHER, &args);

    assert_eq!(progress(&mut state, OTHER), (2, 3));
    assert_eq!(state.commit_index, 3);
}

/// A late reply to a snapshot takes nothing back (§5.5).
#[test]
fn a_late_snapshot_reply_takes_nothing_back() {
    let mut state = server(&[1, 1, 2, 2]);
    compact_to(&mut state, 3);
    let mut state = elected(state, 5);
    state.append_accepted(OTHER, &append(5, (3, 2), &[2], 3));

    state.snapshot_installed(OTHER, &install(5, (2, 1)));

    assert_eq!(progress(&mut state, OTHER), (4, 5));
}

/// A server whose whole log is a snapshot votes, campaigns, and leads with its last index and term
/// (§5.4.1, §7).
#[test]
fn a_snapshot_stands_for_the_end_of_the_log() {
    let mut state = server(&[1, 2, 2]);
    compact_to(&mut state, 3);

    let (_, request) = state.become_candidate();
    state.vote_received(OTHER);

    assert_eq!(request, vote_request(3, ME, (3, 2)));
    assert_eq!(progress(&mut state, OTHER), (0, 4));
    assert_eq!(state.append_command(command(4)), 4);
}
