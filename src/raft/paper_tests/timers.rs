//! Part A: the election timer: how long, and who looks at it (§5.2, §5.6).

use std::time::Duration;

use super::*;
use crate::raft::election::ELECTION_TIMEOUT_MS;
use crate::raft::pacing::HEARTBEAT_INTERVAL;

const SHORTEST: Duration = Duration::from_millis(ELECTION_TIMEOUT_MS.start);
const LONGEST: Duration = Duration::from_millis(ELECTION_TIMEOUT_MS.end);

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

/// Heartbeats are much more frequent than elections (§5.6): a lost one does not cost the leader
/// its leadership. The lab allows ten a second.
#[test]
fn two_heartbeats_fit_into_the_shortest_timeout() {
    assert!(HEARTBEAT_INTERVAL >= Duration::from_millis(100), "more than ten a second");
    assert!(HEARTBEAT_INTERVAL * 2 < SHORTEST, "one lost heartbeat starts an election");
}
