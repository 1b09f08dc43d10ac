//! Part B: what n0 as a follower does with AppendEntries (§5.3), and whom it votes for now that
//! there are logs (§5.4.1).

use raftlab::lab_tests;
use raftlab::raft::rpc::AppendEntriesArgs;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_append_needs_the_previous_entry_2b,
    test_entries_are_not_added_twice_2b,
    test_entries_keep_their_terms_2b,
    test_append_below_the_commit_is_taken_2b,
    test_commit_index_follows_the_leaders_2b,
    test_commit_index_never_falls_2b,
    test_append_of_an_old_term_adds_nothing_2b,
    test_heartbeat_needs_the_previous_entry_2b,
    test_conflicting_entries_go_with_all_behind_2b,
    test_equal_commands_of_other_terms_conflict_2b,
    test_old_append_keeps_what_follows_2b,
    test_append_of_a_newer_leader_keeps_what_follows_2b,
    test_heartbeat_keeps_what_follows_2b,
    test_commit_stops_at_the_last_new_entry_2b,
    test_commit_stops_at_the_end_of_the_log_2b,
    test_refused_append_commits_nothing_2b,
    test_entries_are_applied_in_order_2b,
    test_refusal_tells_where_the_logs_differ_2b,
    test_vote_needs_an_up_to_date_log_2b,
    test_uncommitted_entries_count_for_the_vote_2b,
    test_refused_candidates_term_is_adopted_2b,
    test_candidate_tells_of_its_last_entry_2b,
];

/// n0 has entries of these terms, from n1, the leader of `term`.
#[track_caller]
fn given(s: &Stage, term: u64, log: &[u64], commit: u64) {
    s.accepts(1, append(term, (0, 0), log, commit));
}

const UP_TO_DATE: &str = "§5.4.1: a vote only for a candidate whose log is at least as \
     up-to-date: the later last term wins, with equal terms the longer log";

/// Candidates' last entries, and whether they get a vote from a server with the entries 1@1 2@1
/// 3@3, of which the first may be committed.
const CANDIDATES: &[(EntryAt, bool)] = &[
    ((0, 0), false),
    ((3, 1), false),
    ((9, 2), false),
    ((3, 3), true),
    ((4, 3), true),
    ((2, 4), true),
    ((9, 5), true),
];

#[track_caller]
fn ask(s: &Stage, term: u64, last: EntryAt, granted: bool) {
    if granted {
        s.grants(2, vote(term, last));
    } else {
        s.denies(2, vote(term, last));
    }
}

pub fn test_vote_needs_an_up_to_date_log_2b() {
    let s = Stage::new(3, UP_TO_DATE);
    given(&s, 3, &[1, 1, 3], 1);
    s.applies(&["1@1"]);
    for (term, &(last, granted)) in (10..).zip(CANDIDATES) {
        ask(&s, term, last, granted);
    }
}

pub fn test_uncommitted_entries_count_for_the_vote_2b() {
    let s = Stage::new(3, UP_TO_DATE);
    given(&s, 3, &[1, 1, 3], 0);
    for (term, &(last, granted)) in (10..).zip(CANDIDATES) {
        ask(&s, term, last, granted);
    }
}

pub fn test_refused_candidates_term_is_adopted_2b() {
    let s = Stage::new(
        3,
        "Figure 2, all servers: a newer term is adopted, also from a candidate that gets no vote",
    );
    given(&s, 1, &[1], 0);
    let reply = s.denies(2, vote(9, (0, 0)));
    s.check(reply.term == 9, "the reply tells of term 9", format!("of term {}", reply.term));
    s.follows_in(9);
    s.grants(1, vote(9, (1, 1))); // n2 did not get it
}

pub fn test_candidate_tells_of_its_last_entry_2b() {
    let s =
        Stage::new(3, "Figure 2, RequestVote: lastLogIndex and lastLogTerm are the last entry's");
    given(&s, 5, &[1, 4, 4], 1);
    let campaign = s.campaign();
    s.check(campaign.last == (3, 4), "last entry 3@4", format!("{:?}", campaign.last));
}

pub fn test_append_of_an_old_term_adds_nothing_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 1: no success for a leader of an old term",
    );
    given(&s, 4, &[1, 1], 0);
    let reply = s.refuses(2, append(3, (1, 1), &[3, 3], 1));
    s.check(reply.term == 4, "the reply tells of term 4", format!("of term {}", reply.term));
    s.lacks_entry(1, 4, (3, 3));
    s.has_entry(1, 4, (2, 1));
    s.applies(&[]);
}

pub fn test_append_needs_the_previous_entry_2b() {
    // Each leader has one log, and n0 may drop at once what conflicts with it.
    let s = Stage::new(
        5,
        "Figure 2, AppendEntries, receiver 2: no success unless the log has the entry before the \
         new ones, of that term",
    );
    s.refuses(1, append(2, (1, 2), &[2], 0)); // it has nothing at all
    given(&s, 2, &[2, 2], 0);
    s.refuses(1, append(2, (3, 2), &[2], 0)); // one is missing
    s.lacks_entry(1, 2, (3, 2));
    s.accepts(1, append(2, (2, 2), &[2], 0));
    s.has_entry(1, 2, (3, 2));
    // Nothing of n1's has reached those who elect the others.
    s.refuses(2, append(3, (3, 1), &[3], 0)); // of an older term than ours
    s.lacks_entry(2, 3, (4, 3));
    s.refuses(3, append(4, (2, 4), &[4], 0)); // of a newer one
    s.refuses(3, append(4, (1, 4), &[4, 4], 0));
    s.lacks_entry(3, 4, (2, 4));
    s.lacks_entry(3, 4, (3, 4));
}

pub fn test_heartbeat_needs_the_previous_entry_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 2: a heartbeat is checked like any other: its success \
         tells the leader that the logs match",
    );
    given(&s, 1, &[1, 1], 0);
    s.refuses(1, append(1, (3, 1), &[], 0));
    s.applies(&[]);
    s.refuses(2, append(2, (2, 2), &[], 2)); // n2 has another second entry
    s.applies(&[]);
    s.accepts(2, append(2, (1, 1), &[], 2));
    s.applies(&["1@1"]);
    s.accepts(2, append(2, (1, 1), &[2], 1));
    s.accepts(2, append(2, (2, 2), &[], 2));
    s.applies(&["1@1", "2@2"]);
}

pub fn test_conflicting_entries_go_with_all_behind_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 3: an entry of another term at the same index goes, \
         and all that follow it",
    );
    given(&s, 1, &[1, 1, 1, 1], 0);
    s.accepts(2, append(2, (1, 1), &[2], 0));
    s.has_entry(2, 2, (2, 2));
    s.lacks_entry(2, 2, (3, 1));
    s.lacks_entry(2, 2, (4, 1));
    s.grants(1, vote(3, (2, 2))); // its log ends there
    s.accepts(1, append(3, (2, 2), &[3], 3));
    s.applies(&["1@1", "2@2", "3@3"]);
}

pub fn test_equal_commands_of_other_terms_conflict_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 3: what conflicts is the term, whatever the commands",
    );
    let with_equal_commands = |args: AppendEntriesArgs| {
        let mut args = args;
        args.entries.iter_mut().for_each(|entry| entry.command = command("the same"));
        args
    };
    s.accepts(1, with_equal_commands(append(1, (0, 0), &[1, 1, 1], 0)));
    s.accepts(2, with_equal_commands(append(2, (0, 0), &[1, 2], 0)));
    s.has_entry(2, 2, (2, 2));
    s.lacks_entry(2, 2, (2, 1));
    s.lacks_entry(2, 2, (3, 1));
}

pub fn test_old_append_keeps_what_follows_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 3: without a conflict nothing is deleted: an append \
         that comes late or twice takes nothing away",
    );
    given(&s, 1, &[1, 1, 1, 1], 0);
    s.accepts(1, append(1, (0, 0), &[1], 0));
    s.accepts(1, append(1, (1, 1), &[1, 1], 0));
    s.has_entry(1, 1, (4, 1));
    s.denies(2, vote(2, (3, 1)));
}

pub fn test_append_of_a_newer_leader_keeps_what_follows_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 3: without a conflict nothing is deleted: what follows the \
         new entries stays, also if it is of an earlier term than the leader's",
    );
    given(&s, 1, &[1, 1], 0);
    // The leader of term 2 has four entries of term 1; the last two come first.
    s.accepts(2, append(2, (2, 1), &[1, 1], 0));
    s.accepts(2, append(2, (0, 0), &[1, 1], 0));
    s.has_entry(2, 2, (4, 1));
}

pub fn test_heartbeat_keeps_what_follows_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 3: a heartbeat with an earlier prevLogIndex deletes \
         nothing",
    );
    given(&s, 1, &[1, 1, 1, 1], 0);
    s.accepts(1, append(1, (1, 1), &[], 0));
    s.accepts(2, append(2, (2, 1), &[], 0)); // of a new leader as well
    s.has_entry(2, 2, (4, 1));
}

pub fn test_entries_are_not_added_twice_2b() {
    let s =
        Stage::new(3, "Figure 2, AppendEntries, receiver 4: only entries not in the log are added");
    given(&s, 1, &[1, 1], 0);
    given(&s, 1, &[1, 1], 0);
    s.accepts(1, append(1, (1, 1), &[1, 1], 0)); // the first it has
    s.has_entry(1, 1, (3, 1));
    s.lacks_entry(1, 1, (4, 1));
    s.accepts(1, append(1, (3, 1), &[], 3));
    s.applies(&["1@1", "2@1", "3@1"]);
}

pub fn test_entries_keep_their_terms_2b() {
    let s = Stage::new(
        3,
        "Figure 2, state: an entry holds the term in which a leader took it, not that of the \
         message that brings it",
    );
    s.accepts(1, append(4, (0, 0), &[1, 1, 3], 0));
    s.accepts(2, append(6, (3, 3), &[4, 6], 0));
    for at in [(5, 6), (4, 4), (3, 3), (2, 1), (1, 1)] {
        s.has_entry(2, 6, at);
    }
}

pub fn test_append_below_the_commit_is_taken_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 2: success if the log has the entry before the new \
         ones, also below commitIndex: the leader may have missed the last success",
    );
    given(&s, 1, &[1, 1, 1], 3);
    s.applies(&["1@1", "2@1", "3@1"]);
    s.accepts(1, append(1, (1, 1), &[1, 1], 3));
    s.accepts(1, append(1, (1, 1), &[1, 1, 1], 4));
    s.accepts(1, append(1, (0, 0), &[], 4));
    s.applies(&["1@1", "2@1", "3@1", "4@1"]);
}

pub fn test_commit_index_follows_the_leaders_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 5: leaderCommit raises commitIndex, and never lowers \
         it",
    );
    given(&s, 1, &[1, 1, 1], 0);
    s.applies(&[]);
    s.accepts(1, append(1, (3, 1), &[], 2));
    s.applies(&["1@1", "2@1"]);
    s.accepts(1, append(1, (3, 1), &[1], 1)); // an older message
    s.accepts(1, append(1, (4, 1), &[], 0));
    s.applies(&["1@1", "2@1"]);
    s.accepts(1, append(1, (4, 1), &[], 4));
    s.applies(&["1@1", "2@1", "3@1", "4@1"]);
}

pub fn test_commit_index_never_falls_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 5: commitIndex never falls: an older message has an \
         older leaderCommit, or ends before it",
    );
    given(&s, 1, &[1, 1, 1], 3);
    s.applies(&["1@1", "2@1", "3@1"]);
    s.accepts(1, append(1, (1, 1), &[1], 1));
    s.accepts(1, append(1, (0, 0), &[], 3));
    s.elected_tells_of_commit(3);
}

pub fn test_commit_stops_at_the_last_new_entry_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 5: commitIndex goes up to the last new entry: what \
         stands behind it may be an old leader's",
    );
    given(&s, 1, &[1, 1, 1], 0);
    s.accepts(2, append(2, (1, 1), &[], 3)); // n2's 2 and 3 are others
    s.applies(&["1@1"]);
    s.accepts(2, append(2, (1, 1), &[2, 2], 3));
    s.applies(&["1@1", "2@2", "3@2"]);
}

pub fn test_commit_stops_at_the_end_of_the_log_2b() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 5: commitIndex goes up to the last new entry, not \
         beyond",
    );
    s.accepts(1, append(1, (0, 0), &[1, 1, 1], 2)); // the third is not known to be committed
    s.applies(&["1@1", "2@1"]);
    s.accepts(1, append(1, (3, 1), &[], 9));
    s.applies(&["1@1", "2@1", "3@1"]);
    // n1 has committed up to 9, and so its fourth entry, whatever this message says: it may be
    // applied at once.
    s.accepts(1, append(1, (3, 1), &[1], 3));
    s.accepts(1, append(1, (4, 1), &[], 9));
    s.applies(&["1@1", "2@1", "3@1", "4@1"]);
}

pub fn test_refused_append_commits_nothing_2b() {
    let s = Stage::new(3, "Figure 2, AppendEntries, receiver 5: no commit before the logs match");
    given(&s, 1, &[1, 1, 1], 0);
    s.refuses(2, append(2, (3, 2), &[2], 4));
    s.refuses(2, append(2, (5, 2), &[2], 3));
    s.applies(&[]);
}

pub fn test_entries_are_applied_in_order_2b() {
    // The stage's service looks at the order.
    let s = Stage::new(
        3,
        "Figure 2, all servers: committed entries are applied in order, each once, however slow \
         the service",
    );
    s.pause_service(true);
    for index in 1..=30 {
        let prev = (index - 1, u64::from(index > 1));
        s.accepts(1, append(1, prev, &[1], index));
        if index % 10 == 0 {
            s.pause_service(false);
            s.wait(A_MOMENT / 40 * (index / 10) as u32);
            s.pause_service(true);
            s.accepts(1, append(1, prev, &[1], index));
        }
    }
    s.pause_service(false);
    let all: Vec<_> = (1..=30).map(|index| format!("{index}@1")).collect();
    s.applies(&all.iter().map(String::as_str).collect::<Vec<_>>());
}

pub fn test_refusal_tells_where_the_logs_differ_2b() {
    let s = Stage::new(
        3,
        "§5.3, the optimization: what a refusal tells of the conflict lies not behind the end of \
         the log, nor behind prevLogIndex: else the leader gets no further back",
    );
    given(&s, 5, &[1, 4, 4, 4, 5], 0);
    // The optimization is the Raft's own: a hint may be lower than ours, and 0 is none at all. It
    // may not keep the leader where it is, or name a term that is not there.
    for (prev, behind) in [((4, 6), 4), ((9, 6), 6)] {
        let reply = s.refuses(2, append(6, prev, &[6], 0));
        let (term, index) = (reply.conflict_term, reply.conflict_index);
        let expected = format!("a conflict index of {behind} at most");
        s.check(index <= behind, expected, format!("index {index}"));
        let right = term.is_none_or(|term| [0, 1, 4, 5].contains(&term));
        s.check(right, "no conflict term, or that of an entry", format!("term {term:?}"));
    }
}
