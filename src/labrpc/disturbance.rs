//! [`Disturbance`]: what may befall the calls of a single end beyond what the network does to
//! all: one direction cut, messages that are seconds late, requests that arrive twice.
//!
//! Raft must bear all of it (§2: "network delays, partitions, and packet loss, duplication, and
//! reordering"), but the lab's own modes never do it. A network on which no end is disturbed
//! draws no random number more than one that knows nothing of all this.

use std::ops::RangeInclusive;
use std::time::Duration;

use labsync::rng;

/// What befalls the calls on an end; by default nothing.
///
/// A call's two messages go in opposite directions: to cut off all that `a` sends to `b`, lose
/// the requests on a's end towards `b`, and the replies on b's end towards `a`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Disturbance {
    /// Requests do not arrive; the caller hears so as late as from an end that is disabled.
    pub lose_requests: bool,
    /// The handler runs, but its reply does not arrive; the caller hears so as late.
    pub lose_replies: bool,
    /// Requests that are late. What they find is whoever is in the server's place by then.
    pub late_requests: Late,
    /// Replies that are late.
    pub late_replies: Late,
    /// Requests that arrive twice, the second so much later than the first: the handler runs
    /// for both, and the caller gets the reply to one of them.
    pub repeats: Late,
}

/// Some messages, and how late they are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Late {
    /// So many of a hundred.
    pub percent: u32,
    /// The latest, in ms; each time from 0 on is as likely.
    pub up_to_ms: u64,
}

impl Late {
    /// How late the next message is; `None` for one that is not.
    pub(super) fn draw(self) -> Option<Duration> {
        (self.percent > 0 && rng::random_range(0..100) < self.percent)
            .then(|| random_ms(0..=self.up_to_ms))
    }
}

/// A time in this range, any as likely.
pub(super) fn random_ms(range: RangeInclusive<u64>) -> Duration {
    Duration::from_millis(rng::random_range(range))
}
