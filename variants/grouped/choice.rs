//! `start()` returns when its entry is saved, which another thread does for all callers together,
//! each 2 ms at most. No View: memory is ahead of the disk for so long.
//!
//! Right: an entry is on disk before any message holds it, before it counts for a commit and before
//! the client hears of its index. Nobody can have counted on it before.

use super::open::{Choice, PLAIN};

pub(super) const CHOICE: Choice = Choice {
    grouped: true,
    shows: false,
    ..PLAIN
};
