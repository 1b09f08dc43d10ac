//! Part C: what a crash may not undo (Figure 2, persistent state). n0 crashes just after others
//! have seen what it did: with whatever is on its disk at that moment, it must stand by that.

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_term_of_an_append_survives_2c,
    test_vote_survives_2c,
    test_own_vote_survives_2c,
    test_term_of_a_refused_candidate_survives_2c,
    test_high_terms_survive_2c,
    test_term_of_a_vote_reply_survives_2c,
    test_term_of_an_append_reply_survives_2c,
    test_acknowledged_entries_survive_2c,
    test_deleted_entries_stay_deleted_2c,
    test_log_counts_for_votes_after_a_crash_2c,
    test_sent_commands_survive_2c,
    test_leader_comes_back_as_a_follower_2c,
    test_everything_is_applied_again_2c,
    test_restart_commits_nothing_2c,
];

const EMPTY: EntryAt = (0, 0);
const SAVED: &str = "Figure 2, state: currentTerm is on disk before anybody can see it";
const VOTE: &str = "Figure 2, state: votedFor is on disk before the candidate can see the vote";
const LOG: &str = "Figure 2, state: log entries are on disk before anybody can count on them";

pub fn test_vote_survives_2c() {
    let mut s = Stage::new(3, VOTE);
    s.grants(1, vote(3, EMPTY));
    s.crash();
    s.denies(2, vote(3, EMPTY));
    s.grants(1, vote(3, EMPTY));
    s.accepts(2, heartbeat(5));
    s.grants(2, vote(5, EMPTY)); // in a term that it had before
    s.crash();
    s.denies(1, vote(5, EMPTY));
}

pub fn test_own_vote_survives_2c() {
    let mut s =
        Stage::new(3, "Figure 2, state: a candidate's vote for itself is on disk like any other");
    let term = s.campaign().term;
    s.crash();
    s.follows_in(term);
    s.denies(1, vote(term, EMPTY));
    s.denies(2, vote(term, EMPTY));
    let next = s.campaign().term;
    s.check(next == term + 1, "the next election in a new term", format!("in term {next}"));
}

pub fn test_term_of_an_append_survives_2c() {
    let mut s = Stage::new(3, SAVED);
    s.accepts(1, heartbeat(7));
    s.crash();
    s.follows_in(7);
    s.denies(2, vote(6, EMPTY));
    s.refuses(1, append(8, (1, 1), &[8], 0)); // one that is refused
    s.crash();
    s.follows_in(8);
}

pub fn test_high_terms_survive_2c() {
    let mut s = Stage::new(3, SAVED);
    for term in [300, 70_000, 5_000_000_000] {
        s.accepts(1, heartbeat(term));
        s.crash();
        s.follows_in(term);
        s.denies(2, vote(term - 1, EMPTY));
    }
}

pub fn test_term_of_a_refused_candidate_survives_2c() {
    let mut s = Stage::new(3, SAVED);
    s.accepts(1, append(1, EMPTY, &[1], 0));
    s.denies(2, vote(8, EMPTY));
    s.crash();
    s.follows_in(8);
    s.denies(1, vote(7, (1, 1)));
}

pub fn test_term_of_a_vote_reply_survives_2c() {
    let mut s = Stage::new(3, SAVED);
    let term = s.campaign().term;
    s.says_no(&s.request(1, term), term + 6);
    s.wait(A_MOMENT);
    s.follows_in(term + 6);
    s.crash();
    s.follows_in(term + 6);
}

pub fn test_term_of_an_append_reply_survives_2c() {
    let mut s = Stage::new(3, SAVED);
    let term = s.elect_held();
    s.says_no(&s.next(0, 1, "a heartbeat", Rpc::is_leaders), term + 6);
    s.wait(A_MOMENT);
    s.follows_in(term + 6);
    s.crash();
    s.follows_in(term + 6);
}

pub fn test_acknowledged_entries_survive_2c() {
    let mut s = Stage::new(3, LOG);
    for index in 1..=5 {
        let prev = (index - 1, u64::from(index > 1));
        s.accepts(1, append(1, prev, &[1], 0));
        s.crash();
        s.has_entry(1, 1, (index, 1));
    }
    s.accepts(1, append(1, (5, 1), &[], 5));
    s.applies(&["1@1", "2@1", "3@1", "4@1", "5@1"]);
}

pub fn test_deleted_entries_stay_deleted_2c() {
    let mut s = Stage::new(
        3,
        "Figure 2, state: the log on disk is the log in memory, also after a conflict",
    );
    s.accepts(1, append(1, EMPTY, &[1, 1, 1], 0));
    s.accepts(2, append(2, (1, 1), &[2], 0));
    s.crash();
    s.has_entry(2, 2, (2, 2));
    s.lacks_entry(2, 2, (3, 1));
    s.accepts(2, append(2, (2, 2), &[], 2));
    s.applies(&["1@1", "2@2"]);
}

pub fn test_log_counts_for_votes_after_a_crash_2c() {
    let mut s = Stage::new(3, LOG);
    s.accepts(1, append(2, EMPTY, &[1, 2], 0));
    s.crash();
    s.denies(2, vote(3, (5, 1)));
    s.denies(2, vote(4, (1, 2)));
    let last = s.campaign().last;
    s.check(last == (2, 2), "n0 campaigns with last entry 2@2", format!("{last:?}"));
}

pub fn test_sent_commands_survive_2c() {
    let mut s =
        Stage::new(3, "Figure 2, state: a leader's own entries are on disk before others get them");
    let term = s.elect_held();
    let mark = s.mark();
    s.start("a");
    s.start("b");
    s.append_up_to(mark, 1, 2);
    s.crash();
    s.has_entry(1, term + 1, (2, term));
    s.accepts(1, append(term + 1, (2, term), &[], 2));
    s.applies(&["a", "b"]);
}

pub fn test_leader_comes_back_as_a_follower_2c() {
    // What is wrong shows in what n0 sends: the scripted servers look at each message.
    let mut s =
        Stage::new(3, "§5.2: a restarted server is a follower, and leads in no term it led before");
    let first = s.elect_obeyed();
    s.crash();
    s.follows_in(first);
    s.denies(1, vote(first, EMPTY));
    let second = s.elect_obeyed();
    s.check(second > first, format!("a term after {first}"), format!("term {second}"));
}

pub fn test_everything_is_applied_again_2c() {
    let mut s = Stage::new(
        3,
        "Figure 2, state: lastApplied is volatile: the service has lost its memory in the crash, \
         and gets everything again",
    );
    s.accepts(1, append(1, EMPTY, &[1, 1, 1], 3));
    s.applies(&["1@1", "2@1", "3@1"]);
    for term in [2, 3] {
        s.grants(2, vote(term, (3, 1))); // saves, after all has been applied
        s.crash();
        s.accepts(2, append(term, (3, 1), &[], 3));
        s.applies(&["1@1", "2@1", "3@1"]);
    }
    s.accepts(2, append(3, (3, 1), &[3], 4));
    s.applies(&["1@1", "2@1", "3@1", "4@3"]);
}

pub fn test_restart_commits_nothing_2c() {
    let mut s = Stage::new(
        3,
        "Figure 2, state: commitIndex is volatile: an entry on disk need not be committed, and \
         after a crash a leader has to say how far they are",
    );
    s.accepts(1, append(1, EMPTY, &[1, 1, 1], 1));
    s.applies(&["1@1"]);
    s.crash();
    s.wait(A_MOMENT * 5);
    // Who has saved its commitIndex knows of one.
    let applied = s.last_applied(0);
    s.check(applied <= 1, "entry 1 at most is applied", format!("up to {applied}"));
    s.accepts(2, append(2, (1, 1), &[2], 1)); // 2 and 3 were an old leader's
    s.accepts(2, append(2, (2, 2), &[], 2));
    s.applies(&["1@1", "2@2"]);
}
