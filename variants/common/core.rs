//! Figure 2 and Figure 13 without threads, locks and network: what several variants share. Each
//! public function is one critical section: whoever calls it must keep others out meanwhile.
//! What must be persistent is saved before it returns, and its result may be sent at once.
//!
//! Unlike the reference, everything that only a leader needs lives here all the time and is
//! reset by the election; the disk holds one struct, with the fields in an order of its own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, Index, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply, ServerId, Term,
};
use super::{Persister, RoleView, Saved, View};
use crate::labgob::{self, Bytes};
use crate::labsync::{Instant, rng};

/// What Raft tells the service through the apply channel.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "as in the reference")]
pub enum ApplyMsg {
    Command { index: Index, command: Bytes },
    Snapshot { index: Index, term: Term, data: Bytes },
}

/// How often a leader is heard at least.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(100);

/// What a follower says of where the logs differ; all are right, some need more rounds.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each variant uses one of them")]
pub(super) enum Hint {
    /// The conflicting term and its first index.
    Term,
    /// The index behind what is committed: all before it is the same everywhere.
    Committed,
    /// Half of what is not committed, and so on: a plain decrement with growing steps.
    Halved,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Follower,
    Candidate,
    Leader,
}

/// What a leader sends.
#[derive(Clone)]
pub(super) enum Message {
    Append(AppendEntriesArgs),
    Install(InstallSnapshotArgs),
}

/// The content of the disk.
#[derive(Serialize, Deserialize, Default, Clone)]
struct Disk {
    base: Index,
    base_term: Term,
    voted_for: Option<ServerId>,
    entries: Vec<Entry>,
    term: Term,
}

pub(super) struct Core {
    pub me: ServerId,
    pub servers: usize,
    pub role: Role,
    pub commit: Index,
    pub next: Vec<Index>,
    disk: Disk,
    snapshot: Bytes,
    applied: Index,
    again: bool,
    votes: BTreeSet<ServerId>,
    pub matched: Vec<Index>,
    deadline: Instant,
    persister: Arc<Persister>,
    hint: Hint,
}

impl Core {
    pub fn new(me: ServerId, servers: usize, persister: Arc<Persister>, hint: Hint) -> Core {
        let bytes = persister.read_raft_state();
        let disk = match bytes.is_empty() {
            true => Disk::default(),
            false => labgob::from_bytes::<(Disk, Index)>(&bytes).expect("what save() wrote").0,
        };
        let mut core = Core {
            me,
            servers,
            role: Role::Follower,
            commit: disk.base,
            applied: disk.base,
            next: vec![1; servers],
            matched: vec![0; servers],
            again: false,
            votes: BTreeSet::new(),
            snapshot: persister.read_snapshot(),
            deadline: Instant::now(),
            disk,
            persister,
            hint,
        };
        core.reset_timer();
        core
    }

    pub fn term(&self) -> Term {
        self.disk.term
    }

    pub fn peers(&self) -> impl Iterator<Item = ServerId> + use<> {
        let me = self.me;
        (0..self.servers).filter(move |&peer| peer != me)
    }

    pub fn last(&self) -> Index {
        self.disk.base + self.disk.entries.len() as Index
    }

    fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.disk.base {
            return Some(self.disk.base_term);
        }
        let behind = index.checked_sub(self.disk.base + 1)?;
        self.disk.entries.get(behind as usize).map(|entry| entry.term)
    }

    /// Saves everything; public for a variant that does it once more.
    pub fn save(&self) {
        let state = labgob::to_bytes(&(&self.disk, self.commit));
        self.persister.save(state.into(), self.snapshot.clone());
    }

    /// After a restart: what was committed at the last save is still so.
    #[allow(dead_code, reason = "not every variant does")]
    pub fn recall_commit(&mut self) {
        let bytes = self.persister.read_raft_state();
        if let Ok((_, commit)) = labgob::from_bytes::<(Disk, Index)>(&bytes) {
            self.commit = self.commit.max(commit);
        }
    }

    /// Shows the state to the tester; not every variant does.
    #[allow(dead_code, reason = "variants without a View")]
    pub fn show(&self) {
        self.persister.show(&View {
            current_term: self.disk.term,
            voted_for: self.disk.voted_for,
            snapshot_index: self.disk.base,
            snapshot_term: self.disk.base_term,
            entries: &self.disk.entries,
            log_changes: None,
            snapshot: &self.snapshot,
            commit_index: self.commit,
            last_applied: self.applied,
            role: match self.role {
                Role::Follower => RoleView::Follower,
                Role::Candidate => RoleView::Candidate,
                Role::Leader => {
                    RoleView::Leader { next_index: &self.next, match_index: &self.matched }
                }
            },
            read_saved: Some(read_saved),
        });
    }

    fn reset_timer(&mut self) {
        self.deadline = Instant::now() + Duration::from_millis(rng::random_range(300..600));
    }

    /// Adopts a newer term.
    fn observe(&mut self, term: Term) {
        if term > self.disk.term {
            (self.disk.term, self.disk.voted_for) = (term, None);
            self.follow();
            self.save();
        }
    }

    pub fn follow(&mut self) {
        if self.role == Role::Leader {
            self.reset_timer();
        }
        self.role = Role::Follower;
    }

    // ---- elections --------------------------------------------------------------------------

    /// Starts an election if it is time for one.
    pub fn campaign_if_due(&mut self) -> Option<RequestVoteArgs> {
        if self.role == Role::Leader || Instant::now() < self.deadline {
            return None;
        }
        self.role = Role::Candidate;
        self.disk.term += 1;
        self.disk.voted_for = Some(self.me);
        self.votes = BTreeSet::from([self.me]);
        self.reset_timer();
        self.save();
        self.lead_if_elected();
        Some(RequestVoteArgs {
            term: self.disk.term,
            candidate_id: self.me,
            last_log_index: self.last(),
            last_log_term: self.term_at(self.last()).expect("the last entry"),
        })
    }

    fn lead_if_elected(&mut self) {
        if self.votes.len() > self.servers / 2 {
            self.role = Role::Leader;
            self.next = vec![self.last() + 1; self.servers];
            self.matched = vec![0; self.servers];
        }
    }

    /// The answer of `peer`; true if it makes this server the leader.
    pub fn voted(&mut self, peer: ServerId, term: Term, reply: &RequestVoteReply) -> bool {
        self.observe(reply.term);
        if self.role != Role::Candidate || term != self.disk.term || !reply.vote_granted {
            return false;
        }
        self.votes.insert(peer);
        self.lead_if_elected();
        self.role == Role::Leader
    }

    pub fn request_vote(&mut self, args: &RequestVoteArgs) -> RequestVoteReply {
        self.observe(args.term);
        let ours = (self.term_at(self.last()).expect("the last entry"), self.last());
        let vote_granted = args.term == self.disk.term
            && self.disk.voted_for.is_none_or(|candidate| candidate == args.candidate_id)
            && (args.last_log_term, args.last_log_index) >= ours;
        if vote_granted {
            self.disk.voted_for = Some(args.candidate_id);
            self.reset_timer();
            self.save();
        }
        RequestVoteReply { term: self.disk.term, vote_granted }
    }

    // ---- what a leader does -----------------------------------------------------------------

    /// Takes a command, if this server leads: its index and term.
    pub fn start(&mut self, command: Bytes) -> Option<(Index, Term)> {
        if self.role != Role::Leader {
            return None;
        }
        let taken = self.take_command(command);
        self.save();
        self.count();
        Some(taken)
    }

    /// For a leader that does the rest later, before it sends the entry.
    pub fn take_command(&mut self, command: Bytes) -> (Index, Term) {
        self.disk.entries.push(Entry { term: self.disk.term, command });
        (self.last(), self.disk.term)
    }

    /// All that `peer` may lack.
    pub fn message_for(&self, peer: ServerId) -> Message {
        let (next, base) = (self.next[peer], self.disk.base);
        let (term, leader_id) = (self.disk.term, self.me);
        if next <= base {
            return Message::Install(InstallSnapshotArgs {
                term,
                leader_id,
                last_included_index: base,
                last_included_term: self.disk.base_term,
                data: self.snapshot.clone(),
            });
        }
        Message::Append(AppendEntriesArgs {
            term,
            leader_id,
            prev_log_index: next - 1,
            prev_log_term: self.term_at(next - 1).expect("next is behind the snapshot"),
            entries: self.disk.entries[(next - 1 - base) as usize..].to_vec(),
            leader_commit: self.commit,
        })
    }

    /// The follower's answer to what was sent in that term.
    pub fn appended(&mut self, peer: ServerId, sent: &AppendEntriesArgs, got: &AppendEntriesReply) {
        self.observe(got.term);
        if self.role != Role::Leader || self.disk.term != sent.term {
            return;
        }
        let prev = sent.prev_log_index;
        if got.success {
            self.has(peer, prev + sent.entries.len() as Index);
        } else if prev > self.matched[peer] {
            // Behind our last entry of the conflicting term, or where the follower says.
            let range = self.disk.base..prev;
            let ours = got.conflict_term.and_then(|term| {
                range.rev().find(|&index| self.term_at(index) == Some(term)).map(|index| index + 1)
            });
            let hint = ours.unwrap_or(got.conflict_index).min(prev);
            self.next[peer] = hint.max(self.matched[peer] + 1);
        }
    }

    /// The follower has the snapshot, if it is not in a newer term.
    pub fn installed(
        &mut self,
        peer: ServerId,
        sent: &InstallSnapshotArgs,
        got: &InstallSnapshotReply,
    ) {
        self.observe(got.term);
        if self.role == Role::Leader && self.disk.term == sent.term && got.term == sent.term {
            self.has(peer, sent.last_included_index);
        }
    }

    fn has(&mut self, peer: ServerId, index: Index) {
        self.matched[peer] = self.matched[peer].max(index);
        self.next[peer] = self.next[peer].max(self.matched[peer] + 1);
        self.count();
    }

    /// What `peer` gets next is the snapshot, if it may lack anything of that.
    #[allow(dead_code, reason = "not every variant does")]
    pub fn send_snapshot_next(&mut self, peer: ServerId) {
        if self.role == Role::Leader && self.matched[peer] < self.disk.base {
            self.next[peer] = self.next[peer].min(self.disk.base);
        }
    }

    /// An RPC to `peer` was lost: what was taken for sent is sent again.
    #[allow(dead_code, reason = "for those who advance next when they send")]
    pub fn lost(&mut self, peer: ServerId, term: Term) {
        if self.role == Role::Leader && self.disk.term == term {
            self.next[peer] = self.matched[peer] + 1;
        }
    }

    /// Commits what a majority has, if it ends in an entry of this term (Figure 8).
    fn count(&mut self) {
        let mut have: Vec<Index> = self.peers().map(|peer| self.matched[peer]).collect();
        have.push(self.last());
        have.sort_unstable();
        let index = have[(self.servers - 1) / 2];
        if index > self.commit && self.term_at(index) == Some(self.disk.term) {
            self.commit = index;
        }
    }

    // ---- what a follower does ---------------------------------------------------------------

    pub fn append_entries(&mut self, args: AppendEntriesArgs) -> AppendEntriesReply {
        let prev = args.prev_log_index;
        self.observe(args.term);
        let mut reply = AppendEntriesReply {
            term: self.disk.term,
            success: false,
            conflict_term: None,
            conflict_index: 0,
        };
        if args.term < self.disk.term {
            return reply;
        }
        self.follow();
        self.reset_timer();
        if prev > self.disk.base && self.term_at(prev) != Some(args.prev_log_term) {
            self.explain(prev, &mut reply);
            return reply;
        }
        let end = prev + args.entries.len() as Index;
        let mut changed = false;
        for (index, entry) in (prev + 1..).zip(args.entries) {
            if index <= self.disk.base || self.term_at(index) == Some(entry.term) {
                continue;
            }
            self.disk.entries.truncate((index - 1 - self.disk.base) as usize);
            self.disk.entries.push(entry);
            changed = true;
        }
        if changed {
            self.save();
        }
        self.commit = self.commit.max(args.leader_commit.min(end));
        reply.success = true;
        reply
    }

    /// A follower that has not voted in `term` notes its leader as its vote.
    #[allow(dead_code, reason = "not every variant does")]
    pub fn note_leader(&mut self, leader: ServerId, term: Term) {
        if self.disk.term == term && self.disk.voted_for.is_none() {
            self.disk.voted_for = Some(leader);
            self.save();
        }
    }

    /// Drops what conflicts with the entry before those that a current leader has sent.
    #[allow(dead_code, reason = "not every variant does")]
    pub fn drop_conflict(&mut self, prev: Index, prev_term: Term) {
        if prev > self.disk.base && self.term_at(prev).is_some_and(|term| term != prev_term) {
            self.disk.entries.truncate((prev - 1 - self.disk.base) as usize);
            self.save();
        }
    }

    fn explain(&self, prev: Index, reply: &mut AppendEntriesReply) {
        let limit = prev.min(self.last() + 1);
        reply.conflict_index = match (self.hint, self.term_at(prev)) {
            (Hint::Committed, _) => self.commit + 1,
            (Hint::Halved, _) => self.commit + 1 + (limit - self.commit - 1) / 2,
            (Hint::Term, None) => limit,
            (Hint::Term, Some(term)) => {
                reply.conflict_term = Some(term);
                let same = |&index: &Index| self.term_at(index) == Some(term);
                (self.disk.base + 1..=prev).find(same).unwrap_or(prev)
            }
        };
    }

    pub fn install_snapshot(&mut self, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        self.observe(args.term);
        if args.term == self.disk.term {
            self.follow();
            self.reset_timer();
            if args.last_included_index > self.commit {
                self.cut(args.last_included_index, args.last_included_term, args.data);
                self.commit = self.disk.base;
            }
        }
        InstallSnapshotReply { term: self.disk.term }
    }

    /// The log begins behind `index`; the rest stays if it belongs to it.
    fn cut(&mut self, index: Index, term: Term, data: Bytes) {
        if self.term_at(index) == Some(term) {
            self.disk.entries.drain(..(index - self.disk.base) as usize);
        } else {
            self.disk.entries.clear();
        }
        (self.disk.base, self.disk.base_term, self.snapshot) = (index, term, data);
        self.save();
    }

    // ---- the service ------------------------------------------------------------------------

    pub fn snapshot(&mut self, index: Index, data: Bytes) {
        if index > self.disk.base && index <= self.applied {
            let term = self.term_at(index).expect("an applied entry behind the snapshot");
            self.cut(index, term, data);
        }
    }

    /// What the service has not seen; it counts as applied from now on.
    pub fn take_unapplied(&mut self) -> Vec<ApplyMsg> {
        self.take(usize::MAX)
    }

    /// The service is to get the snapshot once more, if that is what it has.
    #[allow(dead_code, reason = "not every variant does")]
    pub fn repeat_snapshot(&mut self, index: Index) {
        self.again |= index == self.disk.base && index == self.applied;
    }

    /// Whether the entry there is inside the snapshot, and no longer in the log.
    #[allow(dead_code, reason = "not every variant does")]
    pub fn covers(&self, index: Index) -> bool {
        index < self.disk.base
    }

    /// The same, so many messages at most.
    pub fn take(&mut self, most: usize) -> Vec<ApplyMsg> {
        let mut messages = Vec::new();
        let again = std::mem::take(&mut self.again) && self.applied == self.disk.base;
        if again || self.applied < self.disk.base {
            let (index, term) = (self.disk.base, self.disk.base_term);
            messages.push(ApplyMsg::Snapshot { index, term, data: self.snapshot.clone() });
            self.applied = index;
        }
        while self.applied < self.commit && messages.len() < most {
            let entry = &self.disk.entries[(self.applied - self.disk.base) as usize];
            self.applied += 1;
            messages
                .push(ApplyMsg::Command { index: self.applied, command: entry.command.clone() });
        }
        messages
    }
}

fn read_saved(raft_state: &Bytes) -> Result<Saved, String> {
    let saved: Result<(Disk, Index), _> = labgob::from_bytes(raft_state);
    let (disk, _) = saved.map_err(|error| error.to_string())?;
    Ok(Saved {
        current_term: disk.term,
        voted_for: disk.voted_for,
        snapshot_index: disk.base,
        snapshot_term: disk.base_term,
        entries: disk.entries,
    })
}
