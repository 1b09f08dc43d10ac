//! Parts A, B, D: replies, and what has happened since the request (§5.1; Rule 5 of the lab).
//!
//! Between a request and its reply the lock is free, and anything may have happened. A reply is
//! therefore judged by its request: what was asked as a candidate or leader of a term may be used
//! by that candidate or leader alone. That a term is newer is true whenever it is heard.

use super::*;
use crate::labsync::Mutex;
use crate::raft::rpc::{AppendEntriesReply, InstallSnapshotReply, RequestVoteReply};
use crate::raft::state::Receipt;

/// A newer term in a reply is adopted as well, by candidates and leaders (§5.1); it is on disk
/// before the lock is released, and the reply is not used.
#[test]
fn a_newer_term_in_a_reply_is_adopted() {
    let as_candidate = locked(candidate(&[1]));
    let as_leader = locked(leader(&[1]));

    for (raft, receipt) in [(as_candidate, Receipt::Candidate(2)), (as_leader, Receipt::Leader(2))]
    {
        let usable = raft.monitor.relock(receipt, 9).is_some();

        let state = raft.monitor.lock();
        assert!(!usable, "{receipt:?}");
        assert_eq!((role(&state), state.current_term, state.voted_for), ("follower", 9, None));
        assert_eq!(restarted(&state).current_term, 9, "{receipt:?}");
    }
}

/// A reply that comes too late to be used may still tell of a newer term (§5.1).
#[test]
fn a_newer_term_in_a_late_reply_is_adopted() {
    for mut state in everybody_in_term_5() {
        let before = role(&state);
        state.persist();
        let raft = locked(state);

        let usable = raft.monitor.relock(Receipt::Candidate(3), 9).is_some();

        let state = raft.monitor.lock();
        assert!(!usable);
        assert_eq!((role(&state), state.current_term), ("follower", 9), "was a {before}");
    }
}

/// An answer may be used by the candidate or leader that asked, in the term in which it asked:
/// not by what this server has become since (lab, Rule 5; §5.2: votes count for one term).
#[test]
fn a_reply_is_used_in_the_role_and_term_of_its_request_only() {
    let [follower, candidate, leader] = everybody_in_term_5().map(locked);
    let cases = [
        (&candidate, Receipt::Candidate(5), true, "the candidate that asked"),
        (&candidate, Receipt::Candidate(4), false, "a candidate, of its earlier campaign"),
        (&follower, Receipt::Candidate(5), false, "a candidate that bowed to the leader"),
        (&leader, Receipt::Candidate(5), false, "a candidate that has won already"),
        (&leader, Receipt::Candidate(4), false, "a leader that lost an earlier election"),
        (&leader, Receipt::Leader(5), true, "the leader that sent it"),
        (&leader, Receipt::Leader(4), false, "a leader, of its earlier reign"),
        (&follower, Receipt::Leader(4), false, "a deposed leader"),
        (&candidate, Receipt::Leader(4), false, "a deposed leader that campaigns"),
    ];
    for (raft, receipt, expected, who) in cases {
        let usable = raft.monitor.relock(receipt, 3).is_some();

        assert_eq!(usable, expected, "{receipt:?}: {who}");
    }
}

/// A request for votes of the campaign that `raft` is in, to the first peer.
fn ask(raft: &Raft) {
    let (receipt, request) = {
        let state = raft.monitor.lock();
        let last = (state.log.last_index(), state.log.last_term());
        (Receipt::Candidate(state.current_term), vote_request(state.current_term, ME, last))
    };
    raft.ask_for_vote(OTHER, receipt, &request);
}

/// A peer that grants every vote, after something else has happened to the candidate.
fn voter(meanwhile: fn(&Raft)) -> impl FnOnce(Arc<Raft>) -> Service {
    move |raft| {
        Service::new("Raft").method("RequestVote", move |args: RequestVoteArgs| {
            meanwhile(&raft);
            RequestVoteReply { term: args.term, vote_granted: true }
        })
    }
}

/// A vote that is granted is counted: here it is the second of three (§5.2).
#[test]
fn a_granted_vote_is_counted() {
    let (raft, _network) = with_peers(candidate(&[1]), voter(|_| {}));

    ask(&raft);

    assert_eq!(raft.get_state(), (2, true));
}

/// A vote that is refused is not (§5.2).
#[test]
fn a_refused_vote_is_not_counted() {
    let (raft, _network) = with_peers(candidate(&[1]), |_| {
        Service::new("Raft").method("RequestVote", |args: RequestVoteArgs| RequestVoteReply {
            term: args.term,
            vote_granted: false,
        })
    });

    ask(&raft);

    assert_eq!(raft.get_state(), (2, false));
}

/// A vote for an earlier term does not help in the next election: the voter may have given its
/// vote in the new term to another (§5.2).
#[test]
fn a_vote_granted_in_an_earlier_term_is_not_counted() {
    let (raft, _network) = with_peers(
        candidate(&[1]),
        voter(|raft| {
            let mut state = raft.monitor.lock();
            let _ = state.become_candidate();
            state.persist();
        }),
    );

    ask(&raft);

    assert_eq!(raft.get_state(), (3, false), "elected by a vote of term 2");
}

/// A candidate that has bowed to the leader of its term does not win afterwards: there would be
/// two leaders in the term (§5.2).
#[test]
fn a_vote_that_arrives_after_stepping_down_is_not_counted() {
    let (raft, _network) = with_peers(
        candidate(&[1]),
        voter(|raft| {
            raft.append_entries(append(2, (1, 1), &[], 0));
        }),
    );

    ask(&raft);

    assert_eq!(raft.get_state(), (2, false), "a second leader of term 2");
}

/// What a leader sends next is delivered to the first peer, and the reply used.
fn send(raft: &Raft) {
    let message = message_to(&mut raft.monitor.lock(), OTHER);
    raft.deliver(message);
}

/// A peer that takes every entry and snapshot, after something else has happened to the leader.
fn taker(meanwhile: fn(&Raft), reply_term: Term) -> impl FnOnce(Arc<Raft>) -> Service {
    move |raft| {
        let again = raft.clone();
        let append = move |_: AppendEntriesArgs| {
            meanwhile(&raft);
            AppendEntriesReply {
                term: reply_term,
                success: true,
                conflict_term: None,
                conflict_index: 0,
            }
        };
        let install = move |_: InstallSnapshotArgs| {
            meanwhile(&again);
            InstallSnapshotReply { term: reply_term }
        };
        Service::new("Raft").method("AppendEntries", append).method("InstallSnapshot", install)
    }
}

/// A leader in term 2 with an entry of its own, and one whose only message is its snapshot.
fn leaders_with_news() -> [State; 2] {
    let mut with_entry = leader(&[1]);
    with_entry.append_command(command(2));
    with_entry.persist();
    let mut with_snapshot = leader(&[1]);
    compact_to(&mut with_snapshot, 1);
    reign(&mut with_snapshot).next_index[OTHER] = 1;
    [with_entry, with_snapshot]
}

/// A follower's success moves its `match_index` up to what it was sent (§5.3, §7).
#[test]
fn a_success_is_counted() {
    for (state, matched) in leaders_with_news().into_iter().zip([2, 1]) {
        let (raft, _network) = with_peers(state, taker(|_| {}, 2));

        send(&raft);

        let mut state = raft.monitor.lock();
        assert_eq!(progress(&mut state, OTHER), (matched, matched + 1));
        assert_eq!(reign(&mut state).pace[OTHER].unanswered, None);
    }
}

/// A success of an earlier reign says nothing about the next: the log may have been repaired by
/// another leader in between, the follower's as well as our own (§5.3).
#[test]
fn a_success_of_an_earlier_reign_is_not_counted() {
    for state in leaders_with_news() {
        let leads_again: fn(&Raft) = |raft| {
            let mut state = raft.monitor.lock();
            state.handle_append_entries(append(3, (1, 1), &[3], 0));
            for _ in 0..2 {
                let _ = state.become_candidate();
            }
            state.vote_received(THIRD);
            state.persist();
        };
        let (raft, _network) = with_peers(state, taker(leads_again, 2));

        send(&raft);

        let mut state = raft.monitor.lock();
        assert_eq!((role(&state), state.current_term), ("leader", 5));
        assert_eq!(progress(&mut state, OTHER).0, 0, "matched by a reply of term 2");
    }
}

/// A leader whose follower knows of a newer term steps down, whatever it had sent (§5.1).
#[test]
fn a_leader_steps_down_when_a_reply_has_a_newer_term() {
    for state in leaders_with_news() {
        let (raft, _network) = with_peers(state, taker(|_| {}, 9));

        send(&raft);

        assert_eq!(raft.get_state(), (9, false));
        assert_eq!(restarted(&raft.monitor.lock()).current_term, 9);
    }
}

/// A request says what held when it was decided on: its thread may start late, when this server is
/// something else already. A vote request of the newer term would be one that nobody decided on,
/// an append of the newer term that of a leader that nobody elected (lab, Rules 2 and 5).
#[test]
fn a_request_is_what_it_was_decided_to_be() {
    let heard: Arc<Mutex<Vec<Term>>> = Arc::default();
    let (votes, appends) = (heard.clone(), heard.clone());
    let (raft, _network) = with_peers(server(&[1]), |_| {
        Service::new("Raft")
            .method("RequestVote", move |args: RequestVoteArgs| {
                votes.lock().push(args.term);
                RequestVoteReply { term: 9, vote_granted: false }
            })
            .method("AppendEntries", move |args: AppendEntriesArgs| {
                appends.lock().push(args.term);
                let (success, conflict_term, conflict_index) = (false, None, 0);
                AppendEntriesReply { term: 9, success, conflict_term, conflict_index }
            })
    });
    let (campaign, request, message) = {
        let mut state = raft.monitor.lock();
        let (campaign, request) = state.become_candidate();
        state.vote_received(OTHER);
        state.persist();
        (campaign, request, message_to(&mut state, OTHER))
    };

    raft.append_entries(append(7, (1, 1), &[], 0)); // another leader
    raft.ask_for_vote(OTHER, campaign, &request);
    raft.deliver(message);

    assert_eq!(*heard.lock(), [2, 2]);
}
