//! A server shows itself: votes and entries must be the same wherever they show.

use super::book::{Book, KnownEntry};
use super::finding::{Check, ELECTION_SAFETY, LOG_MATCHING, broken};
use super::server::{
    check_disk, check_indices, check_next_index, check_reign, check_terms, is_disk_check_due,
};
use super::shadow::{LogChange, Role, entry_of};
use crate::raft::{Index, OnDisk, RoleView, ServerId, View};

impl Book {
    /// An instance of a server shows itself, with this on its disk.
    pub fn shown(
        &mut self,
        server: ServerId,
        instance: usize,
        view: &View<'_>,
        disk: &OnDisk,
    ) -> Check {
        let shadow = &self.shadows[server];
        if shadow.instance != Some(instance) || self.blind {
            return Ok(());
        }
        self.has_shown[server] = true;
        if shadow.equals(view, disk.writes) {
            return self.check_pending(server);
        }
        let first_view = !shadow.seen;
        let change = shadow.log_change(view);
        let read_disk = is_disk_check_due(shadow, view, change.as_ref(), disk);
        check_terms(server, shadow, view)?;
        self.check_vote(server, view)?;
        check_indices(server, shadow, view)?;
        check_reign(server, shadow, view, change.as_ref())?;
        check_next_index(server, view)?;
        let unsaved_from = match read_disk {
            true => check_disk(server, view, disk, shadow.sent)?,
            false => None,
        };
        // What the server showed before, for the checks that look at all servers.
        let led_in = shadow.led_in();
        let was_leader = led_in == Some(view.current_term);
        let (old_commit, old_match) = match &shadow.role {
            _ if first_view => (0, None),
            Role::Leader { match_index } if was_leader => {
                (shadow.commit_index, Some(match_index.clone()))
            }
            _ => (shadow.commit_index, None),
        };
        if let Some(change) = &change {
            self.check_entries(server, view, change, first_view)?;
        }
        if let Some(candidate) = view.voted_for {
            if candidate == server {
                self.campaigns.insert((view.current_term, server));
            }
            self.votes.insert((view.current_term, server), candidate);
        }
        self.shadows[server].update(view, change.as_ref(), disk.writes);
        self.shadows[server].unsaved_from = unsaved_from;
        let mut counted = false;
        if let RoleView::Leader { match_index, .. } = view.role {
            if !was_leader {
                self.check_new_leader(server, match_index)?;
            }
            let old_match = old_match.unwrap_or_else(|| vec![0; match_index.len()]);
            self.check_match(server, &old_match, match_index)?;
            counted = old_match != match_index;
        }
        if view.commit_index > old_commit {
            if let Some(term) = led_in.filter(|_| !self.shadows[server].is_leader()) {
                self.note_last_commit(server, term)?;
            }
            self.check_commit(server, old_commit, counted)?;
        }
        self.check_snapshot(server)?;
        self.check_pending(server)
    }

    /// One vote a server and term, whatever happens in between (§5.2).
    fn check_vote(&self, server: ServerId, view: &View<'_>) -> Check {
        let term = view.current_term;
        let cast = self.votes.get(&(term, server)).copied();
        if let Some(first) = cast.filter(|&first| view.voted_for != Some(first)) {
            let now = match view.voted_for {
                Some(second) if second == server => {
                    "now for itself: a candidate raises the term and \
                     votes for itself in one critical section (rule 5 of the locking advice)"
                        .to_string()
                }
                Some(second) => format!(
                    "now for server {second}: a server votes once in a term (Figure 2, \
                     RequestVote, receiver 2)"
                ),
                None => "and now has no vote".to_string(),
            };
            let how = format!("server {server} voted for server {first} in term {term}, {now}");
            return broken(ELECTION_SAFETY, &[server], how);
        }
        // A vote answers a request, which has been seen on its way.
        let asker = view.voted_for.filter(|&candidate| candidate != server);
        if let Some(candidate) = asker.filter(|&it| !self.campaigns.contains(&(term, it))) {
            let how = format!(
                "server {server} shows a vote for server {candidate} in term {term}, but server \
                 {candidate} never asked for votes in term {term}: votedFor belongs to the term \
                 (Figure 2, state); was it cleared when the term changed?"
            );
            return broken(ELECTION_SAFETY, &[server], how);
        }
        if view.role != RoleView::Follower && view.voted_for != Some(server) {
            let vote = match view.voted_for {
                Some(candidate) => format!("it shows one for server {candidate}"),
                None => "it shows none: has its View no votedFor?".to_string(),
            };
            let how = format!(
                "server {server} is candidate or leader of term {term} without its own vote \
                 ({vote}): a candidate votes for itself (Figure 2, candidates)"
            );
            return broken(ELECTION_SAFETY, &[server], how);
        }
        Ok(())
    }

    /// New entries: known ones are what they were, and unknown ones are the leader's own.
    fn check_entries(
        &mut self,
        server: ServerId,
        view: &View<'_>,
        change: &LogChange,
        first_view: bool,
    ) -> Check {
        let last = view.snapshot_index + view.entries.len() as Index;
        let mut prev_term = match entry_of(view, change.first_new - 1) {
            Some(entry) => entry.term,
            None => view.snapshot_term,
        };
        for index in change.first_new..=last {
            let Some(entry) = entry_of(view, index) else { continue };
            let term = entry.term;
            if term < prev_term || term > view.current_term {
                let how = format!(
                    "server {server} in term {} has entry {index}@{term} behind one of term \
                     {prev_term}",
                    view.current_term
                );
                return broken(LOG_MATCHING, &[server], how);
            }
            if self.entries.len() < index as usize {
                self.entries.resize_with(index as usize, Vec::new);
            }
            let known = self.entries[index as usize - 1].iter().find(|known| known.term == term);
            if let Some(known) = known {
                if known.command != entry.command || known.prev_term != prev_term {
                    let how = format!(
                        "two entries {index}@{term}: {:?} behind term {} in the log of server {}, \
                         {:?} behind term {prev_term} in that of server {server}{}",
                        known.command,
                        known.prev_term,
                        known.server,
                        entry.command,
                        self.who_does_not_lead(term, &[known.server, server])
                    );
                    return broken(LOG_MATCHING, &[known.server, server], how);
                }
            } else {
                let is_its_leader =
                    term == view.current_term && matches!(view.role, RoleView::Leader { .. });
                // In one critical section it may take commands and step down.
                let was_its_leader = self.shadows[server].led_in() == Some(term);
                // What a server saved in the moment of its crash, its next instance shows first.
                let is_expected = is_its_leader || was_its_leader || first_view;
                if !is_expected && !self.expect_entry(index, term, server) {
                    let how = format!(
                        "entry {index}@{term} appears in the log of server {server}, but was never \
                         in that of the leader of term {term}"
                    );
                    return broken(LOG_MATCHING, &[server], how);
                }
                let command = entry.command.clone();
                self.entries[index as usize - 1].push(KnownEntry {
                    term,
                    command,
                    prev_term,
                    server,
                });
            }
            prev_term = term;
        }
        Ok(())
    }
}
