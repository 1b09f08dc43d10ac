//! A candidate asks again, each 80 ms, whoever has not answered; a refusal has no hint, and a leader
//! finds the match by steps that double. A follower that has not voted notes the leader as its vote.
//!
//! Right: the vote is granted to the same candidate again (RequestVote, receiver 2), and votes are
//! a set. The hint of §5.3 is an optimization: without one, nextIndex is decremented. A term that
//! has its leader elects nobody else: its other candidates may be refused.

use std::time::Duration;

use super::open::{Choice, PLAIN};

pub(super) const CHOICE: Choice = Choice {
    ask_again: Some(Duration::from_millis(80)),
    hints: false,
    notes_the_leader: true,
    ..PLAIN
};
