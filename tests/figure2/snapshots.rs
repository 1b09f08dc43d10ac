//! Part D: snapshots (§7, Figure 13): n0's own, and those that it sends as the leader.

use raftlab::lab_tests;
use raftlab::raft::Term;
use raftlab::raft::rpc::Entry;
use raftlab::runner::LabTest;

use crate::installs::given;
use crate::kit::*;

pub const TESTS: &[LabTest] = lab_tests![
    test_snapshot_drops_the_log_before_it_2d,
    test_snapshot_survives_a_crash_2d,
    test_crash_while_taking_a_snapshot_2d,
    test_old_snapshot_call_is_ignored_2d,
    test_leader_sends_its_snapshot_2d,
    test_followers_whose_logs_end_in_the_snapshot_get_it_2d,
    test_lost_install_is_sent_again_2d,
    test_newer_term_in_install_reply_is_adopted_2d,
    test_install_reply_covers_the_snapshot_only_2d,
    test_late_install_reply_does_not_lower_the_match_2d,
    test_refused_install_of_an_earlier_reign_is_no_match_2d,
    test_late_install_refused_in_this_reign_is_no_match_2d,
    test_install_reply_is_for_the_snapshot_that_was_sent_2d,
    test_snapshot_keeps_the_vote_2d,
    test_snapshot_leaves_the_commit_index_2d,
];

pub fn test_snapshot_drops_the_log_before_it_2d() {
    let s = Stage::new(3, "§7: the log up to the snapshot is dropped, and what follows stays");
    let entries = vec![Entry { term: 1, command: command(&"x".repeat(1000)) }; 10];
    let with_entries = |commit| {
        let mut args = append(1, (0, 0), &[], commit);
        args.entries.clone_from(&entries);
        args
    };
    s.accepts(1, with_entries(10));
    s.last_applied(10);
    let before = s.disk().raft_state_size();
    s.snapshot(8);
    s.wait(A_MOMENT * 5); // it may save in a thread of its own
    let after = s.disk().raft_state_size();
    let expected = "8 entries of 1000 bytes less on disk, 2 still there";
    let right = after + 8000 <= before && after >= 2000;
    s.check(right, expected, format!("{before} bytes before, {after} after"));
    s.has_entry(1, 1, (10, 1));
}

pub fn test_snapshot_survives_a_crash_2d() {
    let mut s = Stage::new(
        3,
        "§7: after a crash the service begins with its snapshot, and gets the entries behind it",
    );
    given(&s, 5);
    s.snapshot_and_wait(3);
    s.grants(1, vote(7, (5, 1))); // saves again
    for _ in 0..2 {
        s.crash();
        let saved = s.saved_snapshot();
        s.check(saved == Some(3), "a snapshot up to 3 on disk", format!("{saved:?}"));
        s.denies(2, vote(7, (5, 1)));
        s.accepts(1, append(7, (5, 1), &[], 5));
        s.applies(&["4@1", "5@1"]);
    }
}

pub fn test_crash_while_taking_a_snapshot_2d() {
    let sentence =
        "§7: a crash leaves both on disk, the snapshot and the log behind it, or neither";
    let mut s = Stage::new(3, sentence);
    given(&s, 5);
    let before = s.disks().len();
    s.snapshot(3);
    for disk in s.disks().split_off(before - 1) {
        s.crash_with(disk);
        s.accepts(1, append(1, (5, 1), &[1], 6));
        let newest = s.last_applied(6);
        s.check(newest == 6, "entry 6 is applied after the restart", format!("up to {newest}"));
    }
}

pub fn test_old_snapshot_call_is_ignored_2d() {
    let mut s = Stage::new(3, "§7: a snapshot of less than the last one changes nothing");
    given(&s, 8);
    s.snapshot_and_wait(6);
    s.snapshot(6);
    s.snapshot(4);
    s.wait(A_MOMENT); // whoever saves in a thread of its own has done so now
    s.has_entry(1, 1, (8, 1));
    s.grants(1, vote(2, (8, 1))); // saves again
    s.crash();
    let saved = s.saved_snapshot();
    s.check(saved == Some(6), "a snapshot up to 6 on disk", format!("{saved:?}"));
    s.accepts(1, append(2, (8, 1), &[], 8));
    s.applies(&["7@1", "8@1"]);
}

pub fn test_leader_sends_its_snapshot_2d() {
    let s = Stage::new(
        3,
        "§7: a follower that needs entries which are gone gets the snapshot, and then the \
         entries",
    );
    given(&s, 5);
    s.snapshot(3);
    s.obey(2);
    let term = s.elect();
    let held = s.asks_for_snapshot(1);
    let args = held.snapshot();
    let right = args.term == term
        && (args.last_included_index, args.last_included_term) == (3, 1)
        && args.data == state_at(3);
    s.check(right, format!("term {term}, up to 3@1, the state at 3"), &held.rpc);
    let mark = s.mark();
    s.behave(1, Manner::Follows(Follower::with(&[1, 1, 1])));
    s.says_yes(&held);
    s.start("a");
    let sent = s.sends(mark, PATIENCE, |sent| match &sent.rpc {
        Rpc::Append(args) => sent.to == 1 && last_new(args) == 6 && args.prev_log_index >= 3,
        _ => false,
    });
    let expected = "after InstallSnapshot matchIndex is 3, the snapshot's last index, and \
         nextIndex 4: the entries from 4 to 6 follow";
    s.check(sent, expected, "they do not");
    s.wait(A_MOMENT * 10);
    let log = s.log_of(1);
    let expected = "after InstallSnapshot matchIndex is 3, the snapshot's last index, and \
         nextIndex 4: so n1 gets all six";
    s.check(log == [1, 1, 1, 1, 1, term], expected, format!("terms {log:?}"));
}

pub fn test_followers_whose_logs_end_in_the_snapshot_get_it_2d() {
    for count in 0..=5 {
        let s = Stage::new(
            3,
            "§7: a follower that needs an entry which is gone gets the snapshot: the first entry \
             that is there is the one behind it",
        );
        given(&s, 7);
        s.snapshot(5);
        s.obey(2);
        s.behave(1, Manner::Follows(Follower::with(&vec![1; count])));
        let term = s.elect();
        s.start("a");
        s.wait_for_log(1, &[1, 1, 1, 1, 1, 1, 1, term]);
    }
}

pub fn test_late_install_reply_does_not_lower_the_match_2d() {
    let s = Stage::new(
        5,
        "Figure 2, state: matchIndex is the highest entry known to be on a follower: the reply to a \
         snapshot, if it comes late, tells of less",
    );
    given(&s, 5);
    s.snapshot(5);
    s.elect_held();
    let late = s.asks_for_snapshot(1);
    s.start("a");
    // Whatever comes then, until it has the entry: the snapshot again perhaps.
    let mut mark = late.id + 1;
    let mut has_it = false;
    for _ in 0..20 {
        let held = s.next(mark, 1, "what it lacks", Rpc::is_leaders);
        mark = held.id + 1;
        s.says_yes(&held);
        has_it = matches!(&held.rpc, Rpc::Append(args) if last_new(args) == 6);
        if has_it {
            break;
        }
    }
    s.wait(A_MOMENT);
    s.says_yes(&late);
    if !has_it {
        // It has waited for that reply before it sends more.
        s.says_yes(&s.append_up_to(mark, 1, 6));
    }
    s.wait(A_MOMENT);
    s.says_yes(&s.append_up_to(0, 2, 6));
    s.applied_up_to(6);
}

pub fn test_lost_install_is_sent_again_2d() {
    let s = Stage::new(3, "§5.3, §7: a snapshot that is lost is sent again");
    given(&s, 5);
    s.snapshot(5);
    s.obey(2);
    s.elect();
    let first = s.asks_for_snapshot(1);
    s.lose(1);
    s.behave(1, Manner::Follows(Follower::with(&[])));
    s.next_any(first.id + 1, 1, "its snapshot again", |rpc| matches!(rpc, Rpc::Install(_)));
}

pub fn test_newer_term_in_install_reply_is_adopted_2d() {
    let s =
        Stage::new(3, "Figure 2, all servers: a newer term in any reply makes a leader step down");
    given(&s, 5);
    s.snapshot(5);
    s.obey(2);
    let term = s.elect();
    let held = s.asks_for_snapshot(1);
    s.says_no(&held, term + 4);
    s.wait(A_MOMENT);
    s.follows_in(term + 4);
}

pub fn test_install_reply_covers_the_snapshot_only_2d() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: what a follower is known to have after InstallSnapshot is the \
         snapshot, not the log behind it",
    );
    given(&s, 3);
    s.snapshot(3);
    s.elect_held();
    s.start("a");
    let held = s.asks_for_snapshot(1);
    s.says_yes(&held);
    s.wait(A_MOMENT * 5);
    s.applies(&["1@1", "2@1", "3@1"]);
    s.says_yes(&s.append_up_to(held.id, 1, 4));
    s.applies(&["1@1", "2@1", "3@1", "a"]);
}

/// n1 refuses the InstallSnapshot of n0's first reign while n0 leads for the second time; in which
/// term, `refused_in` tells from those of the two reigns.
#[track_caller]
fn check_refused_install_is_no_match(sentence: &'static str, refused_in: fn(Term, Term) -> Term) {
    let s = Stage::new(3, sentence);
    given(&s, 5);
    s.snapshot_and_wait(5);
    s.obey(2);
    let first = s.elect();
    let old = s.asks_for_snapshot(1);
    s.grants(2, vote(first + 1, (5, 1)));
    s.behave(1, Manner::Holds);
    let mark = s.mark();
    let second = s.elect();
    s.says_no(&old, refused_in(first, second));
    s.wait(A_MOMENT);
    s.asks_for_snapshot_since(mark, 1);
}

pub fn test_refused_install_of_an_earlier_reign_is_no_match_2d() {
    // n1 had heard of the term between them.
    check_refused_install_is_no_match(
        "§5.2: the reply to an InstallSnapshot of an earlier reign says nothing about the log in \
         this one: a follower that has refused it gets the snapshot again",
        |first, _| first + 1,
    );
}

pub fn test_late_install_refused_in_this_reign_is_no_match_2d() {
    // n1 had voted in the second term when the request arrived.
    check_refused_install_is_no_match(
        "§5.2: the reply to an InstallSnapshot of an earlier reign says nothing about the log in \
         this one, also if it tells of this one's term: who has refused it gets the snapshot again",
        |_, second| second,
    );
}

pub fn test_install_reply_is_for_the_snapshot_that_was_sent_2d() {
    let s = Stage::new(
        3,
        "Figure 2, leaders: what a follower is known to have after InstallSnapshot is the \
         snapshot that it was sent, not one taken since",
    );
    given(&s, 5);
    s.snapshot_and_wait(3);
    s.obey(2);
    let term = s.elect();
    let held = s.asks_for_snapshot(1);
    s.snapshot_and_wait(5);
    s.behave(1, Manner::Follows(Follower::with(&[1, 1, 1])));
    s.says_yes(&held);
    s.start("a");
    s.wait_for_log(1, &[1, 1, 1, 1, 1, term]);
}

pub fn test_snapshot_keeps_the_vote_2d() {
    let mut s = Stage::new(
        3,
        "Figure 2, state: votedFor is on disk, also when a snapshot has been saved since",
    );
    given(&s, 5);
    s.grants(1, vote(2, (5, 1)));
    s.snapshot_and_wait(3);
    s.crash();
    s.denies(2, vote(2, (5, 1)));
    s.grants(1, vote(2, (5, 1)));
}

pub fn test_snapshot_leaves_the_commit_index_2d() {
    let s = Stage::new(
        3,
        "§7: what the snapshot covers is committed, and what is committed behind it stays so: \
         commitIndex never falls",
    );
    given(&s, 5);
    s.snapshot_and_wait(3);
    s.elected_tells_of_commit(5);
    s.applies(&["1@1", "2@1", "3@1", "4@1", "5@1"]);
}
