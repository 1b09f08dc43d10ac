//! Each check of the oracle, with a cluster whose servers show whatever the test says: first what
//! a right Raft may show, then the one thing that is wrong.

use super::*;
use crate::labgob::{self, Bytes};
use crate::labrpc::{CallEvent, Step};
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
        let next_index = vec![1; self.book.shadows.len()];
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
            self.book.saw_call((from, 1), to, &event)
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

#[test]
fn terms_never_fall() {
    let mut cluster = Cluster::of(3);
    cluster.ok(0, &follower(3, &[]));
    cluster.breaks(0, &follower(2, &[]), "the term of server 0 falls from 3 to 2");

    let mut cluster = Cluster::of(3);
    cluster.ok(0, &follower(3, &[]));
    cluster.book.crashed(0);
    cluster.book.started(0, 2);
    cluster.breaks(0, &follower(2, &[]), "from 3 to 2 over a restart");
}

#[test]
fn a_vote_is_cast_once() {
    for second in [None, Some(2)] {
        for restart in [false, true] {
            let mut cluster = Cluster::of(3);
            cluster.ok(0, &Fake { voted_for: Some(1), ..follower(1, &[]) });
            if restart {
                cluster.book.crashed(0);
                cluster.book.started(0, 2);
            }
            let changed = Fake { voted_for: second, ..follower(1, &[]) };
            cluster.breaks(0, &changed, "server 0 voted for server 1 in term 1");
        }
    }
}

#[test]
fn a_candidate_votes_for_itself() {
    let mut cluster = Cluster::of(3);
    let candidate = Fake { role: FakeRole::Candidate, ..follower(1, &[]) };
    cluster.breaks(0, &candidate, "candidate or leader of term 1 without its own vote");
}

#[test]
fn a_leader_has_a_majority() {
    let mut cluster = Cluster::of(5);
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[]) });
    let role = FakeRole::Leader(vec![0; 5]);
    let leader = Fake { voted_for: Some(0), role, ..follower(1, &[]) };
    cluster.breaks(0, &leader, "with the votes of [0, 1] only, no majority of 5");
}

#[test]
fn a_term_has_one_leader() {
    let mut cluster = Cluster::of(3);
    cluster.elect(0, &[1], &follower(1, &[]));
    let second =
        Fake { voted_for: Some(2), role: FakeRole::Leader(vec![0; 3]), ..follower(1, &[]) };
    cluster.breaks(2, &second, "term 1 has two leaders, server 0 and server 2");
}

#[test]
fn a_leader_needs_an_election_for_each_term() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1], &follower(1, &[]));
    cluster.breaks(0, &Fake { current_term: 2, ..leader }, "and then, without an election, term 2");
}

#[test]
fn a_leader_only_appends() {
    for terms in [vec![1], vec![]] {
        let mut cluster = Cluster::of(3);
        let leader = cluster.elect(0, &[1], &follower(1, &[]));
        cluster.ok(0, &Fake { terms: vec![1, 1], ..leader.clone() });
        cluster.breaks(0, &Fake { terms, ..leader }, "deletes or replaces its entries from");
    }
}

#[test]
fn an_entry_comes_from_the_leader_of_its_term() {
    let mut cluster = Cluster::of(3);
    cluster.elect(0, &[1], &follower(1, &[]));
    cluster.breaks(1, &Fake { voted_for: Some(0), ..follower(1, &[1]) }, "entry 1@1 appears");
}

#[test]
fn index_and_term_determine_what_is_before() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1, 2], &follower(1, &[]));
    cluster.ok(0, &Fake { terms: vec![1], ..leader });
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[1]) });
    let leader = cluster.elect(1, &[0, 2], &follower(2, &[1]));
    cluster.ok(1, &Fake { terms: vec![1, 2], ..leader });
    let other = Fake { terms: vec![2, 2], voted_for: Some(1), ..follower(2, &[]) };
    cluster.breaks(2, &other, "entry 1@2 appears in the log of server 2");
}

#[test]
fn terms_never_fall_along_the_log() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1], &follower(2, &[]));
    cluster.breaks(0, &Fake { terms: vec![2, 1], ..leader }, "entry 2@1 behind one of term 2");
    let mut cluster = Cluster::of(3);
    cluster.breaks(0, &follower(1, &[2]), "in term 1 has entry 1@2");
}

#[test]
fn indices_are_in_order() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let cases = [
        (Fake { commit_index: 2, ..follower(1, &[1]) }, "commit_index 2 > last index 1"),
        (Fake { last_applied: 1, ..follower(1, &[1]) }, "last_applied 1 > commit_index 0"),
        (Fake { snapshot: (1, 1), ..follower(1, &[]) }, "snapshot index 1 > commit_index 0"),
    ];
    for (fake, expected) in cases {
        cluster.breaks(2, &fake, expected);
    }
}

#[test]
fn volatile_indices_only_rise() {
    for (name, changed) in [
        ("commit_index falls from 1 to 0", Fake { commit_index: 0, ..Fake::default() }),
        ("last_applied falls from 1 to 0", Fake { commit_index: 1, ..Fake::default() }),
    ] {
        let mut cluster = Cluster::of(3);
        let (_, follower) = cluster.one_committed();
        cluster.ok(1, &Fake { commit_index: 1, last_applied: 1, ..follower.clone() });
        let fallen = Fake { commit_index: changed.commit_index, last_applied: 0, ..follower };
        cluster.breaks(1, &fallen, name);
    }
}

#[test]
fn a_service_restarts_from_its_snapshot_alone() {
    let mut cluster = Cluster::of(3);
    let (_, follower) = cluster.one_committed();
    cluster.book.crashed(1);
    cluster.book.started(1, 2);
    let restarted = Fake { commit_index: 1, last_applied: 1, ..follower };
    cluster.breaks(1, &restarted, "restarts with last_applied 1");
}

#[test]
fn a_snapshot_may_come_before_the_first_look_after_a_restart() {
    let installed = |applied| Fake {
        snapshot: (2, 1),
        commit_index: 2,
        last_applied: applied,
        voted_for: Some(0),
        ..follower(1, &[])
    };
    let restart = || {
        let mut cluster = Cluster::of(3);
        let (leader, follower) = cluster.one_committed();
        let shrunk = Fake { snapshot: (1, 1), commit_index: 1, last_applied: 1, ..follower };
        cluster.ok(1, &Fake { terms: vec![], ..shrunk });
        cluster.book.crashed(1);
        cluster.book.started(1, 2);
        let two = Fake { terms: vec![1, 1], commit_index: 1, last_applied: 1, ..leader };
        cluster.ok(0, &two);
        let other = Fake { voted_for: Some(0), ..self::follower(1, &[1, 1]) };
        cluster.ok(2, &other);
        cluster.ok(0, &Fake { role: FakeRole::Leader(vec![0, 1, 2]), commit_index: 2, ..two });
        cluster
    };
    restart().ok(1, &installed(1));
    restart().ok(1, &installed(2));
    // Its service begins with the snapshot from before, and not with nothing.
    restart().breaks(1, &installed(0), "last_applied 0 < snapshot index 2");
}

#[test]
fn last_applied_never_lands_inside_a_snapshot() {
    let mut cluster = Cluster::of(3);
    let (leader, _) = cluster.one_committed();
    cluster.ok(0, &Fake { terms: vec![1, 1], ..leader.clone() });
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[1, 1]) });
    cluster.ok(
        0,
        &Fake {
            terms: vec![1, 1],
            commit_index: 2,
            role: FakeRole::Leader(vec![0, 2, 0]),
            ..leader
        },
    );
    // Installed, to be delivered: that is right.
    let installed = Fake { snapshot: (2, 1), commit_index: 2, ..follower(1, &[]) };
    cluster.ok(2, &installed);
    cluster.breaks(2, &Fake { last_applied: 1, ..installed }, "last_applied 1 < snapshot index 2");
}

#[test]
fn memory_is_on_disk() {
    let on_disk = |change: fn(&mut Saved)| {
        let mut saved = Saved {
            current_term: 1,
            voted_for: Some(0),
            entries: entries(1, &[1]),
            ..Saved::default()
        };
        change(&mut saved);
        saved
    };
    let cases = [
        (on_disk(|saved| saved.current_term = 0), "current_term 1 in memory, 0 on disk"),
        (on_disk(|saved| saved.voted_for = None), "voted_for Some(0) in memory, None on disk"),
        (on_disk(|saved| saved.entries.clear()), "1 log entries in memory, 0 on disk"),
        (on_disk(|saved| saved.snapshot_index = 5), "snapshot up to (0, 0) in memory, (5, 0)"),
    ];
    for (disk, expected) in cases {
        let mut cluster = Cluster::of(3);
        let leader = cluster.elect(0, &[1], &follower(1, &[]));
        cluster.ok(0, &Fake { terms: vec![1], ..leader });
        let follower = Fake { voted_for: Some(0), disk: Some(disk), ..follower(1, &[1]) };
        cluster.breaks(1, &follower, expected);
    }
}

#[test]
fn match_index_is_zero_at_first_then_true_and_never_falls() {
    let mut cluster = Cluster::of(3);
    let (leader, _) = cluster.one_committed();
    let falls = Fake { role: FakeRole::Leader(vec![0, 0, 0]), ..leader.clone() };
    cluster.breaks(0, &falls, "match_index of 1 falls from 1 to 0");
    let mut cluster = Cluster::of(3);
    let (leader, _) = cluster.one_committed();
    let untrue = Fake { role: FakeRole::Leader(vec![0, 1, 1]), ..leader };
    cluster.breaks(0, &untrue, "sets match_index of server 2 to 1, but that server does not");

    let mut cluster = Cluster::of(3);
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[]) });
    let role = FakeRole::Leader(vec![0, 0, 1]);
    let leader = Fake { voted_for: Some(0), role, ..follower(1, &[]) };
    cluster.breaks(0, &leader, "it is 0 after an election");
}

#[test]
fn a_commit_is_on_a_majority_and_of_the_own_term() {
    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1], &follower(1, &[]));
    cluster.ok(0, &Fake { terms: vec![1], ..leader.clone() });
    let early = Fake { terms: vec![1], commit_index: 1, ..leader };
    cluster.breaks(0, &early, "commits entry 1, which only servers [0] have");

    let mut cluster = Cluster::of(3);
    let leader = cluster.elect(0, &[1, 2], &follower(1, &[]));
    cluster.ok(0, &Fake { terms: vec![1], ..leader });
    cluster.ok(1, &Fake { voted_for: Some(0), ..follower(1, &[1]) });
    let leader = cluster.elect(1, &[0, 2], &follower(2, &[1]));
    let by_counting = Fake { commit_index: 1, role: FakeRole::Leader(vec![1, 0, 0]), ..leader };
    cluster.breaks(1, &by_counting, "commits up to entry 1@1: an entry of an earlier term");
}

#[test]
fn followers_commit_what_leaders_have_committed() {
    let mut cluster = Cluster::of(3);
    let (leader, follower) = cluster.one_committed();
    cluster.ok(0, &Fake { terms: vec![1, 1], ..leader });
    let early = Fake { terms: vec![1, 1], commit_index: 2, ..follower };
    cluster.breaks(1, &early, "commits entry 2@1, but no leader has committed it");
}

#[test]
fn a_new_leader_has_what_is_committed() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    cluster.ok(1, &Fake { voted_for: Some(2), ..follower(2, &[1]) });
    let role = FakeRole::Leader(vec![0; 3]);
    let leader = Fake { voted_for: Some(2), role, ..follower(2, &[]) };
    cluster.breaks(2, &leader, "entry 1@1 is committed, but server 2, leader of term 2, does not");
}

#[test]
fn a_snapshot_holds_what_is_committed() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let snapshot = Fake { snapshot: (1, 2), commit_index: 1, ..follower(2, &[]) };
    cluster.breaks(2, &snapshot, "has a snapshot up to entry 1@2; committed there: Some(1)");
}

#[test]
fn requests_say_what_is_so() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let cases = [
        ("Raft.RequestVote", vote(1, 2, None), 2, "but has not voted for itself"),
        ("Raft.AppendEntries", append(1, &[], 0, None), 2, "but does not lead term 1"),
        ("Raft.AppendEntries", append(1, &[1, 1], 0, None), 0, "but was never in a log: 2@1"),
        ("Raft.AppendEntries", append(1, &[1], 2, None), 0, "but that is not committed"),
    ];
    for (method, said, from, expected) in cases {
        let sent = cluster.call(from, 1, method, said);
        tells(sent.and_then(|()| cluster.book.check_pending(from)), expected);
    }
    let said = append(1, &[1], 1, None);
    assert!(cluster.call(0, 1, "Raft.AppendEntries", said).is_ok());
    let args = InstallSnapshotArgs {
        term: 1,
        leader_id: 0,
        last_included_index: 1,
        last_included_term: 2,
        data: Bytes::default(),
    };
    let said = Said { args: labgob::to_bytes(&args), reply: None };
    let sent = cluster.call(0, 1, "Raft.InstallSnapshot", said);
    tells(sent.and_then(|()| cluster.book.check_pending(0)), "but committed there is Some(1)");
}

/// A server that starts its RPCs' threads under its lock is right if it shows what they say when
/// it releases the lock; a follower may be quicker.
#[test]
fn a_message_may_leave_before_the_lock_is_released() {
    for shows_it in [true, false] {
        let mut cluster = Cluster::of(3);
        let (leader, follower) = cluster.one_committed();
        let said = append(1, &[1, 1], 1, Some((1, true)));
        let follower = Fake { terms: vec![1, 1], commit_index: 1, ..follower };
        cluster.ok(1, &Fake { commit_index: 1, terms: vec![1], ..follower.clone() });
        let sent = cluster.call(0, 1, "Raft.AppendEntries", Said { reply: None, ..said });
        assert!(sent.is_ok());
        cluster.ok(1, &follower);
        let leader = Fake { terms: if shows_it { vec![1, 1] } else { vec![1] }, ..leader };
        if shows_it {
            cluster.ok(0, &leader);
        } else {
            cluster.breaks(0, &leader, "but was never in");
        }
    }
}

/// The same with a commit that a follower hears of before the leader shows it.
#[test]
fn a_commit_may_be_told_before_the_lock_is_released() {
    for shows_it in [true, false] {
        let mut cluster = Cluster::of(3);
        let (leader, follower) = cluster.one_committed();
        cluster.ok(0, &Fake { terms: vec![1, 1], ..leader.clone() });
        let follower = Fake { terms: vec![1, 1], commit_index: 1, ..follower };
        cluster.ok(1, &follower);
        let sent = cluster.call(0, 1, "Raft.AppendEntries", append(1, &[], 2, None));
        assert!(sent.is_ok());
        cluster.ok(1, &Fake { commit_index: 2, ..follower });
        let role = FakeRole::Leader(vec![0, 2, 0]);
        let commit_index = if shows_it { 2 } else { 1 };
        let leader = Fake { terms: vec![1, 1], commit_index, role, ..leader };
        if shows_it {
            cluster.ok(0, &leader);
        } else {
            cluster.breaks(0, &leader, "but that is not committed");
        }
    }
}

#[test]
fn replies_say_what_is_so() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    cluster.ok(2, &follower(1, &[]));
    let install = |term| {
        let args = InstallSnapshotArgs {
            term: 1,
            leader_id: 0,
            last_included_index: 1,
            last_included_term: 1,
            data: Bytes::default(),
        };
        let reply = Some(labgob::to_bytes(&InstallSnapshotReply { term }));
        Said { args: labgob::to_bytes(&args), reply }
    };
    let cases = [
        ("Raft.RequestVote", vote(1, 0, Some((1, true))), "but has not cast that vote"),
        ("Raft.RequestVote", vote(1, 0, Some((0, false))), "but must have adopted the newer term"),
        ("Raft.RequestVote", vote(1, 0, Some((2, false))), "but is in term 1"),
        ("Raft.AppendEntries", append(1, &[1], 0, Some((1, true))), "but does not have entry 1@1"),
        ("Raft.InstallSnapshot", install(1), "but its commit_index is 0, not 1"),
    ];
    for (method, said, expected) in cases {
        tells(cluster.call(0, 2, method, said), expected);
    }
    let said = append(1, &[1], 1, Some((1, true)));
    let behind = cluster.call(0, 1, "Raft.AppendEntries", said);
    tells(behind, "but its commit_index is 0, not 1");

    cluster.ok(2, &follower(2, &[]));
    let stale = cluster.call(0, 2, "Raft.AppendEntries", append(1, &[], 0, Some((2, true))));
    tells(stale, "but accepts nothing of an older term");
}

#[test]
fn a_finding_tells_the_states_and_what_was_heard_last_and_is_the_last() {
    let mut cluster = Cluster::of(3);
    cluster.one_committed();
    let said = append(1, &[1], 0, Some((1, true)));
    assert!(cluster.call(0, 1, "Raft.AppendEntries", said).is_ok());
    let found = cluster.show(1, &Fake { voted_for: Some(2), ..follower(1, &[1]) });

    let text = cluster.book.close_with(&found.expect_err("a second vote"));

    for part in [
        "Election Safety (Figure 3) is broken",
        "server 1: term 1, voted for 0, last entry 1@1, commit_index 0, applied 0, follower",
        "server 0 sends AppendEntries(term 1, prev 0@0, [1@1], commit 0)",
    ] {
        assert!(text.contains(part), "{text:?} does not say {part:?}");
    }
    assert!(cluster.book.is_closed());
}
