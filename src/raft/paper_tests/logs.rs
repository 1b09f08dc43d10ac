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

/// The entry that a snapshot ends with is compared by its index and term, like any other (§7).
#[test]
fn the_end_of_the_snapshot_is_checked_like_an_entry() {
    let mut state = server(&[1, 1, 2]);
    compact_to(&mut state, 3);

    assert!(accepts(&mut state, append(3, (3, 2), &[], 3)));
    assert!(!accepts(&mut state, append(3, (3, 1), &[], 3)));
    assert!(!accepts(&mut state, append(3, (4, 2), &[], 3)));
}

/// A follower that has the snapshot has what it covers, not what the leader has besides: entries
/// that follow are still to be sent (§7). Its index and term are the snapshot's, not the log's.
#[test]
fn an_installed_snapshot_matches_up_to_its_last_index() {
    let mut state = server(&[1, 1, 2, 2]);
    compact_to(&mut state, 2);
    let mut state = elected(state, 5);
    leadership(&mut state).next_index[OTHER] = 1;
    let Content::Install(args) = message_to(&mut state, OTHER).content else {
        panic!("entries that are gone");
    };
    assert_eq!(args, InstallSnapshotArgs { leader_id: ME, ..install(5, (2, 1)) });
    compact_to(&mut state, 3); // meanwhile

    state.snapshot_installed(OTHER, &args);

    assert_eq!(progress(&mut state, OTHER), (2, 3));
    assert_eq!(state.commit_index, 3);
}
