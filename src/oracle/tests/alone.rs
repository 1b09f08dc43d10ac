//! What one server may not show.

use super::*;

#[test]
fn terms_never_fall() {
    let mut cluster = Cluster::of(3);
    cluster.ok(0, &follower(3, &[]));
    cluster.breaks(0, &follower(2, &[]), "the term of server 0 falls from 3 to 2");

    let mut cluster = Cluster::of(3);
    cluster.ok(0, &follower(3, &[]));
    cluster.book.crashed(0);
    cluster.book.started(0, 2);
    cluster.breaks(0, &follower(2, &[]), "from 3 to 2 over a restart");
}

#[test]
fn a_vote_is_cast_once() {
    for second in [None, Some(2)] {
        for restart in [false, true] {
            let mut cluster = Cluster::of(3);
            cluster.ok(0, &Fake { voted_for: Some(1), ..follower(1, &[]) });
            if restart {
                cluster.book.crashed(0);
                cluster.book.started(0, 2);
            }
            let changed = Fake { voted_for: second, ..follower(1, &[]) };
            cluster.breaks(0, &changed, "server 0 voted for server 1 in term 1");
        }
    }
}

#[test]
fn a_candidate_votes_for_itself() {
    let mut cluster = Cluster::of(3);
    let candidate = Fake { role: FakeRole::Candidate, ..follower(1, &[]) };
    cluster.breaks(0, &candidate, "of term 1 without its own vote (it shows none: has its View");
}

#[test]
fn a_leader_only_appends() {
    for terms in [vec![1], vec![]] {
        let mut cluster = Cluster::of(3);
        let leader = cluster.elect(0, &[1], &follower(1, &[]));
        cluster.ok(0, &Fake { terms: vec![1, 1], ..leader.clone() });
        cluster.breaks(0, &Fake { terms, ..leader }, "deletes or replaces its entries from");
    }
}

#[test]
fn terms_never_fall_along_the_log() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1], &follower(2, &[]));
    cluster.breaks(0, &Fake { terms: vec![2, 1], ..leader }, "entry 2@1 behind one of term 2");
    let mut cluster = Cluster::of(3);
    cluster.breaks(0, &follower(1, &[2]), "in term 1 has entry 1@2");
}

#[test]
fn indices_are_in_order() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let cases = [
        (Fake { commit_index: 2, ..follower(1, &[1]) }, "commit_index 2 > last index 1"),
        (Fake { last_applied: 1, ..follower(1, &[1]) }, "last_applied 1 > commit_index 0"),
        (Fake { snapshot: (1, 1), ..follower(1, &[]) }, "snapshot index 1 > commit_index 0"),
    ];
    for (fake, expected) in cases {
        cluster.breaks(2, &fake, expected);
    }
}

#[test]
fn volatile_indices_only_rise() {
    for (name, changed) in [
        ("commit_index falls from 1 to 0", Fake { commit_index: 0, ..Fake::default() }),
        ("last_applied falls from 1 to 0", Fake { commit_index: 1, ..Fake::default() }),
    ] {
        let mut cluster = Cluster::of(3);
        let (_, follower) = cluster.one_committed();
        cluster.ok(1, &Fake { commit_index: 1, last_applied: 1, ..follower.clone() });
        let fallen = Fake { commit_index: changed.commit_index, last_applied: 0, ..follower };
        cluster.breaks(1, &fallen, name);
    }
}

#[test]
fn a_commit_index_may_be_on_disk() {
    let mut cluster = Cluster::of(3);
    let (_, follower) = cluster.one_committed();
    cluster.book.crashed(1);
    cluster.book.started(1, 2);
    // What it has applied may be on its way to the service, which looks whether it is all.
    cluster.ok(1, &Fake { commit_index: 1, last_applied: 1, ..follower });
}

#[test]
fn what_is_applied_may_lag_behind_the_snapshot() {
    let mut cluster = Cluster::of(3);
    let (leader, _) = cluster.one_committed();
    cluster.ok(0, &Fake { terms: vec![1, 1], ..leader.clone() });
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[1, 1]) });
    cluster.ok(
        0,
        &Fake {
            terms: vec![1, 1],
            commit_index: 2,
            role: FakeRole::Leader(vec![0, 2, 0]),
            ..leader
        },
    );
    // Installed, to be delivered: that is right.
    let installed = Fake { snapshot: (2, 1), commit_index: 2, ..follower(1, &[]) };
    cluster.ok(2, &installed);
    // Entries that were on their way to the service may come first.
    cluster.ok(2, &Fake { last_applied: 1, ..installed.clone() });
    // After a restart the snapshot may be delivered once more: the service has it, and a Raft that
    // begins with lastApplied 0 (Figure 2) is right.
    cluster.book.crashed(2);
    cluster.book.started(2, 2);
    cluster.ok(2, &installed);
}

#[test]
fn memory_is_on_disk() {
    let on_disk = |change: fn(&mut Saved)| {
        let mut saved = Saved {
            current_term: 1,
            voted_for: Some(0),
            entries: entries(1, &[1]),
            ..Saved::default()
        };
        change(&mut saved);
        saved
    };
    let cases = [
        (on_disk(|saved| saved.current_term = 0), "current_term 1 in memory, 0 on disk"),
        (on_disk(|saved| saved.voted_for = None), "voted_for Some(0) in memory, None on disk"),
        (on_disk(|saved| saved.entries.clear()), "1 log entries in memory, 0 on disk"),
        (on_disk(|saved| saved.snapshot_index = 5), "snapshot up to (0, 0) in memory, (5, 0)"),
    ];
    for (disk, expected) in cases {
        let mut cluster = Cluster::of(3);
        let leader = cluster.elect(0, &[1], &follower(1, &[]));
        cluster.ok(0, &Fake { terms: vec![1], ..leader });
        let follower = Fake { voted_for: Some(0), disk: Some(disk), ..follower(1, &[1]) };
        cluster.breaks(1, &follower, expected);
    }
}

/// Nobody can know of them before, and nobody counts them.
#[test]
fn a_leaders_own_entries_may_wait_for_the_disk_until_they_are_sent() {
    let (mut cluster, late) = leader_that_saves_late(1);
    cluster.ok(0, &late);
    let sent = |terms: &[Term]| append(1, terms, 0, None);
    assert!(cluster.call(0, 1, "Raft.AppendEntries", sent(&[])).is_ok());
    cluster.ok(0, &late);
    let saved = Fake { disk: None, ..late.clone() };
    cluster.ok(0, &saved);
    assert!(cluster.call(0, 1, "Raft.AppendEntries", sent(&[1])).is_ok());
    cluster.ok(0, &saved);
    cluster.ok(0, &Fake { terms: vec![1, 1], disk: Some(disk_with(&[1])), ..saved });

    let gone = "1 log entries in memory, 0 on disk";
    let (mut cluster, _) = leader_that_saves_late(1);
    let unsaved = cluster.call(0, 1, "Raft.AppendEntries", sent(&[1]));
    tells(unsaved, "its entry 1 is not on its disk");
    // It has saved something since: what, shows when it shows itself.
    let (mut cluster, late) = leader_that_saves_late(1);
    cluster.book.saved(0, 1, cluster.writes + 1);
    assert!(cluster.call(0, 1, "Raft.AppendEntries", sent(&[1])).is_ok());
    cluster.breaks(0, &late, gone);
    let (mut cluster, late) = leader_that_saves_late(1);
    cluster.breaks(0, &Fake { role: FakeRole::Follower, ..late }, gone);
    let (mut cluster, late) = leader_that_saves_late(2);
    cluster.breaks(0, &late, gone); // an entry of an earlier term, which others may have
}

/// Server 0 leads the term 2, or 1, and has an entry of term 1 that is not on its disk.
fn leader_that_saves_late(term: Term) -> (Cluster, Fake) {
    let mut cluster = Cluster::of(3);
    let own = Fake { current_term: 1, ..Fake::default() };
    let leader = cluster.elect(0, &[1], &own);
    let disk = Some(Saved { current_term: term, ..disk_with(&[]) });
    if term == 1 {
        cluster.ok(0, &Fake { terms: vec![1], disk: disk.clone(), ..leader.clone() });
        return (cluster, Fake { terms: vec![1], disk, ..leader });
    }
    cluster.ok(0, &Fake { terms: vec![1], ..leader });
    let leader = cluster.elect(0, &[1], &Fake { current_term: term, ..follower(term, &[1]) });
    (cluster, Fake { disk, ..leader })
}

fn disk_with(terms: &[Term]) -> Saved {
    let entries = entries(1, terms);
    Saved { current_term: 1, voted_for: Some(0), entries, ..Saved::default() }
}

/// The vote that is kept when the term rises.
#[test]
fn a_vote_was_asked_for() {
    let mut cluster = Cluster::of(3);
    let vote = Fake { voted_for: Some(2), unasked: true, ..follower(4, &[]) };
    assert!(cluster.call(2, 1, "Raft.RequestVote", self::vote(4, 2, None)).is_ok());
    cluster.ok(1, &vote);
    let kept = Fake { current_term: 5, ..vote };
    cluster.breaks(1, &kept, "server 2 never asked for votes in term 5");
}

/// Wasteful is right, and impossible is not.
#[test]
fn next_index_is_at_most_one_behind_the_last() {
    let mut cluster = Cluster::of(3);
    let (leader, _) = cluster.one_committed();
    cluster.ok(0, &Fake { next_index: 1, ..leader.clone() });
    cluster.ok(0, &Fake { next_index: 2, ..leader.clone() });
    cluster.breaks(0, &Fake { next_index: 3, ..leader }, "shows next_index 3 for server 1");
}

#[test]
fn a_snapshot_may_come_before_the_first_look_after_a_restart() {
    let installed = |applied| Fake {
        snapshot: (2, 1),
        commit_index: 2,
        last_applied: applied,
        voted_for: Some(0),
        ..follower(1, &[])
    };
    let restart = || {
        let mut cluster = Cluster::of(3);
        let (leader, behind) = cluster.one_committed();
        let shrunk = Fake { snapshot: (1, 1), commit_index: 1, last_applied: 1, ..behind };
        cluster.ok(1, &Fake { terms: vec![], ..shrunk });
        cluster.book.crashed(1);
        cluster.book.started(1, 2);
        let two = Fake { terms: vec![1, 1], commit_index: 1, last_applied: 1, ..leader };
        cluster.ok(0, &two);
        let other = Fake { voted_for: Some(0), ..follower(1, &[1, 1]) };
        cluster.ok(2, &other);
        cluster.ok(0, &Fake { role: FakeRole::Leader(vec![0, 1, 2]), commit_index: 2, ..two });
        cluster
    };
    restart().ok(1, &installed(1));
    restart().ok(1, &installed(2));
    restart().ok(1, &installed(0));
}
