//! Part B: what a leader learns of its followers (§5.3; Figure 2, leaders).

use super::*;
use crate::raft::rpc::AppendEntriesReply;

/// The refusal of a follower whose log does not match. Its term has been looked at by then.
fn refusal(conflict_term: Option<Term>, conflict_index: Index) -> AppendEntriesReply {
    AppendEntriesReply { term: 0, success: false, conflict_term, conflict_index }
}

/// A leader that gets a command appends it to its log as an entry of its term, behind all others,
/// and tells the index (§5.3).
#[test]
fn a_command_becomes_an_entry_of_the_leaders_term() {
    let mut state = elected(server(&[1, 1]), 4);

    let indices = [state.append_command(command(3)), state.append_command(command(4))];

    assert_eq!(indices, [3, 4]);
    assert_eq!(log_of(&state), entries(1, &[1, 1, 4, 4]));
}

/// The first command of all is at index 1 (Figure 2, State: "first index is 1").
#[test]
fn the_first_index_is_1() {
    let raft = locked(leader(&[]));

    assert_eq!(raft.start(command(1)), (1, 1, true));
    assert_eq!(raft.start(command(2)), (2, 1, true));
}

/// Only the leader takes commands (§5.1, §8).
#[test]
fn followers_and_candidates_take_no_command() {
    for state in [server(&[1]), candidate(&[1])] {
        let term = state.current_term;
        let raft = locked(state);

        let (_, answered, is_leader) = raft.start(command(2));

        assert_eq!((answered, is_leader), (term, false));
        assert_eq!(terms(&raft.monitor.lock()), [1]);
    }
}

/// A leader never overwrites or deletes entries of its own log, whatever a follower says of its
/// own (Leader Append-Only, Figure 3).
#[test]
fn a_leader_only_appends_to_its_log() {
    let mut state = leader(&[1, 1, 2]);
    let sent = append_to(&mut state, OTHER);

    state.append_rejected(OTHER, &sent, &refusal(Some(1), 1));
    state.append_rejected(THIRD, &sent, &refusal(None, 1));
    state.append_command(command(4));

    assert_eq!(log_of(&state), entries(1, &[1, 1, 2, 3]));
}

/// A message carries all entries from `next_index` on, as they are in the log, with the index and
/// term of the one before them, and the commit index (§5.3; Figure 2, AppendEntries).
#[test]
fn a_message_carries_the_entries_from_next_index_on() {
    for (next, prev) in [(1, (0, 0)), (2, (1, 1)), (3, (2, 1)), (4, (3, 2)), (5, (4, 3))] {
        let mut state = leader(&[1, 1, 2]);
        state.append_command(command(4));
        state.commit_index = 2;
        reign(&mut state).next_index[OTHER] = next;

        let sent = append_to(&mut state, OTHER);

        let rest = &[1, 1, 2, 3][prev.0 as usize..];
        assert_eq!(sent, AppendEntriesArgs { leader_id: ME, ..append(3, prev, rest, 2) });
    }
}

/// A follower that took the entries has everything up to the last of them: its `match_index` is
/// that, and `next_index` the one after (§5.3; Figure 2, leaders).
#[test]
fn a_success_moves_match_index_to_the_last_entry_sent() {
    let mut state = leader(&[1, 1]);
    state.append_command(command(3));
    let sent = append_to(&mut state, OTHER);

    state.append_accepted(OTHER, &sent);

    assert_eq!(progress(&mut state, OTHER), (3, 4));
    assert_eq!(progress(&mut state, THIRD), (0, 3), "the others have not answered");
}

/// A heartbeat that matches shows that the follower has everything up to the entry before it.
#[test]
fn a_heartbeat_that_matches_is_a_success() {
    let mut state = leader(&[1, 1]);
    let sent = append_to(&mut state, OTHER);
    assert_eq!(sent.entries, []);

    state.append_accepted(OTHER, &sent);

    assert_eq!(progress(&mut state, OTHER), (2, 3));
}

/// The match is what the request said, not what the log or `next_index` is when the reply comes:
/// entries that were added since were not in it.
#[test]
fn a_success_says_nothing_of_entries_added_since() {
    let mut state = leader(&[1]);
    state.append_command(command(2));
    let sent = append_to(&mut state, OTHER);
    state.append_command(command(3));
    state.append_command(command(4));

    state.append_accepted(OTHER, &sent);

    assert_eq!(progress(&mut state, OTHER), (2, 3));
    assert_eq!(append_to(&mut state, OTHER).entries, entries(3, &[2, 2]));
}

/// Nor is it what `next_index` has become: here a late success comes after a refusal has taken
/// `next_index` back, and an early one while it is still ahead.
#[test]
fn a_success_is_judged_by_its_request_alone() {
    let mut ahead = leader(&[1, 1, 1, 1]);
    let from_the_start = append(2, (0, 0), &[1], 0);
    ahead.append_accepted(OTHER, &from_the_start);

    let mut behind = leader(&[1, 1, 1, 1]);
    let heartbeat = append_to(&mut behind, OTHER);
    behind.append_rejected(OTHER, &heartbeat, &refusal(None, 2));
    behind.append_accepted(OTHER, &heartbeat);

    assert_eq!(progress(&mut ahead, OTHER).0, 1);
    assert_eq!(progress(&mut behind, OTHER), (4, 5));
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

/// A refusal matches nothing: it only moves `next_index` back (§5.3).
#[test]
fn a_refusal_matches_nothing() {
    let mut state = leader(&[1, 1, 1, 1]);
    let sent = append_to(&mut state, OTHER);

    state.append_rejected(OTHER, &sent, &refusal(None, 3));

    assert_eq!(progress(&mut state, OTHER), (0, 3));
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
    reign(&mut state).next_index[OTHER] = 4;
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

/// A log that has been left a hundred entries of one term behind, or ahead, takes one or two
/// attempts (§5.3, the optimization): the lab counts the RPCs.
#[test]
fn a_whole_term_is_skipped_at_once() {
    let long_ago = [vec![1; 10], vec![2; 100]].concat();
    let since = [vec![1; 10], vec![3; 100]].concat();
    let mut leader = elected(server(&since), 4);
    let mut follower = server_of(3, OTHER, &long_ago);

    let refused = repair(&mut leader, &mut follower);

    assert!(refused <= 2, "{refused} attempts failed");
    assert_eq!(terms(&follower), since);
}

/// A leader that was one before starts from nothing again (Figure 2: "reinitialized after
/// election"): what followers had then, others may have overwritten since.
#[test]
fn a_second_reign_starts_from_nothing() {
    let mut state = leader(&[1]);
    state.append_command(command(2));
    let sent = append_to(&mut state, OTHER);
    state.append_accepted(OTHER, &sent);
    assert_eq!(progress(&mut state, OTHER), (2, 3));

    state.observe_term(5);
    let mut state = elected(state, 6);

    assert_eq!(progress(&mut state, OTHER), (0, 3));
    assert_eq!(progress(&mut state, THIRD), (0, 3));
}

/// A reply that finds no leader any more changes nothing.
#[test]
fn a_deposed_leader_learns_nothing() {
    let mut state = leader(&[1]);
    let sent = append_to(&mut state, OTHER);
    state.observe_term(5);

    state.append_accepted(OTHER, &sent);
    state.append_rejected(OTHER, &sent, &refusal(None, 1));

    assert_eq!((role(&state), state.commit_index), ("follower", 0));
}
