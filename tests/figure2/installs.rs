//! Part D: a follower and its leader's snapshot (Figure 13, InstallSnapshot, receiver).

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_install_of_an_old_term_is_refused_2d,
    test_install_adopts_a_newer_term_2d,
    test_term_of_an_old_install_survives_2d,
    test_install_resets_the_timer_2d,
    test_install_reaches_the_service_2d,
    test_install_commits_what_it_covers_2d,
    test_old_install_is_ignored_2d,
    test_install_keeps_a_matching_suffix_2d,
    test_install_discards_another_log_2d,
    test_install_and_entries_come_in_order_2d,
    test_append_may_reach_into_the_snapshot_2d,
    test_install_survives_a_crash_2d,
    test_crash_while_installing_2d,
    test_install_keeps_the_vote_2d,
    test_service_hears_the_term_of_the_snapshot_2d,
];

/// n0 has these entries from n1, the leader of term 1, and has applied them.
#[track_caller]
pub fn given(s: &Stage, count: usize) {
    s.accepts(1, append(1, (0, 0), &vec![1; count], count as u64));
    let all: Vec<_> = (1..=count).map(|index| format!("{index}@1")).collect();
    s.applies(&all.iter().map(String::as_str).collect::<Vec<_>>());
}

pub fn test_install_of_an_old_term_is_refused_2d() {
    let s = Stage::new(3, "Figure 13, receiver 1: a snapshot of an old leader is refused");
    s.grants(1, vote(4, (0, 0)));
    let reply = s.install(2, install(3, (5, 3)));
    s.check(reply.term == 4, "the reply tells of term 4", format!("of term {}", reply.term));
    s.applies(&[]);
    s.lacks_entry(1, 4, (5, 3));
    s.grants(2, vote(5, (0, 0))); // its log is empty
}

pub fn test_install_adopts_a_newer_term_2d() {
    let s = Stage::new(
        3,
        "Figure 2, all servers: a newer term is adopted, also from an InstallSnapshot",
    );
    let term = s.elect_obeyed();
    let reply = s.install(2, install(term + 2, (5, term + 1)));
    let happened = format!("of term {}", reply.term);
    s.check(reply.term == term + 2, format!("the reply tells of term {}", term + 2), happened);
    s.follows_in(term + 2);
    s.grants(2, vote(term + 2, (5, term + 1)));
}

pub fn test_term_of_an_old_install_survives_2d() {
    let mut s = Stage::new(
        3,
        "Figure 2, state: currentTerm is on disk before anybody can see it, also one that came \
         with a snapshot of less than what is applied",
    );
    given(&s, 6);
    let reply = s.install(2, install(5, (3, 1)));
    s.check(reply.term == 5, "the reply tells of term 5", format!("of term {}", reply.term));
    s.crash();
    s.follows_in(5);
    s.denies(1, vote(4, (6, 1)));
}

pub fn test_install_resets_the_timer_2d() {
    let s = Stage::new(3, "Figure 2, followers: an InstallSnapshot is a word from the leader, too");
    let mark = s.mark();
    for _ in 0..60 {
        s.install(1, install(1, (5, 1)));
        s.wait(Duration::from_millis(50));
    }
    let elections = s.campaigns_since(mark);
    s.check(elections == 0, "no election while the leader is heard", format!("{elections}"));
    // But when the leader falls silent: it is the timer that was reset.
    s.campaign();
}

pub fn test_install_reaches_the_service_2d() {
    let s = Stage::new(
        3,
        "Figure 13, receiver 8: the service gets the snapshot, and then the entries behind it",
    );
    s.accepts(1, append(1, (0, 0), &[1, 1], 1));
    s.applies(&["1@1"]);
    s.install(1, install(1, (5, 1)));
    s.applies(&["1@1", "the state at 5"]);
    s.accepts(1, append(1, (5, 1), &[1, 1], 6));
    s.applies(&["1@1", "the state at 5", "6@1"]);
    s.accepts(1, append(1, (7, 1), &[], 7));
    s.applies(&["1@1", "the state at 5", "6@1", "7@1"]);
}

pub fn test_install_commits_what_it_covers_2d() {
    let s =
        Stage::new(3, "§7: a snapshot covers committed entries, so commitIndex is not behind it");
    s.install(1, install(1, (5, 1)));
    s.applies(&["the state at 5"]);
    s.elected_tells_of_commit(5);
}

pub fn test_old_install_is_ignored_2d() {
    let s = Stage::new(
        3,
        "Figure 13: a snapshot that comes late, of less than what is applied, changes nothing",
    );
    given(&s, 6);
    s.install(1, install(1, (3, 1)));
    s.has_entry(1, 1, (6, 1));
    s.install(1, install(1, (9, 1)));
    s.accepts(1, append(1, (9, 1), &[1], 9));
    for old in [9, 6, 3] {
        s.install(1, install(1, (old, 1)));
        s.has_entry(1, 1, (10, 1));
    }
    s.applies(&["1@1", "2@1", "3@1", "4@1", "5@1", "6@1", "the state at 9"]);
    s.denies(2, vote(2, (9, 1)));
}

pub fn test_install_keeps_a_matching_suffix_2d() {
    let mut s = Stage::new(
        3,
        "Figure 13, receiver 6: if the log has the snapshot's last entry, what follows it stays",
    );
    s.accepts(1, append(1, (0, 0), &[1, 1, 1, 1, 1], 0));
    s.install(1, install(1, (3, 1)));
    s.has_entry(1, 1, (5, 1));
    s.denies(2, vote(2, (4, 1)));
    s.crash();
    // Or the log has kept all, since it had the entry: it is as good as the snapshot.
    let saved = s.saved_snapshot().unwrap_or(0);
    let expected = "the snapshot up to 3 on disk, or the whole log";
    s.check(saved == 3 || saved == 0, expected, format!("a snapshot up to {saved}"));
    s.accepts(1, append(2, (5, 1), &[], 5));
    s.applied_up_to(5);
}

pub fn test_install_discards_another_log_2d() {
    let s = Stage::new(
        3,
        "Figure 13, receiver 7: if the log has another entry in that place, all of it goes",
    );
    s.accepts(1, append(1, (0, 0), &[1, 1, 1, 1, 1], 0));
    s.install(2, install(2, (3, 2)));
    s.lacks_entry(2, 2, (5, 1));
    s.lacks_entry(2, 2, (4, 1));
    s.has_entry(2, 2, (3, 2));
    s.applies(&["the state at 3"]);
    s.accepts(2, append(2, (3, 2), &[2], 4));
    s.applies(&["the state at 3", "4@2"]);
    s.grants(1, vote(3, (4, 2)));
}

pub fn test_install_and_entries_come_in_order_2d() {
    // The stage's service looks at the order.
    let s = Stage::new(
        3,
        "Figure 13: snapshots and entries reach the service in order, however slow it is",
    );
    let mut last = 0;
    for round in 0..10 {
        s.pause_service(true);
        let prev = (last, u64::from(last > 0));
        s.accepts(1, append(1, prev, &[1, 1, 1], last + 3));
        s.install(1, install(1, (last + 10, 1)));
        s.accepts(1, append(1, (last + 10, 1), &[1, 1], last + 12));
        s.wait(A_MOMENT / 8 * (round % 3));
        s.pause_service(false);
        last += 12;
        let newest = s.last_applied(last);
        s.check(newest == last, format!("all is applied, up to {last}"), format!("up to {newest}"));
    }
}

/// The index of the last of `new`, behind `prev`.
fn last_of(prev: EntryAt, new: &[u64]) -> u64 {
    prev.0 + new.len() as u64
}

pub fn test_append_may_reach_into_the_snapshot_2d() {
    let s = Stage::new(
        3,
        "§7: the log begins behind the snapshot, which covers committed entries: a late \
         AppendEntries that begins in it takes nothing away, and a leader gets past it",
    );
    given(&s, 5);
    s.snapshot(4);
    // Figure 2 taken literally refuses, since the entry before the new ones is gone. That is safe
    // if the leader gets behind the snapshot: by the hint, or without one by the snapshot itself.
    let reaches = |prev: EntryAt, new: &[u64], commit| {
        let reply = s.append(1, append(1, prev, new, commit));
        let hint = reply.conflict_index;
        if !reply.success {
            let expected = "success, or a hint behind the snapshot, or no hint (0)";
            s.check(hint == 0 || hint > 4, expected, format!("hint {hint}"));
            let missing = &new[new.len() - (last_of(prev, new) - 5) as usize..];
            s.accepts(1, append(1, (5, 1), missing, commit));
        }
    };
    reaches((1, 1), &[1, 1, 1, 1], 5);
    s.has_entry(1, 1, (5, 1));
    reaches((2, 1), &[1, 1, 1, 1], 5);
    s.has_entry(1, 1, (6, 1));
    reaches((0, 0), &[1; 7], 7);
    s.applies(&["1@1", "2@1", "3@1", "4@1", "5@1", "6@1", "7@1"]);
}

pub fn test_install_survives_a_crash_2d() {
    let mut s = Stage::new(
        3,
        "Figure 13, receiver 5: the snapshot is on disk, and the log with it, before the reply",
    );
    s.install(1, install(1, (5, 1)));
    s.crash();
    let saved = s.saved_snapshot();
    s.check(saved == Some(5), "a snapshot up to 5 on disk", format!("{saved:?}"));
    s.has_entry(1, 1, (5, 1));
    s.denies(2, vote(2, (4, 1)));
    s.accepts(1, append(2, (5, 1), &[2], 6));
    s.applies(&["6@2"]);
}

pub fn test_crash_while_installing_2d() {
    let sentence =
        "Figure 13: a crash leaves both on disk, the snapshot and the log behind it, or neither";
    let mut s = Stage::new(3, sentence);
    s.accepts(1, append(1, (0, 0), &[1, 1, 1], 3));
    let before = s.disks().len();
    s.install(1, install(1, (5, 1)));
    for disk in s.disks().split_off(before - 1) {
        s.crash_with(disk);
        if !s.append(1, append(1, (5, 1), &[1], 6)).success {
            s.install(1, install(1, (5, 1)));
            s.accepts(1, append(1, (5, 1), &[1], 6));
        }
        let newest = s.last_applied(6);
        s.check(newest == 6, "entry 6 is applied after the restart", format!("up to {newest}"));
    }
}

pub fn test_install_keeps_the_vote_2d() {
    let s = Stage::new(
        3,
        "Figure 2, state: votedFor belongs to the current term: a snapshot that comes in the same \
         term leaves it",
    );
    s.grants(1, vote(3, (0, 0)));
    s.install(1, install(3, (5, 1)));
    s.denies(2, vote(3, (5, 1)));
    s.grants(1, vote(3, (5, 1)));
}

pub fn test_service_hears_the_term_of_the_snapshot_2d() {
    // The stage's service looks at the term.
    let s = Stage::new(
        3,
        "Figure 13, receiver 8: the service gets the snapshot, with its lastIncludedTerm",
    );
    s.accepts(1, heartbeat(7));
    s.install(1, install(7, (5, 2)));
    s.applies(&["the state at 5"]);
}
