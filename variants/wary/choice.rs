//! A voter refuses who lacks entries that it knows to be committed; a follower refuses what begins
//! inside its snapshot, without a hint; it commits what it has matched in this term, also when it
//! refuses; a snapshot that the service has already is handed to it again.
//!
//! Right: who lacks a committed entry cannot win (Leader Completeness), so its vote is for nothing.
//! An entry that is gone cannot be compared, and a leader that decrements nextIndex ends at the
//! beginning, or with its snapshot. What was matched before is the leader's own log, of which it says
//! what is committed. The very same snapshot takes no service back.

use super::open::{Choice, PLAIN};

pub(super) const CHOICE: Choice = Choice {
    refuses_who_lacks: true,
    refuses_in_snapshot: true,
    commits_at_refusal: true,
    repeats_snapshot: true,
    ..PLAIN
};
