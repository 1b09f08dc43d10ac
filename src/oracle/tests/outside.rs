//! What may not be seen from outside, of servers that show no View; and what may be.

use super::net::*;
use super::*;

#[test]
fn a_vote_is_granted_once_over_restarts_as_well() {
    let mut net = Net::of(3);
    net.elect(1);
    assert!(net.ask_and(0, 1, VOTE, &vote(1, 0, YES), false).is_ok(), "it may be repeated");
    net.restart(1);
    tells(net.ask(2, 1, VOTE, &vote(1, 2, YES)), "which it has granted to server 0");
}

#[test]
fn a_candidate_grants_no_other_its_vote() {
    let mut net = Net::of(3);
    net.elect(1);
    tells(
        net.ask(2, 0, VOTE, &vote(1, 2, YES)),
        "in which it has asked for votes, and so has voted for itself",
    );
    let mut net = Net::of(3);
    net.elect(1);
    tells(net.send(1, 2, VOTE, &vote(1, 1, None).args), "in which it has voted for server 0");
}

/// A request may leave before the vote is saved; if the candidate crashes then, nothing is lost.
#[test]
fn a_campaign_that_a_crash_cut_short_binds_nobody() {
    let mut net = Net::of(3);
    assert!(net.send(0, 1, VOTE, &vote(1, 0, None).args).is_ok());
    net.restart(0);
    assert!(net.ask(2, 0, VOTE, &vote(1, 2, YES)).is_ok());
}

#[test]
fn whoever_sends_entries_has_a_majority_of_votes() {
    let mut net = Net::of(5);
    net.elect(1);
    let sent = net.send(0, 2, APPEND, &append(1, &[], 0, None).args);
    tells(sent, "has the votes of [0, 1] only in term 1: it takes votes from a majority of all 5");

    let mut net = Net::of(3);
    net.elect(1);
    assert!(net.send(0, 2, APPEND, &append(1, &[], 0, None).args).is_ok());
    net.restart(0);
    let sent = net.send(0, 2, APPEND, &append(1, &[], 0, None).args);
    tells(sent, "has the votes of [] only"); // it has to be elected anew
}

#[test]
fn terms_that_were_told_stay() {
    let mut net = Net::of(3);
    let refused = net.ask(0, 1, VOTE, &vote(5, 0, Some((5, false))));
    assert!(refused.is_ok());
    net.restart(1);
    let refused = net.ask(2, 1, VOTE, &vote(3, 2, Some((3, false))));
    tells(refused, "but was in term 5 before that request arrived");
    tells(net.send(1, 2, VOTE, &vote(4, 1, None).args), "was in term 5 before it restarted");
}

/// Answers overtake each other: one that left late tells of an earlier time.
#[test]
fn a_slow_answer_may_name_an_old_term() {
    let mut net = Net::of(3);
    let slow = vote(2, 2, Some((2, false)));
    assert!(net.send(2, 1, VOTE, &slow.args).is_ok());
    assert!(net.step(0, Step::Delivered { server: "", args: &slow.args }).is_ok());
    net.save(1);
    assert!(net.ask(0, 1, VOTE, &vote(5, 0, Some((5, true)))).is_ok());
    let reply = slow.reply.as_deref().expect("an answer");
    assert!(net.step(0, Step::Answered { server: "", reply }).is_ok());
}

/// The first request is lost for its caller, and its copy arrives.
#[test]
fn a_request_that_was_lost_may_still_arrive() {
    for arrives in [true, false] {
        let mut net = Net::of(3);
        net.save(1);
        let granted = vote(1, 0, YES);
        assert!(net.send(0, 1, VOTE, &granted.args).is_ok());
        assert!(net.step(0, Step::Lost { why: Loss::RequestDropped }).is_ok());
        if arrives {
            assert!(net.step(0, Step::Delivered { server: "", args: &granted.args }).is_ok());
            net.save(1);
        }
        let again = net.ask_and(0, 1, VOTE, &granted, false);
        match arrives {
            true => assert!(again.is_ok(), "{again:?}"),
            false => tells(again, "has saved nothing since"),
        }
    }
}

/// A follower may note as its vote whom it hears as the leader.
#[test]
fn a_vote_may_be_saved_when_the_leader_is_heard() {
    let mut net = Net::of(3);
    net.elect(1);
    let heard = append(1, &[], 0, Some((1, true)));
    assert!(net.ask(0, 2, APPEND, &heard).is_ok());
    let granted = net.ask_and(0, 2, VOTE, &vote(1, 0, YES), false);
    assert!(granted.is_ok(), "{granted:?}");
}

#[test]
fn what_is_answered_was_saved() {
    let granted = vote(1, 0, YES);
    let mut net = Net::of(3);
    net.save(0);
    tells(net.ask_and(0, 1, VOTE, &granted, false), "has saved nothing since");

    let mut net = Net::of(3);
    net.elect(1);
    assert!(net.ask(0, 2, VOTE, &vote(1, 0, Some((1, false)))).is_ok());
    let accepted = append(1, &[1], 0, YES);
    tells(net.ask_and(0, 2, APPEND, &accepted, false), "after a crash it would be gone");
    // A heartbeat changes nothing, nor does an entry that was there.
    let mut net = Net::of(3);
    net.elect(1);
    assert!(net.ask_and(0, 1, APPEND, &append(1, &[], 0, YES), false).is_ok());
    assert!(net.ask(0, 1, APPEND, &accepted).is_ok());
    assert!(net.ask_and(0, 1, APPEND, &accepted, false).is_ok());
}

/// Nor does the skeleton, until Part C: what a restart takes from it is seen then.
#[test]
fn who_saves_nothing_at_all_has_not_written_that_part() {
    let mut net = Net::of(3);
    assert!(net.send(0, 1, VOTE, &vote(1, 0, None).args).is_ok());
    let granted = net.ask_and(0, 1, VOTE, &vote(1, 0, YES), false);
    assert!(granted.is_ok(), "{granted:?}");
    let accepted = net.ask_and(0, 1, APPEND, &append(1, &[1], 0, YES), false);
    assert!(accepted.is_ok(), "{accepted:?}");
    net.restart(1);
    tells(net.ask_and(2, 1, VOTE, &vote(1, 2, YES), false), "which it has granted to server 0");
}

/// An entry that a snapshot has brought may be sent later, and is there already.
#[test]
fn what_a_snapshot_covers_is_saved() {
    let mut net = two_accepted();
    assert!(net.ask(0, 2, VOTE, &vote(1, 0, YES)).is_ok());
    let args = InstallSnapshotArgs {
        term: 1,
        leader_id: 0,
        last_included_index: 2,
        last_included_term: 1,
        data: Bytes::default(),
    };
    let reply = Some(labgob::to_bytes(&InstallSnapshotReply { term: 1 }));
    let installed = Said { args: labgob::to_bytes(&args), reply };
    assert!(net.ask(0, 2, "Raft.InstallSnapshot", &installed).is_ok());
    let accepted = net.ask_and(0, 2, APPEND, &append(1, &[1, 1], 0, YES), false);
    assert!(accepted.is_ok(), "{accepted:?}");
}

#[test]
fn a_leader_sends_one_log() {
    let mut net = Net::of(3);
    net.elect(2);
    assert!(net.send(0, 1, APPEND, &append(2, &[1, 2], 0, None).args).is_ok());
    let other = net.send(0, 1, APPEND, &append(2, &[1, 1], 0, None).args);
    tells(other, "in the same term it has sent 2@2");
    let back = net.send(0, 1, APPEND, &append(2, &[2, 1], 0, None).args);
    tells(back, "in the same term it has sent 1@1");
    let nowhere = prev(3, 0, &append(2, &[], 0, None));
    tells(net.send(0, 1, APPEND, &nowhere.args), "no entry is 3@0");
}

#[test]
fn a_command_stays_what_start_took() {
    let mut net = Net::of(3);
    net.elect(1);
    assert!(net.book.wire.took(0, 1, 1, &b"1".to_vec().into()).is_ok());
    assert!(net.send(0, 1, APPEND, &append(1, &[1], 0, None).args).is_ok());
    tells(net.book.wire.took(0, 1, 1, &b"other".to_vec().into()), "where it sends");
}

#[test]
fn a_commit_is_accepted_by_a_majority_first() {
    let mut net = Net::of(5);
    net.elect(1);
    assert!(net.ask(0, 2, VOTE, &vote(1, 0, YES)).is_ok());
    let entry = append(1, &[1], 0, YES);
    assert!(net.ask(0, 1, APPEND, &entry).is_ok());
    let told = append(1, &[1], 1, None);
    tells(net.send(0, 2, APPEND, &told.args), "nobody can know that entry 1 is committed");
    tells(net.book.applied(0, 1, &b"1".to_vec().into()), "nobody can know that entry 1 is");
    assert!(net.ask(0, 2, APPEND, &entry).is_ok());
    assert!(net.send(0, 3, APPEND, &told.args).is_ok());
    assert!(net.book.applied(0, 1, &b"1".to_vec().into()).is_ok());
    tells(net.book.applied(1, 1, &b"2".to_vec().into()), "is committed there");
}

/// What a service is handed with a snapshot is the term of its last entry, no other.
#[test]
fn a_snapshot_has_the_term_of_its_last_entry() {
    let mut net = Net::of(3);
    net.elect(1);
    assert!(net.ask(0, 1, APPEND, &append(1, &[1], 0, YES)).is_ok());
    assert!(net.send(0, 2, APPEND, &append(1, &[1], 1, None).args).is_ok());
    assert!(net.book.installed(0, 1, 1).is_ok());
    tells(net.book.installed(0, 1, 2), "but the entry at 1 is of term 1");
}

/// Figure 8: copies of an entry of an earlier term are not counted.
#[test]
fn an_entry_of_an_earlier_term_commits_along_with_a_new_one() {
    let mut net = Net::of(3);
    net.elect(2);
    let old = append(2, &[1], 0, Some((2, true)));
    assert!(net.ask(0, 1, APPEND, &old).is_ok());
    let told = net.send(0, 1, APPEND, &append(2, &[1], 1, None).args);
    tells(told, "nobody can know that entry 1 is committed");
    assert!(net.ask(0, 1, APPEND, &append(2, &[1, 2], 0, Some((2, true)))).is_ok());
    assert!(net.send(0, 1, APPEND, &append(2, &[1, 2], 2, None).args).is_ok());
}

/// Server 0 leads term 1, and server 1 has accepted two entries of it.
fn two_accepted() -> Net {
    let mut net = Net::of(3);
    net.elect(1);
    assert!(net.ask(0, 1, APPEND, &append(1, &[1, 1], 0, YES)).is_ok());
    net
}

#[test]
fn what_was_accepted_stays() {
    // It asks for votes with less.
    let mut net = two_accepted();
    net.restart(1);
    let sent = net.send(1, 2, VOTE, &vote_of(2, 1, (1, 1), None).args);
    tells(sent, "but in term 1 it had entries up to 2@1");
    // It votes for one with less.
    let mut net = two_accepted();
    let granted = net.ask(2, 1, VOTE, &vote_of(2, 2, (1, 1), Some((2, true))));
    tells(granted, "but has entries up to 2@1 itself");
    // It refuses what goes on behind it.
    let mut net = two_accepted();
    net.restart(1);
    let refused = net.ask(0, 1, APPEND, &prev(2, 1, &append(1, &[], 0, Some((1, false)))));
    tells(refused, "but in this term it has accepted entries up to 2@1");
}

/// A later leader may take away what is not committed; what it sent may work at any time since it
/// arrived. And what is in a snapshot cannot be compared.
#[test]
fn what_was_accepted_may_be_taken_away() {
    let mut net = Net::of(3);
    net.elect(1);
    // Accepted, but the answer is lost: the entries are not committed.
    assert!(net.send(0, 1, APPEND, &append(1, &[1, 1], 0, None).args).is_ok());
    assert!(net.ask(2, 0, VOTE, &vote_of(2, 2, (0, 0), Some((2, false)))).is_ok());
    assert!(net.ask(2, 1, VOTE, &vote_of(2, 2, (0, 0), Some((2, true)))).is_ok());
    assert!(net.ask(2, 1, APPEND, &append(2, &[2], 0, Some((2, true)))).is_ok());
    assert!(net.send(1, 2, VOTE, &vote_of(3, 1, (1, 2), None).args).is_ok());

    let mut net = two_accepted();
    assert!(net.book.applied(1, 1, &b"1".to_vec().into()).is_ok());
    let refused = net.ask(0, 1, APPEND, &prev(1, 1, &append(1, &[], 0, Some((1, false)))));
    assert!(refused.is_ok(), "{refused:?}");
}

#[test]
fn a_leader_has_what_was_committed() {
    let mut net = two_accepted();
    assert!(net.ask(2, 0, VOTE, &vote_of(2, 2, (0, 0), Some((2, false)))).is_ok());
    net.book.wire.holds_nothing(1);
    let elected = net.ask(2, 1, VOTE, &vote_of(2, 2, (0, 0), Some((2, true))));
    assert!(elected.is_ok());
    let sent = net.send(2, 1, APPEND, &append(2, &[], 0, None).args);
    tells(sent, "entry 2@1 is committed, but server 2, leader of term 2, had entries up to 0@0");
}

/// Whoever has shown itself goes on: what it has told must be shown within some answers.
#[test]
fn who_shows_itself_goes_on_showing() {
    let mut net = Net::of(3);
    net.book.shadows[1].seen = true;
    net.book.has_shown[1] = true;
    let heartbeat = append(1, &[], 0, YES);
    net.elect(1); // the vote of server 1 was not shown
    let answers: Vec<Check> = (0..3).map(|_| net.ask(0, 1, APPEND, &heartbeat)).collect();
    assert!(answers[..2].iter().all(Result::is_ok));
    tells(answers.into_iter().next_back().expect("three"), "server 1 answers RequestVote");
    // From its restart on it does not show itself.
    let mut net = Net::of(3);
    net.book.has_shown[1] = true;
    net.elect(1);
    let mut answers = (0..3).map(|_| net.ask(0, 1, APPEND, &heartbeat));
    let found = answers.find(Result::is_err).expect("a finding");
    tells(found, "has shown itself to the tester before, but does not do so any more");
}

/// With ORACLE=strict whoever acts must have shown itself; usually nobody need.
#[test]
fn who_acts_must_have_shown_itself_if_that_is_asked_for() {
    let asked = |strict, shown| {
        let mut book = Book::new(3);
        book.has_shown[1] = shown;
        Oracle { book: Leaf::new(Book::new(3)), strict }.must_have_shown(&book, 1, "leads")
    };
    assert!(asked(false, false).is_ok());
    assert!(asked(true, true).is_ok());
    tells(asked(true, false), "server 1 leads, and has never shown itself");
}
