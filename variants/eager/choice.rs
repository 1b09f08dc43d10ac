//! A follower drops an entry that conflicts with the leader's as soon as it finds it, when it
//! refuses; who refuses gets the snapshot, if it may lack anything of it; a leader saves its own
//! entries when it sends them, not in `start()`.
//!
//! Right: a leader of the current term has another entry there, so ours is not committed, and
//! neither is what follows it. A snapshot holds what is committed, so it harms nobody. And nobody has
//! been told of an entry that was not sent: if a crash takes it, it was never there. It does not count
//! for the commit before, since nobody else has it.

use super::open::{Choice, PLAIN};

pub(super) const CHOICE: Choice = Choice {
    drops_at_refusal: true,
    snapshot_when_refused: true,
    saves_when_sending: true,
    ..PLAIN
};
