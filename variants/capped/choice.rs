//! At most 1000 entries travel in one AppendEntries, a follower is told of no commit beyond what
//! it is known to have, and the heartbeats come at random intervals.
//!
//! With a hundred, one run of Figure 8 (unreliable) in 200 takes more than its 10 s, since a round trip
//! there may take two.
//!
//! Right: a success counts for the entries that were in the message; the next ones follow at once.
//! What is committed behind the match is told as soon as the match has risen. The paper asks for
//! heartbeats more frequent than timeouts, not for a beat.

use super::open::{Choice, PLAIN};

pub(super) const CHOICE: Choice = Choice {
    entries: 1000,
    told_to_match: true,
    heartbeat_ms: 60..140,
    ..PLAIN
};
