//! What has been seen of leaders, terms and log positions during the whole test, crashes and
//! restarts included, so that a contradiction is found however far apart its two halves are.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::labsync::Mutex;
use crate::raft::{Index, ServerId, Term};

use crate::command::Command;

/// The record of one test.
pub(super) struct History {
    seen: Mutex<Seen>,
}

struct Seen {
    /// Who led each term, and what showed it.
    leaders: BTreeMap<Term, (ServerId, &'static str)>,
    /// The command that `start()` has put at an index in a term.
    started: BTreeMap<(Index, Term), Command>,
    /// What `start()` has put at an index on a server that had crashed by then. It may be lost,
    /// and its place taken; it may also be on its way already.
    started_in_crash: Vec<(Index, Command)>,
    /// The highest term that each server has reported.
    terms: Vec<Term>,
    /// Which instance of each server is alive; one more at each crash.
    instances: Vec<u64>,
}

/// A server's term as it was before somebody asks for it: what it answers may not be lower.
pub(super) struct TermBefore {
    server: ServerId,
    term: Term,
    instance: u64,
}

impl History {
    pub fn new(servers: usize) -> History {
        let seen = Seen {
            leaders: BTreeMap::new(),
            started: BTreeMap::new(),
            started_in_crash: Vec::new(),
            terms: vec![0; servers],
            instances: vec![0; servers],
        };
        History { seen: Mutex::unstalled(seen) }
    }

    /// The server crashes: what it says from now on does not count, since it may not have reached
    /// the disk that the next instance starts from.
    pub fn crashed(&self, server: ServerId) {
        self.seen.lock().instances[server] += 1;
    }

    pub fn before_asking(&self, server: ServerId) -> TermBefore {
        let seen = self.seen.lock();
        TermBefore { server, term: seen.terms[server], instance: seen.instances[server] }
    }

    /// The server reported `term`.
    ///
    /// # Panics
    /// If it had reported a higher one before it was asked.
    #[track_caller]
    pub fn saw_term(&self, before: &TermBefore, term: Term) {
        let server = before.server;
        let mut seen = self.seen.lock();
        if seen.instances[server] == before.instance {
            let last = before.term;
            assert!(
                term >= last,
                "the term of server {server} fell from {last} to {term}: a term must be \
                 persisted before anybody hears of it (Figure 2)"
            );
            seen.terms[server] = seen.terms[server].max(term);
        }
    }

    /// The server acted as leader of `term`; `how` says what it did.
    ///
    /// # Panics
    /// If another server did so before (Election Safety).
    pub fn saw_leader(&self, server: ServerId, term: Term, how: &'static str) {
        match self.seen.lock().leaders.entry(term) {
            Entry::Vacant(vacant) => {
                vacant.insert((server, how));
            }
            Entry::Occupied(occupied) => {
                let (first, first_how) = *occupied.get();
                assert!(
                    first == server,
                    "Election Safety (Figure 3): term {term} has two leaders: server {first} \
                     {first_how}, server {server} {how}"
                );
            }
        }
    }

    /// `start()` on a server accepted `command`.
    ///
    /// # Panics
    /// If another command was accepted at that index in that term, or by another server in it.
    #[track_caller]
    pub fn saw_start(&self, before: &TermBefore, index: Index, term: Term, command: &Command) {
        let server = before.server;
        self.saw_leader(server, term, "accepted a start()");
        let mut seen = self.seen.lock();
        if seen.instances[server] != before.instance {
            seen.started_in_crash.push((index, command.clone()));
            return;
        }
        let first = seen.started.entry((index, term)).or_insert_with(|| command.clone());
        assert!(
            first == command,
            "server {server} gave index {index} of term {term} to two commands: {first} and \
             {command} (Leader Append-Only, Figure 3): start() answers where its command becomes \
             the next entry, which only the critical section knows that appends it (rule 5 of the \
             locking advice)"
        );
    }

    /// Whether `start()` has put that command at that index, in whatever term.
    pub fn was_started(&self, index: Index, command: &Command) -> bool {
        let seen = self.seen.lock();
        seen.started.range((index, 0)..=(index, Term::MAX)).any(|(_, started)| started == command)
            || seen.started_in_crash.iter().any(|(at, started)| (*at, started) == (index, command))
    }
}
