//! Part A: leader election (§5.2, §5.4.1).
//!
//! The election timer is a remembered time, `election_deadline`, that the ticker thread compares
//! with the clock. It is reset in three cases and no others: when this server grants a vote,
//! when it hears from the leader of its term, and when it starts an election. A timer reset by
//! any message at all would let a server that cannot win keep others from trying.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Raft;
use super::rpc::{RequestVoteArgs, RequestVoteReply, ServerId};
use super::state::{Leader, Receipt, Role, State};
use crate::labsync::{Instant, rng, thread};

/// A timeout is drawn from this range, in ms. The paper's 150 to 300 ms are for heartbeats far
/// more frequent than the lab allows; two heartbeats fit into the shortest of ours, so that one
/// lost message does not unseat a leader, and two elections into the lab's second.
pub(super) const ELECTION_TIMEOUT_MS: Range<u64> = 300..600;

/// How long the ticker sleeps at most, and so how long it may outlive `kill()`.
const TICK: Duration = Duration::from_millis(50);

impl Raft {
    /// The ticker's thread: starts an election whenever the timer has run out.
    pub(super) fn ticker_loop(self: Arc<Raft>) {
        while !self.killed() {
            if let Some((receipt, args)) = self.start_election_if_due() {
                self.send_request_votes(receipt, &args);
            }
            thread::sleep(self.next_look());
        }
    }

    /// Followers, candidates: when the election timeout has passed, start an election (§5.2).
    pub(super) fn start_election_if_due(&self) -> Option<(Receipt, RequestVoteArgs)> {
        let mut state = self.monitor.lock();
        if state.is_leader() || Instant::now() < state.election_deadline {
            return None;
        }
        let election = state.become_candidate();
        state.persist();
        Some(election)
    }

    /// Until the timer may have run out. It may have been reset by then, hence the loop above.
    pub(super) fn next_look(&self) -> Duration {
        let state = self.monitor.lock();
        if state.is_leader() { TICK } else { TICK.min(state.election_deadline - Instant::now()) }
    }

    /// Candidates: ask all other servers (§5.2), each in a thread of its own, so that a server
    /// that does not answer holds up none of the others.
    fn send_request_votes(self: &Arc<Raft>, receipt: Receipt, args: &RequestVoteArgs) {
        for peer in (0..self.peers.len()).filter(|&peer| peer != self.me) {
            let (raft, args) = (self.clone(), args.clone());
            let name = format!("raft-{} RequestVote to {peer}", self.me);
            thread::spawn(name, move || raft.ask_for_vote(peer, receipt, &args));
        }
    }

    pub(super) fn ask_for_vote(&self, peer: ServerId, receipt: Receipt, args: &RequestVoteArgs) {
        let reply = self.peers[peer].call::<_, RequestVoteReply>("Raft.RequestVote", args);
        let Some(reply) = reply else { return };
        let Some(mut state) = self.monitor.relock(receipt, reply.term) else { return };
        if reply.vote_granted {
            state.vote_received(peer);
        }
    }

    /// The receiver of RequestVote.
    pub(super) fn request_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        let mut state = self.monitor.lock();
        let reply = state.handle_request_vote(args);
        state.persist();
        reply
    }
}

impl State {
    /// Figure 2, RequestVote RPC, receiver implementation.
    pub(super) fn handle_request_vote(&mut self, args: &RequestVoteArgs) -> RequestVoteReply {
        self.observe_term(args.term);
        let vote_granted = self.grants_vote(args);
        if vote_granted {
            self.voted_for = Some(args.candidate_id);
            // Granting only: a candidate that is turned down must not delay our own attempt.
            self.reset_election_timer();
        }
        RequestVoteReply { term: self.current_term, vote_granted }
    }

    fn grants_vote(&self, args: &RequestVoteArgs) -> bool {
        // 1. No vote in a term that is over (§5.1).
        if args.term < self.current_term {
            return false;
        }
        // 2. One vote a term, which may be asked for again (§5.2), and only for a log that is at
        //    least as up-to-date as ours (§5.4).
        let free = self.voted_for.is_none_or(|candidate| candidate == args.candidate_id);
        free && self.is_up_to_date(args)
    }

    /// Whether the candidate's log is at least as up-to-date as ours (§5.4.1): the later last
    /// term wins; with equal last terms, the longer log.
    fn is_up_to_date(&self, args: &RequestVoteArgs) -> bool {
        let theirs = (args.last_log_term, args.last_log_index);
        theirs >= (self.log.last_term(), self.log.last_index())
    }

    /// Candidates: on conversion to candidate, start an election (§5.2). The receipt and the
    /// arguments are made here, in the critical section that decides to start it.
    pub(super) fn become_candidate(&mut self) -> (Receipt, RequestVoteArgs) {
        assert!(!self.is_leader(), "the leader of term {} campaigns", self.current_term);
        // Increment the term, vote for self, reset the timer.
        self.current_term += 1;
        self.voted_for = Some(self.me);
        self.role = Role::Candidate { votes: BTreeSet::new() };
        self.reset_election_timer();
        log::info!("n{}@{} campaigns", self.me, self.current_term);
        let args = RequestVoteArgs {
            term: self.current_term,
            candidate_id: self.me,
            last_log_index: self.log.last_index(),
            last_log_term: self.log.last_term(),
        };
        let receipt = Receipt::Candidate(self.current_term);
        self.vote_received(self.me);
        (receipt, args)
    }

    /// Candidates: the votes of a majority make a leader (§5.2).
    pub(super) fn vote_received(&mut self, from: ServerId) {
        let Role::Candidate { votes } = &mut self.role else {
            panic!("n{} counts a vote without being a candidate", self.me);
        };
        votes.insert(from);
        let count = votes.len();
        if self.is_majority(count) {
            self.become_leader();
        }
    }

    /// Leaders: once elected, tell all servers, which the replicator does at once (§5.2). No entry
    /// is added: the lab counts indices, and the service need not know of elections.
    fn become_leader(&mut self) {
        log::info!("n{}@{} is elected", self.me, self.current_term);
        self.role = Role::Leader(Leader::new(self.servers, self.log.last_index()));
        self.signals.replicate.notify_one();
    }

    /// Starts the timer anew with a fresh random timeout: were it the same each time, candidates
    /// that split the vote once would split it again (§5.2).
    pub(super) fn reset_election_timer(&mut self) {
        let timeout = Duration::from_millis(rng::random_range(ELECTION_TIMEOUT_MS));
        self.election_deadline = Instant::now() + timeout;
    }
}
