//! Part B: log replication (§5.3, §5.4.2): the leader's side. The followers' is in `append.rs`.
//!
//! One thread, the replicator, decides what is sent and when; each RPC then waits for its reply
//! in a thread of its own, because a server that is cut off may answer 7 s late or not at all,
//! and heartbeats must go on meanwhile. To a follower a message goes
//!
//! - when its heartbeat is due, whatever else is under way; it carries all entries that the
//!   follower may lack, so it is also the retry of an AppendEntries that was lost;
//! - at once when there is news (entries, or a higher commit index), unless an earlier
//!   message is still unanswered: its reply brings the next. So commands that come while one is
//!   under way travel together, and no entry is sent again with each new command.
//!
//! Figure 2 leaves the pace open; everything else follows it line by line.

use std::sync::Arc;
use std::time::Duration;

use super::Raft;
use super::monitor::Receipt;
use super::rpc::{
    AppendEntriesArgs, AppendEntriesReply, Entry, Index, InstallSnapshotArgs, ServerId,
};
use super::state::{Role, State};
use crate::labgob::Bytes;
use crate::labsync::{Instant, thread};

/// The lab allows about ten heartbeats a second at most; fewer cost fewer RPCs.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_millis(140);

/// How long the replicator lets news gather once there is something to send: commands that come
/// close together, and the commit of the ones before, travel in one RPC.
const GATHERING: Duration = Duration::from_millis(10);

/// Volatile state on leaders (Figure 2), reinitialized after election because it is made then.
pub struct Leader {
    /// For each server, the index of the next log entry to send to that server.
    pub(super) next_index: Vec<Index>,
    /// For each server, the highest log entry known to be replicated on it. Never falls.
    pub(super) match_index: Vec<Index>,
    /// For each server, when to send: not in the paper, which leaves the pace open.
    pub(super) pace: Vec<Pace>,
}

/// When a follower gets its next message.
#[derive(Clone)]
pub(super) struct Pace {
    pub(super) heartbeat_due: Instant,
    /// The number of the last message, while it is unanswered.
    pub(super) unanswered: Option<u64>,
    sent: u64,
    /// The highest commit index that the follower has confirmed to have heard of.
    commit_told: Index,
}

/// A message for a follower, with all that its reply will be judged by.
pub(super) struct Message {
    pub(super) peer: ServerId,
    pub(super) reign: Receipt,
    pub(super) number: u64,
    pub(super) content: Content,
}

pub(super) enum Content {
    Append(AppendEntriesArgs),
    Install(InstallSnapshotArgs),
}

impl Leader {
    /// `next_index` starts behind the leader's last entry, `match_index` at 0; a heartbeat is due.
    pub(super) fn new(servers: usize, last_log_index: Index) -> Leader {
        let pace =
            Pace { heartbeat_due: Instant::now(), unanswered: None, sent: 0, commit_told: 0 };
        Leader {
            next_index: vec![last_log_index + 1; servers],
            match_index: vec![0; servers],
            pace: vec![pace; servers],
        }
    }

    /// The follower has everything up to `index`. Replies overtake each other: nothing falls.
    pub(super) fn matched(&mut self, peer: ServerId, index: Index) {
        self.match_index[peer] = self.match_index[peer].max(index);
        self.next_index[peer] = self.next_index[peer].max(index + 1);
    }

    /// The follower's log does not match ours before `hint`. Below what is known to match,
    /// and forward, a late answer cannot move `next_index`.
    pub(super) fn back_up(&mut self, peer: ServerId, hint: Index) {
        let lowest = self.match_index[peer] + 1;
        self.next_index[peer] = self.next_index[peer].min(hint.max(lowest));
    }

    fn has_news(&self, peer: ServerId, last_index: Index, commit_index: Index) -> bool {
        last_index >= self.next_index[peer] || commit_index > self.pace[peer].commit_told
    }
}

impl Raft {
    /// The replicator's thread: sends what is due, while this server is leader.
    pub(super) fn replicator_loop(self: Arc<Raft>) {
        while self.wait_until_due() {
            thread::sleep(GATHERING);
            for message in self.messages_due() {
                let raft = self.clone();
                let name = format!("raft-{} {} to {}", self.me, message.rpc(), message.peer);
                thread::spawn(name, move || raft.deliver(message));
            }
        }
    }

    /// Waits until there is something to send; false after `kill()`.
    fn wait_until_due(&self) -> bool {
        let mut state = self.monitor.lock();
        loop {
            if self.killed() {
                return false;
            }
            match state.next_due() {
                Some(due) if due <= Instant::now() => return true,
                Some(due) => state.wait_until(&self.monitor.signals().replicate, due),
                None => state.wait(&self.monitor.signals().replicate),
            }
        }
    }

    fn messages_due(&self) -> Vec<Message> {
        self.monitor.lock().take_messages_due(Instant::now())
    }

    /// The body of an RPC's thread: sends one message and learns from its reply.
    pub(super) fn deliver(&self, message: Message) {
        let Message { peer, reign, number, content } = message;
        match &content {
            Content::Append(args) => self.send_append(peer, reign, args),
            Content::Install(args) => self.send_install(peer, reign, args),
        }
        let mut state = self.monitor.lock();
        if state.is_current(reign) {
            state.message_ended(peer, number);
        }
    }

    fn send_append(&self, peer: ServerId, reign: Receipt, args: &AppendEntriesArgs) {
        let reply = self.peers[peer].call::<_, AppendEntriesReply>("Raft.AppendEntries", args);
        let Some(reply) = reply else { return };
        let Some(mut state) = self.monitor.relock(reign, reply.term) else { return };
        if reply.success {
            state.append_accepted(peer, args);
        } else {
            state.append_rejected(peer, args, &reply);
        }
    }
}

impl Message {
    fn rpc(&self) -> &'static str {
        match self.content {
            Content::Append(_) => "AppendEntries",
            Content::Install(_) => "InstallSnapshot",
        }
    }
}

impl State {
    /// Leaders: a client's command becomes an entry of the local log (§5.3). The replicator
    /// sends it, and [`State::advance_commit_index`] counts its copies.
    pub(super) fn append_command(&mut self, command: Bytes) -> Index {
        let index = self.log.append(Entry { term: self.current_term, command });
        self.advance_commit_index(); // a cluster of one has its majority already
        self.signals.replicate.notify_one();
        index
    }

    /// When the next message of this reign is due; `None` if this server does not lead.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let Role::Leader(leader) = &self.role else { return None };
        let due_of = |peer: ServerId| {
            let pace = &leader.pace[peer];
            let news = leader.has_news(peer, self.log.last_index(), self.commit_index);
            if news && pace.unanswered.is_none() { Instant::now() } else { pace.heartbeat_due }
        };
        // A leader without followers has nothing to send: it looks again after a heartbeat's time.
        self.peers().map(due_of).min().or(Some(Instant::now() + HEARTBEAT_INTERVAL))
    }

    /// The messages that are due now. All that an RPC says is copied out here, in the critical
    /// section that decides to send it.
    pub(super) fn take_messages_due(&mut self, now: Instant) -> Vec<Message> {
        let (last_index, commit_index) = (self.log.last_index(), self.commit_index);
        let mut messages = Vec::new();
        for peer in self.peers() {
            let Role::Leader(leader) = &mut self.role else { break };
            let news = leader.has_news(peer, last_index, commit_index);
            let pace = &mut leader.pace[peer];
            if now < pace.heartbeat_due && !(news && pace.unanswered.is_none()) {
                continue;
            }
            let repeats = pace.unanswered.is_some();
            pace.sent += 1;
            pace.unanswered = Some(pace.sent);
            pace.heartbeat_due = now + HEARTBEAT_INTERVAL;
            let (number, next_index) = (pace.sent, leader.next_index[peer]);
            let content = self.content_for(next_index, repeats);
            let reign = Receipt::Reign(self.current_term);
            messages.push(Message { peer, reign, number, content });
        }
        messages
    }

    /// Leaders: what a follower may lack are the entries from its `next_index` on (§5.3), or the
    /// snapshot if they are no longer in the log (§7).
    fn content_for(&self, next_index: Index, repeats: bool) -> Content {
        let snapshot_index = self.log.snapshot_index();
        if next_index > snapshot_index {
            return Content::Append(
                self.append_args(next_index, self.log.entries_from(next_index)),
            );
        }
        if repeats {
            // A snapshot is large: it is not sent again before the follower gives a sign of
            // life. This heartbeat asks for one, and whether the snapshot has arrived.
            return Content::Append(self.append_args(snapshot_index + 1, Vec::new()));
        }
        Content::Install(self.install_args())
    }

    fn append_args(&self, next_index: Index, entries: Vec<Entry>) -> AppendEntriesArgs {
        let prev_log_index = next_index - 1;
        let prev_log_term = self.log.term_at(prev_log_index);
        AppendEntriesArgs {
            term: self.current_term,
            leader_id: self.me,
            prev_log_index,
            prev_log_term: prev_log_term.expect("next_index lies behind the snapshot"),
            entries,
            leader_commit: self.commit_index,
        }
    }

    /// A message of this reign has its reply, or is lost. Whatever is new by now may be sent.
    pub(super) fn message_ended(&mut self, peer: ServerId, number: u64) {
        let Role::Leader(leader) = &mut self.role else { return };
        let unanswered = &mut leader.pace[peer].unanswered;
        if *unanswered == Some(number) {
            *unanswered = None;
            self.signals.replicate.notify_one();
        }
    }

    /// Leaders: after a success, the follower's `next_index` and `match_index` rise (§5.3).
    ///
    /// The match is what the request said, not what the log holds now: entries that were added
    /// since then were not in it.
    pub(super) fn append_accepted(&mut self, peer: ServerId, args: &AppendEntriesArgs) {
        let Role::Leader(leader) = &mut self.role else { return };
        leader.matched(peer, args.prev_log_index + args.entries.len() as Index);
        let told = &mut leader.pace[peer].commit_told;
        *told = args.leader_commit.max(*told);
        self.advance_commit_index();
    }

    /// Leaders: where the logs differ, try again from further back (§5.3), by a whole term at a
    /// time.
    pub(super) fn append_rejected(
        &mut self,
        peer: ServerId,
        args: &AppendEntriesArgs,
        reply: &AppendEntriesReply,
    ) {
        // Entries of the follower's conflicting term that we hold as well may match: go on
        // behind the last of them. Only before prev_log_index: from there on nothing matches.
        let ours = reply
            .conflict_term
            .and_then(|term| self.log.last_index_of_term(term, args.prev_log_index));
        let hint = ours.map_or(reply.conflict_index, |index| index + 1);
        let Role::Leader(leader) = &mut self.role else { return };
        leader.back_up(peer, hint);
    }

    /// Leaders: an entry N of the own term that a majority has (by `match_index`) is committed,
    /// and all before it (§5.3, §5.4).
    pub(super) fn advance_commit_index(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let mut matched = leader.match_index.clone();
        matched[self.me] = self.log.last_index();
        matched.sort_unstable_by(|a, b| b.cmp(a));
        // The highest N that a majority has reached: counted from the top, more than half.
        let n = matched[self.servers / 2];
        // An entry of an earlier term could still be overwritten although a majority has it
        // (Figure 8); it commits along with the first one of our own term.
        if n > self.commit_index && self.log.term_at(n) == Some(self.current_term) {
            self.commit_to(n);
            self.signals.replicate.notify_one();
        }
    }
}
