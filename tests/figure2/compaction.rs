//! Part D: snapshots that are late, overlap with other messages, or wait for a slow service; and an
//! InstallSnapshot as a word from the leader (§5.2).

use raftlab::lab_tests;
use raftlab::raft::rpc::AppendEntriesArgs;
use raftlab::runner::LabTest;

use crate::kit::*;
use crate::timers::elections_during;

pub const TESTS: &[LabTest] = lab_tests![
    test_candidate_yields_to_a_snapshot_of_its_term_2d,
    test_candidate_yields_to_an_old_snapshot_of_its_term_2d,
    test_old_snapshot_resets_the_timer_2d,
    test_old_leaders_snapshot_does_not_reset_the_timer_2d,
    test_append_across_the_snapshot_is_compared_2d,
    test_append_across_the_snapshot_brings_the_next_entry_2d,
    test_append_across_the_snapshot_ends_in_it_2d,
    test_append_across_the_snapshot_commits_what_it_brings_2d,
    test_snapshot_below_the_commit_takes_nothing_back_2d,
    test_newer_snapshot_wins_while_the_service_pauses_2d,
    test_older_snapshot_is_no_loss_while_the_service_pauses_2d,
    test_newer_term_loses_no_waiting_snapshot_2d,
    test_snapshot_call_loses_no_waiting_snapshot_2d,
    test_leader_compacts_although_a_follower_is_dead_2d,
    test_empty_log_ends_with_the_snapshot_2d,
];

/// n0 has these entries from n1, the leader of term 1, and has applied them.
#[track_caller]
fn given(s: &Stage, count: usize) {
    s.accepts(1, append(1, (0, 0), &vec![1; count], count as u64));
    s.applied_up_to(count as u64);
}

/// The others' votes come after the snapshot: who has yielded to a leader does not count them.
#[track_caller]
fn check_yields(s: &Stage, last: EntryAt) {
    let campaign = s.campaign();
    s.install(1, install(campaign.term, last));
    let mark = s.mark();
    s.grant(campaign.term, &[2, 3, 4]);
    s.wait(A_MOMENT);
    s.follows_in(campaign.term);
    let sent = s.led_since(mark);
    s.check(sent.is_empty(), "no message of a leader", format!("{} of them", sent.len()));
}

pub fn test_candidate_yields_to_a_snapshot_of_its_term_2d() {
    let s = Stage::new(
        5,
        "Figure 2, candidates: an InstallSnapshot from the leader of the term makes a follower, \
         as an AppendEntries does",
    );
    check_yields(&s, (5, 1));
}

pub fn test_candidate_yields_to_an_old_snapshot_of_its_term_2d() {
    let s = Stage::new(
        5,
        "Figure 2, candidates: the leader of the term makes a follower, also if its snapshot \
         brings nothing new",
    );
    given(&s, 5);
    check_yields(&s, (3, 1));
}

pub fn test_old_snapshot_resets_the_timer_2d() {
    let s = Stage::new(
        3,
        "Figure 2, followers: an InstallSnapshot is a word from the leader, also if it brings \
         nothing new",
    );
    given(&s, 5);
    let elections = elections_during(&s, || {
        s.install(1, install(1, (3, 1)));
    });
    s.check(elections == 0, "no election while the leader is heard", format!("{elections}"));
    s.campaign();
}

pub fn test_old_leaders_snapshot_does_not_reset_the_timer_2d() {
    let s = Stage::new(
        3,
        "Figure 2, followers: only the current leader's InstallSnapshot resets the timer",
    );
    s.accepts(1, heartbeat(5));
    let elections = elections_during(&s, || {
        s.install(2, install(4, (5, 3)));
    });
    s.check(elections > 0, "an election, since the leader of term 5 is silent", "none in 3 s");
}

/// Sends an AppendEntries that begins inside n0's snapshot. Who refuses it must take the part
/// behind the snapshot, whose last entry is `snapshot`.
#[track_caller]
fn sends_across(s: &Stage, from: usize, args: AppendEntriesArgs, snapshot: EntryAt) {
    let reply = s.append(from, args.clone());
    if !reply.success {
        let skipped = (snapshot.0 - args.prev_log_index) as usize;
        let entries = args.entries.into_iter().skip(skipped).collect();
        let (prev_log_index, prev_log_term) = snapshot;
        s.accepts(from, AppendEntriesArgs { entries, prev_log_index, prev_log_term, ..args });
    }
}

pub fn test_append_across_the_snapshot_is_compared_2d() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 3, with a snapshot underneath: entries are compared \
         one by one, each with the one at its own index",
    );
    s.accepts(1, append(1, (0, 0), &[1; 8], 5));
    s.applied_up_to(5);
    s.snapshot(4);
    // All are here already: nothing is deleted, nothing is added.
    sends_across(&s, 1, append(1, (2, 1), &[1, 1, 1, 1], 5), (4, 1));
    s.has_entry(1, 1, (8, 1));
    s.lacks_entry(1, 1, (9, 1));
    // 3 to 5 are the same, 6 is another, and what stands behind it goes.
    sends_across(&s, 2, append(2, (2, 1), &[1, 1, 1, 2], 5), (4, 1));
    s.has_entry(2, 2, (5, 1));
    s.has_entry(2, 2, (6, 2));
    s.lacks_entry(2, 2, (6, 1));
    s.lacks_entry(2, 2, (7, 1));
    // And one that is longer than the log.
    sends_across(&s, 2, append(2, (1, 1), &[1, 1, 1, 1, 2, 2, 2], 8), (4, 1));
    s.applies(&["1@1", "2@1", "3@1", "4@1", "5@1", "6@2", "7@2", "8@2"]);
    s.lacks_entry(2, 2, (9, 2));
}

pub fn test_append_across_the_snapshot_brings_the_next_entry_2d() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 4, with a snapshot underneath: the first entry behind \
         it is compared, and added, like any other",
    );
    s.accepts(1, append(1, (0, 0), &[1; 4], 4));
    s.applied_up_to(4);
    s.snapshot(4);
    sends_across(&s, 1, append(1, (2, 1), &[1, 1, 1], 4), (4, 1)); // the log was empty
    s.has_entry(1, 1, (5, 1));
    sends_across(&s, 2, append(2, (2, 1), &[1, 1, 2, 2], 4), (4, 1)); // it has another
    s.has_entry(2, 2, (6, 2));
    s.accepts(2, append(2, (6, 2), &[], 6));
    s.applies(&["1@1", "2@1", "3@1", "4@1", "5@2", "6@2"]);
}

pub fn test_append_across_the_snapshot_ends_in_it_2d() {
    let s = Stage::new(
        5,
        "Figure 2, AppendEntries, receiver 3, with a snapshot underneath: an append that comes \
         late, all of whose entries are in the snapshot, takes nothing away",
    );
    s.accepts(1, append(1, (0, 0), &[1; 8], 6));
    s.applied_up_to(6);
    s.snapshot(6);
    for (prev, count) in [(0, 3), (2, 3), (2, 4), (3, 3), (5, 1), (5, 0), (4, 0)] {
        s.append(1, append(2, (prev, u64::from(prev > 0)), &vec![1; count], 6));
        s.has_entry(1, 2, (8, 1));
        s.denies(2, vote(2, (7, 1)));
    }
    s.accepts(1, append(2, (8, 1), &[], 8));
    s.applied_up_to(8);
}

pub fn test_append_across_the_snapshot_commits_what_it_brings_2d() {
    let s = Stage::new(
        3,
        "Figure 2, AppendEntries, receiver 5, with a snapshot underneath: commitIndex goes up to the \
         last new entry, counted from prevLogIndex",
    );
    s.accepts(1, append(1, (0, 0), &[1; 8], 4));
    s.applied_up_to(4);
    s.snapshot(4);
    // 6 to 8 may be others with the leader of term 2.
    sends_across(&s, 2, append(2, (2, 1), &[1, 1, 1], 8), (4, 1));
    s.applies(&["1@1", "2@1", "3@1", "4@1", "5@1"]);
    s.accepts(2, append(2, (5, 1), &[2, 2], 7));
    s.applies(&["1@1", "2@1", "3@1", "4@1", "5@1", "6@2", "7@2"]);
}

pub fn test_snapshot_below_the_commit_takes_nothing_back_2d() {
    let s = Stage::new(
        3,
        "Figure 2, state: commitIndex and lastApplied never fall, also when a snapshot comes that \
         is older than the one and newer than the other",
    );
    // The applier may have taken the first three; it cannot have handed out the others.
    s.pause_service(true);
    s.accepts(1, append(1, (0, 0), &[1; 3], 3));
    s.wait(A_MOMENT);
    s.accepts(1, append(1, (3, 1), &[1; 6], 9));
    s.install(1, install(1, (6, 1)));
    s.has_entry(1, 1, (9, 1));
    s.pause_service(false);
    s.applied_up_to(9);
    s.denies(2, vote(2, (8, 1)));
    s.elected_tells_of_commit(9);
}

pub fn test_newer_snapshot_wins_while_the_service_pauses_2d() {
    let s = Stage::new(
        3,
        "Figure 13: a snapshot brings the service forward, never back: of two that wait for a \
         slow service the newer wins, and the entries behind it follow",
    );
    s.pause_service(true);
    s.accepts(1, append(1, (0, 0), &[1; 4], 4));
    s.wait(A_MOMENT);
    s.install(1, install(1, (6, 1)));
    s.accepts(1, append(1, (6, 1), &[1, 1], 8));
    s.wait(A_MOMENT);
    s.install(1, install(1, (12, 1)));
    s.accepts(1, append(1, (12, 1), &[1, 1], 14));
    s.pause_service(false);
    s.applied_up_to(14);
    s.denies(2, vote(2, (13, 1)));
}

pub fn test_older_snapshot_is_no_loss_while_the_service_pauses_2d() {
    let s = Stage::new(
        3,
        "Figure 13: a snapshot brings the service forward, never back: one that comes late, \
         while a newer one waits for the service, changes nothing",
    );
    s.pause_service(true);
    s.install(1, install(1, (12, 1)));
    s.accepts(1, append(1, (12, 1), &[1, 1], 14));
    s.install(1, install(1, (6, 1)));
    s.append(1, append(1, (6, 1), &[1, 1], 8));
    s.has_entry(1, 1, (14, 1));
    s.pause_service(false);
    s.applied_up_to(14);
    s.denies(2, vote(2, (13, 1)));
}

pub fn test_newer_term_loses_no_waiting_snapshot_2d() {
    let s = Stage::new(
        3,
        "Figure 13, receiver 8: the service gets the snapshot, also if a newer term comes while it \
         waits",
    );
    s.pause_service(true);
    s.accepts(1, append(1, (0, 0), &[1; 4], 4));
    s.wait(A_MOMENT);
    s.install(1, install(1, (12, 1)));
    s.accepts(2, append(2, (12, 1), &[2, 2], 14));
    s.pause_service(false);
    s.applied_up_to(14);
}

pub fn test_snapshot_call_loses_no_waiting_snapshot_2d() {
    let s = Stage::new(
        3,
        "Figure 13, receiver 8: the service gets the snapshot, also if it hands in an older one of \
         its own while that waits",
    );
    s.accepts(1, append(1, (0, 0), &[1; 2], 2));
    s.applied_up_to(2);
    s.pause_service(true);
    s.accepts(1, append(1, (2, 1), &[1; 4], 6));
    s.wait(A_MOMENT);
    s.install(1, install(1, (12, 1)));
    s.snapshot(2);
    s.accepts(1, append(1, (12, 1), &[1, 1], 14));
    s.pause_service(false);
    s.applied_up_to(14);
}

pub fn test_leader_compacts_although_a_follower_is_dead_2d() {
    let s = Stage::new(
        3,
        "§7: the log up to the snapshot is dropped when the service says so, whatever the others \
         have",
    );
    s.obey(1); // n2 answers nothing
    let term = s.elect();
    let long = "x".repeat(1000);
    s.starts(&[long.as_str(); 10]);
    s.applied_up_to(10);
    let before = s.disk().raft_state_size();
    s.snapshot(10);
    let small = |s: &Stage| s.disk().raft_state_size() + 9000 <= before;
    let deadline = now() + PATIENCE;
    while !small(&s) && now() < deadline {
        s.wait(A_MOMENT);
    }
    let happened = format!("{before} bytes before, {} after", s.disk().raft_state_size());
    s.check(small(&s), "10 entries of 1000 bytes less on disk", happened);
    s.leads_in(term);
}

pub fn test_empty_log_ends_with_the_snapshot_2d() {
    let mut s = Stage::new(
        3,
        "§7: index and term of the log count on from the snapshot: an empty log ends with the \
         snapshot's last entry",
    );
    s.accepts(1, append(4, (0, 0), &[3, 4], 2));
    s.applied_up_to(2);
    s.snapshot_and_wait(2);
    for crashes in [false, true] {
        if crashes {
            s.crash();
        }
        s.has_entry(1, 4, (2, 4));
        s.refuses(1, append(4, (3, 4), &[], 2));
    }
    s.denies(2, vote(5, (9, 3)));
    s.denies(2, vote(6, (1, 4)));
    s.grants(2, vote(7, (2, 4)));
    let last = s.campaign().last;
    s.check(last == (2, 4), "n0 campaigns with last entry 2@4", format!("{last:?}"));
}
