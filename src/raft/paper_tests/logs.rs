//! Parts B and D: logs that differ: what a follower answers, and what a leader learns from it (§5.3,
//! §7). What Figure 2 leaves open is ours here: how a refusal says where to go on.

use super::*;
use crate::raft::rpc::AppendEntriesReply;

fn accepts(state: &mut State, args: AppendEntriesArgs) -> bool {
    state.handle_append_entries(args).success
}

/// The refusal of a follower whose log does not match. Its term has been looked at by then.
fn refusal(conflict_term: Option<Term>, conflict_index: Index) -> AppendEntriesReply {
    AppendEntriesReply { term: 0, success: false, conflict_term, conflict_index }
}

/// The applier's message for a snapshot up to the entry `last` (index, term).
fn applied_snapshot(last: EntryAt) -> ApplyMsg {
    ApplyMsg::Snapshot { index: last.0, term: last.1, data: snapshot_at(last.0) }
}

/// Where the log begins, its entries' terms, and the snapshot.
fn view(state: &State) -> (EntryAt, Vec<Term>, Bytes) {
    let begin = (state.log.snapshot_index(), state.log.snapshot_term());
    (begin, terms(state), state.snapshot.clone())
}

/// A follower that refuses says where to go on: the term of its entry in that place, and its first
/// index of that term; without an entry there, the end of its log (§5.3, the optimization).
#[test]
fn a_refusal_tells_the_conflicting_term_and_its_first_index() {
    let log: Terms = &[1, 1, 4, 4, 4, 5];
    let cases: [(EntryAt, Option<Term>, Index); 6] = [
        ((6, 6), Some(5), 6),
        ((5, 5), Some(4), 3),
        ((3, 2), Some(4), 3),
        ((2, 2), Some(1), 1),
        ((7, 6), None, 7),
        ((20, 6), None, 7),
    ];
    for (prev, conflict_term, conflict_index) in cases {
        let mut state = server(log);

        let reply = state.handle_append_entries(append(6, prev, &[6], 0));

        let refusal = AppendEntriesReply { term: 6, success: false, conflict_term, conflict_index };
        assert_eq!(reply, refusal, "behind {prev:?}");
    }
}

/// Of a term whose first entries are in the snapshot, the first index is the one behind it.
#[test]
fn a_refusal_does_not_reach_into_the_snapshot() {
    let mut state = server(&[4, 4, 4, 4]);
    compact_to(&mut state, 2);

    let refused = state.handle_append_entries(append(6, (4, 5), &[], 0));
    let too_short = state.handle_append_entries(append(6, (9, 6), &[], 0));

    assert_eq!((refused.conflict_term, refused.conflict_index), (Some(4), 3));
    assert_eq!((too_short.conflict_term, too_short.conflict_index), (None, 5));
}

/// After a refusal the leader tries again from further back: where the follower's log ends; behind
/// its own last entry of the conflicting term; or, having none, where that term begins in the
/// follower's log (§5.3, the optimization).
#[test]
fn a_refusal_moves_next_index_back_by_a_term() {
    let log: Terms = &[1, 1, 4, 4, 5, 5, 6, 6];
    // The follower's conflicting term and index, to an append behind entry 8 of term 6.
    let cases: [(Option<Term>, Index, Index, &str); 8] = [
        (None, 8, 8, "the follower lacks one entry"),
        (None, 4, 4, "the follower lacks many"),
        (None, 1, 1, "the follower has none"),
        (Some(5), 7, 7, "we have that term up to 6"),
        (Some(4), 3, 5, "we have that term up to 4"),
        (Some(1), 1, 3, "we have that term up to 2"),
        (Some(3), 4, 4, "we do not have that term, the follower from 4 on"),
        (Some(7), 6, 6, "nor a later one, the follower from 6 on"),
    ];
    for (conflict_term, conflict_index, next, what) in cases {
        let mut state = elected(server(log), 9);
        let sent = append_to(&mut state, OTHER);

        state.append_rejected(OTHER, &sent, &refusal(conflict_term, conflict_index));

        assert_eq!(progress(&mut state, OTHER), (0, next), "{what}");
    }
}

/// Entries of the conflicting term that the leader has behind the point of conflict do not count:
/// from there on nothing matches. The next attempt is always an earlier one.
#[test]
fn the_next_attempt_is_before_the_one_refused() {
    let mut state = elected(server(&[1, 4, 4, 5, 5, 5]), 9);
    leadership(&mut state).next_index[OTHER] = 4;
    let sent = append_to(&mut state, OTHER);
    assert_eq!((sent.prev_log_index, sent.prev_log_term), (3, 4));

    state.append_rejected(OTHER, &sent, &refusal(Some(5), 3));

    assert_eq!(progress(&mut state, OTHER), (0, 3));
}

/// Each attempt that fails comes from further back, never below what is known to match, until the
/// logs match; there are no more attempts than terms (§5.3).
#[test]
fn attempts_go_strictly_back_until_the_logs_match() {
    // As they can be in one cluster: what has one index and term has one history.
    let logs: [Terms; 8] = [
        &[],
        &[1],
        &[1, 1, 1, 1, 1, 1],
        &[1, 2, 2, 2, 2],
        &[1, 1, 1, 3, 3],
        &[1, 2, 2, 4, 4, 4, 4, 4, 4, 4],
        &[1, 1, 1, 3, 5],
        &[1, 2, 2, 4, 6, 6, 6, 6, 6, 6, 6, 6],
    ];
    for ours in logs {
        for theirs in logs {
            let mut leader = elected(server(ours), 7);
            let mut follower = server_of(3, OTHER, theirs);
            let case = format!("{ours:?} to {theirs:?}");

            let mut attempts = 0;
            loop {
                let (matched, next) = progress(&mut leader, OTHER);
                if exchange(&mut leader, &mut follower) {
                    break;
                }
                let (still_matched, earlier) = progress(&mut leader, OTHER);
                assert_eq!(still_matched, matched, "{case}");
                assert!(matched < earlier && earlier < next, "{case}: {next}, then {earlier}");
                attempts += 1;
            }

            assert!(attempts <= 6, "{case}: {attempts} attempts");
            assert_eq!(terms(&follower)[..ours.len()], *ours, "{case}");
        }
    }
}

/// Replies overtake each other and come twice: `match_index` never falls (Figure 2: "increases
/// monotonically"), nor does `next_index` fall behind it.
#[test]
fn late_and_repeated_replies_take_nothing_back() {
    let mut state = leader(&[1, 1, 1, 1]);
    let early = append(2, (1, 1), &[1], 0);
    let later = append(2, (2, 1), &[1, 1], 0);
    state.append_accepted(OTHER, &later);
    assert_eq!(progress(&mut state, OTHER), (4, 5));

    state.append_accepted(OTHER, &early);
    state.append_accepted(OTHER, &later);
    state.append_rejected(OTHER, &early, &refusal(None, 1));
    state.append_rejected(OTHER, &later, &refusal(Some(1), 1));
    state.append_rejected(OTHER, &later, &refusal(None, 9));

    assert_eq!(progress(&mut state, OTHER), (4, 5));
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

/// The commit index is the highest that a majority has: neither what the fastest has, nor what all
/// have (Figure 2, leaders, the last rule). Each follower's `match_index` counts.
#[test]
fn the_commit_index_is_what_a_majority_has() {
    let cases: [(&[Index], Index); 10] = [
        (&[0, 0], 0),
        (&[2, 0], 2),
        (&[0, 2], 2),
        (&[4, 2], 4),
        (&[4, 0, 0, 0], 0),
        (&[4, 1, 0, 0], 1),
        (&[0, 3, 0, 4], 3),
        (&[1, 2, 3, 4], 3),
        (&[4, 4, 4, 4], 4),
        (&[1, 1, 4, 1], 1),
    ];
    for (matched, expected) in cases {
        let mut state = leader_of(matched.len() + 1, &[]);
        for index in 1..=4 {
            state.append_command(command(index));
        }

        for (follower, &index) in (1..).zip(matched) {
            leadership(&mut state).matched(follower, index);
        }
        state.advance_commit_index();

        assert_eq!(state.commit_index, expected, "match_index {matched:?}");
    }
}

/// What the snapshot covers is committed, and so the same in every leader's log: entries from
/// before its end are skipped, and the rest is stored (§5.3, §7).
#[test]
fn entries_inside_the_snapshot_are_skipped() {
    // The snapshot covers 1 to 3, of terms 1, 1, 2; entry 4 of term 2 follows.
    let cases: [(EntryAt, Terms, Terms, &str); 6] = [
        ((0, 0), &[1, 1], &[2], "all inside"),
        ((1, 1), &[1, 2], &[2], "up to its end"),
        ((1, 1), &[1, 2, 2], &[2], "up to the last entry"),
        ((1, 1), &[1, 2, 2, 3], &[2, 3], "one more"),
        ((2, 1), &[2, 3], &[3], "a conflict behind it"),
        ((3, 2), &[2, 3], &[2, 3], "from its end"),
    ];
    for (prev, new, expected, what) in cases {
        let mut state = server(&[1, 1, 2, 2]);
        compact_to(&mut state, 3);

        assert!(accepts(&mut state, append(3, prev, new, 0)), "{what}");

        assert_eq!(log_of(&state), entries(4, expected), "{what}");
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

/// A call that the leader's snapshot has overtaken is ignored, though the service does not know of
/// that snapshot yet.
#[test]
fn a_snapshot_call_does_not_undo_an_installed_one() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 2);
    state.handle_install_snapshot(install(1, (9, 1)));

    state.take_snapshot(2, snapshot_at(2));

    assert_eq!(view(&state), ((9, 1), vec![], snapshot_at(9)));
    assert_eq!(state.take_unapplied(), [applied_snapshot((9, 1))]);
}
