//! What a test does to n0, and what it asks of it at once.

use std::cmp::Ordering;

use raftlab::labrpc::ClientEnd;
use raftlab::labsync::{channel, thread};
use raftlab::raft::rpc::{
    AppendEntriesArgs, AppendEntriesReply, InstallSnapshotArgs, InstallSnapshotReply,
    RequestVoteArgs, RequestVoteReply,
};
use raftlab::raft::{Index, ServerId, Term};

use super::rules::{
    APPENDS_TAKEN, APPLIED, COMMITTED, HEARTBEAT_TAKEN, NO_ENTRY_ADDED, PREVIOUS_NEEDED, Rule,
    STATE_KNOWN, TERM_ADOPTED, TIMER_QUIET, VOTES_GIVEN, VOTES_REFUSED,
};
use super::words::{Reply, Rpc, brief, command, heartbeat, last_new, list, state_at};
use super::{A_MOMENT, Held, PATIENCE, Stage};

/// What a reply breaks that should be in `term`: the rule of its term, or else the `other`.
fn rule_of_reply(term: Term, replys: Term, other: Rule) -> Rule {
    match replys.cmp(&term) {
        Ordering::Greater => TIMER_QUIET,
        Ordering::Less => TERM_ADOPTED,
        Ordering::Equal => other,
    }
}

impl Stage {
    /// Server `from` sends n0 a RequestVote; the reply.
    #[track_caller]
    pub fn vote(&self, from: ServerId, args: RequestVoteArgs) -> RequestVoteReply {
        let rpc = Rpc::Vote(RequestVoteArgs { candidate_id: from, ..args });
        match self.call(from, &rpc) {
            Reply::Vote(reply) => {
                if reply.vote_granted {
                    self.script.vote_given(args.term, from);
                }
                reply
            }
            _ => unreachable!("a RequestVote is answered by its own kind"),
        }
    }

    /// Server `from` sends n0 an AppendEntries; the reply.
    #[track_caller]
    pub fn append(&self, from: ServerId, args: AppendEntriesArgs) -> AppendEntriesReply {
        let rpc = Rpc::Append(AppendEntriesArgs { leader_id: from, ..args });
        match self.call(from, &rpc) {
            Reply::Append(reply) => reply,
            _ => unreachable!("an AppendEntries is answered by its own kind"),
        }
    }

    /// Server `from` sends n0 an InstallSnapshot; the reply. While that waits for a service that
    /// pauses, n0 hears its leader.
    #[track_caller]
    pub fn install(&self, from: ServerId, args: InstallSnapshotArgs) -> InstallSnapshotReply {
        let last = (args.last_included_index, args.last_included_term);
        self.script.with(|state| state.snapshots.insert(last));
        let rpc = Rpc::Install(InstallSnapshotArgs { leader_id: from, ..args });
        match self.call(from, &rpc) {
            Reply::Install(reply) => reply,
            _ => unreachable!("an InstallSnapshot is answered by its own kind"),
        }
    }

    /// Notes that `from` sends this to n0.
    ///
    /// # Panics
    /// If no right server could: then the test is wrong, not n0.
    #[track_caller]
    pub(super) fn says(&self, from: ServerId, rpc: &Rpc) {
        self.record.note(format_args!("n{from} -> n0  {rpc}"));
        let possible = self.script.with(|state| state.world.hear(from, rpc));
        possible.unwrap_or_else(|why| panic!("the test itself is wrong, not n0: {why}"));
    }

    #[track_caller]
    fn call(&self, from: ServerId, rpc: &Rpc) -> Reply {
        self.says(from, rpc);
        let ground = self.ground();
        let is_held_up = matches!(rpc, Rpc::Install(_)) && self.script.with(|state| state.paused);
        let raised = ground.raise_rpc(rpc.clone());
        let reply = match is_held_up {
            true => self.send_with_heartbeats(from, raised),
            false => send(&self.ends[from], &raised),
        };
        let Some(reply) = reply else {
            self.wait(PATIENCE); // its handler has panicked, which is about to end the run
            self.fail("a reply", "none");
        };
        let reply = ground.lower_reply(reply);
        self.record.note(format_args!("n0 -> n{from}  reply: {reply}"));
        reply
    }

    fn send_with_heartbeats(&self, from: ServerId, rpc: Rpc) -> Option<Reply> {
        let beat = Rpc::Append(AppendEntriesArgs { leader_id: from, ..heartbeat(rpc.term()) });
        let (sender, replies) = channel::bounded(1);
        let end = self.ends[from].clone();
        thread::spawn(format!("n{from} sends to n0"), move || {
            let _ended = sender.send(send(&end, &rpc));
        });
        loop {
            match replies.recv_timeout(A_MOMENT) {
                Ok(reply) => return reply,
                Err(_) => drop(send(&self.ends[from], &beat)),
            }
        }
    }

    /// n0 must grant this vote. The script may not ask for it in a term that another leads: a
    /// follower may have noted that leader as its vote.
    #[track_caller]
    pub fn grants(&self, from: ServerId, args: RequestVoteArgs) {
        let term = args.term;
        let may_win = self.script.with(|state| state.world.may_win(from, term));
        assert!(
            may_win,
            "the test itself is wrong, not n0: another than n{from} leads term {term}"
        );
        let reply = self.vote(from, args);
        let expected = format!("n{from} gets the vote, in term {term}");
        let right = reply.vote_granted && reply.term == term;
        let rule = rule_of_reply(term, reply.term, VOTES_GIVEN);
        self.check_step(rule, right, expected, format_args!("the reply: {}", Reply::Vote(reply)));
    }

    /// n0 must refuse this vote; its reply.
    #[track_caller]
    pub fn denies(&self, from: ServerId, args: RequestVoteArgs) -> RequestVoteReply {
        let term = args.term;
        let reply = self.vote(from, args);
        let expected = format!("n{from} does not get the vote of term {term}");
        self.check_step(VOTES_REFUSED, !reply.vote_granted, expected, "it is granted");
        let expected = format!("a reply in term {term} or later");
        self.check_step(
            TERM_ADOPTED,
            reply.term >= term,
            expected,
            format_args!("one in term {}", reply.term),
        );
        reply
    }

    /// n0 must take these entries.
    #[track_caller]
    pub fn accepts(&self, from: ServerId, args: AppendEntriesArgs) {
        let (term, text) = (args.term, Rpc::Append(args.clone()).to_string());
        let taken = if last_new(&args) == 0 { HEARTBEAT_TAKEN } else { APPENDS_TAKEN };
        let reply = self.append(from, args);
        let right = reply.success && reply.term == term;
        let expected = format!("success for {text}");
        let rule = rule_of_reply(term, reply.term, taken);
        self.check_step(rule, right, expected, format_args!("the reply: {}", Reply::Append(reply)));
    }

    /// n0 must refuse these entries; its reply.
    #[track_caller]
    pub fn refuses(&self, from: ServerId, args: AppendEntriesArgs) -> AppendEntriesReply {
        let (term, text) = (args.term, Rpc::Append(args.clone()).to_string());
        let reply = self.append(from, args);
        let expected = format!("no success for {text}");
        self.check_step(PREVIOUS_NEEDED, !reply.success, expected, "success");
        let expected = format!("a reply in term {term} or later");
        self.check_step(
            TERM_ADOPTED,
            reply.term >= term,
            expected,
            format_args!("one in term {}", reply.term),
        );
        reply
    }

    /// Whether n0's log has this entry: an empty AppendEntries behind it succeeds.
    #[track_caller]
    pub fn has_entry(&self, from: ServerId, term: Term, at: (Index, Term)) {
        self.accepts(from, super::append(term, at, &[], 0));
    }

    /// Whether n0's log lacks this entry.
    #[track_caller]
    pub fn lacks_entry(&self, from: ServerId, term: Term, at: (Index, Term)) {
        self.refuses(from, super::append(term, at, &[], 0));
    }

    /// n0's log must be empty, by what it sends as a leader.
    #[track_caller]
    pub fn brings_no_entry(&self, held: &Held) {
        let expected = "no entry, since no command has been given to n0";
        self.check_step(NO_ENTRY_ADDED, last_new(held.args()) == 0, expected, &held.rpc);
    }

    fn get_state(&self) -> (Term, bool) {
        let (term, leader) = self.raft.clone().get_state();
        (self.ground().lower_term(term), leader)
    }

    /// n0's own opinion of its term and role.
    pub fn state(&self) -> (Term, bool) {
        let (term, leader) = self.get_state();
        let role = if leader { "the leader" } else { "not the leader" };
        self.record.note(format_args!("n0        get_state: term {term}, {role}"));
        self.record.seen_by_others();
        (term, leader)
    }

    /// n0 must be in `term`, and not its leader.
    #[track_caller]
    pub fn follows_in(&self, term: Term) {
        let (now, leader) = self.state();
        let expected = format!("n0 is in term {term}, and not its leader");
        let role = if leader { "the leader" } else { "not the leader" };
        let rule = if now > term { TIMER_QUIET } else { TERM_ADOPTED };
        let right = now == term && !leader;
        self.check_step(rule, right, expected, format_args!("term {now}, {role}"));
    }

    /// n0 must become the leader of `term`: it has the votes.
    #[track_caller]
    pub fn wins(&self, term: Term) {
        for _ in 0..20 {
            if self.get_state() == (term, true) {
                return;
            }
            self.wait(A_MOMENT / 8);
        }
        self.leads_in(term);
    }

    /// n0 must be in `term`, and its leader.
    #[track_caller]
    pub fn leads_in(&self, term: Term) {
        let (now, leader) = self.state();
        let expected = format!("n0 is the leader of term {term}");
        let right = now == term && leader;
        let happened = format!("term {now}, leader: {leader}");
        self.check_step(STATE_KNOWN, right, expected, happened);
    }

    /// Calls `start()`.
    pub fn start(&self, text: &str) -> (Index, Term, bool) {
        let (index, term, leader) = self.raft.clone().start(command(text));
        let (index, term) = (self.ground().lower(index), self.ground().lower_term(term));
        let answer =
            if leader { format!("index {index}, term {term}") } else { "no leader".into() };
        self.record.note(format_args!("n0        start({}): {answer}", brief(text)));
        (index, term, leader)
    }

    /// Calls `start()` for each.
    pub fn starts(&self, texts: &[&str]) {
        for text in texts {
            self.start(text);
        }
    }

    /// Calls `snapshot()`, with the service's state at `index`.
    pub fn snapshot(&self, index: Index) {
        self.record.note(format_args!("n0        snapshot({index})"));
        self.raft.clone().snapshot(self.ground().raise(index), state_at(index));
        self.record.seen_by_others();
    }

    /// Calls `kill()`.
    pub fn kill(&self) {
        self.record.note("n0        kill()");
        self.raft.clone().kill();
    }

    /// The service takes nothing for now, or goes on.
    pub fn pause_service(&self, paused: bool) {
        let does = if paused { "pauses" } else { "goes on" };
        self.record.note(format_args!("n0        its service {does}"));
        self.script.with(|state| state.paused = paused);
    }

    /// Waits, for a while, until n0's service has applied everything up to `index`; up to where
    /// it has.
    pub fn last_applied(&self, index: Index) -> Index {
        let enough = |state: &super::script::State| (state.last_applied >= index).then_some(());
        self.script.wait_for(PATIENCE / 5, enough);
        self.script.with(|state| state.last_applied)
    }

    /// n0's service gets everything up to `index`, and nothing behind it, within a moment.
    #[track_caller]
    pub fn applied_up_to(&self, index: Index) {
        self.last_applied(index);
        self.wait(A_MOMENT);
        let last = self.last_applied(index);
        let expected = format!("everything up to entry {index} is applied, and no more");
        let right = last == index;
        self.check_step(self.rule_of_applied(), right, expected, format_args!("up to {last}"));
    }

    /// Up to where the snapshot on n0's disk goes; none without a snapshot.
    pub fn saved_snapshot(&self) -> Option<Index> {
        super::words::index_of_state(&self.persister.read_snapshot())
    }

    /// Calls `snapshot()`, and waits until it is on disk: it may be saved in a thread of its own.
    pub fn snapshot_and_wait(&self, index: Index) {
        self.snapshot(index);
        let deadline = super::now() + PATIENCE;
        while self.saved_snapshot() != Some(index) && super::now() < deadline {
            self.wait(A_MOMENT / 8);
        }
        self.record.seen_by_others();
    }

    /// Fails if the AppendEntries tells of a commit: so far only the leader has the entry.
    #[track_caller]
    pub fn tells_no_commit(&self, held: &Held) {
        self.check_step(COMMITTED, held.args().leader_commit == 0, "commit 0", &held.rpc);
    }

    /// n0's service gets this, and nothing else, within a moment: all since its last start.
    #[track_caller]
    pub fn applies(&self, all: &[&str]) {
        let enough =
            |state: &super::script::State| (state.applied.len() >= all.len()).then_some(());
        self.script.wait_for(PATIENCE / 5, enough);
        self.wait(A_MOMENT);
        let applied = self.script.with(|state| state.applied.clone());
        let expected = format!("what has been applied: {}", list(all));
        self.check_step(self.rule_of_applied(), applied == all, expected, list(&applied));
    }

    fn rule_of_applied(&self) -> Rule {
        if self.reign_seen.get() > 0 { COMMITTED } else { APPLIED }
    }
}

/// Sends n0 a request, and waits for the reply.
pub(super) fn send(end: &ClientEnd, rpc: &Rpc) -> Option<Reply> {
    match rpc {
        Rpc::Vote(args) => end.call("Raft.RequestVote", args).map(Reply::Vote),
        Rpc::Append(args) => end.call("Raft.AppendEntries", args).map(Reply::Append),
        Rpc::Install(args) => end.call("Raft.InstallSnapshot", args).map(Reply::Install),
    }
}
