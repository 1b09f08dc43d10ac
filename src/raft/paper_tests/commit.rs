//! Part B: what is committed, and applied (§5.3, §5.4).

use super::*;

/// A cluster of servers with these logs.
fn cluster(logs: &[Terms]) -> Vec<State> {
    logs.iter().enumerate().map(|(me, log)| server_of(logs.len(), me, log)).collect()
}

/// Server `candidate` campaigns in `term`, and the `voters` hear of it; whether it is elected.
fn elect(servers: &mut [State], candidate: ServerId, term: Term, voters: &[ServerId]) -> bool {
    servers[candidate].observe_term(term - 1);
    let (_, request) = servers[candidate].become_candidate();
    for &voter in voters {
        let granted = servers[voter].handle_request_vote(&request).vote_granted;
        if granted && !servers[candidate].is_leader() {
            servers[candidate].vote_received(voter);
        }
    }
    servers[candidate].is_leader()
}

/// The leader brings the log of the `follower` to agree with its own.
fn replicate(servers: &mut [State], leader: ServerId, follower: ServerId) {
    let [leader, follower] = servers.get_disjoint_mut([leader, follower]).expect("two servers");
    repair(leader, follower);
    assert_eq!(terms(follower), terms(leader));
}

/// The server crashes and restarts.
fn crash(servers: &mut [State], which: ServerId) {
    servers[which].persist();
    servers[which] = restarted(&servers[which]);
}

/// An entry is committed when the leader that created it has replicated it on a majority of the
/// servers, itself included, and no sooner (§5.3).
#[test]
fn an_entry_is_committed_once_a_majority_has_it() {
    for (servers, followers) in [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3)] {
        let mut state = leader_of(servers, &[]);

        state.append_command(command(1));
        let mut acknowledged = 0;
        while state.commit_index == 0 {
            acknowledged += 1;
            assert!(acknowledged < servers, "not committed by all of {servers}");
            state.append_accepted(acknowledged, &append(1, (0, 0), &[1], 0));
        }

        assert_eq!(acknowledged, followers, "followers needed of {servers} servers");
    }
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
            reign(&mut state).matched(follower, index);
        }
        state.advance_commit_index();

        assert_eq!(state.commit_index, expected, "match_index {matched:?}");
    }
}

/// What was sent does not count, only what was acknowledged: `next_index` says what the leader
/// hopes for (§5.3).
#[test]
fn what_is_not_acknowledged_is_not_counted() {
    let mut state = leader(&[]);
    state.append_command(command(1));

    for peer in [OTHER, THIRD] {
        let _ = append_to(&mut state, peer);
        reign(&mut state).next_index[peer] = 2;
    }
    state.advance_commit_index();

    assert_eq!(state.commit_index, 0);
}

/// Followers that have all the leader's entries of earlier terms commit none of them: another
/// leader may still overwrite them. With the first entry of the leader's own term all before it are
/// committed as well (§5.4.2).
#[test]
fn only_entries_of_the_current_term_are_committed_by_counting() {
    let mut state = elected(server(&[1, 2, 2]), 4);

    for follower in [OTHER, THIRD] {
        state.append_accepted(follower, &append(4, (0, 0), &[1, 2, 2], 0));
    }
    let of_earlier_terms = state.commit_index;
    state.append_command(command(4));
    state.append_accepted(OTHER, &append(4, (3, 2), &[4], 0));

    assert_eq!(of_earlier_terms, 0, "all servers have them, in vain");
    assert_eq!(state.commit_index, 4);
}

/// A commit is never taken back, though a follower's later reply says less (Figure 2).
#[test]
fn the_commit_index_never_falls() {
    let mut state = leader(&[]);
    state.append_command(command(1));
    state.append_command(command(2));
    state.append_accepted(OTHER, &append(1, (0, 0), &[1, 1], 0));
    assert_eq!(state.commit_index, 2);

    state.append_accepted(OTHER, &append(1, (0, 0), &[1], 0));
    state.append_accepted(THIRD, &append(1, (0, 0), &[1], 0));

    assert_eq!(state.commit_index, 2);
}

/// It cannot be done by mistake either.
#[test]
#[should_panic(expected = "commit_index regression 2 -> 1")]
fn a_commit_that_goes_back_is_caught() {
    let mut state = server(&[1, 1]);
    state.commit_to(2);

    state.commit_to(1);
}

/// Nor can there be a commit without the entry.
#[test]
#[should_panic(expected = "commit_index 3 beyond the last entry 2")]
fn a_commit_beyond_the_log_is_caught() {
    server(&[1, 1]).commit_to(3);
}

/// Figure 8, (a) to (d): an entry of term 2 is on a majority, and a server with a later last term
/// is elected nevertheless and overwrites it. So it was right not to commit it (§5.4.2).
#[test]
fn figure_8_an_old_entry_on_a_majority_can_be_overwritten() {
    let mut servers = cluster(&[&[1, 2], &[1, 2], &[1], &[1], &[1]]); // (a)
    assert!(elect(&mut servers, 4, 3, &[2, 3]));
    servers[4].append_command(command(2)); // (b)
    crash(&mut servers, 4);
    crash(&mut servers, 0);

    assert!(elect(&mut servers, 0, 4, &[1, 2, 3]));
    replicate(&mut servers, 0, 1);
    replicate(&mut servers, 0, 2); // (c)
    let committed = servers[0].commit_index;
    crash(&mut servers, 0);
    assert!(elect(&mut servers, 4, 5, &[1, 2, 3]));
    for follower in 0..4 {
        replicate(&mut servers, 4, follower); // (d)
    }

    assert_eq!(committed, 0, "entry 2 of term 2 was on three servers of five");
    assert!(servers.iter().all(|server| terms(server) == [1, 3]));
}

/// Figure 8, (e): once an entry of the leader's own term is on a majority, the server with the
/// other entry cannot be elected any more: the old entry is committed with it (§5.4.2).
#[test]
fn figure_8_an_entry_of_the_current_term_on_a_majority_is_safe() {
    let mut servers = cluster(&[&[1, 2], &[1, 2], &[1], &[1], &[1, 3]]);
    assert!(elect(&mut servers, 0, 4, &[1, 2, 3]));

    servers[0].append_command(command(3));
    replicate(&mut servers, 0, 1);
    replicate(&mut servers, 0, 2);
    let committed = servers[0].commit_index;
    crash(&mut servers, 0);
    let elected = elect(&mut servers, 4, 5, &[0, 1, 2, 3]);

    assert_eq!(committed, 3);
    assert!(!elected, "a leader that lacks committed entries");
}

/// Committed entries are applied in the order of the log, each once, as soon as the commit index
/// says so; others are not (§5.3; Figure 2, all servers).
#[test]
fn committed_entries_are_applied_in_order_and_once() {
    let mut state = server(&[1, 1, 2, 2]);

    let before = state.take_unapplied();
    state.commit_to(1);
    let first = state.take_unapplied();
    state.commit_to(2);
    state.commit_to(3);
    let then = state.take_unapplied();
    let again = state.take_unapplied();

    assert_eq!(before, []);
    assert_eq!(first, [applied(1)]);
    assert_eq!(then, [applied(2), applied(3)]);
    assert_eq!((again, state.last_applied), (vec![], 3));
}

/// A leader does not apply a command before it is committed (§5.3).
#[test]
fn a_leader_applies_what_is_committed_only() {
    let mut state = leader(&[]);

    state.append_command(command(1));
    let too_soon = state.take_unapplied();
    state.append_accepted(OTHER, &append(1, (0, 0), &[1], 0));
    let in_time = state.take_unapplied();

    assert_eq!(too_soon, []);
    assert_eq!(in_time, [applied(1)]);
}

/// A follower applies what it knows to be committed, when it knows (§5.3).
#[test]
fn a_follower_applies_what_the_leader_has_committed() {
    let mut state = server(&[]);

    state.handle_append_entries(append(1, (0, 0), &[1, 1, 1], 2));
    let messages = state.take_unapplied();

    assert_eq!(messages, [applied(1), applied(2)]);
}

/// A server alone is its own majority (§5.3).
#[test]
fn a_server_alone_commits_at_once() {
    let mut state = leader_of(1, &[]);

    state.append_command(command(1));

    assert_eq!((state.commit_index, state.take_unapplied()), (1, vec![applied(1)]));
}
