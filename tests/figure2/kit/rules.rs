//! What the steps of a test rest on. A step that fails need not be the test's own subject: a Raft
//! that gives no votes fails wherever one is needed. So each kind of step has its rule, and the
//! rule tests of its own, which the report names; one of them that fails as well is shown instead
//! (`runner/causes.rs`).

/// A rule that steps of many tests rest on.
#[derive(Clone, Copy)]
pub struct Rule {
    pub rule: &'static str,
    /// The tests that are about this rule, without `test_`; the likeliest first.
    pub tests: &'static [&'static str],
}

macro_rules! rules {
    ($($name:ident: $rule:literal, $($test:literal),+;)*) => {
        $(pub const $name: Rule = Rule { rule: $rule, tests: &[$($test),+] };)*
    };
}

rules! {
    TIMEOUT: "when the election timeout passes without a word, a server campaigns",
        "timeout_starts_an_election_2a", "leader_that_steps_down_has_a_timer_again_2a";
    ALL_ASKED: "a candidate asks all others for their votes, whether they answer or not",
        "campaign_is_in_a_new_term_and_asks_everybody_2a";
    TIMER_QUIET: "a server campaigns when the election timeout passes without a word, not before",
        "new_server_is_a_follower_2a", "election_starts_the_timer_anew_2a",
        "granting_a_vote_resets_the_timer_2a", "heartbeat_resets_the_timer_2a",
        "leader_does_not_campaign_2a", "entries_reset_the_timer_2b",
        "refused_append_resets_the_timer_2b";
    VOTES_GIVEN: "a new term, a new vote, for an up-to-date log",
        "votes_anew_in_each_term_2a", "repeats_its_vote_2a", "new_leader_sends_heartbeats_2a",
        "newer_term_in_vote_request_is_adopted_2a", "vote_needs_an_up_to_date_log_2b";
    VOTES_REFUSED: "a server votes once in a term, in no old one, for an up-to-date log",
        "refuses_votes_of_old_terms_2a", "votes_once_per_term_2a", "candidate_votes_for_itself_2a",
        "vote_needs_an_up_to_date_log_2b", "uncommitted_entries_count_for_the_vote_2b",
        "conflicting_entries_go_with_all_behind_2b";
    TERM_ADOPTED: "a newer term is adopted, and makes a follower",
        "newer_term_in_vote_request_is_adopted_2a", "newer_term_in_append_is_adopted_2a",
        "newer_term_in_vote_reply_is_adopted_2a", "newer_term_in_append_reply_is_adopted_2a";
    STATE_KNOWN: "with votes from a majority a candidate becomes leader",
        "majority_of_votes_makes_a_leader_2a", "half_of_the_votes_makes_no_leader_2a",
        "leader_does_not_campaign_2a";
    ELECTED: "once elected, a leader sends heartbeats to all others",
        "majority_of_votes_makes_a_leader_2a", "new_leader_sends_heartbeats_2a";
    HEARTBEAT_TAKEN: "a heartbeat of the leader of a new term is taken",
        "newer_term_in_append_is_adopted_2a";
    APPENDS_TAKEN: "an AppendEntries that matches the log is taken",
        "append_needs_the_previous_entry_2b", "entries_are_not_added_twice_2b",
        "append_below_the_commit_is_taken_2b", "entries_keep_their_terms_2b",
        "commit_index_never_falls_2b",
        "old_append_keeps_what_follows_2b", "heartbeat_keeps_what_follows_2b",
        "conflicting_entries_go_with_all_behind_2b", "stepping_down_keeps_the_log_2b";
    PREVIOUS_NEEDED: "no success for an old term, or without the entry before the new ones",
        "append_of_an_old_term_is_refused_2a", "append_needs_the_previous_entry_2b",
        "entries_are_not_added_twice_2b", "heartbeat_needs_the_previous_entry_2b",
        "conflicting_entries_go_with_all_behind_2b";
    APPLIED: "leaderCommit raises commitIndex, up to the last new entry, and that is applied",
        "commit_index_follows_the_leaders_2b", "commit_stops_at_the_last_new_entry_2b",
        "commit_index_never_falls_2b", "refused_append_commits_nothing_2b",
        "conflicting_entries_go_with_all_behind_2b",
        "commit_stops_at_the_end_of_the_log_2b", "entries_are_not_added_twice_2b";
    COMMITTED: "an entry that a majority has is committed, then applied",
        "commit_index_follows_the_leaders_2b", "entries_carry_the_term_of_start_2b",
        "election_keeps_uncommitted_entries_2b", "new_entry_is_sent_to_all_2b", "majority_commits_2b",
        "half_commits_nothing_2b", "match_needs_a_reply_2b",
        "refused_leader_tries_further_back_2b", "followers_of_figure_7_are_repaired_2b",
        "entries_of_earlier_terms_commit_with_an_own_one_2b";
    ENTRIES_SENT: "what followers lack is sent to them",
        "new_entry_is_sent_to_all_2b", "election_keeps_uncommitted_entries_2b",
        "heartbeats_are_repeated_2a", "lost_append_is_sent_again_2b";
    FOLLOWERS_REPAIRED: "followers' logs are made to agree: refused, a leader tries further back",
        "election_keeps_uncommitted_entries_2b", "new_entry_is_sent_to_all_2b",
        "refused_leader_tries_further_back_2b", "lost_append_is_sent_again_2b",
        "unanswered_append_is_no_end_2b", "success_covers_what_was_sent_2b",
        "success_counts_what_the_request_held_2b", "refusal_is_no_match_2b",
        "entries_keep_their_terms_2b";
    NO_ENTRY_ADDED: "only a command becomes the next entry of a leader's log, nothing else does",
        "election_adds_no_entry_2b";
    SNAPSHOT_SENT: "a follower that needs entries which are gone gets the snapshot",
        "leader_sends_its_snapshot_2d",
        "followers_whose_logs_end_in_the_snapshot_get_it_2d";
    PERSISTENT: "persistent state (Figure 2): currentTerm, votedFor, log[] are on disk in time",
        "term_of_an_append_survives_2c", "vote_survives_2c", "acknowledged_entries_survive_2c",
        "sent_commands_survive_2c", "everything_is_applied_again_2c";
    SNAPSHOT_KEPT: "after a crash a server begins with its snapshot, and the log behind it (§7)",
        "snapshot_survives_a_crash_2d", "install_survives_a_crash_2d";
    APPLY_ORDER: "Figure 2, all servers: committed entries are applied in order, each once",
        "entries_are_applied_in_order_2b";
    OWN_VOTE: "§5.2: who asks for votes in a term has voted for itself in it, for nobody else",
        "votes_once_per_term_2a", "candidate_votes_for_itself_2a", "vote_survives_2c";
    LEADER_HAS_WON: "§5.2: only the winner of an election leads, in the term that it has won",
        "half_of_the_votes_makes_no_leader_2a", "votes_do_not_add_up_over_terms_2a",
        "newer_term_in_vote_request_is_adopted_2a", "newer_term_in_append_reply_is_adopted_2a",
        "candidate_yields_to_the_leader_of_its_term_2a";
    GROUND: "a snapshot is on disk, and reaches the service (§7, Figure 13)",
        "install_reaches_the_service_2d", "install_survives_a_crash_2d",
        "snapshot_drops_the_log_before_it_2d", "snapshot_survives_a_crash_2d";
}
