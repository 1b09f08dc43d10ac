//! Waiting for what n0 sends, and looking at what it has sent.

use std::collections::BTreeSet;
use std::time::Duration;

use raftlab::labsync::Instant;
use raftlab::raft::rpc::{AppendEntriesArgs, InstallSnapshotArgs};
use raftlab::raft::{Index, ServerId, Term};

use super::rules::{ALL_ASKED, ELECTED, ENTRIES_SENT, Rule, STATE_KNOWN, TIMEOUT};
use super::script::{Sent, State};
use super::words::{EntryAt, Rpc, yes};
use super::{Manner, PATIENCE, Stage};

/// A request of n0's that waits for its reply.
#[derive(Clone, Debug)]
pub struct Held {
    pub id: usize,
    pub rpc: Rpc,
}

impl Held {
    /// The arguments of an AppendEntries.
    pub fn args(&self) -> &AppendEntriesArgs {
        match &self.rpc {
            Rpc::Append(args) => args,
            other => unreachable!("{other} was waited for as an AppendEntries"),
        }
    }

    /// The arguments of an InstallSnapshot.
    pub fn snapshot(&self) -> &InstallSnapshotArgs {
        match &self.rpc {
            Rpc::Install(args) => args,
            other => unreachable!("{other} was waited for as an InstallSnapshot"),
        }
    }
}

/// An election that n0 has started.
#[derive(Clone, Copy, Debug)]
pub struct Campaign {
    pub term: Term,
    /// When the first request for a vote arrived.
    pub at: Instant,
    /// What n0 says of its last entry.
    pub last: EntryAt,
}

impl Stage {
    /// Waits until n0 campaigns in a term that the test has not seen yet, and has asked
    /// everybody.
    #[track_caller]
    pub fn campaign(&self) -> Campaign {
        let seen = self.campaign_seen.get();
        let peers = self.peers().len();
        let found = self.script.wait_for(PATIENCE, |state| {
            let newest = state.sent.iter().filter_map(campaign_of).map(|c| c.term).max()?;
            let mut requests = state.sent.iter().filter_map(campaign_of);
            let first = requests.find(|campaign| campaign.term == newest)?;
            (newest > seen && asked(state, newest).len() == peers).then_some(first)
        });
        match found {
            Some(campaign) => {
                self.campaign_seen.set(campaign.term);
                campaign
            }
            None => {
                let expected = format!("n0 campaigns, and asks all {peers} others");
                let sent = self.sent_since(0);
                let newest = sent.iter().filter_map(campaign_of).map(|c| c.term).max();
                match newest.filter(|&term| term > seen) {
                    Some(term) => {
                        let asked = self.script.with(|state| asked(state, term));
                        let happened = format!("in term {term} it asks {asked:?} only");
                        self.fail_step(ALL_ASKED, expected, happened)
                    }
                    None => {
                        let happened = format!("nothing of the kind within {PATIENCE:?}");
                        self.fail_step(TIMEOUT, expected, happened)
                    }
                }
            }
        }
    }

    /// Waits until n0 has begun to campaign: it has saved something, or a request has arrived.
    pub fn campaign_begins(&self) {
        let (disks, mark) = (self.disks().len(), self.mark());
        let begun = |state: &State| {
            let begun = self.disks().len() > disks || state.sent.len() > mark;
            begun.then_some(())
        };
        self.script.wait_for(PATIENCE, begun);
    }

    /// The request for a vote that `peer` has got in `term`.
    #[track_caller]
    pub fn request(&self, peer: ServerId, term: Term) -> Held {
        let is_it = |sent: &&Sent| {
            sent.to == peer && sent.is_open() && campaign_of(sent).is_some_and(|c| c.term == term)
        };
        let found = self.script.with(|state| state.sent.iter().find(is_it).map(held));
        found.unwrap_or_else(|| {
            self.fail(format_args!("n0 asks n{peer} for its vote in term {term}"), "it does not")
        })
    }

    /// The servers grant n0 the votes that it has asked for in `term`.
    #[track_caller]
    pub fn grant(&self, term: Term, voters: &[ServerId]) {
        for &voter in voters {
            let request = self.request(voter, term);
            self.script.answer(request.id, yes(&request.rpc, term));
        }
    }

    /// All others vote for n0 in its next campaign; the term in which it leads, once each of them
    /// has heard of it.
    #[track_caller]
    pub fn elect(&self) -> Term {
        let (servers, seen, mark) = (self.servers, self.reign_seen.get(), self.mark());
        self.script.with(|state| state.votes = vec![true; servers]);
        let told = self.script.wait_for(PATIENCE, |state| {
            let leaders = || state.sent.iter().filter(|sent| sent.rpc.is_leaders());
            let newest = leaders().map(|sent| sent.rpc.term()).max().filter(|&term| term > seen)?;
            let told = leaders().filter(|sent| sent.rpc.term() == newest).map(|sent| sent.to);
            (told.collect::<BTreeSet<_>>().len() == servers - 1).then_some(newest)
        });
        self.script.with(|state| state.votes = vec![false; servers]);
        let Some(term) = told else {
            let expected = "with all votes, n0 becomes leader and tells everybody";
            let happened = format!("it has not, within {PATIENCE:?}");
            let campaigned = self.campaigns_since(mark) > 0 || self.state().1;
            let rule = if campaigned { self.rule_of_leaders(ELECTED) } else { TIMEOUT };
            self.fail_step(rule, expected, happened);
        };
        self.reign_seen.set(term);
        self.campaign_seen.set(term);
        term
    }

    /// The same, and all others take what it sends.
    #[track_caller]
    pub fn elect_obeyed(&self) -> Term {
        self.peers().for_each(|peer| self.obey(peer));
        self.elect()
    }

    /// The same, and all others keep what it sends.
    #[track_caller]
    pub fn elect_held(&self) -> Term {
        self.peers().for_each(|peer| self.behave(peer, Manner::Holds));
        self.elect()
    }

    /// n0's commit index is `index` or more: elected, it tells those of it who are known to have the
    /// entries.
    #[track_caller]
    pub fn elected_tells_of_commit(&self, index: Index) {
        let mark = self.mark();
        self.elect_obeyed();
        let told = self.sends(mark, PATIENCE, |sent| match &sent.rpc {
            Rpc::Append(args) => args.leader_commit >= index,
            _ => false,
        });
        let expected = format!("as leader, n0 tells of a commit_index of {index} or more");
        self.check(told, expected, "of less");
    }

    /// Why a leader's message does not come: `rule`, if n0 leads at all.
    fn rule_of_leaders(&self, rule: Rule) -> Rule {
        if self.state().1 { rule } else { STATE_KNOWN }
    }

    /// How many requests n0 has sent so far.
    pub fn mark(&self) -> usize {
        self.script.with(|state| state.sent.len())
    }

    /// What n0 has sent since then.
    pub fn sent_since(&self, mark: usize) -> Vec<Sent> {
        self.script.with(|state| state.sent[mark..].to_vec())
    }

    /// What n0 has sent as a leader since then.
    pub fn led_since(&self, mark: usize) -> Vec<Sent> {
        let mut sent = self.sent_since(mark);
        sent.retain(|sent| sent.rpc.is_leaders());
        sent
    }

    /// In how many terms n0 has asked for votes since then.
    pub fn campaigns_since(&self, mark: usize) -> usize {
        let sent = self.sent_since(mark);
        sent.iter().filter_map(campaign_of).map(|c| c.term).collect::<BTreeSet<_>>().len()
    }

    /// Waits for the first request to `peer`, sent since `mark` and not answered yet, that
    /// `is_it`.
    #[track_caller]
    pub fn next(&self, mark: usize, peer: ServerId, what: &str, is_it: fn(&Rpc) -> bool) -> Held {
        self.next_where(mark, peer, what, is_it)
    }

    /// The same, with a question of its own.
    #[track_caller]
    pub fn next_where(
        &self,
        mark: usize,
        peer: ServerId,
        what: &str,
        is_it: impl Fn(&Rpc) -> bool,
    ) -> Held {
        let found = self.script.wait_for(PATIENCE, |state| {
            let mut open = state.sent[mark..].iter().filter(|sent| sent.is_open());
            open.find(|sent| sent.to == peer && is_it(&sent.rpc)).map(held)
        });
        found.unwrap_or_else(|| {
            let expected = format!("n0 sends n{peer} {what}");
            let happened = format!("nothing of the kind within {PATIENCE:?}");
            self.fail_step(self.rule_of_leaders(ENTRIES_SENT), expected, happened)
        })
    }

    /// Waits for the first request to `peer`, sent since `mark`, that `is_it`, answered or not.
    #[track_caller]
    pub fn next_any(&self, mark: usize, peer: ServerId, what: &str, is_it: fn(&Rpc) -> bool) {
        if !self.sends(mark, PATIENCE, |sent| sent.to == peer && is_it(&sent.rpc)) {
            let expected = format!("n0 sends n{peer} {what}");
            let happened = format!("nothing of the kind within {PATIENCE:?}");
            self.fail_step(self.rule_of_leaders(ENTRIES_SENT), expected, happened);
        }
    }

    /// Waits for an AppendEntries to `peer`, sent since `mark`, that reaches up to `index`.
    #[track_caller]
    pub fn append_up_to(&self, mark: usize, peer: ServerId, index: u64) -> Held {
        let what = format!("an AppendEntries up to entry {index}");
        self.next_where(mark, peer, &what, |rpc| match rpc {
            Rpc::Append(args) => super::last_new(args) >= index,
            _ => false,
        })
    }

    /// Waits, at most for `limit`, until n0 has sent something that `is_it`; whether it has.
    pub fn sends(&self, mark: usize, limit: Duration, is_it: impl Fn(&Sent) -> bool) -> bool {
        let find = |state: &State| state.sent[mark..].iter().any(&is_it).then_some(());
        self.script.wait_for(limit, find).is_some()
    }
}

fn held(sent: &Sent) -> Held {
    Held { id: sent.id, rpc: sent.rpc.clone() }
}

fn campaign_of(sent: &Sent) -> Option<Campaign> {
    let Rpc::Vote(args) = &sent.rpc else { return None };
    let last = (args.last_log_index, args.last_log_term);
    Some(Campaign { term: args.term, at: sent.at, last })
}

/// Who has been asked for a vote in `term`.
fn asked(state: &State, term: Term) -> BTreeSet<ServerId> {
    let of_term = |sent: &&Sent| campaign_of(sent).is_some_and(|campaign| campaign.term == term);
    state.sent.iter().filter(of_term).map(|sent| sent.to).collect()
}
