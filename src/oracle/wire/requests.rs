//! Requests: who may send them, and what they may say.

use super::super::finding::{
    APPEND_ONLY, COMPLETENESS, Check, ELECTION_SAFETY, LOG_MATCHING, PERSISTENT, SAME_COMMITS,
    TERMS_RISE, broken, is_majority,
};
use super::super::message::{Message, Rpc};
use super::record::{Campaign, Held, Reign, Sent, Wire};
use crate::labgob::Bytes;
use crate::raft::rpc::{AppendEntriesArgs, Entry, RequestVoteArgs};
use crate::raft::{Index, ServerId, Term};

impl Wire {
    /// A living server sends a request. If it `shows` its log, the entries are compared with that.
    pub fn sent(&mut self, rpc: &Rpc, shows: bool) -> Check {
        let (from, term) = (rpc.from, rpc.message.term());
        let peer = &mut self.peers[from];
        if term < peer.floor {
            let how = format!(
                "server {from} sends {}, but was in term {} before it restarted",
                rpc.message, peer.floor
            );
            return broken(TERMS_RISE, &[from], how);
        }
        peer.sent = peer.sent.max(term);
        match &rpc.message {
            Message::Vote(args) => self.sent_vote(rpc, args),
            Message::Append(args) => {
                self.check_leads(rpc)?;
                self.sent_append(rpc, args, shows)
            }
            Message::Install(args) => {
                self.check_leads(rpc)?;
                let (index, at) = (args.last_included_index, args.last_included_term);
                self.check_position(rpc, index, at)?;
                self.check_told_commit(rpc, index)
            }
        }
    }

    fn sent_vote(&mut self, rpc: &Rpc, args: &RequestVoteArgs) -> Check {
        let (from, term) = (rpc.from, args.term);
        if let Some(&other) = self.votes.get(&(term, from)).filter(|&&other| other != from) {
            let how = format!(
                "server {from} asks for votes in term {term}, in which it has voted for server \
                 {other}: a candidate raises the term and votes for itself in one critical section \
                 (rule 5 of the locking advice)"
            );
            return broken(ELECTION_SAFETY, &[from], how);
        }
        let held = self.peers[from].held.filter(|held| held.term < term);
        let last = (args.last_log_term, args.last_log_index);
        if let Some(held) = held.filter(|held| last < (held.last_term, held.last_index)) {
            let how = format!(
                "server {from} sends {}, but in term {} it had entries up to {}@{}, and no leader \
                 has taken them away since",
                rpc.message, held.term, held.last_index, held.last_term
            );
            return broken(PERSISTENT, &[from], how);
        }
        self.peers[from].campaign = self.peers[from].campaign.max(Some(term));
        let campaign = Campaign {
            instance: rpc.instance,
            last_index: args.last_log_index,
            last_term: args.last_log_term,
            votes: [from].into(),
            is_past: false,
        };
        let known = self.campaigns.entry((term, from)).or_insert(campaign);
        if known.instance != rpc.instance {
            known.instance = rpc.instance;
            known.votes = [from].into();
        }
        let (last_index, last_term) = (args.last_log_index, args.last_log_term);
        self.holds(from, Held { term, last_term, last_index, as_candidate: true });
        Ok(())
    }

    /// Whoever sends entries or a snapshot was elected.
    fn check_leads(&mut self, rpc: &Rpc) -> Check {
        let (from, term) = (rpc.from, rpc.message.term());
        let campaign = self.campaigns.get(&(term, from));
        let campaign = campaign.filter(|campaign| campaign.instance == rpc.instance);
        let votes: Vec<ServerId> =
            campaign.iter().flat_map(|campaign| campaign.votes.iter().copied()).collect();
        if !is_majority(votes.len(), self.peers.len()) {
            let how = format!(
                "server {from} sends {}, but has the votes of {votes:?} only in term {term}: it \
                 takes votes from a majority of all {} (Figure 2, candidates)",
                rpc.message,
                self.peers.len()
            );
            return broken(ELECTION_SAFETY, &[from], how);
        }
        if !self.reigns.contains_key(&term) {
            let accepted = vec![0; self.peers.len()];
            self.reigns
                .insert(term, Reign { leader: from, log: Vec::new(), accepted, told_commit: 0 });
            let earlier = self.committed_in.range(..term).map(|(_, &index)| index).max();
            self.check_elected(term, earlier.unwrap_or(0))?;
        }
        Ok(())
    }

    /// The leader of `term` had what was committed in earlier terms when it asked for votes.
    pub(super) fn check_elected(&self, term: Term, index: Index) -> Check {
        let leader = self.reigns[&term].leader;
        let Some(campaign) = self.campaigns.get(&(term, leader)) else { return Ok(()) };
        let committed = self.committed.get((index as usize).wrapping_sub(1));
        let Some(&Some(at)) = committed else { return Ok(()) };
        if campaign.last_index < index || campaign.last_term < at {
            let how = format!(
                "entry {index}@{at} is committed, but server {leader}, leader of term {term}, \
                 had entries up to {}@{} only when it was elected",
                campaign.last_index, campaign.last_term
            );
            return broken(COMPLETENESS, &[leader], how);
        }
        Ok(())
    }

    fn sent_append(&mut self, rpc: &Rpc, args: &AppendEntriesArgs, shows: bool) -> Check {
        self.check_position(rpc, args.prev_log_index, args.prev_log_term)?;
        let mut prev_term = args.prev_log_term;
        for (index, entry) in (args.prev_log_index + 1..).zip(&args.entries) {
            if entry.term < prev_term || entry.term > args.term {
                let how = format!(
                    "server {} sends {}, with entry {index}@{} behind one of term {prev_term}",
                    rpc.from, rpc.message, entry.term
                );
                return broken(LOG_MATCHING, &[rpc.from], how);
            }
            self.check_position(rpc, index, entry.term)?;
            if !shows {
                self.check_entry(rpc, index, entry, prev_term)?;
            }
            prev_term = entry.term;
        }
        self.check_told_commit(rpc, args.leader_commit)
    }

    /// A leader tells of an entry in its log: always the same one, and a committed one if one is
    /// committed there.
    fn check_position(&mut self, rpc: &Rpc, index: Index, term: Term) -> Check {
        let (leader, reign_term) = (rpc.from, rpc.message.term());
        if (index == 0) != (term == 0) {
            let how = format!(
                "server {leader} sends {}: no entry is {index}@{term}. Is that entry gone? Then \
                 the follower gets the snapshot (§7)",
                rpc.message
            );
            return broken(LOG_MATCHING, &[leader], how);
        }
        let Some(at) = (index as usize).checked_sub(1) else { return Ok(()) };
        let Some(reign) = self.reigns.get_mut(&reign_term) else { return Ok(()) };
        if reign.log.len() <= at {
            reign.log.resize(at + 1, 0);
        }
        let before = std::mem::replace(&mut reign.log[at], term);
        if before != 0 && before != term {
            let how = format!(
                "server {leader} sends {}, but in the same term it has sent {index}@{before}",
                rpc.message
            );
            return broken(APPEND_ONLY, &[leader], how);
        }
        if before == 0 {
            self.check_is_committed(rpc, index, term)?;
        }
        Ok(())
    }

    fn check_is_committed(&self, rpc: &Rpc, index: Index, term: Term) -> Check {
        let Some(&Some(committed)) = self.committed.get(index as usize - 1) else { return Ok(()) };
        let mut earlier = self.committed_in.range(..rpc.message.term());
        if committed != term && earlier.any(|(_, &up_to)| up_to >= index) {
            let how = format!(
                "server {} sends {}, but entry {index}@{committed} is committed",
                rpc.from, rpc.message
            );
            return broken(COMPLETENESS, &[rpc.from], how);
        }
        Ok(())
    }

    fn check_entry(&mut self, rpc: &Rpc, index: Index, entry: &Entry, prev_term: Term) -> Check {
        let (servers, writes) = (self.peers.len(), self.peers[rpc.to].writes);
        let sent = self.entry_or_insert(index, entry.term, &entry.command, servers);
        sent.first_to[rpc.to].get_or_insert(writes);
        let before = *sent.prev_term.get_or_insert(prev_term);
        if sent.command != entry.command || before != prev_term {
            let how = format!(
                "server {} sends entry {index}@{}: {:?} behind term {prev_term}, but it was {:?} \
                 behind term {before} before",
                rpc.from, entry.term, entry.command, sent.command
            );
            return broken(LOG_MATCHING, &[rpc.from], how);
        }
        Ok(())
    }

    fn entry_or_insert(
        &mut self,
        index: Index,
        term: Term,
        command: &Bytes,
        servers: usize,
    ) -> &mut Sent {
        let at = index as usize - 1;
        if self.entries.len() <= at {
            self.entries.resize_with(at + 1, Vec::new);
        }
        let known = &mut self.entries[at];
        let position = known.iter().position(|sent| sent.term == term).unwrap_or_else(|| {
            let first_to = vec![None; servers];
            known.push(Sent { term, command: command.clone(), prev_term: None, first_to });
            known.len() - 1
        });
        &mut known[position]
    }

    /// A leader's `start()` has taken a command.
    pub fn took(&mut self, server: ServerId, index: Index, term: Term, command: &Bytes) -> Check {
        if index == 0 {
            let how = format!("start() on server {server} answers index 0: the first is 1");
            return broken(LOG_MATCHING, &[server], how);
        }
        let servers = self.peers.len();
        let sent = self.entry_or_insert(index, term, command, servers);
        if sent.command != *command {
            let how = format!(
                "start() on server {server} has put {command:?} at {index}@{term}, where it sends \
                 {:?}",
                sent.command
            );
            return broken(LOG_MATCHING, &[server], how);
        }
        Ok(())
    }

    fn check_told_commit(&mut self, rpc: &Rpc, index: Index) -> Check {
        if let Some(reign) = self.reigns.get_mut(&rpc.message.term()) {
            reign.told_commit = reign.told_commit.max(index);
        }
        if !self.can_be_committed(index) {
            let how = format!(
                "server {} sends {}, but {}",
                rpc.from,
                rpc.message,
                self.why_not_committed(index)
            );
            let servers: Vec<ServerId> = (0..self.peers.len()).collect();
            return broken(SAME_COMMITS, &servers, how);
        }
        Ok(())
    }
}
