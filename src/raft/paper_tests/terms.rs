//! Part A: newer and older terms (§5.1).
//!
//! The term is Raft's clock. Each message carries it: who is behind catches up and steps down,
//! and what comes from behind is refused.

use super::*;
use crate::raft::rpc::{AppendEntriesReply, RequestVoteReply};

/// A receiver: it gets a message of this term that it would agree to otherwise, and says its own.
type Receiver = fn(&mut State, Term) -> Term;

const RECEIVERS: [(&str, Receiver); 3] = [
    ("RequestVote", |state, term| {
        state.handle_request_vote(&vote_request(term, OTHER, (9, term))).term
    }),
    ("AppendEntries", |state, term| {
        state.handle_append_entries(append(term, (0, 0), &[1, 1], 2)).term
    }),
    ("InstallSnapshot", |state, term| state.handle_install_snapshot(install(term, (9, term))).term),
];

/// A server that sees a newer term in a request adopts it and becomes a follower, whatever it
/// was, and answers in that term (§5.1; Figure 2, all servers).
#[test]
fn a_newer_term_in_a_request_is_adopted_by_all() {
    for (rpc, receive) in RECEIVERS {
        for mut state in everybody_in_term_5() {
            let before = role(&state);

            let answered = receive(&mut state, 9);

            assert_eq!((answered, state.current_term), (9, 9), "{rpc} to a {before}");
            assert_eq!(role(&state), "follower", "{rpc} to a {before}");
        }
    }
}

/// A candidate that cannot have this server's vote, its log being behind, makes it give up its
/// old term all the same: else a stale leader or a server far behind would never catch up (§5.1).
#[test]
fn a_newer_term_in_a_refused_vote_request_is_adopted_by_all() {
    for mut state in everybody_in_term_5() {
        let before = role(&state);

        let reply = state.handle_request_vote(&vote_request(9, OTHER, (0, 0)));

        assert_eq!(reply, RequestVoteReply { term: 9, vote_granted: false }, "of a {before}");
        assert_eq!((role(&state), state.current_term), ("follower", 9), "was a {before}");
    }
}

/// A request of an older term is refused with the newer one, and changes nothing (§5.1;
/// Figures 2 and 13, the first step of each receiver).
#[test]
fn a_request_of_an_older_term_is_refused_and_changes_nothing() {
    for (rpc, receive) in RECEIVERS {
        for mut state in everybody_in_term_5() {
            let before = (role(&state), state.voted_for, state.election_deadline);

            let answered = receive(&mut state, 4);

            assert_eq!((answered, state.current_term), (5, 5), "{rpc} to a {}", before.0);
            let after = (role(&state), state.voted_for, state.election_deadline);
            assert_eq!(after, before, "{rpc}");
            assert_eq!((terms(&state), state.commit_index), (vec![1, 1], 0), "{rpc}");
        }
    }
}

/// An old leader's append is not merely without effect: it is told that it failed, so that it
/// counts nothing (Figure 2, AppendEntries, 1).
#[test]
fn an_append_of_an_older_term_fails() {
    let mut state = server(&[1, 2]);

    let reply = state.handle_append_entries(append(1, (1, 1), &[1], 2));

    let refused =
        AppendEntriesReply { term: 2, success: false, conflict_term: None, conflict_index: 0 };
    assert_eq!((reply, terms(&state), state.commit_index), (refused, vec![1, 2], 0));
}
