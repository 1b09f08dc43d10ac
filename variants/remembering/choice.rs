//! A follower remembers the highest leaderCommit that it has heard of, and commits up to there as
//! soon as a leader's message covers the entries; its commit index is on disk with the rest, and so
//! it applies at once after a restart; it saves several times in a critical section; it answers a vote
//! and an AppendEntries some ms later than it has decided.
//!
//! Right: what one leader has committed, all later ones have (Leader Completeness). So an entry that a
//! message has just matched may be committed up to the highest leaderCommit ever heard; and what was
//! committed before a crash is so after it.

use super::open::{Choice, PLAIN};

pub(super) const CHOICE: Choice = Choice {
    remembers_commit: true,
    keeps_commit: true,
    saves_often: true,
    answers_late_ms: 4,
    ..PLAIN
};
