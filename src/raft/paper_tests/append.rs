//! Part B: a follower's log: the receiver of AppendEntries (§5.3; Figure 2, steps 2 to 5).

use super::*;
use crate::raft::rpc::AppendEntriesReply;

/// The log of the leader of term 8 in Figure 7.
const FIGURE_7_LEADER: Terms = &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6];

/// The followers (a) to (f) of Figure 7: the log, and how many attempts of the leader fail
/// before the logs are found to match.
const FIGURE_7_FOLLOWERS: [(&str, Terms, usize); 6] = [
    ("(a) lacks an entry", &[1, 1, 1, 4, 4, 5, 5, 6, 6], 1),
    ("(b) lacks many", &[1, 1, 1, 4], 1),
    ("(c) has one more", &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6], 0),
    ("(d) has two more, of a later term", &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7], 0),
    ("(e) lacks some and has others", &[1, 1, 1, 4, 4, 4, 4], 2),
    ("(f) has terms that nobody else has", &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 2),
];

fn accepts(state: &mut State, args: AppendEntriesArgs) -> bool {
    state.handle_append_entries(args).success
}

/// A follower refuses new entries, and heartbeats too, unless it has the entry before them with
/// the same term; its log and commit index stay as they are (§5.3; Figure 2, 2).
#[test]
fn an_append_is_refused_unless_the_previous_entry_matches() {
    let cases: [(EntryAt, bool, &str); 8] = [
        ((0, 0), true, "before the log"),
        ((1, 1), true, "the first entry"),
        ((3, 2), true, "the last entry"),
        ((3, 1), false, "another, older term"),
        ((3, 3), false, "another, newer term"),
        ((2, 1), false, "another term in the middle"),
        ((4, 2), false, "beyond the end"),
        ((9, 3), false, "far beyond the end"),
    ];
    for (prev, expected, what) in cases {
        let mut of_entries = server(&[1, 2, 2]);
        let mut of_nothing = server(&[1, 2, 2]);

        let taken = accepts(&mut of_entries, append(3, prev, &[3], 9));
        let confirmed = accepts(&mut of_nothing, append(3, prev, &[], 9));

        assert_eq!((taken, confirmed), (expected, expected), "{what}");
        if !expected {
            assert_eq!((terms(&of_entries), of_entries.commit_index), (vec![1, 2, 2], 0), "{what}");
            assert_eq!((terms(&of_nothing), of_nothing.commit_index), (vec![1, 2, 2], 0), "{what}");
        }
    }
}

/// New entries go to the end of the log, as they are: an entry keeps the term in which a leader
/// created it, whoever sends it later (§5.3; Figure 2, 4).
#[test]
fn new_entries_are_appended_as_they_are() {
    let mut state = server(&[1]);

    assert!(accepts(&mut state, append(7, (1, 1), &[2, 2, 5], 0)));

    assert_eq!(log_of(&state), entries(1, &[1, 2, 2, 5]));
}

/// An entry that conflicts with a new one goes, and all that follow it: they came from the same
/// mistaken leader, or a later one (§5.3; Figure 2, 3). The commands tell nothing of this: here
/// they are the same in both.
#[test]
fn a_conflicting_entry_is_deleted_with_all_that_follow_it() {
    let cases: [(Terms, Terms); 4] = [
        (&[1, 2, 2, 2], &[3]),
        (&[1, 2, 2, 2], &[3, 3]),
        (&[1, 2, 2, 2], &[3, 3, 3, 3]),
        (&[1, 2], &[3]),
    ];
    for (log, new) in cases {
        let mut state = server(log);

        assert!(accepts(&mut state, append(3, (1, 1), new, 0)));

        let expected = [&[1], new].concat();
        assert_eq!(log_of(&state), entries(1, &expected), "{new:?} sent to {log:?}");
    }
}

/// Only what conflicts goes: entries before the conflict stay, though they are sent again.
#[test]
fn entries_before_the_conflict_stay() {
    let mut state = server(&[1, 1, 2, 2, 2]);
    apply_up_to(&mut state, 2);

    assert!(accepts(&mut state, append(3, (0, 0), &[1, 1, 2, 3], 0)));

    assert_eq!(log_of(&state), entries(1, &[1, 1, 2, 3]));
}

/// A message that was overtaken by later ones has nothing new: what follows its entries stays,
/// since the follower has acknowledged that already, and the leader counts on it (§5.3).
#[test]
fn an_old_append_does_not_cut_the_log() {
    let cases: [(EntryAt, Terms, &str); 5] = [
        ((0, 0), &[], "a heartbeat from before the first entry"),
        ((1, 1), &[], "an old heartbeat"),
        ((0, 0), &[1], "the first entry again"),
        ((1, 1), &[1, 2], "some entries again"),
        ((0, 0), &[1, 1, 2, 2], "all entries again"),
    ];
    for (prev, new, what) in cases {
        let mut state = server(&[1, 1, 2, 2]);

        assert!(accepts(&mut state, append(2, prev, new, 0)), "{what}");

        assert_eq!(log_of(&state), entries(1, &[1, 1, 2, 2]), "{what}");
    }
}

/// The same entries may arrive again and again (a reply was lost): the log has them once (§5.5).
#[test]
fn an_append_may_be_repeated() {
    let mut state = server(&[1]);

    for _ in 0..3 {
        assert!(accepts(&mut state, append(2, (1, 1), &[2, 2], 2)));
    }

    assert_eq!((terms(&state), state.commit_index), (vec![1, 2, 2], 2));
}

/// A follower commits what the leader has committed, but not beyond the last new entry: only up to
/// there does its log agree with the leader's for certain (§5.3; Figure 2, 5).
#[test]
fn a_follower_commits_up_to_the_last_new_entry() {
    // The follower's log is 1 1 2 2, of which one is committed.
    let cases: [(EntryAt, Terms, Index, Index, &str); 9] = [
        ((4, 2), &[3], 0, 1, "nothing committed yet, it seems"),
        ((4, 2), &[3], 1, 1, "nothing new"),
        ((4, 2), &[3], 3, 3, "less than it has"),
        ((4, 2), &[3], 5, 5, "just the new one"),
        ((4, 2), &[3], 9, 5, "more than was sent"),
        ((4, 2), &[], 9, 4, "a heartbeat at the end"),
        ((2, 1), &[], 4, 2, "a heartbeat in the middle: the rest may not be the leader's"),
        ((1, 1), &[1], 9, 2, "an old entry: the rest may not be the leader's"),
        ((0, 0), &[], 9, 1, "an old heartbeat: never back"),
    ];
    for (prev, new, leader_commit, expected, what) in cases {
        let mut state = server(&[1, 1, 2, 2]);
        apply_up_to(&mut state, 1);

        assert!(accepts(&mut state, append(3, prev, new, leader_commit)), "{what}");

        assert_eq!(state.commit_index, expected, "{what}");
    }
}

/// The commit index never falls, though messages overtake each other (Figure 2: "increases
/// monotonically").
#[test]
fn an_old_append_does_not_take_a_commit_back() {
    let mut state = server(&[1, 1, 1]);

    for leader_commit in [3, 1, 0, 2] {
        assert!(accepts(&mut state, append(1, (3, 1), &[], leader_commit)));

        assert_eq!(state.commit_index, 3);
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

/// The entry that a snapshot ends with is compared by its index and term, like any other (§7).
#[test]
fn the_end_of_the_snapshot_is_checked_like_an_entry() {
    let mut state = server(&[1, 1, 2]);
    compact_to(&mut state, 3);

    assert!(accepts(&mut state, append(3, (3, 2), &[], 3)));
    assert!(!accepts(&mut state, append(3, (3, 1), &[], 3)));
    assert!(!accepts(&mut state, append(3, (4, 2), &[], 3)));
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

/// What is committed is never deleted (§5.4, State Machine Safety): a leader that asks for it has
/// no right to lead.
#[test]
#[should_panic(expected = "deletes entry 2, committed up to 2")]
fn a_committed_entry_is_never_deleted() {
    let mut state = server(&[1, 1, 1]);
    apply_up_to(&mut state, 2);

    state.handle_append_entries(append(3, (1, 1), &[3], 0));
}

/// A leader brings each follower's log to agree with its own, whatever the follower lacks, or has
/// too much (§5.3, Figure 7). It skips a conflicting term with each attempt that fails.
#[test]
fn all_followers_of_figure_7_are_brought_to_the_leaders_log() {
    for (which, log, attempts_that_fail) in FIGURE_7_FOLLOWERS {
        let mut leader = elected(server(FIGURE_7_LEADER), 8);
        let mut follower = server_of(3, OTHER, log);

        let refused = repair(&mut leader, &mut follower);
        leader.append_command(command(11));
        assert!(exchange(&mut leader, &mut follower), "{which}");

        assert_eq!(refused, attempts_that_fail, "{which}");
        assert_eq!(log_of(&follower), log_of(&leader), "{which}");
        assert_eq!(progress(&mut leader, OTHER), (11, 12), "{which}");
    }
}

/// Until the first entry of its own term, a leader cuts no follower's log: it sends no entry that
/// conflicts (§5.3; followers (c) and (d) of Figure 7).
#[test]
fn a_longer_log_stays_until_an_entry_conflicts() {
    let mut leader = elected(server(FIGURE_7_LEADER), 8);
    let (_, log, _) = FIGURE_7_FOLLOWERS[3];
    let mut follower = server_of(3, OTHER, log);

    assert!(exchange(&mut leader, &mut follower));

    assert_eq!(terms(&follower), log);
    assert_eq!(progress(&mut leader, OTHER), (10, 11), "only what was compared is matched");
}
