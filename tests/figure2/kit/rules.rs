//! What the steps of a test rest on. A step that fails need not be the test's own subject: a Raft
//! that gives no votes fails wherever one is needed. So each kind of step has its rule, and the
//! rule a test of its own, which the report names.

/// A rule that steps of many tests rest on.
#[derive(Clone, Copy)]
pub struct Rule {
    pub rule: &'static str,
    /// The test that is about this rule.
    pub test: &'static str,
}

macro_rules! rules {
    ($($name:ident: $test:literal, $rule:literal;)*) => {
        $(pub const $name: Rule = Rule { rule: $rule, test: $test };)*
    };
}

rules! {
    TIMEOUT: "test_timeout_starts_an_election_2a", "a timeout starts an election";
    TIMER_QUIET: "test_granting_a_vote_resets_the_timer_2a",
        "no election before a whole timeout has passed without a word";
    VOTES_GIVEN: "test_votes_anew_in_each_term_2a", "a candidate of a new term gets the vote";
    VOTES_REFUSED: "test_votes_once_per_term_2a", "one vote a term, for an up-to-date log";
    TERM_ADOPTED: "test_newer_term_in_vote_request_is_adopted_2a",
        "a newer term is adopted, and makes a follower";
    STATE_KNOWN: "test_majority_of_votes_makes_a_leader_2a", "a majority of votes makes a leader";
    ELECTED: "test_new_leader_sends_heartbeats_2a", "a new leader sends heartbeats to all";
    HEARTBEAT_TAKEN: "test_newer_term_in_append_is_adopted_2a",
        "a heartbeat of the leader of a new term is taken";
    APPENDS_TAKEN: "test_entries_are_not_added_twice_2b",
        "an AppendEntries that matches the log is taken";
    PREVIOUS_NEEDED: "test_append_needs_the_previous_entry_2b",
        "no success for an old term, or without the entry before the new ones";
    APPLIED: "test_commit_index_follows_the_leaders_2b",
        "leaderCommit raises commitIndex, up to the last new entry, and that is applied";
    COMMITTED: "test_majority_commits_2b", "what a majority has is committed, then applied";
    ENTRIES_SENT: "test_new_entry_is_sent_to_all_2b", "what followers lack is sent to them";
    FOLLOWERS_REPAIRED: "test_refused_leader_tries_further_back_2b",
        "a refused leader tries from further back, until the logs agree";
    SNAPSHOT_SENT: "test_leader_sends_its_snapshot_2d",
        "a follower that needs entries which are gone gets the snapshot";
}
