//! Who can know what is committed: a leader to whom a majority has said that it has an entry of
//! the leader's own term, and whoever heard of it.

use super::super::finding::{COMMIT_RULE, Check, SAME_COMMITS, broken};
use super::super::message::{Message, Reply, Rpc};
use super::record::Wire;
use crate::labgob::Bytes;
use crate::raft::{Index, ServerId, Term};

impl Wire {
    /// An answer has arrived at the living instance that asked.
    pub fn received(&mut self, rpc: &Rpc, reply: &Reply) -> Check {
        let (from, to, term) = (rpc.from, rpc.to, rpc.message.term());
        if reply.term() > term {
            return Ok(());
        }
        let accepted = match (&rpc.message, reply) {
            (Message::Vote(_), Reply::Vote(reply)) if reply.vote_granted => {
                let campaign = self.campaigns.get_mut(&(term, from));
                if let Some(campaign) = campaign.filter(|it| it.instance == rpc.instance) {
                    campaign.votes.insert(to);
                }
                return Ok(());
            }
            (Message::Append(args), Reply::Append(reply)) if reply.success => {
                args.prev_log_index + args.entries.len() as Index
            }
            (Message::Install(args), Reply::Install(_)) => args.last_included_index,
            _ => return Ok(()),
        };
        let Some(reign) = self.reigns.get_mut(&term).filter(|reign| reign.leader == from) else {
            return Ok(());
        };
        if to != from && reign.accepted[to] < accepted {
            reign.accepted[to] = accepted;
            return self.note_majority(term);
        }
        Ok(())
    }

    /// Up to where the leader of `term` can count a majority by now.
    fn note_majority(&mut self, term: Term) -> Check {
        let reign = &self.reigns[&term];
        let mut accepted = reign.accepted.clone();
        accepted[reign.leader] = Index::MAX;
        accepted.sort_unstable_by(|a, b| b.cmp(a));
        let index = accepted[self.peers.len() / 2];
        let entry = reign.log.get((index as usize).wrapping_sub(1));
        if entry != Some(&term) || self.committed_in.get(&term) >= Some(&index) {
            return Ok(());
        }
        self.committed_in.insert(term, index);
        if self.committed.len() < index as usize {
            self.committed.resize(index as usize, None);
        }
        // An entry's term and the one before determine each other.
        let (mut at, mut at_term) = (index, term);
        while at > 0 && self.committed[at as usize - 1].is_none() {
            self.committed[at as usize - 1] = Some(at_term);
            let known = self.entries.get(at as usize - 1).into_iter().flatten();
            let mut known = known.filter(|sent| sent.term == at_term);
            let Some(prev_term) = known.next().and_then(|sent| sent.prev_term) else { break };
            (at, at_term) = (at - 1, prev_term);
        }
        let later: Vec<Term> = self.reigns.range(term + 1..).map(|(&later, _)| later).collect();
        later.into_iter().try_for_each(|later| self.check_elected(later, index))
    }

    /// Whether some leader can know that everything up to `index` is committed.
    pub(super) fn can_be_committed(&self, index: Index) -> bool {
        // A lone server asks nobody.
        self.peers.len() == 1 || index <= self.committed.len() as Index
    }

    pub(super) fn why_not_committed(&self, index: Index) -> String {
        format!(
            "nobody can know that entry {index} is committed: leaders have heard of a majority \
             that holds an entry of their own term up to index {} only",
            self.committed.len()
        )
    }

    /// A service has been given the command at `index`.
    pub fn applied(&mut self, server: ServerId, index: Index, command: &Bytes) -> Check {
        self.peers[server].applied = index;
        self.peers[server].covered = self.peers[server].covered.max(index);
        self.check_applied(server, index)?;
        let Some(&Some(term)) = self.committed.get((index as usize).wrapping_sub(1)) else {
            return Ok(());
        };
        let mut known = self.entries.get(index as usize - 1).into_iter().flatten();
        let known = known.find(|sent| sent.term == term);
        if let Some(sent) = known.filter(|sent| sent.command != *command) {
            let how = format!(
                "server {server} applies {command:?} at index {index}, but {:?} of term {term} is \
                 committed there",
                sent.command
            );
            return broken(SAME_COMMITS, &[server], how);
        }
        Ok(())
    }

    /// The term of an entry that is known to be committed.
    pub fn term_of_committed(&self, index: Index) -> Option<Term> {
        *self.committed.get((index as usize).checked_sub(1)?)?
    }

    /// A service has been given a snapshot.
    pub fn installed(&mut self, server: ServerId, index: Index) -> Check {
        self.peers[server].applied = index;
        self.check_applied(server, index)
    }

    fn check_applied(&self, server: ServerId, index: Index) -> Check {
        if !self.can_be_committed(index) {
            let how = format!(
                "server {server} applies entry {index}, but {}",
                self.why_not_committed(index)
            );
            let servers: Vec<ServerId> = (0..self.peers.len()).collect();
            return broken(COMMIT_RULE, &servers, how);
        }
        Ok(())
    }
}
