//! Each check of the oracle, with a cluster whose servers show whatever the test says: first what
//! a right Raft may show, then the one thing that is wrong.

mod alone;
mod net;
mod outside;
mod said;
mod together;
mod waiting;

use super::finding::Broken;
use super::*;
use crate::labgob::{self, Bytes};
use crate::labrpc::{CallEvent, Loss, Step};
use crate::raft::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::raft::{Index, RoleView, Saved, Term};

/// A server as the test wants it to be seen.
#[derive(Clone, Default)]
struct Fake {
    current_term: Term,
    voted_for: Option<ServerId>,
    snapshot: (Index, Term),
    /// The terms of its entries; the command at an index is the index.
    terms: Vec<Term>,
    commit_index: Index,
    last_applied: Index,
    role: FakeRole,
    /// Whether nobody has asked for its vote.
    unasked: bool,
    /// The `next_index` that a leader shows for its followers; 0: 1.
    next_index: Index,
    /// What is on disk, if not what is in memory.
    disk: Option<Saved>,
}

#[derive(Clone, Default)]
enum FakeRole {
    #[default]
    Follower,
    Candidate,
    Leader(Vec<Index>),
}

/// Three servers (or so many) and what the oracle knows of them.
struct Cluster {
    book: Book,
    writes: u64,
}

impl Cluster {
    fn of(servers: usize) -> Cluster {
        let mut book = Book::new(servers);
        book.wire.deaf = true;
        (0..servers).for_each(|server| book.started(server, 1));
        let mut cluster = Cluster { book, writes: 0 };
        for server in 0..servers {
            cluster.ok(server, &Fake::default());
        }
        cluster
    }

    fn show(&mut self, server: ServerId, fake: &Fake) -> Check {
        let entries = entries(fake.snapshot.0 + 1, &fake.terms);
        let (current_term, voted_for) = (fake.current_term, fake.voted_for);
        let (snapshot_index, snapshot_term) = fake.snapshot;
        let saved = fake.disk.clone().unwrap_or(Saved {
            current_term,
            voted_for,
            snapshot_index,
            snapshot_term,
            entries: entries.clone(),
        });
        let raft_state = encode(&saved);
        self.writes += 1;
        let disk = OnDisk { raft_state, snapshot: Bytes::default(), writes: self.writes };
        let next_index = vec![fake.next_index.max(1); self.book.shadows.len()];
        if let Some(candidate) = fake.voted_for.filter(|_| !fake.unasked) {
            self.book.campaigns.insert((current_term, candidate));
        }
        let role = match &fake.role {
            FakeRole::Follower => RoleView::Follower,
            FakeRole::Candidate => RoleView::Candidate,
            FakeRole::Leader(match_index) => {
                RoleView::Leader { next_index: &next_index, match_index }
            }
        };
        let view = View {
            current_term,
            voted_for,
            snapshot_index,
            snapshot_term,
            entries: &entries,
            log_changes: None,
            snapshot: &Bytes::default(),
            commit_index: fake.commit_index,
            last_applied: fake.last_applied,
            role,
            read_saved: Some(decode),
        };
        let instance = self.book.shadows[server].instance.expect("it is up");
        self.book.shown(server, instance, &view, &disk)
    }

    fn ok(&mut self, server: ServerId, fake: &Fake) {
        if let Err(Broken { property, how, .. }) = self.show(server, fake) {
            panic!("a right server breaks {property}: {how}");
        }
    }

    #[track_caller]
    fn breaks(&mut self, server: ServerId, fake: &Fake, expected: &str) {
        tells(self.show(server, fake), expected);
    }

    /// A server and a follower vote for it in `term`, and it leads.
    fn elect(&mut self, leader: ServerId, voters: &[ServerId], fake: &Fake) -> Fake {
        for &voter in voters {
            let shadow = &self.book.shadows[voter];
            let (snapshot_index, snapshot_term) = (shadow.snapshot_index, shadow.snapshot_term);
            let vote = Fake {
                current_term: fake.current_term,
                voted_for: Some(leader),
                snapshot: (snapshot_index, snapshot_term),
                terms: shadow.entries.iter().map(|entry| entry.term).collect(),
                commit_index: shadow.commit_index,
                last_applied: shadow.last_applied,
                ..Fake::default()
            };
            self.ok(voter, &vote);
        }
        let servers = self.book.shadows.len();
        let candidate = Fake { voted_for: Some(leader), role: FakeRole::Candidate, ..fake.clone() };
        self.ok(leader, &candidate);
        let leads = Fake { role: FakeRole::Leader(vec![0; servers]), ..candidate };
        self.ok(leader, &leads);
        leads
    }

    /// Server 0 leads term 1 with server 1's vote and an entry, which server 1 has as well, and
    /// commits it. Both as they are now.
    fn one_committed(&mut self) -> (Fake, Fake) {
        let leader = self.elect(0, &[1], &Fake { current_term: 1, ..Fake::default() });
        let leader = Fake { terms: vec![1], ..leader };
        self.ok(0, &leader);
        let follower =
            Fake { current_term: 1, voted_for: Some(0), terms: vec![1], ..Fake::default() };
        self.ok(1, &follower);
        let servers = self.book.shadows.len();
        let mut match_index = vec![0; servers];
        match_index[1] = 1;
        let leader = Fake { role: FakeRole::Leader(match_index), commit_index: 1, ..leader };
        self.ok(0, &leader);
        (leader, follower)
    }

    /// An RPC from one server to another; `reply` arrives, if there is one.
    fn call(&mut self, from: ServerId, to: ServerId, method: &str, call: Said) -> Check {
        let mut step = |step| {
            let event = CallEvent { call: 7, end: "", method, step };
            self.book.saw_call((from, 1), to, &event, Message::sent(&event))
        };
        step(Step::Sent { args: &call.args })?;
        let Some(reply) = call.reply else { return Ok(()) };
        step(Step::Delivered { server: "", args: &call.args })?;
        step(Step::Received { reply: &reply })
    }
}

/// The arguments of an RPC and its reply, encoded.
struct Said {
    args: Vec<u8>,
    reply: Option<Vec<u8>>,
}

fn vote(term: Term, candidate_id: ServerId, reply: Option<(Term, bool)>) -> Said {
    let args = RequestVoteArgs { term, candidate_id, last_log_index: 0, last_log_term: 0 };
    let reply = reply
        .map(|(term, vote_granted)| labgob::to_bytes(&RequestVoteReply { term, vote_granted }));
    Said { args: labgob::to_bytes(&args), reply }
}

fn append(term: Term, terms: &[Term], leader_commit: Index, reply: Option<(Term, bool)>) -> Said {
    let entries = entries(1, terms);
    let args = AppendEntriesArgs {
        term,
        leader_id: 0,
        prev_log_index: 0,
        prev_log_term: 0,
        entries,
        leader_commit,
    };
    let reply = reply.map(|(term, success)| {
        let reply = AppendEntriesReply { term, success, conflict_term: None, conflict_index: 1 };
        labgob::to_bytes(&reply)
    });
    Said { args: labgob::to_bytes(&args), reply }
}

fn entries(first: Index, terms: &[Term]) -> Vec<Entry> {
    let command = |index: Index| index.to_string().into_bytes().into();
    (first..).zip(terms).map(|(index, &term)| Entry { term, command: command(index) }).collect()
}

fn encode(saved: &Saved) -> Bytes {
    let Saved { current_term, voted_for, snapshot_index, snapshot_term, entries } = saved;
    let fields = (*current_term, *voted_for, *snapshot_index, *snapshot_term, entries.clone());
    labgob::to_bytes(&fields).into()
}

fn decode(bytes: &Bytes) -> Result<Saved, String> {
    let (current_term, voted_for, snapshot_index, snapshot_term, entries) =
        labgob::from_bytes(bytes).map_err(|error| error.to_string())?;
    Ok(Saved { current_term, voted_for, snapshot_index, snapshot_term, entries })
}

#[track_caller]
fn tells(check: Check, expected: &str) {
    let Err(Broken { property, how, .. }) = check else { panic!("nothing found: {expected}") };
    let text = format!("{property}: {how}");
    assert!(text.contains(expected), "{text:?} does not say {expected:?}");
}

fn follower(current_term: Term, terms: &[Term]) -> Fake {
    Fake { current_term, terms: terms.to_vec(), ..Fake::default() }
}
