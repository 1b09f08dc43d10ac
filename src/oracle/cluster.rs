//! What the servers may not show together: two leaders, lost entries, commits without a majority.

use super::book::Book;
use super::finding::{
    COMMIT_RULE, COMPLETENESS, Check, ELECTION_SAFETY, MATCH_INDEX, SAME_COMMITS, broken,
    is_majority,
};
use super::shadow::Shadow;
use crate::raft::{Index, ServerId, Term};

impl Book {
    /// A server has become leader: alone in its term, by a majority, with all that is committed.
    pub fn check_new_leader(&mut self, server: ServerId, match_index: &[Index]) -> Check {
        let term = self.shadows[server].current_term;
        let first = *self.leaders.entry(term).or_insert(server);
        if first != server {
            let how = format!("term {term} has two leaders, server {first} and server {server}");
            return broken(ELECTION_SAFETY, &[first, server], how);
        }
        let votes = |&voter: &ServerId| {
            self.votes.get(&(term, voter)) == Some(&server)
                || self.has_told_early(voter, |said| said.grants(term, server))
        };
        let voters: Vec<ServerId> = (0..self.shadows.len()).filter(votes).collect();
        if !is_majority(voters.len(), self.shadows.len()) {
            let how = format!(
                "server {server} leads term {term} with the votes of {voters:?} only, but it takes \
                 votes from a majority of all {} (Figure 2, candidates)",
                self.shadows.len()
            );
            return broken(ELECTION_SAFETY, &[server], how);
        }
        // What the leader of an earlier term has committed: its last entry stands for all.
        let earlier = self.committed_in.range(..term).map(|(_, &index)| index).max();
        if let Some(index) = earlier {
            self.check_holds_committed(server, index)?;
        }
        let stale = match_index
            .iter()
            .enumerate()
            .find(|&(peer, &index)| peer != server && peer < self.shadows.len() && index > 0);
        if let Some((peer, index)) = stale {
            let how = format!(
                "server {server} begins to lead term {term} with match_index {index} for {peer}: \
                 it is 0 after an election"
            );
            return broken(MATCH_INDEX, &[server, peer], how);
        }
        Ok(())
    }

    fn check_holds_committed(&self, leader: ServerId, index: Index) -> Check {
        let shadow = &self.shadows[leader];
        let committed = self.committed.get(index as usize - 1);
        let Some(&term) = committed else { return Ok(()) };
        if shadow.holds(index, term) {
            return Ok(());
        }
        let how = format!(
            "entry {index}@{term} is committed, but server {leader}, leader of term {}, does not \
             have it",
            shadow.current_term
        );
        broken(COMPLETENESS, &[leader], how)
    }

    /// What a leader believes that its followers have, they have.
    pub fn check_match(&self, server: ServerId, old: &[Index], new: &[Index]) -> Check {
        let leader = &self.shadows[server];
        for (peer, (&old, &new)) in old.iter().zip(new).enumerate() {
            let Some(follower) = self.shadows.get(peer) else { break };
            // A follower in a later term may have lost it again, to a later leader.
            let later = follower.current_term > leader.current_term;
            let told_early =
                self.has_told_early(peer, |said| said.accepts(leader.current_term, new));
            if peer == server || new == old || later || told_early {
                continue;
            }
            let has = match leader.entry(new) {
                Some(entry) => follower.holds(new, entry.term),
                None => new <= leader.snapshot_index && new <= follower.last_index(),
            };
            if !has {
                let how = format!(
                    "server {server}, leader of term {}, sets match_index of server {peer} to \
                     {new}, but that server does not have this entry",
                    leader.current_term
                );
                return broken(MATCH_INDEX, &[server, peer], how);
            }
        }
        Ok(())
    }

    /// A server's `commit_index` has risen from `old`; `counted`: together with its `match_index`,
    /// if it leads.
    pub fn check_commit(&mut self, server: ServerId, old: Index, counted: bool) -> Check {
        if self.shadows[server].is_leader() {
            self.check_leaders_commit(server, counted)?;
            self.note_commits(server);
        }
        let shadow = &self.shadows[server];
        let (commit_index, term) = (shadow.commit_index, shadow.current_term);
        let promised = self.promised_commit();
        for index in old.max(shadow.snapshot_index) + 1..=commit_index {
            let Some(entry) = shadow.entry(index) else { continue };
            match self.committed.get(index as usize - 1) {
                Some(&committed) if committed == entry.term => {}
                Some(&committed) => {
                    let how = format!(
                        "server {server} commits entry {index}@{}, but {index}@{committed} is \
                         committed",
                        entry.term
                    );
                    return broken(SAME_COMMITS, &[server], how);
                }
                None if promised >= commit_index => {
                    let (index, term) = (commit_index, shadow.term_at(commit_index));
                    self.expect_commit(index, term, server);
                    break;
                }
                None if shadow.is_leader() => {} // see note_commits
                None => {
                    let how = format!(
                        "server {server} commits entry {index}@{}, but no leader has committed it: \
                         commitIndex goes up to leaderCommit or the last new entry (Figure 2, \
                         AppendEntries, receiver 5)",
                        entry.term
                    );
                    return broken(SAME_COMMITS, &[server], how);
                }
            }
        }
        if self.shadows[server].is_leader() {
            self.committed_in.insert(term, commit_index);
            self.check_later_leaders(term, commit_index)?;
        }
        Ok(())
    }

    /// A server that has led `term`, and steps down with a higher `commit_index`, may have committed
    /// as a leader in the same critical section: up to an entry of that term that a majority has.
    pub fn note_last_commit(&mut self, server: ServerId, term: Term) -> Check {
        let up_to = self.shadows[server].commit_index;
        let new = self.committed.len() as Index + 1..=up_to;
        let Some(index) = new.rev().find(|&index| {
            let entry = self.shadows[server].entry(index);
            let holders = self.holders(index, term);
            entry.is_some_and(|entry| entry.term == term)
                && is_majority(holders.len(), self.shadows.len())
        }) else {
            return Ok(());
        };
        self.note_commits_up_to(server, index);
        self.committed_in.insert(term, index);
        self.check_later_leaders(term, index)
    }

    /// Who has the entry, as it has shown or told the leader of its term.
    fn holders(&self, index: Index, term: Term) -> Vec<ServerId> {
        let has = |&peer: &ServerId| {
            self.shadows[peer].holds(index, term)
                || self.has_told_early(peer, |said| said.accepts(term, index))
        };
        (0..self.shadows.len()).filter(has).collect()
    }

    /// Leaders commit by counting an entry of their own term, once a majority has it on disk.
    fn check_leaders_commit(&self, server: ServerId, counted: bool) -> Check {
        let shadow = &self.shadows[server];
        let (index, term) = (shadow.commit_index, shadow.current_term);
        let Some(entry) = shadow.entry(index) else { return Ok(()) };
        if entry.term != term {
            let why = match counted {
                true => "",
                false => {
                    "; no follower has told it of more just now, so this was decided before: perhaps \
                     as a follower, in a critical section that is over (rule 5 of the locking advice)"
                }
            };
            let how = format!(
                "server {server}, leader of term {term}, commits up to entry {index}@{}: an entry \
                 of an earlier term commits only along with one of its own{why}",
                entry.term
            );
            return broken(COMMIT_RULE, &[server], how);
        }
        let holders = self.holders(index, term);
        if !is_majority(holders.len(), self.shadows.len()) {
            let how = format!(
                "server {server}, leader of term {term}, commits entry {index}, which only servers \
                 {holders:?} have, no majority of {}",
                self.shadows.len()
            );
            let mut servers: Vec<ServerId> = (0..self.shadows.len()).collect();
            servers.retain(|&peer| peer != server);
            servers.insert(0, server);
            return broken(COMMIT_RULE, &servers, how);
        }
        Ok(())
    }

    /// Whoever leads a later term already must have what has just been committed.
    fn check_later_leaders(&self, term: Term, index: Index) -> Check {
        for (&later, &leader) in self.leaders.range(term + 1..) {
            let shadow = &self.shadows[leader];
            if shadow.is_leader() && shadow.seen && shadow.current_term == later {
                self.check_holds_committed(leader, index)?;
            }
        }
        Ok(())
    }

    /// A snapshot holds committed entries only, and ends where others committed the same.
    pub fn check_snapshot(&mut self, server: ServerId) -> Check {
        let Shadow { snapshot_index, snapshot_term, .. } = self.shadows[server];
        if snapshot_index == 0 {
            return Ok(());
        }
        match self.committed.get(snapshot_index as usize - 1) {
            Some(&committed) if committed == snapshot_term => return Ok(()),
            None if self.promised_commit() >= snapshot_index => {
                self.expect_commit(snapshot_index, snapshot_term, server);
                return Ok(());
            }
            _ => {}
        }
        let how = format!(
            "server {server} has a snapshot up to entry {snapshot_index}@{snapshot_term}, but {}",
            self.what_is_committed(snapshot_index)
        );
        broken(SAME_COMMITS, &[server], how)
    }

    /// In words: the entry that is committed at `index`.
    pub fn what_is_committed(&self, index: Index) -> String {
        match index.checked_sub(1).and_then(|at| self.committed.get(at as usize)) {
            Some(term) => format!("{index}@{term} is committed"),
            None => {
                let last = self.committed.len();
                format!("entries are committed up to index {last} only")
            }
        }
    }

    /// The entries up to a server's `commit_index` are committed.
    pub fn note_commits(&mut self, server: ServerId) {
        self.note_commits_up_to(server, self.shadows[server].commit_index);
    }

    fn note_commits_up_to(&mut self, server: ServerId, last: Index) {
        let shadow = &self.shadows[server];
        for index in self.committed.len() as Index + 1..=last {
            let Some(entry) = shadow.entry(index) else { return };
            self.committed.push(entry.term);
        }
    }

    /// Which of those servers, both with an entry of `term` of their own, should not have one.
    pub fn who_does_not_lead(&self, term: Term, servers: &[ServerId]) -> String {
        let Some(leader) = self.leaders.get(&term) else { return String::new() };
        let other = servers.iter().find(|server| *server != leader);
        other.map_or(String::new(), |other| {
            format!(
                ". Server {leader} leads term {term}, not server {other}: a command becomes the \
                 next entry in the critical section that finds that the server leads (rule 5 of the \
                 locking advice), in the term that is current there"
            )
        })
    }
}
