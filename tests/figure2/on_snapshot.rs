//! Part D: the rules of Parts A to C again, with the beginning of the log gone: n0 has a snapshot
//! below all that these tests speak of (`kit/ground.rs`).

use raftlab::runner::LabTest;

use crate::{
    appends, backup, commits, compaction, crashes, economy, installs, kit, leaders, snapshots,
    timers, votes,
};

/// What ends the names of these tests, in place of the Part of the test that is run again.
const NAMED: &str = "on_a_snapshot_2d";

/// The name of such a test, in bytes, made of the name of the other.
const fn named<const LENGTH: usize>(other: &str) -> [u8; LENGTH] {
    let mut name = [0; LENGTH];
    let (of_other, behind) = name.split_at_mut(LENGTH - NAMED.len());
    of_other.copy_from_slice(other.as_bytes().split_at(of_other.len()).0);
    behind.copy_from_slice(NAMED.as_bytes());
    name
}

/// Tests of other files, run on a snapshot.
macro_rules! on_a_snapshot {
    ($($file:ident::$test:ident),* $(,)?) => {
        &[$({
            const OTHER: &str = stringify!($test);
            const NAME: [u8; OTHER.len() - "2a".len() + NAMED.len()] = named(OTHER);
            let Ok(name) = str::from_utf8(&NAME) else { unreachable!() };
            let body = || {
                let _on_it = kit::on_a_snapshot();
                $file::$test();
            };
            LabTest { name, body }
        }),*]
    };
}

pub const TESTS: &[LabTest] = on_a_snapshot![
    votes::test_votes_once_per_term_2a,
    votes::test_repeats_its_vote_2a,
    votes::test_votes_anew_in_each_term_2a,
    votes::test_refuses_votes_of_old_terms_2a,
    votes::test_candidate_votes_for_itself_2a,
    votes::test_leader_keeps_its_vote_2a,
    votes::test_stepping_down_keeps_the_vote_2a,
    votes::test_campaign_is_in_a_new_term_and_asks_everybody_2a,
    votes::test_who_has_refused_is_asked_again_2a,
    votes::test_majority_of_votes_makes_a_leader_2a,
    votes::test_half_of_the_votes_makes_no_leader_2a,
    votes::test_votes_do_not_add_up_over_terms_2a,
    votes::test_votes_of_an_earlier_term_do_not_count_2a,
    votes::test_votes_do_not_count_after_a_newer_term_2a,
    votes::test_votes_do_not_count_for_a_follower_2a,
    votes::test_refusals_are_no_votes_2a,
    votes::test_refusal_ends_no_campaign_2a,
    votes::test_vote_counts_the_entry_that_replaced_another_2b,
    timers::test_new_server_is_a_follower_2a,
    timers::test_timeout_starts_an_election_2a,
    timers::test_election_starts_the_timer_anew_2a,
    timers::test_timeouts_are_random_2a,
    timers::test_granting_a_vote_resets_the_timer_2a,
    timers::test_refusing_a_vote_does_not_reset_the_timer_2a,
    timers::test_heartbeat_resets_the_timer_2a,
    timers::test_entries_reset_the_timer_2b,
    timers::test_refused_append_resets_the_timer_2b,
    timers::test_candidate_with_an_old_log_does_not_reset_the_timer_2b,
    timers::test_old_leaders_heartbeat_does_not_reset_the_timer_2a,
    timers::test_leader_does_not_campaign_2a,
    timers::test_leader_that_steps_down_has_a_timer_again_2a,
    timers::test_new_leader_sends_heartbeats_2a,
    timers::test_heartbeats_are_repeated_2a,
    timers::test_heartbeats_do_not_wait_for_replies_2a,
    appends::test_vote_needs_an_up_to_date_log_2b,
    appends::test_uncommitted_entries_count_for_the_vote_2b,
    appends::test_refused_candidates_term_is_adopted_2b,
    appends::test_candidate_tells_of_its_last_entry_2b,
    appends::test_append_of_an_old_term_adds_nothing_2b,
    appends::test_append_needs_the_previous_entry_2b,
    appends::test_heartbeat_needs_the_previous_entry_2b,
    appends::test_conflicting_entries_go_with_all_behind_2b,
    appends::test_equal_commands_of_other_terms_conflict_2b,
    appends::test_old_append_keeps_what_follows_2b,
    appends::test_heartbeat_keeps_what_follows_2b,
    appends::test_entries_are_not_added_twice_2b,
    appends::test_entries_keep_their_terms_2b,
    appends::test_commit_index_follows_the_leaders_2b,
    appends::test_commit_index_never_falls_2b,
    appends::test_commit_stops_at_the_last_new_entry_2b,
    appends::test_commit_stops_at_the_end_of_the_log_2b,
    appends::test_refused_append_commits_nothing_2b,
    appends::test_entries_are_applied_in_order_2b,
    appends::test_refusal_tells_where_the_logs_differ_2b,
    leaders::test_start_answers_index_and_term_2b,
    leaders::test_start_is_refused_without_leadership_2b,
    leaders::test_start_after_kill_is_refused_2b,
    leaders::test_killed_server_applies_nothing_more_2b,
    leaders::test_election_adds_no_entry_2b,
    leaders::test_election_keeps_uncommitted_entries_2b,
    leaders::test_stepping_down_keeps_the_log_2b,
    leaders::test_entries_carry_the_term_of_start_2b,
    leaders::test_new_entry_is_sent_to_all_2b,
    leaders::test_acknowledged_entries_are_not_sent_again_2b,
    leaders::test_lost_append_is_sent_again_2b,
    leaders::test_unanswered_append_is_no_end_2b,
    leaders::test_long_silence_is_no_end_2b,
    leaders::test_commit_is_told_to_all_2b,
    leaders::test_commands_travel_in_the_term_of_the_reign_2b,
    commits::test_majority_commits_2b,
    commits::test_half_commits_nothing_2b,
    commits::test_success_covers_what_was_sent_2b,
    commits::test_success_counts_what_the_request_held_2b,
    commits::test_heartbeats_success_covers_no_later_entry_2b,
    commits::test_two_replies_to_the_same_entry_count_once_2b,
    commits::test_refusal_is_no_match_2b,
    commits::test_match_needs_a_reply_2b,
    commits::test_entries_of_earlier_terms_commit_with_an_own_one_2b,
    commits::test_second_reign_forgets_the_first_ones_matches_2b,
    commits::test_reply_of_an_earlier_reign_does_not_count_2b,
    commits::test_late_replies_do_not_lower_the_match_2b,
    commits::test_late_votes_change_no_match_2b,
    backup::test_followers_of_figure_7_are_repaired_2b,
    backup::test_refused_leader_tries_further_back_2b,
    backup::test_short_log_is_repaired_fast_2b,
    backup::test_conflicting_log_is_repaired_fast_2b,
    backup::test_logs_of_the_same_terms_are_repaired_fast_2b,
    backup::test_many_commands_take_few_requests_2b,
    crashes::test_vote_survives_2c,
    crashes::test_own_vote_survives_2c,
    crashes::test_term_of_an_append_survives_2c,
    crashes::test_term_of_a_refused_candidate_survives_2c,
    crashes::test_term_of_a_vote_reply_survives_2c,
    crashes::test_term_of_an_append_reply_survives_2c,
    crashes::test_acknowledged_entries_survive_2c,
    crashes::test_deleted_entries_stay_deleted_2c,
    crashes::test_log_counts_for_votes_after_a_crash_2c,
    crashes::test_sent_commands_survive_2c,
    crashes::test_leader_comes_back_as_a_follower_2c,
    crashes::test_everything_is_applied_again_2c,
    crashes::test_restart_commits_nothing_2c,
    installs::test_install_of_an_old_term_is_refused_2d,
    installs::test_install_adopts_a_newer_term_2d,
    installs::test_install_resets_the_timer_2d,
    installs::test_install_reaches_the_service_2d,
    installs::test_install_commits_what_it_covers_2d,
    installs::test_old_install_is_ignored_2d,
    installs::test_install_keeps_a_matching_suffix_2d,
    installs::test_install_discards_another_log_2d,
    installs::test_install_and_entries_come_in_order_2d,
    installs::test_append_may_reach_into_the_snapshot_2d,
    installs::test_install_survives_a_crash_2d,
    installs::test_crash_while_installing_2d,
    snapshots::test_snapshot_drops_the_log_before_it_2d,
    snapshots::test_snapshot_survives_a_crash_2d,
    snapshots::test_crash_while_taking_a_snapshot_2d,
    snapshots::test_old_snapshot_call_is_ignored_2d,
    snapshots::test_leader_sends_its_snapshot_2d,
    snapshots::test_followers_whose_logs_end_in_the_snapshot_get_it_2d,
    snapshots::test_lost_install_is_sent_again_2d,
    snapshots::test_newer_term_in_install_reply_is_adopted_2d,
    snapshots::test_install_reply_covers_the_snapshot_only_2d,
    snapshots::test_late_install_reply_does_not_lower_the_match_2d,
    compaction::test_candidate_yields_to_a_snapshot_of_its_term_2d,
    compaction::test_candidate_yields_to_an_old_snapshot_of_its_term_2d,
    compaction::test_old_snapshot_resets_the_timer_2d,
    compaction::test_old_leaders_snapshot_does_not_reset_the_timer_2d,
    compaction::test_append_across_the_snapshot_is_compared_2d,
    compaction::test_append_across_the_snapshot_brings_the_next_entry_2d,
    compaction::test_append_across_the_snapshot_ends_in_it_2d,
    compaction::test_snapshot_below_the_commit_takes_nothing_back_2d,
    compaction::test_newer_snapshot_wins_while_the_service_pauses_2d,
    compaction::test_older_snapshot_is_no_loss_while_the_service_pauses_2d,
    compaction::test_newer_term_loses_no_waiting_snapshot_2d,
    compaction::test_snapshot_call_loses_no_waiting_snapshot_2d,
    compaction::test_leader_compacts_although_a_follower_is_dead_2d,
    compaction::test_empty_log_ends_with_the_snapshot_2d,
    economy::test_late_refusals_do_not_send_it_all_again_2b,
    economy::test_refusal_of_an_earlier_leadership_does_not_count_2b,
    installs::test_install_keeps_the_vote_2d,
    installs::test_service_hears_the_term_of_the_snapshot_2d,
    snapshots::test_snapshot_keeps_the_vote_2d,
    snapshots::test_snapshot_leaves_the_commit_index_2d,
];
