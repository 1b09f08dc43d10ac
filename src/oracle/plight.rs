//! Why nothing goes on: each server's state for a test that has waited in vain, and which test of
//! Figure 2 explains it, where that is evident.

use std::time::Duration;

use super::book::{Book, Heard};
use super::message::{Message, Reply, Rpc};
use super::shadow::Role;
use crate::raft::rpc::RequestVoteArgs;
use crate::raft::{Index, ServerId, Term};

/// So often the same thing in a row is no accident.
const OFTEN: u32 = 3;
/// So many split votes in a row are none either.
const MANY: usize = 10;
/// Nobody waits so long for an election.
const LONG: Duration = Duration::from_secs(3);

/// What is evident from how things are, the rule that asks for something else, and its test.
pub(super) type Symptom = (String, &'static str, &'static str);

const ADOPTED: &str = "a newer term in any request or reply is adopted (Figure 2, all servers)";
const YIELDS: &str =
    "a candidate that hears from the leader of its term is a follower (Figure 2, candidates)";
const WON: &str =
    "with votes from a majority it is leader, and sends heartbeats (Figure 2, candidates)";
const TIMEOUT: &str = "when the election timeout passes, a server campaigns (Figure 2, followers)";
const NEW_VOTE: &str = "votedFor belongs to the term: a new term, a new vote (Figure 2, state)";
const SPLIT: &str = "timeouts are drawn anew at random, so that split votes are rare (§5.2)";
const MATCHES: &str =
    "an entry that is there, of that term, is a match (Figure 2, AppendEntries, receiver 2)";
const COVERED: &str =
    "all that a snapshot covers matches, or the refusal's hint leads behind it (§7)";
const BACKUP: &str = "refused, a leader decrements nextIndex and tries again (Figure 2, leaders)";
const MAJORITY: &str = "an entry that a majority has is committed (Figure 2, leaders)";
const TOLD: &str = "commitIndex goes up to the leader's, and that is applied in order (Figure 2, \
     AppendEntries, receiver 5, and all servers)";

impl Book {
    /// An answer has arrived: what repeats itself is counted.
    pub fn note_talk(&mut self, rpc: &Rpc, reply: &Reply) {
        let no_better = match &rpc.message {
            Message::Vote(args) => self.log_is_no_better(rpc.to, args),
            _ => false,
        };
        let talk = &mut self.talks[rpc.from][rpc.to];
        match (&rpc.message, reply) {
            (Message::Vote(args), Reply::Vote(reply)) => {
                let refused = !reply.vote_granted && reply.term == args.term && no_better;
                talk.no_vote = if refused { talk.no_vote + 1 } else { 0 };
            }
            (Message::Append(args), Reply::Append(reply)) if reply.success => {
                talk.refused = 0;
                let last = args.prev_log_index + args.entries.len() as Index;
                talk.told_commit = talk.told_commit.max(args.leader_commit.min(last));
            }
            (Message::Append(args), Reply::Append(reply)) if reply.term == args.term => {
                let at = Some((args.term, (args.prev_log_index, args.prev_log_term)));
                talk.refused = if talk.refused_at == at { talk.refused + 1 } else { 1 };
                talk.refused_at = at;
            }
            _ => {}
        }
    }

    /// A server in a line: what it shows or has been seen to say, and what it heard last.
    pub fn plight_of(&self, server: ServerId, now: Duration) -> String {
        let state = match self.shadows[server].seen {
            true => self.shadows[server].to_string(),
            false => self.wire.describe(server),
        };
        let heard = match &self.last_heard[server] {
            Some(Heard { at, rpc, reply }) => {
                let ago = now.saturating_sub(*at).as_secs_f64();
                match reply {
                    Some(reply) => format!(
                        "heard {ago:.2} s ago: reply of server {} to {}: {reply}",
                        rpc.to, rpc.message
                    ),
                    None => {
                        format!("heard {ago:.2} s ago: server {} sends {}", rpc.from, rpc.message)
                    }
                }
            }
            None => "has heard nothing".to_string(),
        };
        format!("{state}; {heard}")
    }

    /// The first symptom that shows, among the servers that are up and connected.
    pub fn symptom(&self, connected: &[ServerId], now: Duration) -> Option<Symptom> {
        self.symptom_of_terms(connected)
            .or_else(|| self.symptom_of_elections(connected, now))
            .or_else(|| self.symptom_of_logs(connected))
            .or_else(|| self.symptom_of_commits(connected))
    }

    fn symptom_of_terms(&self, connected: &[ServerId]) -> Option<Symptom> {
        connected.iter().find_map(|&server| {
            let (shadow, heard) = (&self.shadows[server], self.last_heard[server].as_ref()?);
            if !shadow.seen {
                return None;
            }
            let message = &heard.rpc.message;
            let term = heard.reply.as_ref().map_or(message.term(), |reply| reply.term());
            let yields = !matches!(message, Message::Vote(_)) && heard.reply.is_none();
            if term > shadow.current_term {
                let what = format!("server {server} has heard of term {term} and stays behind it");
                let test = match (message, heard.reply.is_some()) {
                    (Message::Vote(_), false) => "newer_term_in_vote_request_is_adopted_2a",
                    (Message::Vote(_), true) => "newer_term_in_vote_reply_is_adopted_2a",
                    (_, false) => "newer_term_in_append_is_adopted_2a",
                    (_, true) => "newer_term_in_append_reply_is_adopted_2a",
                };
                return Some((what, ADOPTED, test));
            }
            let campaigns_on = shadow.role == Role::Candidate && term == shadow.current_term;
            (yields && campaigns_on).then(|| {
                let what = format!("server {server} hears from its term's leader and campaigns on");
                (what, YIELDS, "candidate_yields_to_the_leader_of_its_term_2a")
            })
        })
    }

    fn symptom_of_elections(&self, connected: &[ServerId], now: Duration) -> Option<Symptom> {
        if let Some((term, server)) = self.wire.won_and_silent(connected) {
            let what = format!(
                "server {server} has got a majority of the votes in term {term}, and has sent no \
                 heartbeat as its leader"
            );
            return Some((what, WON, "majority_of_votes_makes_a_leader_2a"));
        }
        if now > self.last_campaign + LONG && self.leaders_among(connected).is_empty() {
            let what = format!("nobody has asked for votes for {} s", LONG.as_secs());
            return Some((what, TIMEOUT, "timeout_starts_an_election_2a"));
        }
        // Not counted are an old term and a better log: what is left is a vote for another.
        for &voter in connected {
            let keeps_refusing = |&&candidate: &&ServerId| {
                self.talks[candidate][voter].no_vote >= OFTEN
                    && !self.wire.votes_in_its_last_term(voter)
            };
            if let Some(candidate) = connected.iter().find(keeps_refusing) {
                let what = format!(
                    "server {voter} has refused server {candidate} its vote again and again, in \
                     terms in which it was seen to vote for nobody"
                );
                return Some((what, NEW_VOTE, "votes_anew_in_each_term_2a"));
            }
        }
        if self.leaders_among(connected).is_empty() && self.wire.split_votes() >= MANY {
            let what = format!(
                "in each of the last {MANY} terms several servers have asked for votes, and \
                 nobody has won"
            );
            return Some((what, SPLIT, "timeouts_are_random_2a"));
        }
        None
    }

    /// Whether it is known that a voter's log is not better than the candidate's that asks it.
    fn log_is_no_better(&self, voter: ServerId, args: &RequestVoteArgs) -> bool {
        let voter = &self.shadows[voter];
        match voter.seen {
            true => {
                (voter.last_term(), voter.last_index()) <= (args.last_log_term, args.last_log_index)
            }
            false => !self.wire.has_entries(),
        }
    }

    fn leaders_among(&self, connected: &[ServerId]) -> Vec<(Term, ServerId)> {
        self.wire
            .last_reign()
            .filter(|(_, leader)| connected.contains(leader))
            .into_iter()
            .collect()
    }

    fn symptom_of_logs(&self, connected: &[ServerId]) -> Option<Symptom> {
        let (term, leader) = self.leaders_among(connected).pop()?;
        connected.iter().find_map(|&peer| {
            let talk = &self.talks[leader][peer];
            let (refused_in, (index, at)) = talk.refused_at?;
            (talk.refused >= OFTEN && refused_in == term).then(|| {
                let refused = format!(
                    "server {peer} has refused the entries behind {index}@{at} {} times",
                    talk.refused
                );
                let shadow = &self.shadows[peer];
                if !shadow.seen || !shadow.holds(index, at) {
                    let what = format!("{refused}, and server {leader} has not tried further back");
                    return (what, BACKUP, "refused_leader_tries_further_back_2b");
                }
                if index < shadow.snapshot_index {
                    let what = format!(
                        "{refused}, although its snapshot covers them up to {}",
                        shadow.snapshot_index
                    );
                    return (what, COVERED, "append_may_reach_into_the_snapshot_2d");
                }
                let what = format!("{refused}, although it has entry {index}@{at}");
                (what, MATCHES, "append_needs_the_previous_entry_2b")
            })
        })
    }

    fn symptom_of_commits(&self, connected: &[ServerId]) -> Option<Symptom> {
        let (term, leader) = self.leaders_among(connected).pop()?;
        let committed = self.wire.committed_by(term);
        if self.wire.told_commit(term) < committed {
            let what = format!(
                "a majority has told server {leader} that it has entry {committed}, and server \
                 {leader} has not told of its commit"
            );
            return Some((what, MAJORITY, "majority_commits_2b"));
        }
        connected.iter().find_map(|&peer| {
            let (told, applied) =
                (self.talks[leader][peer].told_commit, self.wire.applied_by(peer));
            (peer != leader && told > applied && told > 0).then(|| {
                let what = format!(
                    "server {peer} has heard that entry {told} is committed, and has applied \
                     {applied} entries"
                );
                (what, TOLD, "commit_index_follows_the_leaders_2b")
            })
        })
    }
}
