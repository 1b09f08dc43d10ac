//! Parts A, B, D: replies, and what has happened since the request (§5.1; Rule 5 of the lab).
//!
//! Between a request and its reply the lock is free, and anything may have happened. A reply is
//! therefore judged by its request: what was asked as a candidate or leader of a term may be used
//! by that candidate or leader alone. That a term is newer is true whenever it is heard.

use super::*;
use crate::labsync::Mutex;
use crate::raft::rpc::{AppendEntriesReply, RequestVoteReply};
use crate::raft::state::Receipt;

/// An answer may be used by the candidate or leader that asked, in the term in which it asked:
/// not by what this server has become since (lab, Rule 5; §5.2: votes count for one term).
#[test]
fn a_reply_is_used_in_the_role_and_term_of_its_request_only() {
    let [follower, candidate, leader] = everybody_in_term_5().map(locked);
    let cases = [
        (&candidate, Receipt::Candidate(5), true, "the candidate that asked"),
        (&candidate, Receipt::Candidate(4), false, "a candidate, of its earlier election"),
        (&follower, Receipt::Candidate(5), false, "a candidate that became a follower"),
        (&leader, Receipt::Candidate(5), false, "a candidate that has won already"),
        (&leader, Receipt::Candidate(4), false, "a leader that lost an earlier election"),
        (&leader, Receipt::Leader(5), true, "the leader that sent it"),
        (&leader, Receipt::Leader(4), false, "a leader, of an earlier term"),
        (&follower, Receipt::Leader(4), false, "a deposed leader"),
        (&candidate, Receipt::Leader(4), false, "a deposed leader that campaigns"),
    ];
    for (raft, receipt, expected, who) in cases {
        let usable = raft.monitor.relock(receipt, 3).is_some();

        assert_eq!(usable, expected, "{receipt:?}: {who}");
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
    let (receipt, request, message) = {
        let mut state = raft.monitor.lock();
        let (receipt, request) = state.become_candidate();
        state.vote_received(OTHER);
        state.persist();
        (receipt, request, message_to(&mut state, OTHER))
    };

    raft.append_entries(append(7, (1, 1), &[], 0)); // another leader
    raft.ask_for_vote(OTHER, receipt, &request);
    raft.deliver(message);

    assert_eq!(*heard.lock(), [2, 2]);
}
