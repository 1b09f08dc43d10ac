//! The one thread that owns all state. Others send it events and wait for the answers; there is no
//! lock. A batch of events is one step: it is saved and shown once, and only then anything is said.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, Index, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply, ServerId, Term,
};
use super::{ApplyMsg, Persister, RoleView, Saved, View};
use crate::labgob::{Bytes, from_bytes, to_bytes};
use crate::labrpc::ClientEnd;
use crate::labsync::channel::{Receiver, RecvTimeoutError, Sender};
use crate::labsync::{Instant, rng, thread};

const HEARTBEAT: Duration = Duration::from_millis(100);
const SNAPSHOT_AGAIN: Duration = Duration::from_millis(500);
/// Events of one step, besides the first.
const BATCH: usize = 64;
const PER_MESSAGE: usize = 32;
const WINDOW: usize = 8;
/// A leader that no majority answers for so long gives up.
const PATIENCE: Duration = Duration::from_secs(3);
const ASK_AGAIN: Duration = Duration::from_millis(150);

pub(super) enum Event {
    Vote(RequestVoteArgs, Sender<RequestVoteReply>),
    Append(AppendEntriesArgs, Sender<AppendEntriesReply>),
    Install(InstallSnapshotArgs, Sender<InstallSnapshotReply>),
    VoteReply(ServerId, Term, RequestVoteReply),
    /// Of a heartbeat or not; the term asked in; prev, and the last index covered.
    AppendReply {
        from: ServerId,
        beat: bool,
        term: Term,
        prev: Index,
        upto: Index,
        reply: Option<AppendEntriesReply>,
    },
    InstallReply {
        from: ServerId,
        term: Term,
        upto: Index,
        reply: Option<InstallSnapshotReply>,
    },
    Start(Bytes, Sender<(Index, Term, bool)>),
    State(Sender<(Term, bool)>),
    Snapshot(Index, Bytes, Sender<()>),
    Kill,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Probe { waiting: bool },
    Stream,
    Snapshot,
}

struct Leading {
    next: Vec<Index>,
    matched: Vec<Index>,
    phase: Vec<Phase>,
    in_flight: Vec<usize>,
    heard: Vec<Instant>,
    matched_at_beat: Vec<Index>,
    beat_at: Instant,
    snapshot_at: Vec<Instant>,
}

enum Role {
    Follower,
    Candidate { votes: BTreeSet<ServerId>, answered: BTreeSet<ServerId>, again_at: Instant },
    Leader(Leading),
}

enum Out {
    Vote(RequestVoteArgs),
    Append { beat: bool, args: AppendEntriesArgs },
    Install(InstallSnapshotArgs),
}

type OnDisk = (Term, Option<ServerId>, (Index, Term), Vec<Entry>);

pub(super) struct Actor {
    pub me: ServerId,
    peers: Vec<ClientEnd>,
    disk: Arc<Persister>,
    dead: Arc<AtomicBool>,
    inbox: Receiver<Event>,
    to_inbox: Sender<Event>,
    to_applier: Sender<ApplyMsg>,

    term: Term,
    vote: Option<ServerId>,
    base: (Index, Term),
    log: Vec<Entry>,
    snapshot: Bytes,
    commit: Index,
    queued: Index,
    role: Role,
    deadline: Instant,

    dirty: bool,
    out: Vec<(ServerId, Out)>,
    answers: Vec<Box<dyn FnOnce() + Send>>,
    applies: Vec<ApplyMsg>,
}

impl Actor {
    pub fn new(
        me: ServerId,
        peers: Vec<ClientEnd>,
        disk: Arc<Persister>,
        dead: Arc<AtomicBool>,
        (to_inbox, inbox): (Sender<Event>, Receiver<Event>),
        to_applier: Sender<ApplyMsg>,
    ) -> Actor {
        let saved = disk.read_raft_state();
        let (term, vote, base, log): OnDisk =
            if saved.is_empty() { OnDisk::default() } else { from_bytes(&saved).expect("mine") };
        let snapshot = disk.read_snapshot();
        let mut actor = Actor {
            me,
            peers,
            disk,
            dead,
            inbox,
            to_inbox,
            to_applier,
            term,
            vote,
            base,
            log,
            snapshot,
            commit: base.0,
            queued: base.0,
            role: Role::Follower,
            deadline: Instant::now(),
            dirty: false,
            out: Vec::new(),
            answers: Vec::new(),
            applies: Vec::new(),
        };
        actor.rewind();
        actor
    }

    pub fn run(mut self) {
        while !self.dead.load(Ordering::SeqCst) {
            let wake = match &self.role {
                Role::Follower => self.deadline,
                Role::Candidate { again_at, .. } => self.deadline.min(*again_at),
                Role::Leader(leading) => leading.beat_at,
            };
            match self.inbox.recv_timeout(wake - Instant::now()) {
                Ok(event) => {
                    self.handle(event);
                    for _ in 0..BATCH {
                        let Ok(event) = self.inbox.try_recv() else { break };
                        self.handle(event);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.look_at_the_clock();
            self.replicate();
            self.end_step();
        }
    }

    /// What has changed goes to disk; then it is shown; then all that is to be said is said.
    fn end_step(&mut self) {
        if std::mem::take(&mut self.dirty) {
            let state = to_bytes(&(self.term, self.vote, self.base, &self.log));
            self.disk.save(state.into(), self.snapshot.clone());
        }
        self.disk.show(&self.view());
        for answer in self.answers.drain(..) {
            answer();
        }
        for message in self.applies.drain(..) {
            let _ended = self.to_applier.send(message);
        }
        let (term, leads) = (self.term, matches!(self.role, Role::Leader(_)));
        for (peer, out) in std::mem::take(&mut self.out) {
            // In the same step, the reign or the candidacy may have ended.
            let valid = match &out {
                Out::Vote(args) => args.term == term && matches!(self.role, Role::Candidate { .. }),
                Out::Append { args, .. } => args.term == term && leads,
                Out::Install(args) => args.term == term && leads,
            };
            if valid && !self.dead.load(Ordering::SeqCst) {
                self.send(peer, out);
            }
        }
    }

    fn send(&self, peer: ServerId, out: Out) {
        let (end, inbox) = (self.peers[peer].clone(), self.to_inbox.clone());
        thread::spawn(format!("n{} calls n{peer}", self.me), move || {
            let event = match out {
                Out::Vote(args) => {
                    let Some(reply) = end.call("Raft.RequestVote", &args) else { return };
                    Event::VoteReply(peer, args.term, reply)
                }
                Out::Append { beat, args } => {
                    let reply = end.call("Raft.AppendEntries", &args);
                    let (term, prev) = (args.term, args.prev_log_index);
                    let upto = prev + args.entries.len() as Index;
                    Event::AppendReply { from: peer, beat, term, prev, upto, reply }
                }
                Out::Install(args) => {
                    let reply = end.call("Raft.InstallSnapshot", &args);
                    let (term, upto) = (args.term, args.last_included_index);
                    Event::InstallReply { from: peer, term, upto, reply }
                }
            };
            let _ended = inbox.send(event);
        });
    }

    fn view(&self) -> View<'_> {
        View {
            current_term: self.term,
            voted_for: self.vote,
            snapshot_index: self.base.0,
            snapshot_term: self.base.1,
            entries: &self.log,
            log_changes: None,
            snapshot: &self.snapshot,
            commit_index: self.commit,
            last_applied: self.queued,
            role: match &self.role {
                Role::Follower => RoleView::Follower,
                Role::Candidate { .. } => RoleView::Candidate,
                Role::Leader(leading) => {
                    RoleView::Leader { next_index: &leading.next, match_index: &leading.matched }
                }
            },
            read_saved: Some(|bytes| {
                if bytes.is_empty() {
                    return Ok(Saved::default());
                }
                let (current_term, voted_for, base, entries): OnDisk =
                    from_bytes(bytes).map_err(|error| error.to_string())?;
                let (snapshot_index, snapshot_term) = base;
                Ok(Saved { current_term, voted_for, snapshot_index, snapshot_term, entries })
            }),
        }
    }

    // ---- helpers

    fn rewind(&mut self) {
        self.deadline = Instant::now() + Duration::from_millis(rng::random_range(350..700));
    }

    fn last(&self) -> (Term, Index) {
        let term = self.log.last().map_or(self.base.1, |entry| entry.term);
        (term, self.base.0 + self.log.len() as Index)
    }

    fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.0 {
            return Some(self.base.1);
        }
        self.log.get(index.checked_sub(self.base.0 + 1)? as usize).map(|entry| entry.term)
    }

    fn others(&self) -> impl Iterator<Item = ServerId> + use<> {
        let me = self.me;
        (0..self.peers.len()).filter(move |&peer| peer != me)
    }

    fn follow(&mut self, term: Term) {
        if term > self.term {
            (self.term, self.vote) = (term, None);
            self.dirty = true;
        }
        if matches!(self.role, Role::Leader(_)) {
            self.rewind();
        }
        self.role = Role::Follower;
    }

    fn commit_to(&mut self, index: Index) {
        self.commit = self.commit.max(index);
        while self.queued < self.commit {
            self.queued += 1;
            let command = self.log[(self.queued - self.base.0 - 1) as usize].command.clone();
            self.applies.push(ApplyMsg::Command { index: self.queued, command });
        }
    }

    // ---- time

    fn look_at_the_clock(&mut self) {
        let now = Instant::now();
        let majority = self.peers.len() / 2 + 1;
        let due = now >= self.deadline;
        match &mut self.role {
            Role::Leader(leading) => {
                let fresh = |heard: &&Instant| now.duration_since(**heard) < PATIENCE;
                leading.heard[self.me] = now;
                if leading.heard.iter().filter(fresh).count() < majority {
                    self.follow(self.term);
                } else if now >= leading.beat_at {
                    leading.beat_at = now + HEARTBEAT;
                    self.beat();
                }
            }
            _ if due => self.campaign(),
            Role::Candidate { answered, again_at, .. } if now >= *again_at => {
                *again_at = now + ASK_AGAIN;
                let silent: Vec<_> =
                    (0..self.peers.len()).filter(|peer| !answered.contains(peer)).collect();
                self.ask(silent);
            }
            _ => {}
        }
    }

    fn campaign(&mut self) {
        self.term += 1;
        self.vote = Some(self.me);
        self.dirty = true;
        self.rewind();
        let again_at = Instant::now() + ASK_AGAIN;
        self.role =
            Role::Candidate { votes: BTreeSet::new(), answered: BTreeSet::new(), again_at };
        // The own vote is asked for like any other.
        self.ask((0..self.peers.len()).collect());
    }

    fn ask(&mut self, whom: Vec<ServerId>) {
        let (last_log_term, last_log_index) = self.last();
        let (term, candidate_id) = (self.term, self.me);
        let args = RequestVoteArgs { term, candidate_id, last_log_index, last_log_term };
        self.out.extend(whom.into_iter().map(|peer| (peer, Out::Vote(args.clone()))));
    }

    fn count_votes(&mut self) {
        let servers = self.peers.len();
        if let Role::Candidate { votes, .. } = &self.role
            && votes.len() * 2 > servers
        {
            let now = Instant::now();
            self.role = Role::Leader(Leading {
                next: vec![self.last().1 + 1; servers],
                matched: vec![0; servers],
                phase: vec![Phase::Probe { waiting: false }; servers],
                in_flight: vec![0; servers],
                heard: vec![now; servers],
                matched_at_beat: vec![0; servers],
                beat_at: now + HEARTBEAT,
                snapshot_at: vec![now; servers],
            });
            self.beat();
        }
    }

    // ---- the leader

    /// Heartbeats claim nothing but what is known: they say where the logs are the same. Who is
    /// not known to have everything is probed in their place.
    fn beat(&mut self) {
        let last = self.last().1;
        for peer in self.others() {
            let Role::Leader(leading) = &mut self.role else { return };
            let known = leading.matched[peer];
            let stuck = known == leading.matched_at_beat[peer];
            leading.matched_at_beat[peer] = known;
            if leading.phase[peer] == Phase::Stream && stuck && known < last {
                leading.next[peer] = known + 1;
                leading.phase[peer] = Phase::Probe { waiting: false };
                leading.in_flight[peer] = 0;
            }
            if leading.phase[peer] == Phase::Snapshot
                && leading.snapshot_at[peer].elapsed() > SNAPSHOT_AGAIN
            {
                leading.phase[peer] = Phase::Probe { waiting: false };
            }
            if let Phase::Probe { waiting } = &mut leading.phase[peer]
                && known < last
            {
                *waiting = false;
                continue;
            }
            let (prev_log_index, prev_log_term) =
                self.term_at(known).map_or((0, 0), |term| (known, term));
            let args = AppendEntriesArgs {
                term: self.term,
                leader_id: self.me,
                prev_log_index,
                prev_log_term,
                entries: Vec::new(),
                leader_commit: self.commit.min(prev_log_index),
            };
            self.out.push((peer, Out::Append { beat: true, args }));
        }
    }

    fn replicate(&mut self) {
        let last = self.last().1;
        for peer in self.others() {
            loop {
                let (base, commit, term) = (self.base, self.commit, self.term);
                let Role::Leader(leading) = &mut self.role else { return };
                let next = leading.next[peer];
                let may = match leading.phase[peer] {
                    Phase::Probe { waiting } => !waiting && leading.matched[peer] < last,
                    Phase::Stream => next <= last && leading.in_flight[peer] < WINDOW,
                    Phase::Snapshot => false,
                };
                if !may {
                    break;
                }
                if next <= base.0 {
                    leading.phase[peer] = Phase::Snapshot;
                    leading.snapshot_at[peer] = Instant::now();
                    let args = InstallSnapshotArgs {
                        term,
                        leader_id: self.me,
                        last_included_index: base.0,
                        last_included_term: base.1,
                        data: self.snapshot.clone(),
                    };
                    self.out.push((peer, Out::Install(args)));
                    break;
                }
                let from = (next - base.0 - 1) as usize;
                let upto = self.log.len().min(from + PER_MESSAGE);
                let entries = self.log[from..upto].to_vec();
                match &mut leading.phase[peer] {
                    Phase::Probe { waiting } => *waiting = true,
                    _ => {
                        leading.next[peer] = next + entries.len() as Index;
                        leading.in_flight[peer] += 1;
                    }
                }
                let args = AppendEntriesArgs {
                    term,
                    leader_id: self.me,
                    prev_log_index: next - 1,
                    prev_log_term: self.term_at(next - 1).expect("behind the base"),
                    entries,
                    leader_commit: commit,
                };
                self.out.push((peer, Out::Append { beat: false, args }));
            }
        }
    }

    fn leading(&mut self, term: Term) -> Option<&mut Leading> {
        match &mut self.role {
            Role::Leader(leading) if self.term == term => Some(leading),
            _ => None,
        }
    }

    fn matches(&mut self, from: ServerId, upto: Index) {
        let (last, me) = (self.last().1, self.me);
        let Role::Leader(leading) = &mut self.role else { return };
        leading.matched[from] = leading.matched[from].max(upto);
        leading.next[from] = leading.next[from].max(leading.matched[from] + 1);
        leading.matched[me] = last;
        let mut sorted = leading.matched.clone();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let common = sorted[sorted.len() / 2];
        if common > self.commit && self.term_at(common) == Some(self.term) {
            self.commit_to(common);
        }
    }

    // ---- events

    fn handle(&mut self, event: Event) {
        match event {
            Event::Vote(args, answer) => {
                let reply = self.request_vote(&args);
                self.answers.push(Box::new(move || {
                    let _ended = answer.send(reply);
                }));
            }
            Event::Append(args, answer) => {
                let reply = self.append_entries(args);
                self.answers.push(Box::new(move || {
                    let _ended = answer.send(reply);
                }));
            }
            Event::Install(args, answer) => {
                let reply = self.install_snapshot(args);
                self.answers.push(Box::new(move || {
                    let _ended = answer.send(reply);
                }));
            }
            Event::Start(command, answer) => {
                let term = self.term;
                let mut reply = (0, term, false);
                if matches!(self.role, Role::Leader(_)) && !self.dead.load(Ordering::SeqCst) {
                    self.log.push(Entry { term, command });
                    self.dirty = true;
                    reply = (self.last().1, term, true);
                    if self.peers.len() == 1 {
                        self.matches(self.me, 0);
                    }
                }
                self.answers.push(Box::new(move || {
                    let _ended = answer.send(reply);
                }));
            }
            Event::State(answer) => {
                let state = (self.term, matches!(self.role, Role::Leader(_)));
                self.answers.push(Box::new(move || {
                    let _ended = answer.send(state);
                }));
            }
            Event::Snapshot(index, data, answer) => {
                if index > self.base.0 && index <= self.queued {
                    let term = self.term_at(index).expect("applied");
                    self.log.drain(..(index - self.base.0) as usize);
                    self.base = (index, term);
                    self.snapshot = data;
                    self.dirty = true;
                }
                self.answers.push(Box::new(move || {
                    let _ended = answer.send(());
                }));
            }
            Event::VoteReply(from, asked_in, reply) => {
                if reply.term > self.term {
                    self.follow(reply.term);
                } else if self.term == asked_in
                    && let Role::Candidate { votes, answered, .. } = &mut self.role
                {
                    answered.insert(from);
                    if reply.vote_granted {
                        votes.insert(from);
                        self.count_votes();
                    }
                }
            }
            Event::AppendReply { from, beat, term, prev, upto, reply } => {
                self.append_reply(from, beat, term, prev, upto, reply);
            }
            Event::InstallReply { from, term, upto, reply } => {
                if let Some(reply) = &reply
                    && reply.term > self.term
                {
                    self.follow(reply.term);
                }
                let Some(leading) = self.leading(term) else { return };
                if leading.phase[from] == Phase::Snapshot {
                    leading.phase[from] = Phase::Probe { waiting: reply.is_none() };
                }
                if reply.is_some() {
                    leading.heard[from] = Instant::now();
                    self.matches(from, upto);
                }
            }
            Event::Kill => {}
        }
    }

    fn append_reply(
        &mut self,
        from: ServerId,
        beat: bool,
        term: Term,
        prev: Index,
        upto: Index,
        reply: Option<AppendEntriesReply>,
    ) {
        if let Some(reply) = &reply
            && reply.term > self.term
        {
            self.follow(reply.term);
        }
        let Some(leading) = self.leading(term) else { return };
        if !beat {
            leading.in_flight[from] = leading.in_flight[from].saturating_sub(1);
        }
        let Some(reply) = reply else {
            if !beat && leading.phase[from] == Phase::Stream {
                leading.next[from] = leading.matched[from] + 1;
                leading.phase[from] = Phase::Probe { waiting: true }; // until it is heard of
            }
            return;
        };
        leading.heard[from] = Instant::now();
        if reply.success {
            self.matches(from, upto);
            let Some(leading) = self.leading(term) else { return };
            if !beat && leading.phase[from] != Phase::Snapshot {
                leading.phase[from] = Phase::Stream;
            }
        } else if prev > leading.matched[from] && prev < leading.next[from] {
            let (matched, mut hint) = (leading.matched[from], reply.conflict_index);
            if let Some(term) = reply.conflict_term {
                let behind = self.log.partition_point(|entry| entry.term <= term);
                let mine = self.base.0 + behind as Index;
                if mine > hint && self.term_at(mine) == Some(term) {
                    hint = mine + 1;
                }
            }
            let Some(leading) = self.leading(term) else { return };
            leading.next[from] = hint.min(prev).max(matched + 1);
            leading.phase[from] = Phase::Probe { waiting: false };
            leading.in_flight[from] = 0;
        }
    }

    // ---- receivers

    fn request_vote(&mut self, args: &RequestVoteArgs) -> RequestVoteReply {
        if args.term > self.term {
            self.follow(args.term);
        }
        let good = (args.last_log_term, args.last_log_index) >= self.last();
        let vote_granted =
            args.term == self.term && good && self.vote.is_none_or(|it| it == args.candidate_id);
        if vote_granted {
            if args.candidate_id != self.me {
                self.rewind();
            }
            if self.vote.is_none() {
                self.vote = Some(args.candidate_id);
                self.dirty = true;
            }
        }
        RequestVoteReply { term: self.term, vote_granted }
    }

    fn append_entries(&mut self, args: AppendEntriesArgs) -> AppendEntriesReply {
        let mut reply = AppendEntriesReply {
            term: self.term,
            success: false,
            conflict_term: None,
            conflict_index: 0,
        };
        if args.term < self.term {
            return reply;
        }
        self.follow(args.term);
        self.rewind();
        reply.term = self.term;
        let prev = args.prev_log_index;
        if prev >= self.base.0 {
            let here = self.term_at(prev);
            if here != Some(args.prev_log_term) {
                reply.conflict_term = here;
                reply.conflict_index = match here {
                    None => self.last().1 + 1,
                    Some(term) => {
                        let upto = &self.log[..(prev - self.base.0) as usize];
                        let same = upto.iter().rev().take_while(|entry| entry.term == term);
                        prev + 1 - same.count() as Index
                    }
                };
                return reply;
            }
        }
        let last_new = prev + args.entries.len() as Index;
        for (index, entry) in (prev + 1..).zip(args.entries) {
            if index > self.base.0 && self.term_at(index) != Some(entry.term) {
                self.log.truncate((index - self.base.0 - 1) as usize);
                self.log.push(entry);
                self.dirty = true;
            }
        }
        let commit = args.leader_commit.min(last_new);
        if commit > self.commit {
            self.commit_to(commit);
        }
        reply.success = true;
        reply
    }

    fn install_snapshot(&mut self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        if args.term >= self.term {
            self.follow(args.term);
            self.rewind();
            let (index, term) = (args.last_included_index, args.last_included_term);
            if index > self.commit {
                if self.term_at(index) == Some(term) {
                    self.log.drain(..(index - self.base.0) as usize);
                } else {
                    self.log.clear();
                }
                self.base = (index, term);
                self.snapshot = args.data.clone();
                (self.commit, self.queued) = (index, index);
                self.dirty = true;
                self.applies.push(ApplyMsg::Snapshot { index, term, data: args.data });
            }
        }
        InstallSnapshotReply { term: self.term }
    }
}
