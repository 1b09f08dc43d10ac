//! What a check finds: which property is broken, and how. The names of the properties.

use crate::raft::ServerId;

pub(super) const ANSWER: &str = "an answer is true (Figure 2)";
pub(super) const APPEND_ONLY: &str = "Leader Append-Only (Figure 3)";
pub(super) const COMMIT_RULE: &str = "the commit rule (Figure 2, Leaders; §5.4.2)";
pub(super) const COMPLETENESS: &str = "Leader Completeness (Figure 3)";
pub(super) const ELECTION_SAFETY: &str = "Election Safety (Figure 3)";
pub(super) const LOG_MATCHING: &str = "Log Matching (Figure 3)";
pub(super) const MATCH_INDEX: &str = "match_index (Figure 2, volatile state on leaders)";
pub(super) const NEWER_TERM: &str = "a newer term is adopted (Figure 2, all servers; §5.1)";
pub(super) const NEXT_INDEX: &str = "next_index (Figure 2, volatile state on leaders)";
pub(super) const ORDER: &str = "indices in order (Figure 2)";
pub(super) const PERSISTENT: &str = "persistent state (Figure 2)";
pub(super) const SAME_COMMITS: &str = "State Machine Safety (Figure 3)";
pub(super) const SHOWS: &str = "what a server shows is so (View)";
pub(super) const SNAPSHOT: &str = "a snapshot has the index and term of its last entry (Figure 13)";
pub(super) const TERMS_RISE: &str = "terms only rise (Figure 2, current_term)";
pub(super) const UP_TO_DATE: &str = "votes go to logs that are up to date (§5.4.1)";
pub(super) const VOLATILE: &str = "indices only rise (Figure 2, volatile state)";

/// A broken property: which, and how.
#[derive(Debug)]
pub(super) struct Broken {
    pub property: &'static str,
    pub how: String,
    /// Whose state to show along with it.
    pub servers: Vec<ServerId>,
}

/// What a check says.
pub(super) type Check = Result<(), Broken>;

/// A broken property as a check's result.
pub(super) fn broken(property: &'static str, servers: &[ServerId], how: String) -> Check {
    Err(Broken { property, how, servers: servers.to_vec() })
}

/// Whether so many of the servers are a majority.
pub(super) fn is_majority(count: usize, servers: usize) -> bool {
    count > servers / 2
}
