//! The world of a script: what the scripted servers have said, and what cannot stand beside it.
//!
//! A right Raft may rely on Figure 3: it may note the leader as its vote, or stop when a term has a
//! second leader. A script that breaks Figure 3 would accuse it, and is refused here.
//!
//! Checked: one leader a term; no term falls in a message's log; an entry has one predecessor; what
//! a leader called committed stays. Not checked: that all `prev`s of a leader are of one log
//! (`lacks_entry` asks about entries by such), and what n0 has committed as a leader.

use std::collections::BTreeMap;

use raftlab::raft::rpc::{AppendEntriesArgs, RequestVoteArgs};
use raftlab::raft::{Index, ServerId, Term};

use super::words::{EntryAt, Rpc, append, install, vote};

/// What the scripted servers have said so far.
#[derive(Default)]
pub struct World {
    /// Who leads, by term.
    leaders: BTreeMap<Term, ServerId>,
    /// Of each entry the term of the one before.
    before: BTreeMap<EntryAt, Term>,
    committed: BTreeMap<Index, Committed>,
}

struct Committed {
    /// The entry's.
    term: Term,
    /// That of the first leader that told of it.
    told_in: Term,
}

impl World {
    /// Server `from` says this to n0.
    ///
    /// # Errors
    /// Why no right server could.
    pub fn hear(&mut self, from: ServerId, rpc: &Rpc) -> Result<(), String> {
        match rpc {
            Rpc::Vote(args) => check_candidate(from, args),
            Rpc::Append(args) => {
                self.lead(from, args.term)?;
                self.hear_entries(args)
            }
            Rpc::Install(args) => {
                self.lead(from, args.term)?;
                let last = (args.last_included_index, args.last_included_term);
                self.check_committed(args.term, last)?;
                self.commit(last, last.0, args.term);
                Ok(())
            }
        }
    }

    /// n0 leads `term`, unless another was said to: a second leader is no fault of the script's.
    pub fn n0_leads(&mut self, term: Term) {
        self.leaders.entry(term).or_insert(0);
    }

    /// Whether `from` may ask for votes in `term`: nobody else leads it.
    pub fn may_win(&self, from: ServerId, term: Term) -> bool {
        self.leaders.get(&term).is_none_or(|&leader| leader == from)
    }

    fn lead(&mut self, from: ServerId, term: Term) -> Result<(), String> {
        match *self.leaders.entry(term).or_insert(from) {
            leader if leader == from => Ok(()),
            leader => Err(format!("n{leader} leads term {term}, not n{from}")),
        }
    }

    fn hear_entries(&mut self, args: &AppendEntriesArgs) -> Result<(), String> {
        let mut last = (args.prev_log_index, args.prev_log_term);
        if last.1 > args.term {
            return Err(format!("entry {last:?} with the leader of term {}", args.term));
        }
        let mut shown = vec![last];
        for entry in &args.entries {
            let next = (last.0 + 1, entry.term);
            if next.1 < last.1 || next.1 > args.term {
                return Err(format!("entry {next:?} behind {last:?} in term {}", args.term));
            }
            let before = *self.before.entry(next).or_insert(last.1);
            if before != last.1 {
                return Err(format!("before entry {next:?} is one of term {before}, not {last:?}"));
            }
            shown.push(next);
            last = next;
        }
        for &at in &shown {
            self.check_committed(args.term, at)?;
        }
        self.commit(last, args.leader_commit, args.term);
        Ok(())
    }

    /// The log that ends with `at` is committed up to `commit_index`, as far as it was shown.
    fn commit(&mut self, mut at: EntryAt, commit_index: Index, told_in: Term) {
        while at.0 > 0 {
            if at.0 <= commit_index {
                self.committed.entry(at.0).or_insert(Committed { term: at.1, told_in });
            }
            let Some(&before) = self.before.get(&at) else { return };
            at = (at.0 - 1, before);
        }
    }

    fn check_committed(&self, leader_term: Term, at: EntryAt) -> Result<(), String> {
        match self.committed.get(&at.0) {
            Some(entry) if entry.term != at.1 && leader_term >= entry.told_in => {
                Err(format!("entry {}@{} is committed, not {at:?}", at.0, entry.term))
            }
            _ => Ok(()),
        }
    }
}

fn check_candidate(from: ServerId, args: &RequestVoteArgs) -> Result<(), String> {
    match args.last_log_term < args.term {
        true => Ok(()),
        false => Err(format!("n{from} campaigns in term {} with an entry of it", args.term)),
    }
}

/// What must be refused is refused, and what may be late may be late.
///
/// # Panics
/// If not.
pub fn check_itself() {
    let begin = [(1, Rpc::Append(append(2, (0, 0), &[1, 1, 2], 0)))];
    let commits = (1, Rpc::Append(append(2, (3, 2), &[], 2)));
    let impossible = [
        (2, Rpc::Append(append(2, (3, 2), &[], 0)), "leads term 2"),
        (2, Rpc::Append(append(3, (3, 2), &[4], 0)), "in term 3"),
        (2, Rpc::Append(append(3, (3, 4), &[], 0)), "the leader of term 3"),
        (2, Rpc::Append(append(3, (2, 2), &[2], 0)), "is one of term 1"),
        (2, Rpc::Append(append(3, (1, 1), &[3], 0)), "entry 2@1 is committed"),
        (2, Rpc::Append(append(3, (1, 2), &[2], 0)), "entry 1@1 is committed"),
        (2, Rpc::Install(install(3, (2, 2))), "entry 2@1 is committed"),
        (2, Rpc::Vote(vote(3, (4, 3))), "campaigns in term 3"),
    ];
    let possible = [
        (2, Rpc::Append(append(3, (2, 1), &[3], 3))), // 3@2 was not committed
        (2, Rpc::Append(append(1, (1, 1), &[1], 0))), // late
        (1, Rpc::Install(install(2, (2, 1)))),
        (2, Rpc::Vote(vote(3, (0, 0)))),
    ];
    let hears = |last: &(ServerId, Rpc)| {
        let mut world = World::default();
        for (from, rpc) in begin.iter().chain([&commits]) {
            world.hear(*from, rpc).expect("it may be");
        }
        world.hear(last.0, &last.1)
    };
    for (from, rpc, why) in impossible {
        let refused = hears(&(from, rpc.clone())).expect_err(why);
        assert!(refused.contains(why), "{rpc} from n{from}: {refused}, not {why}");
    }
    for last in possible {
        hears(&last).unwrap_or_else(|why| panic!("{} is refused: {why}", last.1));
    }
}
