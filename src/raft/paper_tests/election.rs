//! Part A: votes given and won (§5.2, §5.4.1).

use std::collections::BTreeSet;

use super::*;
use crate::raft::rpc::RequestVoteReply;

fn grants(state: &mut State, request: &RequestVoteArgs) -> bool {
    let RequestVoteReply { term, vote_granted } = state.handle_request_vote(request);
    assert_eq!(term, state.current_term);
    vote_granted
}

/// A server begins as a follower (§5.2), in term 0, without a vote, with an empty log of which
/// nothing is committed or applied (Figure 2, State).
#[test]
fn a_server_starts_as_a_follower_in_term_0_with_an_empty_log() {
    let state = server(&[]);

    assert_eq!((role(&state), state.current_term, state.voted_for), ("follower", 0, None));
    assert_eq!((state.log.last_index(), state.commit_index, state.last_applied), (0, 0, 0));
}

/// A follower whose timer runs out enters the next term, votes for itself, and asks for votes
/// with the end of its log, all in that term (§5.2; Figure 2, Candidates).
#[test]
fn an_election_starts_with_a_new_term_and_a_vote_for_oneself() {
    let mut state = server(&[1, 2, 2]);

    let (_, request) = state.become_candidate();

    assert_eq!((role(&state), state.current_term), ("candidate", 3));
    assert_eq!(state.voted_for, Some(ME));
    assert_eq!(request, vote_request(3, ME, (3, 2)));
}

/// A candidate whose election timed out without a winner starts another, in a new term (§5.2).
#[test]
fn a_candidate_that_times_out_starts_a_new_election() {
    let mut state = candidate(&[1]);

    let (_, request) = state.become_candidate();

    assert_eq!((role(&state), state.current_term, state.voted_for), ("candidate", 3, Some(ME)));
    assert_eq!(request.term, 3);
}

/// A server votes for at most one candidate a term, first come, first served (§5.2). The same
/// candidate may ask again, since the first answer may have been lost.
#[test]
fn a_server_votes_once_a_term_first_come_first_served() {
    let mut state = server(&[1]);

    let answers = [OTHER, THIRD, OTHER, THIRD]
        .map(|candidate| grants(&mut state, &vote_request(2, candidate, (1, 1))));

    assert_eq!(answers, [true, false, true, false]);
    assert_eq!(state.voted_for, Some(OTHER));
}

/// The vote belongs to the term: in a new one the server is free again (§5.2).
#[test]
fn a_server_may_vote_again_in_a_new_term() {
    let mut state = server(&[1]);
    assert!(grants(&mut state, &vote_request(2, OTHER, (1, 1))));

    let granted = grants(&mut state, &vote_request(3, THIRD, (1, 1)));

    assert!(granted);
    assert_eq!((state.current_term, state.voted_for), (3, Some(THIRD)));
}

/// A new term clears the vote, whoever brings it: no candidate has this server's vote yet.
#[test]
fn a_new_term_begins_without_a_vote() {
    let mut by_append = candidate(&[1]);
    let mut by_refused_request = candidate(&[1]);

    by_append.handle_append_entries(append(9, (1, 1), &[], 0));
    by_refused_request.handle_request_vote(&vote_request(9, THIRD, (0, 0)));

    assert_eq!((by_append.current_term, by_append.voted_for), (9, None));
    assert_eq!((by_refused_request.current_term, by_refused_request.voted_for), (9, None));
}

/// Stepping down within a term keeps the vote: otherwise a candidate that bows to the elected
/// leader could vote a second time in that term (§5.2).
#[test]
fn a_vote_is_not_cleared_by_stepping_down_in_the_same_term() {
    let mut state = candidate(&[1]);

    state.handle_append_entries(append(2, (1, 1), &[], 0));
    let granted = grants(&mut state, &vote_request(2, THIRD, (9, 1)));

    assert_eq!((role(&state), state.voted_for), ("follower", Some(ME)));
    assert!(!granted, "votes for itself and for another in term 2");
}

/// Candidates and leaders have given their vote to themselves: no other gets it (§5.2).
#[test]
fn candidates_and_leaders_vote_for_nobody_else_in_their_term() {
    for mut state in [candidate(&[1]), leader(&[1])] {
        let before = role(&state);

        let granted = grants(&mut state, &vote_request(2, OTHER, (9, 1)));

        assert!(!granted, "a {before} grants a vote");
        assert_eq!((role(&state), state.voted_for), (before, Some(ME)));
    }
}

/// A vote request of an earlier term is refused, even by a server that has not voted in its own
/// (§5.1; Figure 2, RequestVote, 1).
#[test]
fn a_vote_request_of_an_older_term_is_refused() {
    let mut state = server(&[1]);
    state.observe_term(5);

    let reply = state.handle_request_vote(&vote_request(4, OTHER, (9, 4)));

    assert_eq!(reply, RequestVoteReply { term: 5, vote_granted: false });
    assert_eq!((state.current_term, state.voted_for), (5, None));
}

/// A candidate gets a vote only if its log is at least as up-to-date as the voter's: the later
/// last term is more up-to-date; with the same last term, the longer log (§5.4.1).
#[test]
fn a_vote_goes_to_a_log_that_is_at_least_as_up_to_date_only() {
    let cases: [(Terms, EntryAt, bool, &str); 12] = [
        (&[], (0, 0), true, "two empty logs"),
        (&[], (1, 1), true, "anything is as good as nothing"),
        (&[1], (0, 0), false, "nothing is worse than anything"),
        (&[1, 2, 2], (3, 2), true, "the same log"),
        (&[1, 2, 2], (4, 2), true, "the same last term, longer"),
        (&[1, 2, 2], (2, 2), false, "the same last term, shorter"),
        (&[1, 2, 2], (3, 3), true, "a later last term, as long"),
        (&[1, 2, 2], (1, 3), true, "a later last term, shorter"),
        (&[1, 2, 2], (9, 3), true, "a later last term, longer"),
        (&[1, 2, 2], (3, 1), false, "an earlier last term, as long"),
        (&[1, 2, 2], (9, 1), false, "an earlier last term, longer"),
        (&[1, 2, 2], (1, 1), false, "an earlier last term, shorter"),
    ];
    for (log, last, expected, why) in cases {
        let mut state = server(log);

        let granted = grants(&mut state, &vote_request(7, OTHER, last));

        assert_eq!(granted, expected, "{why}");
    }
}

/// What counts is the whole log, not what is known to be committed of it, nor what is left of it
/// behind a snapshot (§5.4.1, §7).
#[test]
fn up_to_date_is_judged_by_the_last_entry_wherever_it_is() {
    let mut partly_committed = server(&[1, 1, 2, 2]);
    apply_up_to(&mut partly_committed, 2);
    let mut compacted = server(&[1, 1, 2, 2]);
    compact_to(&mut compacted, 4);

    for mut state in [partly_committed, compacted] {
        assert!(!grants(&mut state, &vote_request(3, OTHER, (3, 2))), "a shorter log");
        assert!(!grants(&mut state, &vote_request(3, OTHER, (4, 1))), "an earlier term");
        assert!(grants(&mut state, &vote_request(3, OTHER, (4, 2))), "the same log");
    }
}

/// A candidate becomes leader with the votes of a majority of the whole cluster, not with fewer,
/// and does not wait for more (§5.2).
#[test]
fn a_candidate_wins_with_the_votes_of_a_majority() {
    for (servers, majority) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)] {
        let mut state = server_of(servers, ME, &[]);

        let _ = state.become_candidate();
        let mut votes = 1;
        while !state.is_leader() {
            assert!(votes < servers, "{votes} of {servers} votes are not enough");
            state.vote_received(votes);
            votes += 1;
        }

        assert_eq!(votes, majority, "votes needed of {servers} servers");
        assert_eq!(state.current_term, 1);
    }
}

/// A majority of servers is needed, not of replies: a voter counts once, however often its reply
/// arrives (§5.2).
#[test]
fn a_voter_counts_once() {
    let mut state = server_of(5, ME, &[]);
    let _ = state.become_candidate();

    for voter in [OTHER, OTHER, ME, OTHER] {
        state.vote_received(voter);
    }
    let after_one_voter = role(&state);
    state.vote_received(THIRD);

    assert_eq!(after_one_voter, "candidate", "two servers of five have voted for it");
    assert_eq!(role(&state), "leader");
}

/// Each election begins with no vote but one's own: those of an earlier one belong to an earlier
/// term (§5.2).
#[test]
fn votes_of_an_earlier_election_do_not_count_in_the_next() {
    let mut state = server_of(5, ME, &[]);
    let _ = state.become_candidate();
    state.vote_received(OTHER);

    let _ = state.become_candidate();
    let Role::Candidate { votes } = &state.role else { panic!("it has not won") };
    let at_first = votes.clone();
    state.vote_received(THIRD);

    assert_eq!(at_first, BTreeSet::from([ME]));
    assert_eq!(role(&state), "candidate", "two servers of five have voted in term 2");
}

/// A candidate that hears from the elected leader of its own term accepts it and is a follower
/// again (§5.2). A snapshot is as good a sign as an append.
#[test]
fn a_candidate_bows_to_the_leader_of_its_term() {
    let mut by_append = candidate(&[1]);
    let mut by_refused_append = candidate(&[1]);
    let mut by_install = candidate(&[1]);

    let accepted = by_append.handle_append_entries(append(2, (1, 1), &[], 0)).success;
    let refused = !by_refused_append.handle_append_entries(append(2, (9, 2), &[], 0)).success;
    by_install.handle_install_snapshot(install(2, (3, 1)));

    assert!(accepted && refused);
    for state in [by_append, by_refused_append, by_install] {
        assert_eq!((role(&state), state.current_term), ("follower", 2));
    }
}

/// A new leader assumes that every follower has its whole log, until it learns better, and knows
/// of no entry that they have (Figure 2, volatile state on leaders).
#[test]
fn a_new_leader_knows_nothing_and_starts_at_the_end_of_its_log() {
    let mut compacted = server(&[1, 1, 2]);
    compact_to(&mut compacted, 3);

    for (mut state, next) in [(leader(&[]), 1), (leader(&[1, 1, 2]), 4), (elected(compacted, 3), 4)]
    {
        assert_eq!(progress(&mut state, OTHER), (0, next));
        assert_eq!(progress(&mut state, THIRD), (0, next));
    }
}

/// An election leaves the log as it is: the winner neither adds an entry (the lab counts indices)
/// nor drops one that may be committed, and so does the loser.
#[test]
fn an_election_does_not_change_the_log() {
    let mut winner = leader(&[1, 1, 2]);
    let mut loser = candidate(&[1, 1, 2]);
    let deposed = {
        let mut state = leader(&[1, 1, 2]);
        state.observe_term(9);
        state
    };

    let first = winner.append_command(command(4));
    loser.handle_append_entries(append(3, (0, 0), &[], 0));

    assert_eq!((first, terms(&winner)), (4, vec![1, 1, 2, 3]));
    assert_eq!(terms(&loser), [1, 1, 2]);
    assert_eq!(terms(&deposed), [1, 1, 2]);
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
