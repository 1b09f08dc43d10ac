//! Part A: the election timer: when it starts anew, and when it must not (§5.2, §5.6, §9.3).
//!
//! A timer that is not reset elects again and again; one that is reset too readily lets a server
//! that cannot win keep the others from trying.

use std::time::Duration;

use super::*;
use crate::raft::election::ELECTION_TIMEOUT_MS;
use crate::raft::pacing::HEARTBEAT_INTERVAL;

const SHORTEST: Duration = Duration::from_millis(ELECTION_TIMEOUT_MS.start);
const LONGEST: Duration = Duration::from_millis(ELECTION_TIMEOUT_MS.end);

/// Whether `event` starts the timer of a server anew that has just run out. If so, then for at
/// least the shortest timeout and at most the longest.
fn resets(state: &mut State, event: impl FnOnce(&mut State)) -> bool {
    let before = Instant::now();
    state.election_deadline = before;
    event(state);
    if state.election_deadline == before {
        return false;
    }
    assert!(state.election_deadline >= before + SHORTEST, "a timeout that is too short");
    assert!(state.election_deadline <= Instant::now() + LONGEST, "a timeout that is too long");
    true
}

fn resets_on_vote_request(state: &mut State, request: RequestVoteArgs) -> bool {
    resets(state, |state| {
        state.handle_request_vote(&request);
    })
}

fn resets_on_append(state: &mut State, args: AppendEntriesArgs) -> bool {
    resets(state, |state| {
        state.handle_append_entries(args);
    })
}

fn resets_on_install(state: &mut State, args: InstallSnapshotArgs) -> bool {
    resets(state, |state| {
        state.handle_install_snapshot(args);
    })
}

/// Granting a vote starts the timer anew: the candidate gets its chance to win (§5.2).
#[test]
fn the_timer_is_reset_by_granting_a_vote() {
    let mut state = server(&[1]);

    assert!(resets_on_vote_request(&mut state, vote_request(2, OTHER, (1, 1))));
}

/// A candidate that is turned down must not delay this server's own attempt: its log may be the
/// only one that can win (§5.2, §5.4.1).
#[test]
fn the_timer_is_not_reset_by_a_vote_request_that_is_refused() {
    let mut voted = server(&[1, 2]);
    voted.handle_request_vote(&vote_request(3, THIRD, (2, 2)));
    let cases = [
        (voted, vote_request(3, OTHER, (2, 2)), "has voted for another"),
        (server(&[1, 2]), vote_request(1, OTHER, (9, 1)), "of an older term"),
        (server(&[1, 2]), vote_request(2, OTHER, (1, 2)), "with a shorter log"),
        (server(&[1, 2]), vote_request(9, OTHER, (9, 1)), "newer, with an older log"),
        (candidate(&[1, 2]), vote_request(3, OTHER, (2, 2)), "to another candidate"),
        (candidate(&[1, 2]), vote_request(9, OTHER, (1, 2)), "newer, to another candidate"),
    ];
    for (mut state, request, what) in cases {
        assert!(!resets_on_vote_request(&mut state, request), "a request {what}");
    }
}

/// Word from the current leader starts the timer anew, be it a heartbeat, an append, or one that
/// is refused because the logs differ: there is a leader, and that is all that matters (§5.2).
#[test]
fn the_timer_is_reset_by_an_append_of_the_current_leader() {
    let cases = [
        (append(3, (2, 2), &[], 0), "a heartbeat"),
        (append(3, (2, 2), &[3], 0), "an entry"),
        (append(3, (2, 2), &[3], 3), "a commit"),
        (append(3, (9, 2), &[], 0), "a heartbeat that does not match"),
        (append(3, (2, 1), &[3], 0), "an entry that does not match"),
        (append(7, (2, 2), &[], 0), "a heartbeat of a newer term"),
    ];
    for (args, what) in cases {
        let mut follower = server(&[1, 2]);
        follower.observe_term(3);
        assert!(resets_on_append(&mut follower, args.clone()), "{what}, to a follower");
        let mut candidate = candidate(&[1, 2]);
        assert!(resets_on_append(&mut candidate, args), "{what}, to a candidate");
    }
}

/// So does a snapshot from the current leader, needed or not (§5.2, §7).
#[test]
fn the_timer_is_reset_by_a_snapshot_of_the_current_leader() {
    let mut needs_it = server(&[1, 2]);
    let mut has_a_later_one = server(&[1, 2]);
    compact_to(&mut has_a_later_one, 2);

    assert!(resets_on_install(&mut needs_it, install(2, (9, 2))));
    assert!(resets_on_install(&mut has_a_later_one, install(2, (1, 1))));
}

/// An old leader is none: its messages do not hold up an election (§5.1, §5.2).
#[test]
fn the_timer_is_not_reset_by_an_old_leader() {
    let mut state = server(&[1, 2]);

    assert!(!resets_on_append(&mut state, append(1, (1, 1), &[], 0)));
    assert!(!resets_on_append(&mut state, append(1, (1, 1), &[1], 1)));
    assert!(!resets_on_install(&mut state, install(1, (9, 1))));
}

/// Starting an election starts the timer anew: the next attempt comes a timeout later, not at
/// the next look (Figure 2, Candidates).
#[test]
fn the_timer_is_reset_by_starting_an_election() {
    for mut state in [server(&[1]), candidate(&[1])] {
        assert!(resets(&mut state, |state| {
            let _ = state.become_candidate();
        }));
    }
}

/// Neither votes nor replies are word from a leader (§5.2).
#[test]
fn the_timer_is_not_reset_by_votes_and_replies() {
    let mut state = server_of(5, ME, &[1]);
    let _ = state.become_candidate();

    assert!(!resets(&mut state, |state| state.vote_received(OTHER)));
    assert!(!resets(&mut state, |state| state.observe_term(9)), "a candidate's newer term");
}

/// A leader has no timer; a leader that steps down has one again, and not one that ran out long
/// ago (§5.2).
#[test]
fn a_leader_that_steps_down_waits_for_a_timeout() {
    let mut state = leader(&[1]);

    assert!(resets(&mut state, |state| state.observe_term(9)));
}

/// After a restart a server waits for a timeout, like any follower (§5.2).
#[test]
fn a_restarted_server_waits_for_a_timeout() {
    let before = Instant::now();

    let state = restarted(&server(&[1]));

    assert!(state.election_deadline >= before + SHORTEST);
}

/// An election starts when the timeout has passed without word from a leader: not before, and
/// never at a leader (§5.2).
#[test]
fn an_election_starts_when_the_timer_has_run_out() {
    let campaigns = |mut state: State, timer: Duration| {
        state.election_deadline = Instant::now() + timer;
        locked(state).start_election_if_due().map(|(_, request)| request)
    };
    let (now, later) = (Duration::ZERO, Duration::from_secs(60));

    assert_eq!(campaigns(server(&[1]), now), Some(vote_request(2, ME, (1, 1))));
    assert_eq!(campaigns(candidate(&[1]), now), Some(vote_request(3, ME, (1, 1))));
    assert_eq!(campaigns(server(&[1]), later), None);
    assert_eq!(campaigns(candidate(&[1]), later), None);
    assert_eq!(campaigns(leader(&[1]), now), None);
}

/// Between two looks at the timer the ticker sleeps: never for longer than `kill()` may take, not
/// at all only if the timer has run out (lab: no busy wait).
#[test]
fn the_ticker_sleeps_until_the_timer_may_have_run_out() {
    let sleeps = |mut state: State, timer: Duration| {
        state.election_deadline = Instant::now() + timer;
        locked(state).next_look()
    };
    let (soon, later) = (Duration::from_millis(20), Duration::from_secs(60));
    let (nothing, tick) = (Duration::ZERO, Duration::from_millis(50));

    assert!(sleeps(server(&[1]), soon) <= soon);
    assert_eq!(sleeps(server(&[1]), later), tick);
    assert_eq!(sleeps(leader(&[1]), nothing), tick);
}

/// Timeouts are drawn at random from a fixed interval, anew each time: otherwise those who split
/// the vote once would split it for ever (§5.2).
#[test]
fn timeouts_are_random_each_time() {
    let mut state = server(&[]);

    let drawn: Vec<Duration> = (0..20)
        .map(|_| {
            let before = Instant::now();
            state.reset_election_timer();
            state.election_deadline - before
        })
        .collect();

    let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
    assert!(*least >= SHORTEST, "{drawn:?}");
    // All of 20 in a third of the interval: once in fifty million runs.
    assert!(*most - *least > (LONGEST - SHORTEST) / 3, "hardly random: {drawn:?}");
}

/// Servers draw independently: a fresh cluster does not campaign in step (§5.2).
#[test]
fn timeouts_differ_from_server_to_server() {
    let before = Instant::now();

    let drawn: Vec<Duration> =
        (0..20).map(|me| server_of(20, me, &[]).election_deadline - before).collect();

    let (least, most) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
    assert!(*most - *least > (LONGEST - SHORTEST) / 3, "hardly random: {drawn:?}");
}

/// Heartbeats are much more frequent than elections (§5.6): a lost one does not cost the leader
/// its office. The lab allows ten a second.
#[test]
fn two_heartbeats_fit_into_the_shortest_timeout() {
    assert!(HEARTBEAT_INTERVAL >= Duration::from_millis(100), "more than ten a second");
    assert!(HEARTBEAT_INTERVAL * 2 < SHORTEST, "one lost heartbeat starts an election");
}
