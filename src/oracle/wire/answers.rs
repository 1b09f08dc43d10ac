//! Answers: they leave when what they say is on disk, and they say what does not contradict what
//! was said before.

use super::super::finding::{
    ANSWER, Check, ELECTION_SAFETY, PERSISTENT, TERMS_RISE, UP_TO_DATE, broken,
};
use super::super::message::{Message, Reply, Rpc};
use super::record::{Arrival, Held, Wire};
use crate::raft::rpc::{AppendEntriesArgs, RequestVoteArgs};
use crate::raft::{Index, ServerId, Term};

impl Wire {
    /// A living server answers a request that had reached it so.
    pub fn answered(&mut self, rpc: &Rpc, reply: &Reply, arrival: &Arrival) -> Check {
        let to = rpc.to;
        self.check_term(rpc, reply, arrival)?;
        let past = arrival.campaign.filter(|&term| reply.term() >= term);
        if let Some(campaign) = past.and_then(|term| self.campaigns.get_mut(&(term, to))) {
            campaign.is_past = true;
        }
        match (&rpc.message, reply) {
            (Message::Vote(args), Reply::Vote(granted)) if granted.vote_granted => {
                self.check_asked_term(rpc, reply)?;
                self.granted(rpc, args)
            }
            (Message::Append(args), Reply::Append(answer)) if answer.success => {
                self.check_asked_term(rpc, reply)?;
                self.accepted(rpc, args)
            }
            (Message::Append(args), Reply::Append(answer)) if answer.term == args.term => {
                self.check_refusal(rpc, args, arrival)
            }
            _ => Ok(()),
        }
    }

    fn check_term(&mut self, rpc: &Rpc, reply: &Reply, arrival: &Arrival) -> Check {
        let (to, term) = (rpc.to, reply.term());
        if term < arrival.term {
            let how = format!(
                "server {to} answers {} of server {} with {reply}, but was in term {} before that \
                 request arrived",
                rpc.message, rpc.from, arrival.term
            );
            return broken(TERMS_RISE, &[to], how);
        }
        let saves = self.saves();
        let peer = &mut self.peers[to];
        let (told, writes) = peer.told;
        if term > told && peer.writes == writes && saves {
            let how = format!(
                "server {to} answers {} of server {} with {reply}: it was in term {told} before, \
                 and has saved nothing since: a crash now would undo what others have heard",
                rpc.message, rpc.from
            );
            return broken(PERSISTENT, &[to], how);
        }
        if term >= told {
            let since = if term == told { writes.max(arrival.writes) } else { arrival.writes };
            peer.told = (term, since);
        }
        Ok(())
    }

    /// Nothing that an older term asks for is granted.
    fn check_asked_term(&self, rpc: &Rpc, reply: &Reply) -> Check {
        if reply.term() > rpc.message.term() {
            let how = format!(
                "server {} answers {} of server {} with {reply}: what an older term asks for is \
                 refused",
                rpc.to, rpc.message, rpc.from
            );
            return broken(ANSWER, &[rpc.to], how);
        }
        Ok(())
    }

    fn granted(&mut self, rpc: &Rpc, args: &RequestVoteArgs) -> Check {
        let (voter, candidate, term) = (rpc.to, rpc.from, args.term);
        let first = *self.votes.entry((term, voter)).or_insert(candidate);
        if first != candidate {
            let how = format!(
                "server {voter} grants server {candidate} its vote of term {term}, which it has \
                 granted to server {first}: a server votes once in a term (Figure 2, RequestVote, \
                 receiver 2)"
            );
            return broken(ELECTION_SAFETY, &[voter], how);
        }
        if candidate == voter {
            return Ok(());
        }
        if self.has_voted_for_itself(voter, term) {
            let how = format!(
                "server {voter} grants server {candidate} its vote of term {term}, in which it \
                 has asked for votes, and so has voted for itself (Figure 2, candidates)"
            );
            return broken(ELECTION_SAFETY, &[voter], how);
        }
        let saved_before = self.asked.get(&(term, voter, candidate));
        if self.saves() && saved_before == Some(&self.peers[voter].writes) {
            let how = format!(
                "server {voter} grants server {candidate} its vote of term {term}, but has saved \
                 nothing since it was asked: after a crash it could vote again"
            );
            return broken(PERSISTENT, &[voter], how);
        }
        let last = (args.last_log_term, args.last_log_index);
        let held = self.peers[voter].held.filter(|held| held.term < term);
        if let Some(held) = held.filter(|held| last < (held.last_term, held.last_index)) {
            let how = format!(
                "server {voter} votes for server {candidate} in term {term}, whose last entry is \
                 {}@{}, but has entries up to {}@{} itself",
                args.last_log_index, args.last_log_term, held.last_index, held.last_term
            );
            return broken(UP_TO_DATE, &[voter, candidate], how);
        }
        Ok(())
    }

    /// Whether a server's own campaign has bound its vote for sure.
    fn has_voted_for_itself(&self, server: ServerId, term: Term) -> bool {
        let is_leader = self.reigns.get(&term).is_some_and(|reign| reign.leader == server);
        let campaign = self.campaigns.get(&(term, server));
        is_leader || campaign.is_some_and(|it| it.is_past || it.instance == self.instance(server))
    }

    fn accepted(&mut self, rpc: &Rpc, args: &AppendEntriesArgs) -> Check {
        let last_index = args.prev_log_index + args.entries.len() as Index;
        let last_term = args.entries.last().map_or(args.prev_log_term, |entry| entry.term);
        if !args.entries.is_empty() {
            self.check_saved(rpc, last_index, last_term)?;
        }
        let held = Held { term: args.term, last_term, last_index, as_candidate: false };
        self.holds(rpc.to, held);
        Ok(())
    }

    /// Whoever accepts a new entry has saved since the entry was sent; but for what its snapshot
    /// may cover, which it has.
    fn check_saved(&self, rpc: &Rpc, index: Index, term: Term) -> Check {
        let to = rpc.to;
        let its_own = self.reigns.get(&term).is_some_and(|reign| reign.leader == to);
        let mut known = self.entries.get(index as usize - 1).into_iter().flatten();
        let first = known.find(|sent| sent.term == term).and_then(|sent| sent.first_to[to]);
        let unsaved = self.saves() && first == Some(self.peers[to].writes);
        if !its_own && index > self.peers[to].covered && unsaved {
            let how = format!(
                "server {to} accepts entry {index}@{term} from server {}, but has saved nothing \
                 since it was sent this entry first: after a crash it would be gone",
                rpc.from
            );
            return broken(PERSISTENT, &[to], how);
        }
        Ok(())
    }

    /// What a follower has accepted from a leader it has as long as nobody else leads; but for
    /// what its snapshot may cover.
    fn check_refusal(&self, rpc: &Rpc, args: &AppendEntriesArgs, arrival: &Arrival) -> Check {
        let (to, prev) = (rpc.to, args.prev_log_index);
        let held = arrival.held.filter(|held| held.term == args.term && !held.as_candidate);
        let has_it = held.filter(|held| prev <= held.last_index && prev > self.peers[to].covered);
        if let (Some(held), true) = (has_it, self.peers[to].held == arrival.held) {
            let how = format!(
                "server {to} refuses {} of server {}, but in this term it has accepted entries up \
                 to {}@{}",
                rpc.message, rpc.from, held.last_index, held.last_term
            );
            return broken(ANSWER, &[to, rpc.from], how);
        }
        Ok(())
    }
}
