//! The pace of replication, which Figure 2 leaves open. A follower gets a message
//!
//! - when its heartbeat is due, whatever else is under way; it carries all entries that the
//!   follower may lack, so it is also the retry of an AppendEntries that was lost;
//! - at once when there is news (entries, or a higher commit index), unless an earlier
//!   message is still unanswered: its reply brings the next. So commands that come while one is
//!   under way travel together, and no entry is sent again with each new command.

use std::time::Duration;

use super::rpc::Index;
use crate::labsync::Instant;

/// The lab allows about ten heartbeats a second at most; fewer cost fewer RPCs.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(140);

/// When a follower gets its next message.
#[derive(Clone)]
pub struct Pace {
    pub(super) heartbeat_due: Instant,
    /// The number of the last message, while it is unanswered.
    pub(super) unanswered: Option<u64>,
    sent: u64,
    /// The highest commit index that the follower has confirmed to have heard of.
    pub(super) commit_told: Index,
}

impl Pace {
    /// That of a new leader: a heartbeat is due (§5.2).
    pub fn new() -> Pace {
        Pace { heartbeat_due: Instant::now(), unanswered: None, sent: 0, commit_told: 0 }
    }

    /// When the next message is due, if there is nothing new, or with news for the follower.
    pub fn next_due(&self, news: bool) -> Instant {
        if self.goes_at_once(news) { Instant::now() } else { self.heartbeat_due }
    }

    /// Whether a message is due.
    pub fn is_due(&self, news: bool, now: Instant) -> bool {
        now >= self.heartbeat_due || self.goes_at_once(news)
    }

    /// A message is sent; its number.
    pub fn message_sent(&mut self, now: Instant) -> u64 {
        self.sent += 1;
        self.unanswered = Some(self.sent);
        self.heartbeat_due = now + HEARTBEAT_INTERVAL;
        self.sent
    }

    fn goes_at_once(&self, news: bool) -> bool {
        news && self.unanswered.is_none()
    }
}
