//! A right Raft: the straightforward translation of a Go student's.
//!
//! Structure: one big `Mutex<Inner>`, `Arc<Self>` everywhere, a thread for each RPC, spawned while
//! the lock is held. The log has Go's dummy entry at position 0, which stands for the snapshot's
//! last entry, and `voted_for` is -1 for nobody.
//!
//! Unusual: `start()` takes `&Arc<Self>` and sends at once, whether or not earlier RPCs are under
//! way; a refused `start()` returns the term 0; commits are told with the next heartbeat only; no
//! View is shown. `snapshot()` with an index that is not applied is ignored. After a restart
//! `last_applied` is 0, as Figure 2 says, and the service is given its snapshot once more. The apply
//! channel is a field, as in Go.
//!
//! Still right: what must be persistent is saved before any thread that sends it is spawned, and
//! each RPC carries a copy of its arguments from the same critical section. A reply counts in the
//! same term and role alone, and match_index only rises, so that doubled RPCs do no harm.

mod persister;
mod view;

pub mod rpc;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use self::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use crate::labgob::{Bytes, DecodeError, LabDecoder, LabEncoder};
use crate::labrpc::ClientEnd;
use crate::labsync::channel::Sender;
use crate::labsync::{Condvar, Instant, Mutex, MutexGuard, rng, thread};

pub use self::persister::{OnDisk, Persister, Watcher};
pub use self::rpc::{Index, ServerId, Term, service};
pub use self::view::{ReadSaved, RoleView, Saved, View};

const HEARTBEAT: Duration = Duration::from_millis(100);

/// What Raft tells the service through the apply channel.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "as in the reference")]
pub enum ApplyMsg {
    Command { index: Index, command: Bytes },
    Snapshot { index: Index, term: Term, data: Bytes },
}

const NOBODY: i64 = -1;

#[derive(PartialEq, Eq, Clone, Copy)]
enum Role {
    Follower,
    Candidate,
    Leader,
}

/// One Raft server.
pub struct Raft {
    me: ServerId,
    peers: Vec<ClientEnd>,
    persister: Arc<Persister>,
    inner: Mutex<Inner>,
    applier: Condvar,
    apply_ch: Sender<ApplyMsg>,
}

struct Inner {
    term: Term,
    voted_for: i64,
    /// The first one stands for the snapshot's last entry, which is at `base`.
    log: Vec<Entry>,
    base: Index,
    snapshot: Bytes,
    commit_index: Index,
    last_applied: Index,
    role: Role,
    votes: BTreeSet<ServerId>,
    next_index: Vec<Index>,
    match_index: Vec<Index>,
    deadline: Instant,
    heartbeat_at: Instant,
    killed: bool,
}

impl Inner {
    fn last(&self) -> Index {
        self.base + self.log.len() as Index - 1
    }

    fn at(&self, index: Index) -> &Entry {
        &self.log[(index - self.base) as usize]
    }

    fn reset_timer(&mut self) {
        self.deadline = Instant::now() + Duration::from_millis(rng::random_range(300..600));
    }

    fn check_term(&mut self, term: Term) {
        if term > self.term {
            (self.term, self.voted_for) = (term, NOBODY);
            self.step_down();
        }
    }

    fn step_down(&mut self) {
        if self.role == Role::Leader {
            self.reset_timer();
        }
        self.role = Role::Follower;
    }
}

impl Raft {
    /// Starts a server and returns at once.
    pub fn make(
        peers: Vec<ClientEnd>,
        me: ServerId,
        persister: Arc<Persister>,
        apply_ch: Sender<ApplyMsg>,
    ) -> Arc<Raft> {
        let (term, voted_for, base, log) = read(&persister.read_raft_state());
        let mut inner = Inner {
            term,
            voted_for,
            log,
            base,
            snapshot: persister.read_snapshot(),
            commit_index: base,
            last_applied: 0,
            role: Role::Follower,
            votes: BTreeSet::new(),
            next_index: vec![1; peers.len()],
            match_index: vec![0; peers.len()],
            deadline: Instant::now(),
            heartbeat_at: Instant::now(),
            killed: false,
        };
        inner.reset_timer();
        let (inner, applier) = (Mutex::new(inner), Condvar::new());
        let rf = Arc::new(Raft { me, peers, persister, inner, applier, apply_ch });
        let (ticker, applier) = (rf.clone(), rf.clone());
        thread::spawn(format!("raft-{me} ticker"), move || ticker.ticker());
        thread::spawn(format!("raft-{me} applier"), move || applier.apply());
        rf
    }

    /// The current term, and whether this server takes itself for its leader.
    pub fn get_state(self: &Arc<Self>) -> (Term, bool) {
        let rf = self.inner.lock();
        (rf.term, rf.role == Role::Leader)
    }

    /// Asks for agreement on `command`.
    pub fn start(self: &Arc<Self>, command: Bytes) -> (Index, Term, bool) {
        let mut rf = self.inner.lock();
        if rf.role != Role::Leader || rf.killed {
            return (0, 0, false);
        }
        let term = rf.term;
        rf.log.push(Entry { term, command });
        self.persist(&rf);
        self.broadcast(&mut rf);
        self.advance(&mut rf);
        (rf.last(), term, true)
    }

    /// Drops the log up to `index`.
    pub fn snapshot(self: Arc<Self>, index: Index, data: Bytes) {
        let mut rf = self.inner.lock();
        if index <= rf.base || index > rf.last_applied {
            return;
        }
        let cut = (index - rf.base) as usize;
        rf.log.drain(..cut);
        rf.log[0].command = Bytes::default();
        (rf.base, rf.snapshot) = (index, data);
        self.persist(&rf);
    }

    /// Ends all threads soon.
    pub fn kill(&self) {
        self.inner.lock().killed = true;
        self.applier.notify_all();
    }

    fn persist(&self, rf: &Inner) {
        let mut encoder = LabEncoder::new(Vec::new());
        encoder.encode(&rf.term).expect("plain data");
        encoder.encode(&rf.voted_for).expect("plain data");
        encoder.encode(&rf.base).expect("plain data");
        encoder.encode(&rf.log).expect("plain data");
        self.persister.save(encoder.into_inner().into(), rf.snapshot.clone());
    }

    fn ticker(self: Arc<Self>) {
        loop {
            {
                let mut rf = self.inner.lock();
                if rf.killed {
                    return;
                }
                let now = Instant::now();
                if rf.role == Role::Leader && now >= rf.heartbeat_at {
                    self.broadcast(&mut rf);
                } else if rf.role != Role::Leader && now >= rf.deadline {
                    self.campaign(&mut rf);
                }
            }
            thread::sleep(Duration::from_millis(rng::random_range(8..13)));
        }
    }

    fn campaign(self: &Arc<Self>, rf: &mut Inner) {
        rf.role = Role::Candidate;
        rf.term += 1;
        rf.voted_for = self.me as i64;
        rf.votes = BTreeSet::from([self.me]);
        rf.reset_timer();
        self.persist(rf);
        self.count_votes(rf);
        let args = RequestVoteArgs {
            term: rf.term,
            candidate_id: self.me,
            last_log_index: rf.last(),
            last_log_term: rf.at(rf.last()).term,
        };
        for peer in (0..self.peers.len()).filter(|&peer| peer != self.me) {
            let (this, args) = (self.clone(), args.clone());
            thread::spawn(format!("raft-{} vote", self.me), move || this.ask_vote(peer, &args));
        }
    }

    fn ask_vote(self: Arc<Self>, peer: ServerId, args: &RequestVoteArgs) {
        let reply: Option<RequestVoteReply> = self.peers[peer].call("Raft.RequestVote", args);
        let Some(reply) = reply else { return };
        let mut rf = self.inner.lock();
        if reply.term > rf.term {
            rf.check_term(reply.term);
            self.persist(&rf);
        }
        if rf.role != Role::Candidate || rf.term != args.term || !reply.vote_granted {
            return;
        }
        rf.votes.insert(peer);
        self.count_votes(&mut rf);
    }

    fn count_votes(self: &Arc<Self>, rf: &mut Inner) {
        if rf.votes.len() > self.peers.len() / 2 {
            rf.role = Role::Leader;
            rf.next_index = vec![rf.last() + 1; self.peers.len()];
            rf.match_index = vec![0; self.peers.len()];
            self.broadcast(rf);
        }
    }

    fn broadcast(self: &Arc<Self>, rf: &mut Inner) {
        rf.heartbeat_at = Instant::now() + HEARTBEAT;
        for peer in (0..self.peers.len()).filter(|&peer| peer != self.me) {
            let (this, next) = (self.clone(), rf.next_index[peer]);
            if next <= rf.base {
                let args = InstallSnapshotArgs {
                    term: rf.term,
                    leader_id: self.me,
                    last_included_index: rf.base,
                    last_included_term: rf.log[0].term,
                    data: rf.snapshot.clone(),
                };
                thread::spawn(format!("raft-{} install", self.me), move || {
                    this.send_install(peer, &args);
                });
                continue;
            }
            let args = AppendEntriesArgs {
                term: rf.term,
                leader_id: self.me,
                prev_log_index: next - 1,
                prev_log_term: rf.at(next - 1).term,
                entries: rf.log[(next - rf.base) as usize..].to_vec(),
                leader_commit: rf.commit_index,
            };
            thread::spawn(format!("raft-{} append", self.me), move || {
                this.send_append(peer, &args);
            });
        }
    }

    /// The lock, if a reply to what this server sent as the leader of `term` counts.
    fn as_leader_of(&self, term: Term, reply_term: Term) -> Option<MutexGuard<'_, Inner>> {
        let mut rf = self.inner.lock();
        if reply_term > rf.term {
            rf.check_term(reply_term);
            self.persist(&rf);
        }
        (rf.role == Role::Leader && rf.term == term).then_some(rf)
    }

    fn send_append(self: Arc<Self>, peer: ServerId, args: &AppendEntriesArgs) {
        let reply: Option<AppendEntriesReply> = self.peers[peer].call("Raft.AppendEntries", args);
        let Some(reply) = reply else { return };
        let Some(mut rf) = self.as_leader_of(args.term, reply.term) else { return };
        if reply.success {
            self.matched(&mut rf, peer, args.prev_log_index + args.entries.len() as Index);
        } else if rf.next_index[peer] == args.prev_log_index + 1 {
            // Our last entry of the conflicting term before prev, or the follower's first.
            let mut hint = reply.conflict_index;
            if let Some(term) = reply.conflict_term {
                let ours = (rf.base..args.prev_log_index).rev().find(|&i| rf.at(i).term <= term);
                if let Some(index) = ours.filter(|&i| rf.at(i).term == term) {
                    hint = index + 1;
                }
            }
            let matched = rf.match_index[peer];
            rf.next_index[peer] = hint.min(args.prev_log_index).max(matched + 1);
        }
    }

    fn send_install(self: Arc<Self>, peer: ServerId, args: &InstallSnapshotArgs) {
        let reply: Option<InstallSnapshotReply> =
            self.peers[peer].call("Raft.InstallSnapshot", args);
        let Some(reply) = reply else { return };
        let Some(mut rf) = self.as_leader_of(args.term, reply.term) else { return };
        self.matched(&mut rf, peer, args.last_included_index);
    }

    fn matched(&self, rf: &mut Inner, peer: ServerId, index: Index) {
        rf.match_index[peer] = rf.match_index[peer].max(index);
        rf.next_index[peer] = rf.next_index[peer].max(rf.match_index[peer] + 1);
        self.advance(rf);
    }

    fn advance(&self, rf: &mut Inner) {
        for n in (rf.commit_index + 1..=rf.last()).rev() {
            if rf.at(n).term != rf.term {
                return; // an older term's: not by counting (Figure 8)
            }
            let others = (0..self.peers.len()).filter(|&peer| peer != self.me);
            let have = 1 + others.filter(|&peer| rf.match_index[peer] >= n).count();
            if have > self.peers.len() / 2 {
                rf.commit_index = n;
                self.applier.notify_all();
                return;
            }
        }
    }

    fn apply(self: Arc<Self>) {
        loop {
            let message = {
                let mut rf = self.inner.lock();
                while !rf.killed && rf.last_applied >= rf.commit_index {
                    self.applier.wait(&mut rf);
                }
                if rf.killed {
                    return;
                }
                if rf.last_applied < rf.base {
                    rf.last_applied = rf.base;
                    let (index, term) = (rf.base, rf.log[0].term);
                    ApplyMsg::Snapshot { index, term, data: rf.snapshot.clone() }
                } else {
                    rf.last_applied += 1;
                    let index = rf.last_applied;
                    ApplyMsg::Command { index, command: rf.at(index).command.clone() }
                }
            };
            if self.apply_ch.send(message).is_err() {
                return;
            }
        }
    }

    pub(super) fn request_vote(&self, args: &RequestVoteArgs) -> RequestVoteReply {
        let mut rf = self.inner.lock();
        rf.check_term(args.term);
        let last = rf.last();
        let free = rf.voted_for == NOBODY || rf.voted_for == args.candidate_id as i64;
        let newer = (args.last_log_term, args.last_log_index) >= (rf.at(last).term, last);
        let vote_granted = args.term == rf.term && free && newer;
        if vote_granted {
            rf.voted_for = args.candidate_id as i64;
            rf.reset_timer();
        }
        self.persist(&rf);
        RequestVoteReply { term: rf.term, vote_granted }
    }

    pub(super) fn append_entries(&self, args: AppendEntriesArgs) -> AppendEntriesReply {
        let mut rf = self.inner.lock();
        let (term, prev) = (rf.term.max(args.term), args.prev_log_index);
        let mut reply =
            AppendEntriesReply { term, success: false, conflict_term: None, conflict_index: 0 };
        if args.term < rf.term {
            return reply;
        }
        rf.check_term(args.term);
        rf.step_down();
        rf.reset_timer();
        if prev > rf.last() {
            reply.conflict_index = rf.last() + 1;
        } else if prev >= rf.base && rf.at(prev).term != args.prev_log_term {
            let conflict = rf.at(prev).term;
            let first = (rf.base..=prev).find(|&i| rf.at(i).term == conflict).unwrap_or(prev);
            (reply.conflict_term, reply.conflict_index) = (Some(conflict), first);
        } else {
            let end = prev + args.entries.len() as Index;
            for (index, entry) in (prev + 1..).zip(args.entries) {
                if index <= rf.base || index <= rf.last() && rf.at(index).term == entry.term {
                    continue;
                }
                let keep = (index - rf.base) as usize;
                rf.log.truncate(keep);
                rf.log.push(entry);
            }
            rf.commit_index = rf.commit_index.max(args.leader_commit.min(end));
            self.applier.notify_all();
            reply.success = true;
        }
        self.persist(&rf);
        reply
    }

    pub(super) fn install_snapshot(&self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let mut rf = self.inner.lock();
        if args.term >= rf.term {
            rf.check_term(args.term);
            rf.step_down();
            rf.reset_timer();
            let (index, term) = (args.last_included_index, args.last_included_term);
            if index > rf.commit_index {
                if index <= rf.last() && rf.at(index).term == term {
                    let cut = (index - rf.base) as usize;
                    rf.log.drain(..cut);
                } else {
                    rf.log.clear();
                    rf.log.push(Entry { term, command: Bytes::default() });
                }
                rf.log[0].command = Bytes::default();
                (rf.base, rf.commit_index, rf.snapshot) = (index, index, args.data);
                self.applier.notify_all();
            }
            self.persist(&rf);
        }
        InstallSnapshotReply { term: rf.term }
    }
}

fn read(bytes: &Bytes) -> (Term, i64, Index, Vec<Entry>) {
    if bytes.is_empty() {
        return (0, NOBODY, 0, vec![Entry { term: 0, command: Bytes::default() }]);
    }
    let mut decoder = LabDecoder::new(&bytes[..]);
    let mut read = || {
        Ok::<_, DecodeError>((
            decoder.decode()?,
            decoder.decode()?,
            decoder.decode()?,
            decoder.decode()?,
        ))
    };
    read().expect("what persist() wrote")
}
