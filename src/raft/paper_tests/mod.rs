//! Unit tests of the reference Raft: what cannot be seen from outside. The sentences of the paper
//! that any Raft can be asked are in `tests/figure2`; here are our asserts, pace and hints, which
//! Figure 2 leaves open, the very moment of a save or a late reply, and damaged disks.
//!
//! # How to read them
//! A test is named after its sentence, which stands above it in our own words, with its section.
//! It has three parts, with an empty line between: a server in some state; one thing happens to
//! it; what has become of it.
//!
//! A server is written as its log, and a log as the terms of its entries, as in the figures of
//! the paper: `server(&[1, 1, 2])` is a follower in term 2 with three entries. The command at an
//! index is the index itself, in every log: so entries that differ in nothing but their term
//! are everywhere, and commands show in which order they were applied. The server under test is
//! number 0 of three, unless the test says otherwise.
//!
//! # What they see
//! The rules are methods of [`State`], so a test has no threads, no network, and no waiting. A
//! timer runs out by setting its deadline, and messages are asked for at a given time.
//!
//! What a rule does not show is whether the code around it takes the lock, saves, and looks
//! again at what it assumed before a call (Rule 5 of the lab). For these a state is put behind
//! its lock, [`locked`], without threads still; or, with [`with_peers`], behind ends whose other
//! side is a few lines of the test, which may do something to the server under test while its
//! request is under way. So a reply can be late to the very moment, each time.
//!
//! # What they do not see
//! Whether threads wake up in time, and how they race: that is for Figure 2's tests, the lab's, and
//! the simulation.
//!
//! # Layout
//! | file | Part | what |
//! |---|---|---|
//! | `asserts.rs` | all | what must never be |
//! | `timers.rs` | A | how long the election timer runs, and who looks at it |
//! | `replies.rs` | A, B | replies, and what has happened since the request |
//! | `logs.rs` | B, D | logs that differ: hints, `next_index`, `match_index` |
//! | `pace.rs` | B, D | what a leader sends, and when |
//! | `persistence.rs` | C | what is saved, and when |
//! | `damage.rs` | C | disks that no server has written |

mod asserts;
mod damage;
mod logs;
mod pace;
mod persistence;
mod replies;
mod timers;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::monitor::Monitor;
use super::replication::Content;
use super::replicator::Message;
use super::rpc::{
    AppendEntriesArgs, Entry, Index, InstallSnapshotArgs, RequestVoteArgs, ServerId, Term,
};
use super::state::{Leader, Role, State};
use super::{Persister, Raft};
use crate::labgob::Bytes;
use crate::labrpc::{Network, Server, Service};
use crate::labsync::Instant;

/// The server under test.
const ME: ServerId = 0;
/// Another: the leader or candidate that speaks to the one under test, or its first follower.
const OTHER: ServerId = 1;
/// A third.
const THIRD: ServerId = 2;

/// An entry as messages name it: its index and term.
type EntryAt = (Index, Term);
/// A log, or entries of one, by their terms.
type Terms = &'static [Term];

// Servers.

/// A follower in a cluster of three: its log, by terms. It is in the last of these terms.
fn server(log: &[Term]) -> State {
    server_of(3, ME, log)
}

/// The same: server `me` of so many.
fn server_of(servers: usize, me: ServerId, log: &[Term]) -> State {
    let mut state = State::new(me, servers, Arc::new(Persister::new()), Arc::default());
    for entry in entries(1, log) {
        state.log.append(entry);
    }
    state.current_term = state.log.last_term();
    state.persist();
    state
}

/// A candidate in the term after the last of its log.
fn candidate(log: &[Term]) -> State {
    let mut state = server(log);
    let _ = state.become_candidate();
    state
}

/// The leader of the term after the last of its log. No entry is of its own term.
fn leader(log: &[Term]) -> State {
    leader_of(3, log)
}

/// The same in a cluster of so many.
fn leader_of(servers: usize, log: &[Term]) -> State {
    let term = log.last().map_or(1, |last| last + 1);
    elected(server_of(servers, ME, log), term)
}

/// The server after it has won the election of `term`.
fn elected(mut state: State, term: Term) -> State {
    state.observe_term(term - 1);
    let _ = state.become_candidate();
    for peer in state.peers() {
        if !state.is_leader() {
            state.vote_received(peer);
        }
    }
    assert_eq!((state.current_term, role(&state)), (term, "leader"));
    state
}

/// A follower, a candidate, and a leader, each in term 5 with a log of two entries.
fn everybody_in_term_5() -> [State; 3] {
    let mut follower = server(&[1, 1]);
    follower.observe_term(5);
    let mut candidate = server(&[1, 1]);
    candidate.observe_term(4);
    let _ = candidate.become_candidate();
    [follower, candidate, elected(server(&[1, 1]), 5)]
}

/// The server restarts after a crash, with what is on its disk.
fn restarted(state: &State) -> State {
    State::new(state.me, state.servers, Arc::new(state.persister.copy()), Arc::default())
}

/// The server behind its lock, without threads, and without peers to call.
fn locked(mut state: State) -> Raft {
    state.persist();
    let (me, signals) = (state.me, state.signals.clone());
    let monitor = Monitor::new(state, signals);
    Raft { me, peers: Vec::new(), monitor, killed: AtomicBool::new(false) }
}

/// The server behind its lock; `service` makes that of all its peers. Keep the network.
fn with_peers(state: State, service: impl FnOnce(Arc<Raft>) -> Service) -> (Arc<Raft>, Network) {
    let network = Network::new();
    let mut raft = locked(state);
    for peer in 0..3 {
        raft.peers.push(network.make_end(format!("to {peer}")));
        network.connect(&format!("to {peer}"), "peers");
        network.enable(&format!("to {peer}"), true);
    }
    let raft = Arc::new(raft);
    let mut server = Server::new();
    server.add_service(service(raft.clone()));
    network.add_server("peers", server);
    (raft, network)
}

/// Everything up to `index` is committed and applied.
fn apply_up_to(state: &mut State, index: Index) {
    state.commit_to(index);
    let _ = state.take_unapplied();
}

/// Everything up to `index` is committed, applied, and in a snapshot.
fn compact_to(state: &mut State, index: Index) {
    if state.commit_index < index {
        apply_up_to(state, index);
    }
    state.take_snapshot(index, snapshot_at(index));
    state.persist();
}

// What there is to see.

fn role(state: &State) -> &'static str {
    match state.role {
        Role::Follower => "follower",
        Role::Candidate { .. } => "candidate",
        Role::Leader(_) => "leader",
    }
}

/// The entries behind the snapshot.
fn log_of(state: &State) -> Vec<Entry> {
    state.log.entries_from(state.log.snapshot_index() + 1)
}

/// The leader's part of the state.
fn leadership(state: &mut State) -> &mut Leader {
    match &mut state.role {
        Role::Leader(leader) => leader,
        _ => panic!("n{}@{} does not lead", state.me, state.current_term),
    }
}

/// What the leader believes of a follower: `(match_index, next_index)`.
fn progress(state: &mut State, peer: ServerId) -> (Index, Index) {
    let leader = leadership(state);
    (leader.match_index[peer], leader.next_index[peer])
}

// Messages.

/// The command at `index`, in any log.
fn command(index: Index) -> Bytes {
    index.to_string().into_bytes().into()
}

/// The service's state up to `index`.
fn snapshot_at(index: Index) -> Bytes {
    format!("1..{index}").into_bytes().into()
}

/// Entries of these terms, at `first` and after.
fn entries(first: Index, terms: &[Term]) -> Vec<Entry> {
    let numbered = (first..).zip(terms);
    numbered.map(|(index, &term)| Entry { term, command: command(index) }).collect()
}

/// An AppendEntries of the leader of `term`: behind the entry `prev` come
/// entries of the terms `new`.
fn append(term: Term, prev: EntryAt, new: &[Term], leader_commit: Index) -> AppendEntriesArgs {
    AppendEntriesArgs {
        term,
        leader_id: OTHER,
        prev_log_index: prev.0,
        prev_log_term: prev.1,
        entries: entries(prev.0 + 1, new),
        leader_commit,
    }
}

/// An InstallSnapshot of the leader of `term`, up to the entry `last`.
fn install(term: Term, last: EntryAt) -> InstallSnapshotArgs {
    InstallSnapshotArgs {
        term,
        leader_id: OTHER,
        last_included_index: last.0,
        last_included_term: last.1,
        data: snapshot_at(last.0),
    }
}

/// The leader's next message for `peer`, whose heartbeat is due. What it sends to the others
/// meanwhile is lost.
fn message_to(leader: &mut State, peer: ServerId) -> Message {
    let now = Instant::now();
    leadership(leader).pace[peer].heartbeat_due = now;
    let (ours, others): (Vec<_>, Vec<_>) =
        leader.take_messages_due(now).into_iter().partition(|message| message.peer == peer);
    for lost in others {
        leader.message_ended(lost.peer, lost.number);
    }
    ours.into_iter().next().expect("its heartbeat is due")
}

/// The same, which must be an AppendEntries; its reply is to come.
fn append_to(leader: &mut State, peer: ServerId) -> AppendEntriesArgs {
    match message_to(leader, peer).content {
        Content::Append(args) => args,
        Content::Install(args) => panic!("sends the snapshot up to {}", args.last_included_index),
    }
}
