//! The lab's numbers, which its tests are written for.

use std::time::Duration;

/// The lab's RET: the time within which an election must have ended.
pub const RAFT_ELECTION_TIMEOUT: Duration = Duration::from_millis(1000);
/// Part D: a service takes a snapshot every so many commands.
pub const SNAPSHOT_INTERVAL: u64 = 10;
/// Part D: the most that a server may have persisted after a round, in bytes.
pub const MAX_LOG_SIZE: usize = 2000;
