//! What tests ask of a [`Config`]: is there a leader, do the terms agree, is a command committed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::labsync::{Instant, rng, thread};
use crate::raft::{Index, ServerId, Term};

use super::config::Config;
use crate::command::Command;
use crate::trace::{self, Event};

/// How long [`Config::one`] tries.
const ONE_LIMIT: Duration = Duration::from_secs(10);
/// How long it waits for a command that a leader has taken.
const AGREEMENT_LIMIT: Duration = Duration::from_secs(2);
/// How often it looks.
const AGREEMENT_POLL: Duration = Duration::from_millis(20);
/// How long it pauses when nobody claims to be the leader.
const NO_LEADER_PAUSE: Duration = Duration::from_millis(50);

impl Config {
    /// The leader among the connected servers: that of the newest term, if an old one has not
    /// noticed yet. Looks up to ten times, about every half second.
    ///
    /// # Panics
    /// If a term has two leaders, and if there is none.
    #[track_caller]
    pub fn check_one_leader(&self) -> ServerId {
        for _ in 0..10 {
            thread::sleep(Duration::from_millis(rng::random_range(450..550)));
            let mut leaders: BTreeMap<Term, Vec<ServerId>> = BTreeMap::new();
            for (server, term, is_leader) in self.connected_states() {
                if is_leader {
                    leaders.entry(term).or_default().push(server);
                }
            }
            for (term, leaders) in &leaders {
                let count = leaders.len();
                assert!(count == 1, "term {term} has {count} (>1) leaders: {leaders:?}");
            }
            if let Some((_, leaders)) = leaders.last_key_value() {
                trace::record(|| Event::OneLeader { server: leaders[0] });
                return leaders[0];
            }
        }
        panic!("expected one leader, got none{}", self.states());
    }

    /// The term that all connected servers agree on.
    ///
    /// # Panics
    /// If they do not.
    #[track_caller]
    pub fn check_terms(&self) -> Term {
        let states = self.connected_states();
        let term = states.first().map_or(0, |state| state.1);
        let agree = states.iter().all(|state| state.1 == term);
        assert!(agree, "servers disagree on term: {states:?}{}", self.states());
        term
    }

    /// # Panics
    /// If a connected server takes itself for the leader.
    #[track_caller]
    pub fn check_no_leader(&self) {
        for (server, term, is_leader) in self.connected_states() {
            assert!(
                !is_leader,
                "expected no leader among connected servers, but {server} claims to be leader \
                 of term {term}{}",
                self.states()
            );
        }
    }

    fn connected_states(&self) -> Vec<(ServerId, Term, bool)> {
        let connected = (0..self.servers()).filter(|&server| self.is_connected(server));
        connected
            .filter_map(|server| {
                let (term, is_leader) = self.state_if_up(server)?;
                Some((server, term, is_leader))
            })
            .collect()
    }

    /// How many services have applied an entry at `index`, and which command.
    ///
    /// # Panics
    /// If two of them applied different commands.
    #[track_caller]
    pub fn n_committed(&self, index: Index) -> (usize, Option<Command>) {
        self.services.n_committed(index)
    }

    /// Waits until `n` services have applied an entry at `index`; the command. `None` when a
    /// server's term has gone beyond `start_term`: the command may never be committed.
    ///
    /// # Panics
    /// If fewer have after 30 looks.
    #[track_caller]
    pub fn wait(&self, index: Index, n: usize, start_term: Option<Term>) -> Option<Command> {
        let mut pause = Duration::from_millis(10);
        for _ in 0..30 {
            if self.n_committed(index).0 >= n {
                break;
            }
            thread::sleep(pause);
            if pause < Duration::from_secs(1) {
                pause *= 2;
            }
            if start_term.is_some_and(|start_term| self.a_term_is_beyond(start_term)) {
                return None;
            }
        }
        let (count, command) = self.n_committed(index);
        let states = || self.states();
        assert!(count >= n, "only {count} decided for index {index}; wanted {n}{}", states());
        command
    }

    fn a_term_is_beyond(&self, term: Term) -> bool {
        (0..self.servers()).filter_map(|server| self.state_if_up(server)).any(|it| it.0 > term)
    }

    /// Agreement on one command: finds a leader, gives it the command, and waits until at least
    /// `expected` services have applied it; its index. Tries for up to 10 s. If the leader
    /// loses the command, it is given to a leader again, but only with `retry`.
    ///
    /// # Panics
    /// If there is no agreement.
    #[track_caller]
    pub fn one(&self, command: impl Into<Command>, expected: usize, retry: bool) -> Index {
        let command = command.into();
        trace::record(|| Event::OneBegins { command: command.to_string(), expected, retry });
        let start = Instant::now();
        let mut next = 0;
        while start.elapsed() < ONE_LIMIT {
            match self.submit(&command, &mut next) {
                Some(index) if self.agreed(index, &command, expected) => {
                    trace::record(|| Event::OneAgreed { index });
                    return index;
                }
                Some(_) if !retry => break,
                Some(_) => {}
                None => thread::sleep(NO_LEADER_PAUSE),
            }
        }
        panic!("one({command}) failed to reach agreement{}", self.states());
    }

    /// Gives the command to the first connected server that takes it, from `next` onwards.
    #[track_caller]
    fn submit(&self, command: &Command, next: &mut ServerId) -> Option<Index> {
        for _ in 0..self.servers() {
            *next = (*next + 1) % self.servers();
            if !self.is_connected(*next) {
                continue;
            }
            match self.start(*next, command.clone()) {
                Some(started) if started.is_leader => return Some(started.index),
                _ => {}
            }
        }
        None
    }

    fn agreed(&self, index: Index, command: &Command, expected: usize) -> bool {
        let start = Instant::now();
        while start.elapsed() < AGREEMENT_LIMIT {
            let (count, committed) = self.n_committed(index);
            if count > 0 && count >= expected && committed.as_ref() == Some(command) {
                return true;
            }
            thread::sleep(AGREEMENT_POLL);
        }
        false
    }
}
