//! What the servers may not show together.

use super::*;

#[test]
fn a_leader_has_a_majority() {
    let mut cluster = Cluster::of(5);
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[]) });
    let role = FakeRole::Leader(vec![0; 5]);
    let leader = Fake { voted_for: Some(0), role, ..follower(1, &[]) };
    cluster.breaks(
        0,
        &leader,
        "with the votes of [0, 1] only, but it takes votes from a majority of all 5",
    );
}

#[test]
fn a_term_has_one_leader() {
    let mut cluster = Cluster::of(3);
    cluster.elect(0, &[1], &follower(1, &[]));
    let second =
        Fake { voted_for: Some(2), role: FakeRole::Leader(vec![0; 3]), ..follower(1, &[]) };
    cluster.breaks(2, &second, "term 1 has two leaders, server 0 and server 2");
}

#[test]
fn a_leader_needs_an_election_for_each_term() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1], &follower(1, &[]));
    cluster.breaks(0, &Fake { current_term: 2, ..leader }, "and then, without an election, term 2");
}

#[test]
fn an_entry_comes_from_the_leader_of_its_term() {
    let mut cluster = Cluster::of(3);
    cluster.elect(0, &[1], &follower(1, &[]));
    cluster.breaks(1, &Fake { voted_for: Some(0), ..follower(1, &[1]) }, "entry 1@1 appears");
}

#[test]
fn index_and_term_determine_what_is_before() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1, 2], &follower(1, &[]));
    cluster.ok(0, &Fake { terms: vec![1], ..leader });
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[1]) });
    let leader = cluster.elect(1, &[0, 2], &follower(2, &[1]));
    cluster.ok(1, &Fake { terms: vec![1, 2], ..leader });
    let other = Fake { terms: vec![2, 2], voted_for: Some(1), ..follower(2, &[]) };
    cluster.breaks(2, &other, "entry 1@2 appears in the log of server 2");
}

#[test]
fn match_index_is_zero_at_first_then_true_and_never_falls() {
    let mut cluster = Cluster::of(3);
    let (leader, _) = cluster.one_committed();
    let falls = Fake { role: FakeRole::Leader(vec![0, 0, 0]), ..leader.clone() };
    cluster.breaks(0, &falls, "match_index of 1 falls from 1 to 0");
    let mut cluster = Cluster::of(3);
    let (leader, _) = cluster.one_committed();
    let untrue = Fake { role: FakeRole::Leader(vec![0, 1, 1]), ..leader };
    cluster.breaks(0, &untrue, "sets match_index of server 2 to 1, but that server does not");

    let mut cluster = Cluster::of(3);
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[]) });
    let role = FakeRole::Leader(vec![0, 0, 1]);
    let leader = Fake { voted_for: Some(0), role, ..follower(1, &[]) };
    cluster.breaks(0, &leader, "it is 0 after an election");
}

#[test]
fn a_commit_is_on_a_majority_and_of_the_own_term() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1], &follower(1, &[]));
    cluster.ok(0, &Fake { terms: vec![1], ..leader.clone() });
    let early = Fake { terms: vec![1], commit_index: 1, ..leader };
    cluster.breaks(0, &early, "commits entry 1, which only servers [0] have");

    // An entry of an earlier term, counted; or committed although nobody has told of another copy.
    for (counted, said_before) in [(1, false), (0, true)] {
        let mut cluster = Cluster::of(3);
        let leader = cluster.elect(0, &[1, 2], &follower(1, &[]));
        cluster.ok(0, &Fake { terms: vec![1], ..leader });
        cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[1]) });
        let leader = cluster.elect(1, &[0, 2], &follower(2, &[1]));
        let role = FakeRole::Leader(vec![counted, 0, 0]);
        let found = cluster.show(1, &Fake { commit_index: 1, role, ..leader });
        let Err(Broken { how, .. }) = &found else { panic!("nothing found") };
        assert_eq!(how.contains("decided before"), said_before, "{how}");
        tells(found, "commits up to entry 1@1: an entry of an earlier term");
    }
}

#[test]
fn followers_commit_what_leaders_have_committed() {
    let mut cluster = Cluster::of(3);
    let (leader, follower) = cluster.one_committed();
    cluster.ok(0, &Fake { terms: vec![1, 1], ..leader });
    let early = Fake { terms: vec![1, 1], commit_index: 2, ..follower };
    cluster.breaks(1, &early, "commits entry 2@1, but no leader has committed it");
}

#[test]
fn a_new_leader_has_what_is_committed() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    cluster.ok(1, &Fake { voted_for: Some(2), ..follower(2, &[1]) });
    let role = FakeRole::Leader(vec![0; 3]);
    let leader = Fake { voted_for: Some(2), role, ..follower(2, &[]) };
    cluster.breaks(2, &leader, "entry 1@1 is committed, but server 2, leader of term 2, does not");
}

#[test]
fn a_snapshot_holds_what_is_committed() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let snapshot = Fake { snapshot: (1, 2), commit_index: 1, ..follower(2, &[]) };
    cluster.breaks(2, &snapshot, "has a snapshot up to entry 1@2, but 1@1 is committed");
}

/// An actor may take several messages before it shows itself.
#[test]
fn a_leader_may_take_a_command_and_step_down_at_once() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let deposed = Fake { commit_index: 1, ..follower(2, &[1, 1]) };
    cluster.ok(0, &deposed);

    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    cluster.ok(0, &Fake { commit_index: 1, ..follower(2, &[1]) });
    cluster.breaks(0, &deposed, "entry 2@1 appears in the log of server 0, but was never");

    // Not in a term that it did not lead.
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    cluster.breaks(0, &Fake { terms: vec![1, 2], ..deposed }, "entry 2@2 appears");
}

#[test]
fn a_leader_may_commit_and_step_down_at_once() {
    for is_there in [true, false] {
        let mut cluster = Cluster::of(3);
        let leader = cluster.elect(0, &[1], &follower(1, &[]));
        cluster.ok(0, &Fake { terms: vec![1], ..leader });
        if is_there {
            cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[1]) });
        }
        let deposed = Fake { commit_index: 1, ..follower(2, &[1]) };
        match is_there {
            true => {
                cluster.ok(0, &deposed);
                cluster.ok(1, &Fake { commit_index: 1, ..follower(2, &[1]) });
            }
            false => cluster.breaks(0, &deposed, "commits entry 1@1, but no leader has committed"),
        }
    }
}
