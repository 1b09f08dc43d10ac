//! Part A: the election timer: how long, and who looks at it (§5.2, §5.6).

use std::time::Duration;

use super::*;
use crate::raft::election::ELECTION_TIMEOUT_MS;
use crate::raft::pacing::HEARTBEAT_INTERVAL;

const SHORTEST: Duration = Duration::from_millis(ELECTION_TIMEOUT_MS.start);

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

/// Heartbeats are much more frequent than elections (§5.6): a lost one does not cost the leader
/// its leadership. The lab allows ten a second.
#[test]
fn two_heartbeats_fit_into_the_shortest_timeout() {
    assert!(HEARTBEAT_INTERVAL >= Duration::from_millis(100), "more than ten a second");
    assert!(HEARTBEAT_INTERVAL * 2 < SHORTEST, "one lost heartbeat starts an election");
}
