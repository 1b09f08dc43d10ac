//! A leader that has heard from no majority for a second steps down (in its term, with its vote).
//!
//! Right: it could not have committed anything. It keeps its vote, so nobody else can win this term
//! with it, and starts a timer; the entries in its log stay. (Ongaro's dissertation, §6.2.)

use std::time::Duration;

use super::open::{Choice, PLAIN};

pub(super) const CHOICE: Choice = Choice {
    quorum: Some(Duration::from_secs(1)),
    ..PLAIN
};
