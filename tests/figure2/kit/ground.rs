//! The ground under the log that a test speaks of: nothing, or a snapshot.
//!
//! Figure 2's rules must hold as well when the beginning of the log is gone (§7), and there the
//! mistakes are others: an index is taken for a position, a last term is looked for in an empty
//! log. So most tests run a second time on a server that has a snapshot of 100 entries, the last
//! one of term 10. They speak of entry 3 of term 2 as before; the kit adds 100 and 10 to all that
//! goes to the server, and takes them away from all that comes from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use raftlab::labsync::{rng, thread};
use raftlab::raft::rpc::{
    AppendEntriesArgs, InstallSnapshotArgs, InstallSnapshotReply, RequestVoteArgs,
};
use raftlab::raft::{Index, Term};

use super::rules::GROUND;
use super::words::{Reply, Rpc, append, install, state_at};
use super::world::World;
use super::{A_MOMENT, PATIENCE, Stage};

/// What stands below a test's entry 1: (0, 0) is "before the log".
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ground {
    index: Index,
    term: Term,
}

/// Easy to add in one's head, when the server's own log lines are read beside the report.
const SNAPSHOT: Ground = Ground { index: 100, term: 10 };

static WANTED: AtomicBool = AtomicBool::new(false);

/// Until this is dropped, stages of this test begin with a snapshot.
pub struct OnASnapshot;

pub fn on_a_snapshot() -> OnASnapshot {
    WANTED.store(true, Ordering::Relaxed);
    OnASnapshot
}

impl Drop for OnASnapshot {
    fn drop(&mut self) {
        WANTED.store(false, Ordering::Relaxed);
    }
}

impl Ground {
    /// What the server calls the test's `index`.
    pub fn raise(self, index: Index) -> Index {
        index + self.index
    }

    /// What the test calls the server's `index`; 0 for all that lies in the snapshot.
    pub fn lower(self, index: Index) -> Index {
        index.saturating_sub(self.index)
    }

    /// What the test calls the server's `term`.
    pub fn lower_term(self, term: Term) -> Term {
        term.saturating_sub(self.term)
    }

    /// A test's message as the server gets it.
    pub fn raise_rpc(self, rpc: Rpc) -> Rpc {
        match rpc {
            Rpc::Vote(args) => Rpc::Vote(RequestVoteArgs {
                term: args.term + self.term,
                last_log_index: args.last_log_index + self.index,
                last_log_term: args.last_log_term + self.term,
                ..args
            }),
            Rpc::Append(mut args) => {
                args.term += self.term;
                args.prev_log_index += self.index;
                args.prev_log_term += self.term;
                args.leader_commit += self.index;
                args.entries.iter_mut().for_each(|entry| entry.term += self.term);
                Rpc::Append(args)
            }
            Rpc::Install(args) => Rpc::Install(InstallSnapshotArgs {
                term: args.term + self.term,
                last_included_index: args.last_included_index + self.index,
                last_included_term: args.last_included_term + self.term,
                ..args
            }),
        }
    }

    /// A server's message as the test sees it.
    pub fn lower_rpc(self, rpc: Rpc) -> Rpc {
        match rpc {
            Rpc::Vote(args) => Rpc::Vote(RequestVoteArgs {
                term: self.lower_term(args.term),
                last_log_index: self.lower(args.last_log_index),
                last_log_term: self.lower_term(args.last_log_term),
                ..args
            }),
            Rpc::Append(args) => Rpc::Append(self.lower_append(args)),
            Rpc::Install(args) => Rpc::Install(InstallSnapshotArgs {
                term: self.lower_term(args.term),
                last_included_index: self.lower(args.last_included_index),
                last_included_term: self.lower_term(args.last_included_term),
                ..args
            }),
        }
    }

    /// A leader may still have entries that its snapshot covers, and may send them: who has the
    /// snapshot skips them.
    fn lower_append(self, mut args: AppendEntriesArgs) -> AppendEntriesArgs {
        let covered = self.index.saturating_sub(args.prev_log_index) as usize;
        args.entries.drain(..covered.min(args.entries.len()));
        args.entries.iter_mut().for_each(|entry| entry.term = self.lower_term(entry.term));
        args.term = self.lower_term(args.term);
        args.prev_log_term = if covered > 0 { 0 } else { self.lower_term(args.prev_log_term) };
        args.prev_log_index = self.lower(args.prev_log_index);
        args.leader_commit = self.lower(args.leader_commit);
        args
    }

    /// A scripted server's reply as the server under test gets it.
    pub fn raise_reply(self, reply: Reply) -> Reply {
        match reply {
            Reply::Vote(mut reply) => {
                reply.term += self.term;
                Reply::Vote(reply)
            }
            Reply::Append(mut reply) => {
                reply.term += self.term;
                if !reply.success {
                    reply.conflict_index += self.index;
                    reply.conflict_term = reply.conflict_term.map(|term| term + self.term);
                }
                Reply::Append(reply)
            }
            Reply::Install(mut reply) => {
                reply.term += self.term;
                Reply::Install(reply)
            }
        }
    }

    /// The reply of the server under test as the test sees it.
    pub fn lower_reply(self, reply: Reply) -> Reply {
        match reply {
            Reply::Vote(mut reply) => {
                reply.term = self.lower_term(reply.term);
                Reply::Vote(reply)
            }
            Reply::Append(mut reply) => {
                reply.term = self.lower_term(reply.term);
                reply.conflict_index = self.lower(reply.conflict_index);
                reply.conflict_term = reply.conflict_term.map(|term| self.lower_term(term));
                Reply::Append(reply)
            }
            Reply::Install(mut reply) => {
                reply.term = self.lower_term(reply.term);
                Reply::Install(reply)
            }
        }
    }
}

impl Stage {
    /// If the test asks for it: n0 gets its snapshot, one of its own or a leader's, and from then
    /// on all is counted from there.
    #[track_caller]
    pub(super) fn lay_ground(&self) {
        if !WANTED.load(Ordering::Relaxed) {
            return;
        }
        self.script.with(|state| state.laying_ground = true);
        let Ground { index, term } = SNAPSHOT;
        if rng::random_bool(0.5) {
            let args = InstallSnapshotArgs {
                leader_id: 1,
                data: state_at(0),
                ..install(term, (index, term))
            };
            // It may be answered late: see `follow_until`.
            let (end, answered) = (self.ends[1].clone(), Arc::new(AtomicBool::new(false)));
            let is_answered = answered.clone();
            thread::spawn("n1 sends its snapshot", move || {
                end.call::<_, InstallSnapshotReply>("Raft.InstallSnapshot", &args);
                answered.store(true, Ordering::Relaxed);
            });
            self.follow_until(|| is_answered.load(Ordering::Relaxed));
        } else {
            self.append(1, append(term, (0, 0), &vec![term; index as usize], index));
            self.follow_until(|| self.script.with(|state| state.last_applied == index));
            self.raft.clone().snapshot(index, state_at(0));
        }
        self.follow_until(|| {
            self.saved_snapshot() == Some(0)
                && self.script.with(|state| state.last_applied == index)
        });
        let last = self.script.with(|state| state.last_applied);
        let saved = self.saved_snapshot() == Some(0);
        if last != index || !saved {
            let saved = if saved { "has" } else { "does not have" };
            self.fail_step(
                GROUND,
                "n0 gets a snapshot of 100 entries, to begin with",
                format_args!("its service has applied up to {last}, its disk {saved} the snapshot"),
            );
        }
        self.record.begin_on_ground();
        self.script.with(|state| {
            state.laying_ground = false;
            state.ground = SNAPSHOT;
            state.sent.clear();
            state.applied.clear();
            state.last_applied = 0;
            state.world = World::default(); // so far it has heard n0's numbers
        });
    }

    /// n0 hears from the ground's leader until it is so: it must not campaign before the test.
    fn follow_until(&self, is_so: impl Fn() -> bool) {
        let Ground { index, term } = SNAPSHOT;
        let deadline = super::now() + PATIENCE;
        while !is_so() && super::now() < deadline {
            self.append(1, append(term, (index, term), &[], index));
            self.wait(A_MOMENT / 8);
        }
    }

    pub(super) fn ground(&self) -> Ground {
        self.script.with(|state| state.ground)
    }
}
