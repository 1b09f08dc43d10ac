//! What messages may not say, and what they may say early.

use super::*;

#[test]
fn requests_say_what_is_so() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let cases = [
        ("Raft.RequestVote", vote(1, 2, None), 2, "has voted for itself in it"),
        ("Raft.AppendEntries", append(1, &[], 0, None), 2, "but does not lead term 1"),
        ("Raft.AppendEntries", append(1, &[1, 1], 0, None), 0, "but was never in a log: 2@1"),
        ("Raft.AppendEntries", append(1, &[1], 2, None), 0, "but that is not committed"),
    ];
    for (method, said, from, expected) in cases {
        let sent = cluster.call(from, 1, method, said);
        tells(sent.and_then(|()| cluster.book.check_pending(from)), expected);
    }
    let said = append(1, &[1], 1, None);
    assert!(cluster.call(0, 1, "Raft.AppendEntries", said).is_ok());
    let args = InstallSnapshotArgs {
        term: 1,
        leader_id: 0,
        last_included_index: 1,
        last_included_term: 2,
        data: Bytes::default(),
    };
    let said = Said { args: labgob::to_bytes(&args), reply: None };
    let sent = cluster.call(0, 1, "Raft.InstallSnapshot", said);
    tells(sent.and_then(|()| cluster.book.check_pending(0)), "but 1@1 is committed");
}

/// A server that starts its RPCs' threads under its lock is right if it shows what they say when
/// it releases the lock; a follower may be quicker.
#[test]
fn a_message_may_leave_before_the_lock_is_released() {
    for shows_it in [true, false] {
        let mut cluster = Cluster::of(3);
        let (leader, follower) = cluster.one_committed();
        let said = append(1, &[1, 1], 1, Some((1, true)));
        let follower = Fake { terms: vec![1, 1], commit_index: 1, ..follower };
        cluster.ok(1, &Fake { commit_index: 1, terms: vec![1], ..follower.clone() });
        let sent = cluster.call(0, 1, "Raft.AppendEntries", Said { reply: None, ..said });
        assert!(sent.is_ok());
        cluster.ok(1, &follower);
        let leader = Fake { terms: if shows_it { vec![1, 1] } else { vec![1] }, ..leader };
        if shows_it {
            cluster.ok(0, &leader);
        } else {
            cluster.breaks(0, &leader, "but was never in");
        }
    }
}

/// The same with a commit that a follower hears of before the leader shows it.
#[test]
fn a_commit_may_be_told_before_the_lock_is_released() {
    for shows_it in [true, false] {
        let mut cluster = Cluster::of(3);
        let (leader, follower) = cluster.one_committed();
        cluster.ok(0, &Fake { terms: vec![1, 1], ..leader.clone() });
        let follower = Fake { terms: vec![1, 1], commit_index: 1, ..follower };
        cluster.ok(1, &follower);
        let sent = cluster.call(0, 1, "Raft.AppendEntries", append(1, &[], 2, None));
        assert!(sent.is_ok());
        cluster.ok(1, &Fake { commit_index: 2, ..follower });
        let role = FakeRole::Leader(vec![0, 2, 0]);
        let commit_index = if shows_it { 2 } else { 1 };
        let leader = Fake { terms: vec![1, 1], commit_index, role, ..leader };
        if shows_it {
            cluster.ok(0, &leader);
        } else {
            cluster.breaks(0, &leader, "but that is not committed");
        }
    }
}

#[test]
fn replies_say_what_is_so() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    cluster.ok(2, &follower(1, &[]));
    let install = |term| {
        let args = InstallSnapshotArgs {
            term: 1,
            leader_id: 0,
            last_included_index: 1,
            last_included_term: 1,
            data: Bytes::default(),
        };
        let reply = Some(labgob::to_bytes(&InstallSnapshotReply { term }));
        Said { args: labgob::to_bytes(&args), reply }
    };
    let cases = [
        ("Raft.RequestVote", vote(1, 0, Some((1, true))), "but has not cast that vote"),
        ("Raft.RequestVote", vote(2, 0, Some((1, false))), "and stays in term 1"),
        ("Raft.RequestVote", vote(1, 0, Some((2, false))), "but is in term 1"),
        ("Raft.AppendEntries", append(1, &[1], 0, Some((1, true))), "but does not have entry 1@1"),
        ("Raft.InstallSnapshot", install(1), "but its commit_index is 0, not 1"),
    ];
    for (method, said, expected) in cases {
        let answered = cluster.call(0, 2, method, said);
        tells(answered.and_then(|()| cluster.book.check_pending(2)), expected);
    }
    let said = append(1, &[1], 1, Some((1, true)));
    let behind = cluster.call(0, 1, "Raft.AppendEntries", said);
    tells(behind.and_then(|()| cluster.book.check_pending(1)), "but its commit_index is 0, not 1");

    cluster.ok(2, &follower(2, &[]));
    let stale = cluster.call(0, 2, "Raft.AppendEntries", append(1, &[], 0, Some((2, true))));
    tells(
        stale.and_then(|()| cluster.book.check_pending(2)),
        "but accepts nothing of an older term",
    );
}

#[test]
fn a_finding_tells_the_states_and_what_was_heard_last_and_is_the_last() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let said = append(1, &[1], 0, Some((1, true)));
    assert!(cluster.call(0, 1, "Raft.AppendEntries", said).is_ok());
    let found = cluster.show(1, &Fake { voted_for: Some(2), ..follower(1, &[1]) });

    let text = cluster.book.close_with(&found.expect_err("a second vote"));

    for part in [
        "Election Safety (Figure 3) is broken",
        "server 1: term 1, voted for 0, last entry 1@1, commit_index 0, applied 0, follower",
        "server 0 sends AppendEntries(term 1, prev 0@0, [1@1], commit 0)",
    ] {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
    assert!(cluster.book.is_closed());
}

/// In one critical section a server may vote, hear of a newer term and follow: no View ever shows the
/// vote. It counts all the same, and is the only one.
#[test]
fn a_vote_may_be_over_before_it_is_shown() {
    for shown in [2, 1] {
        let mut cluster = Cluster::of(3);
        let candidate =
            |term| Fake { voted_for: Some(0), role: FakeRole::Candidate, ..follower(term, &[]) };
        cluster.ok(0, &candidate(1));
        cluster.ok(1, &follower(0, &[]));
        let answered = cluster.call(0, 1, "Raft.RequestVote", vote(1, 0, Some((1, true))));
        assert!(answered.is_ok());
        if shown == 1 {
            cluster.breaks(1, &follower(shown, &[]), "but has not cast that vote");
        } else {
            cluster.ok(1, &follower(shown, &[]));
            let leader = Fake { role: FakeRole::Leader(vec![0; 3]), ..candidate(1) };
            cluster.ok(0, &leader);
            assert_eq!(cluster.book.votes.get(&(1, 1)), Some(&0));
        }
    }
}

/// An entry may be told of early, while a candidate of the term asks for votes early, too: it is the
/// leader that has to show it.
#[test]
fn an_early_entry_is_its_leaders_to_show() {
    for shows_it in [true, false] {
        let mut cluster = Cluster::of(3);
        let follows = |voted_for, terms| Fake { voted_for, ..follower(1, terms) };
        cluster.ok(0, &follower(0, &[]));
        let leader = cluster.elect(2, &[1], &follower(1, &[]));
        assert!(cluster.call(0, 1, "Raft.RequestVote", vote(1, 0, None)).is_ok());
        assert!(cluster.call(2, 1, "Raft.AppendEntries", append(1, &[1], 0, None)).is_ok());
        cluster.ok(1, &follows(Some(2), &[1]));
        cluster.ok(0, &Fake { role: FakeRole::Candidate, ..follows(Some(0), &[]) });
        match shows_it {
            true => cluster.ok(2, &Fake { terms: vec![1], ..leader }),
            false => cluster.breaks(2, &leader, "was never in that of the leader of term 1"),
        }
    }
}

/// The same with a snapshot: a follower that hears of the commit takes one at once.
#[test]
fn a_snapshot_may_be_taken_of_what_was_told_early() {
    for shows_it in [true, false] {
        let mut cluster = Cluster::of(3);
        let (leader, follower) = cluster.one_committed();
        cluster.ok(0, &Fake { terms: vec![1, 1], ..leader.clone() });
        let follower = Fake { terms: vec![1, 1], commit_index: 1, ..follower };
        cluster.ok(1, &follower);
        assert!(cluster.call(0, 1, "Raft.AppendEntries", append(1, &[], 2, None)).is_ok());
        let applied = Fake { commit_index: 2, last_applied: 2, ..follower };
        cluster.ok(1, &applied);
        cluster.ok(1, &Fake { snapshot: (2, 1), terms: vec![], ..applied });
        let role = FakeRole::Leader(vec![0, 2, 0]);
        let leader = Fake { terms: vec![1, 1], role, ..leader };
        if shows_it {
            cluster.ok(0, &Fake { commit_index: 2, ..leader });
        } else {
            cluster.breaks(0, &leader, "but that is not committed");
        }
    }
}

/// Its leader crashes in the middle of the critical section: nobody can show it any more.
#[test]
fn last_words_are_believed() {
    let mut cluster = Cluster::of(3);
    let (leader, follower) = cluster.one_committed();
    cluster.ok(0, &Fake { terms: vec![1, 1], ..leader });
    let follower = Fake { terms: vec![1, 1], commit_index: 1, ..follower };
    cluster.ok(1, &follower);
    assert!(cluster.call(0, 1, "Raft.AppendEntries", append(1, &[], 2, None)).is_ok());
    cluster.book.crashed(0);
    cluster.ok(1, &Fake { commit_index: 2, ..follower });
    assert_eq!(cluster.book.committed, [1, 1]);
}

/// The same, when a follower has heard them, and has shown what it learnt, before the crash.
#[test]
fn last_words_are_believed_that_were_heard_before_the_crash() {
    let mut cluster = Cluster::of(3);
    let (leader, follower) = cluster.one_committed();
    cluster.ok(0, &Fake { terms: vec![1, 1], ..leader });
    let follower = Fake { terms: vec![1, 1], commit_index: 1, ..follower };
    cluster.ok(1, &follower);
    assert!(cluster.call(0, 1, "Raft.AppendEntries", append(1, &[], 2, None)).is_ok());
    cluster.ok(1, &Fake { commit_index: 2, ..follower });
    assert_eq!(cluster.book.committed, [1], "the leader may still show something else");
    cluster.book.crashed(0);
    assert_eq!(cluster.book.committed, [1, 1]);
}

/// A server without a lock may answer in the middle of its turn and show itself at its end;
/// meanwhile the candidate wins, and the leader commits.
#[test]
fn an_answer_may_be_shown_late() {
    let mut cluster = Cluster::of(3);
    let candidate = Fake { voted_for: Some(0), role: FakeRole::Candidate, ..follower(1, &[]) };
    cluster.ok(0, &candidate);
    assert!(cluster.call(0, 1, "Raft.RequestVote", vote(1, 0, Some((1, true)))).is_ok());
    let leader = Fake { role: FakeRole::Leader(vec![0; 3]), ..candidate };
    cluster.ok(0, &leader);
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[]) });
    let leader = Fake { terms: vec![1], ..leader };
    cluster.ok(0, &leader);
    assert!(cluster.call(0, 1, "Raft.AppendEntries", append(1, &[1], 0, Some((1, true)))).is_ok());
    let role = FakeRole::Leader(vec![0, 1, 0]);
    cluster.ok(0, &Fake { commit_index: 1, role, ..leader });
    cluster.breaks(1, &Fake { voted_for: Some(0), ..follower(1, &[]) }, "does not have entry 1@1");
}

/// Whoever has adopted the term may still answer with the one it had before.
#[test]
fn an_answer_may_name_the_term_before() {
    let mut cluster = Cluster::of(3);
    cluster.ok(1, &follower(1, &[]));
    let said = vote(1, 0, Some((0, false)));
    let answered = cluster.call(0, 1, "Raft.RequestVote", said);
    assert!(answered.and_then(|()| cluster.book.check_pending(1)).is_ok());
}

/// A server may send its requests to itself as well.
#[test]
fn a_candidate_may_ask_itself() {
    let mut cluster = Cluster::of(3);
    let sent = vote(1, 0, Some((1, true)));
    assert!(cluster.call(0, 0, "Raft.RequestVote", sent).is_ok());
    let candidate = Fake { voted_for: Some(0), role: FakeRole::Candidate, ..follower(1, &[]) };
    cluster.ok(0, &candidate);
}

#[test]
fn long_messages_are_told_briefly() {
    let said = append(1, &[1; 1000], 0, None);
    let message = Message::decode("Raft.AppendEntries", &said.args).expect("decodes");
    let expected = "AppendEntries(term 1, prev 0@0, [1@1 2@1 ... 1000@1], commit 0)";
    assert_eq!(message.to_string(), expected);
}
