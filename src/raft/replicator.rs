//! Part B: the replicator: the one thread that decides what a leader sends, and when.
//!
//! Each RPC then waits for its reply in a thread of its own, because a server that is cut off may
//! answer 7 s late or not at all, and heartbeats must go on meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::Raft;
use super::pacing::{HEARTBEAT_INTERVAL, News};
use super::replication::Content;
use super::rpc::ServerId;
use super::state::{Leader, Receipt, Role, State};
use crate::labsync::{Instant, thread};

/// How long the replicator lets news gather once there is something to send: commands that are
/// given together travel in one RPC. Each command waits for that long.
const GATHERING: Duration = Duration::from_micros(300);

/// A message for a follower, with all that its reply will be judged by.
pub(super) struct Message {
    pub(super) peer: ServerId,
    pub(super) receipt: Receipt,
    pub(super) number: u64,
    pub(super) content: Content,
}

impl Message {
    fn rpc(&self) -> &'static str {
        match self.content {
            Content::Append(_) => "AppendEntries",
            Content::Install(_) => "InstallSnapshot",
        }
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
        let Message { peer, receipt, number, content } = message;
        match &content {
            Content::Append(args) => self.send_append(peer, receipt, args),
            Content::Install(args) => self.send_install(peer, receipt, args),
        }
        let mut state = self.monitor.lock();
        if state.is_current(receipt) {
            state.message_ended(peer, number);
        }
    }
}

impl State {
    /// Leaders: when the next message is due; `None` if this server does not lead.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let Role::Leader(leader) = &self.role else { return None };
        let now = Instant::now();
        let due_of = |peer: ServerId| leader.pace[peer].next_due(self.news_for(leader, peer), now);
        // A leader without followers has nothing to send: it looks again after a heartbeat's time.
        self.peers().map(due_of).min().or(Some(now + HEARTBEAT_INTERVAL))
    }

    /// The messages that are due now. All that an RPC says is copied out here, in the critical
    /// section that decides to send it.
    pub(super) fn take_messages_due(&mut self, now: Instant) -> Vec<Message> {
        let mut messages = Vec::new();
        for peer in self.peers() {
            let Role::Leader(leader) = &self.role else { break };
            let pace = &leader.pace[peer];
            if pace.next_due(self.news_for(leader, peer), now) > now {
                continue;
            }
            let repeats = pace.unanswered.is_some();
            let content = self.content_for(leader.next_index[peer], repeats);
            let receipt = Receipt::Leader(self.current_term);
            let Role::Leader(leader) = &mut self.role else { break };
            let number = leader.pace[peer].message_sent(now);
            messages.push(Message { peer, receipt, number, content });
        }
        messages
    }

    /// What the follower may lack, or may not have heard of.
    fn news_for(&self, leader: &Leader, peer: ServerId) -> News {
        if self.log.last_index() >= leader.next_index[peer] {
            News::Entries
        } else if self.commit_index > leader.pace[peer].commit_told {
            News::Commit(leader.committed_at)
        } else {
            News::None
        }
    }

    /// A message that this leader has sent has its reply, or is lost. What is new by now may be
    /// sent.
    pub(super) fn message_ended(&mut self, peer: ServerId, number: u64) {
        let Role::Leader(leader) = &mut self.role else { return };
        let unanswered = &mut leader.pace[peer].unanswered;
        if *unanswered == Some(number) {
            *unanswered = None;
            self.signals.replicate.notify_one();
        }
    }
}
