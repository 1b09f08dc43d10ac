//! The pace of replication, which Figure 2 leaves open. A follower gets a message
//!
//! - when its heartbeat is due, whatever else is under way; it carries all entries that the
//!   follower may lack, so it is also the retry of an AppendEntries that was lost;
//! - at once when there are entries for it, unless an earlier message is still unanswered: its
//!   reply brings the next. So commands that come while one is under way travel together, and no
//!   entry is sent again with each new command;
//! - a little later when there is a higher commit index only: the next command may carry it.

use std::time::Duration;

use super::rpc::Index;
use crate::labsync::Instant;

/// The lab allows about ten heartbeats a second at most; fewer cost fewer RPCs.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(140);
/// How long followers may wait to hear of a commit, which their services wait for.
pub const COMMIT_TOLD_WITHIN: Duration = Duration::from_millis(10);

/// What a leader has to tell a follower.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// Nothing.
    None,
    /// A commit index that has been higher since then.
    Commit(Instant),
    /// Entries.
    Entries,
}

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

    /// When the next message is due.
    pub fn next_due(&self, news: News, now: Instant) -> Instant {
        match news {
            _ if self.unanswered.is_some() => self.heartbeat_due,
            News::None => self.heartbeat_due,
            News::Commit(since) => self.heartbeat_due.min(since + COMMIT_TOLD_WITHIN),
            News::Entries => now,
        }
    }

    /// A message is sent; its number.
    pub fn message_sent(&mut self, now: Instant) -> u64 {
        self.sent += 1;
        self.unanswered = Some(self.sent);
        self.heartbeat_due = now + HEARTBEAT_INTERVAL;
        self.sent
    }
}
