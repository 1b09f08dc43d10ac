//! What the paper and the lab leave open, for the variants of `choices.rs`.

use std::ops::Range;
use std::time::Duration;

/// A choice for each of them.
pub(super) struct Choice {
    /// So many entries are in one message at most.
    pub entries: usize,
    /// A follower is told of commits only as far as it is known to have the entries.
    pub told_to_match: bool,
    /// The time between two heartbeats, drawn anew each time.
    pub heartbeat_ms: Range<u64>,
    /// A leader that has heard from no majority for so long steps down.
    pub quorum: Option<Duration>,
    /// A candidate asks again so often.
    pub ask_again: Option<Duration>,
    /// A refusal tells where the logs differ.
    pub hints: bool,
    /// InstallSnapshot is answered when the service has the snapshot, or after this time.
    pub install_waits: Option<Duration>,
    /// The applier takes one message each time it has the lock.
    pub one_at_a_time: bool,
    /// A follower commits up to the highest leaderCommit that it has ever heard of.
    pub remembers_commit: bool,
    /// Handlers save more than once.
    pub saves_often: bool,
    /// Replies are sent so much later.
    pub answers_late_ms: u64,
    /// An entry that conflicts with the leader's goes as soon as it is found, and all behind it.
    pub drops_at_refusal: bool,
    /// A leader saves its own entries when it is about to send them, not in `start()`.
    pub saves_when_sending: bool,
    /// The commit index is on disk with the rest.
    pub keeps_commit: bool,
    /// A follower that refuses gets the snapshot, if it may lack anything of it.
    pub snapshot_when_refused: bool,
    /// A follower that has not voted notes the leader as its vote.
    pub notes_the_leader: bool,
    /// A voter refuses who lacks entries that it knows to be committed.
    pub refuses_who_lacks: bool,
    /// A follower refuses what begins inside its snapshot, and gives no hint.
    pub refuses_in_snapshot: bool,
    /// A follower that refuses commits what it has matched before in the same term.
    pub commits_at_refusal: bool,
    /// A snapshot that the service has already is handed to it again.
    pub repeats_snapshot: bool,
    /// The state is shown to the tester.
    pub shows: bool,
}

/// The usual ones.
pub(super) const PLAIN: Choice = Choice {
    entries: usize::MAX,
    told_to_match: false,
    heartbeat_ms: 100..101,
    quorum: None,
    ask_again: None,
    hints: true,
    install_waits: None,
    one_at_a_time: false,
    remembers_commit: false,
    saves_often: false,
    answers_late_ms: 0,
    drops_at_refusal: false,
    saves_when_sending: false,
    keeps_commit: false,
    snapshot_when_refused: false,
    notes_the_leader: false,
    refuses_who_lacks: false,
    refuses_in_snapshot: false,
    commits_at_refusal: false,
    repeats_snapshot: false,
    shows: true,
};
