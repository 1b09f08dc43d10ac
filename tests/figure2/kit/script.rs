//! The scripted servers: what the Raft under test sends them, and what they answer.
//!
//! Each request waits, in the network's thread for it, until the test answers it or loses it; or
//! it is answered at once, if the test has said so by a [`Manner`]. Some things no Raft may ever
//! send: they are checked here, in every test.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use raftlab::labrpc::{Server, Service};
use raftlab::labsync::{Condvar, Instant, Mutex};
use raftlab::raft::rpc::{AppendEntriesReply, InstallSnapshotReply, RequestVoteReply};
use raftlab::raft::{Index, ServerId, Term};

use super::follower::Follower;
use super::ground::Ground;
use super::record::Record;
use super::rules::{LEADER_HAS_WON, OWN_VOTE};
use super::words::{Reply, Rpc, no, yes};
use super::world::World;

/// Far more than any test needs: who sends without end is stopped here, before it has a thread for
/// each.
const MOST_REQUESTS: usize = 3000;

/// How a scripted server treats a leader's messages, for as long as the test does not look.
#[derive(Clone, Debug)]
pub enum Manner {
    /// It keeps them: the test answers, or nobody.
    Holds,
    /// It says yes to everything.
    Obeys,
    /// It does as a right follower with this log does.
    Follows(Follower),
}

/// A request that the Raft under test has sent.
#[derive(Clone)]
pub struct Sent {
    /// Its number, from 0.
    pub id: usize,
    pub at: Instant,
    pub to: ServerId,
    pub rpc: Rpc,
    fate: Fate,
    /// Its thread waits here for its fate. With one for all, each message of many would wake as many
    /// threads.
    settled: Arc<Condvar>,
}

#[derive(Clone, Debug)]
enum Fate {
    Open,
    Answered(Reply),
    Lost,
}

impl Sent {
    /// Whether it was an AppendEntries and refused.
    pub fn is_refused(&self) -> bool {
        matches!(&self.fate, Fate::Answered(Reply::Append(reply)) if !reply.success)
    }

    /// Whether it still waits for its reply.
    pub fn is_open(&self) -> bool {
        matches!(self.fate, Fate::Open)
    }
}

/// What the scripted servers share with the test.
pub struct Script {
    pub record: Arc<Record>,
    servers: usize,
    state: Mutex<State>,
}

pub struct State {
    /// All requests, in the order in which they arrived.
    pub sent: Vec<Sent>,
    /// Whether requests for votes are granted at once, by server.
    pub votes: Vec<bool>,
    /// How the leader's messages are treated, by server.
    pub manners: Vec<Manner>,
    /// Who has granted the server its vote, in which term, since it was last started.
    pub granted: BTreeMap<Term, BTreeSet<ServerId>>,
    /// To whom the server has granted its vote, by term.
    pub given: BTreeMap<Term, ServerId>,
    /// What the server was told.
    pub world: World,
    /// What the server has handed to its service since it was last started.
    pub applied: Vec<String>,
    pub last_applied: Index,
    /// The snapshots that the server was sent: last index and term.
    pub snapshots: BTreeSet<(Index, Term)>,
    /// The service takes nothing for now.
    pub paused: bool,
    /// The number of the living instance.
    pub instance: usize,
    /// What lies below the test's entry 1.
    pub ground: Ground,
    /// The server is being given its snapshot: what it applies is no part of the test.
    pub laying_ground: bool,
}

impl Script {
    pub fn new(servers: usize, record: Arc<Record>) -> Script {
        let state = State {
            sent: Vec::new(),
            votes: vec![false; servers],
            manners: vec![Manner::Holds; servers],
            granted: BTreeMap::new(),
            given: BTreeMap::new(),
            world: World::default(),
            applied: Vec::new(),
            last_applied: 0,
            snapshots: BTreeSet::new(),
            paused: false,
            instance: 0,
            ground: Ground::default(),
            laying_ground: false,
        };
        Script { record, servers, state: Mutex::unstalled(state) }
    }

    /// The scripted server `me`, for one instance of the Raft under test.
    pub fn server(self: &Arc<Script>, me: ServerId, instance: usize) -> Server {
        let (vote, append, install) = (self.clone(), self.clone(), self.clone());
        let unknown = RequestVoteReply { term: 0, vote_granted: false };
        let refused = super::words::append_reply(0, false);
        let service = Service::new("Raft")
            .method("RequestVote", move |args| match vote.receive(me, instance, Rpc::Vote(args)) {
                Some(Reply::Vote(reply)) => reply,
                _ => unknown.clone(),
            })
            .method("AppendEntries", move |args| -> AppendEntriesReply {
                match append.receive(me, instance, Rpc::Append(args)) {
                    Some(Reply::Append(reply)) => reply,
                    _ => refused.clone(),
                }
            })
            .method("InstallSnapshot", move |args| {
                match install.receive(me, instance, Rpc::Install(args)) {
                    Some(Reply::Install(reply)) => reply,
                    _ => InstallSnapshotReply { term: 0 },
                }
            });
        let mut server = Server::new();
        server.add_service(service);
        server
    }

    /// The body of a request's thread: its reply, or nothing when it is lost (the network sees to
    /// it that whatever is returned then does not arrive).
    fn receive(&self, me: ServerId, instance: usize, rpc: Rpc) -> Option<Reply> {
        let mut state = self.state.lock();
        if instance != state.instance {
            return None;
        }
        let ground = state.ground;
        let (id, rpc) = (state.sent.len(), ground.lower_rpc(rpc));
        self.record.note(format_args!("n0 -> n{me}  #{id} {rpc}"));
        let (at, settled) = (Instant::now(), Arc::new(Condvar::new()));
        let fate = Fate::Open;
        let sent = Sent { id, at, to: me, rpc: rpc.clone(), fate, settled: settled.clone() };
        state.sent.push(sent);
        self.check(&mut state, &rpc);
        let reply = state.reply_at_once(me, &rpc);
        if let Some(reply) = reply {
            self.settle(&mut state, id, Fate::Answered(reply));
        }
        self.record.changed.notify_all();
        loop {
            match &state.sent[id].fate {
                _ if instance != state.instance => return None,
                Fate::Open => settled.wait(&mut state),
                Fate::Answered(reply) => return Some(ground.raise_reply(reply.clone())),
                Fate::Lost => return None,
            }
        }
    }

    /// What no Raft may ever send.
    fn check(&self, state: &mut State, rpc: &Rpc) {
        let (term, sender) = (rpc.term(), rpc.sender());
        if state.sent.len() > MOST_REQUESTS {
            let sentence = "The lab: few requests: each is a thread and a message";
            let expected = format!("at most {MOST_REQUESTS} requests in a test");
            panic!("{}", self.record.report_of(sentence, expected, "one more"));
        }
        if sender != 0 {
            let sentence = "Figure 2: candidateId and leaderId say who asks";
            let happened = format!("it says that it is n{sender}, in {rpc}");
            panic!("{}", self.record.report_of(sentence, "the server calls itself n0", happened));
        }
        if let (Rpc::Vote(_), Some(&candidate)) = (rpc, state.given.get(&term)) {
            panic!("{}", self.two_votes(term, candidate));
        }
        if let Rpc::Append(args) = rpc
            && let Some(entry) = args.entries.iter().find(|entry| entry.term > term)
        {
            let sentence = "Locking advice, rule 5: all that a request says is of one moment: the \
                            arguments are made in the critical section that decides to send it";
            let expected = format!("entries of term {term} at most: no leader of it has others");
            let happened = format!("one of term {}, in {rpc}", entry.term);
            panic!("{}", self.record.report_of(sentence, expected, happened));
        }
        let votes = 1 + state.granted.get(&term).map_or(0, BTreeSet::len);
        if rpc.is_leaders() && votes * 2 <= self.servers {
            let expected = format!("no message as leader of term {term}");
            let of = self.servers;
            let happened =
                format!("{rpc}, with {votes} of {of} votes in term {term}, its own included");
            panic!("{}", self.record.report_of_rule(LEADER_HAS_WON, expected, happened));
        }
        if rpc.is_leaders() {
            state.world.n0_leads(term);
        }
    }

    /// The server has granted its vote.
    pub fn vote_given(&self, term: Term, candidate: ServerId) {
        let mut state = self.state.lock();
        state.given.insert(term, candidate);
        let is_own = |sent: &Sent| matches!(&sent.rpc, Rpc::Vote(args) if args.term == term);
        if state.sent.iter().any(is_own) {
            panic!("{}", self.two_votes(term, candidate));
        }
    }

    fn two_votes(&self, term: Term, candidate: ServerId) -> String {
        let expected =
            format!("n0 votes for n{candidate} or for itself in term {term}, not for both");
        let happened = "it grants its vote, and asks for votes";
        self.record.report_of_rule(OWN_VOTE, expected, happened)
    }

    fn settle(&self, state: &mut State, id: usize, fate: Fate) {
        let Sent { to, rpc, .. } = &state.sent[id];
        let (to, term) = (*to, rpc.term());
        match &fate {
            Fate::Answered(reply) => {
                self.record.note(format_args!("n{to} -> n0  reply to #{id}: {reply}"));
                if matches!(reply, Reply::Vote(vote) if vote.vote_granted) {
                    state.granted.entry(term).or_default().insert(to);
                }
            }
            Fate::Lost => self.record.note(format_args!("n0 -> n{to}  #{id} is lost")),
            Fate::Open => {}
        }
        state.sent[id].fate = fate;
        state.sent[id].settled.notify_all();
    }

    /// The test answers a request.
    pub fn answer(&self, id: usize, reply: Reply) {
        let mut state = self.state.lock();
        assert!(state.sent[id].is_open(), "request #{id} has been answered or lost before");
        self.settle(&mut state, id, Fate::Answered(reply));
        self.record.changed.notify_all();
    }

    /// The handlers of the requests to `peer` that are still open end; the network has lost the
    /// calls already.
    pub fn lost(&self, peer: ServerId) {
        let mut state = self.state.lock();
        let open = state.sent.iter().filter(|sent| sent.to == peer && sent.is_open());
        for id in open.map(|sent| sent.id).collect::<Vec<_>>() {
            self.settle(&mut state, id, Fate::Lost);
        }
        self.record.changed.notify_all();
    }

    /// Looks at the state, or changes it.
    pub fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let instance = state.instance;
        let value = look(&mut state);
        if state.instance != instance {
            state.sent.iter().for_each(|sent| sent.settled.notify_all());
        }
        drop(state);
        self.record.changed.notify_all();
        value
    }

    /// Waits until `find` finds something, at most for `limit`.
    pub fn wait_for<T>(
        &self,
        limit: Duration,
        mut find: impl FnMut(&State) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut state = self.state.lock();
        loop {
            let found = find(&state);
            if found.is_some() || Instant::now() >= deadline {
                return found;
            }
            self.record.changed.wait_until(&mut state, deadline);
        }
    }
}

impl State {
    fn reply_at_once(&mut self, me: ServerId, rpc: &Rpc) -> Option<Reply> {
        if let Rpc::Vote(args) = rpc {
            return self.votes[me].then(|| yes(rpc, args.term));
        }
        match (&mut self.manners[me], rpc) {
            (Manner::Holds, _) => None,
            (Manner::Follows(follower), Rpc::Append(args)) => {
                Some(Reply::Append(follower.append(args)))
            }
            (Manner::Follows(follower), Rpc::Install(args)) => {
                follower.install(args);
                Some(no(rpc, args.term))
            }
            _ => Some(yes(rpc, rpc.term())),
        }
    }
}
