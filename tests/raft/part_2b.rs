//! Part 2B: the log (§5.3, §5.4): agreement, and no agreement without a quorum; repair of logs
//! that went different ways; and the lab's limits on the number and size of RPCs.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::thread;
use raftlab::raft::{Index, Term};
use raftlab::runner::LabTest;
use raftlab::tester::{Command, Config, RAFT_ELECTION_TIMEOUT, Started, random_string};

pub const TESTS: &[LabTest] = lab_tests![
    test_basic_agree_2b,
    test_rpc_bytes_2b,
    test_follower_failure_2b,
    test_leader_failure_2b,
    test_fail_agree_2b,
    test_fail_no_agree_2b,
    test_concurrent_starts_2b,
    test_rejoin_2b,
    test_backup_2b,
    test_count_2b,
];

pub fn test_basic_agree_2b() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2B): basic agreement");

    for index in 1..=3 {
        // is nothing committed before it was started?
        let (n, _) = cfg.n_committed(index);
        assert_eq!(n, 0, "some have committed before Start(): {n} servers at index {index}");

        // is the command committed on all servers, at the next index?
        let got = cfg.one(index * 100, servers, false);
        assert_eq!(got, index, "got index {got} but expected {index}");
    }

    cfg.end();
}

/// Counts the bytes of the RPCs, to see that each command is sent to each peer just once.
pub fn test_rpc_bytes_2b() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2B): RPC byte count");

    cfg.one(99, servers, false);
    let bytes_before = cfg.bytes_total();

    // commit ten large commands, one at a time
    let size = 5000;
    for index in 2..12 {
        let got = cfg.one(random_string(size), servers, false);
        assert_eq!(got, index, "got index {got} but expected {index}");
    }

    // were they sent about once to each server?
    let got = cfg.bytes_total() - bytes_before;
    let expected = (servers * 10 * size) as u64;
    assert!(got <= expected + 50_000, "too many RPC bytes; got {got}, expected {expected}");

    cfg.end();
}

/// Only followers fail.
pub fn test_follower_failure_2b() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2B): test progressive failure of followers");

    cfg.one(101, servers, false);

    // cut off one follower
    let leader1 = cfg.check_one_leader();
    cfg.disconnect((leader1 + 1) % servers);

    // can the leader and the other follower agree without it?
    cfg.one(102, servers - 1, false);
    thread::sleep(RAFT_ELECTION_TIMEOUT);
    cfg.one(103, servers - 1, false);

    // cut off the other follower too
    let leader2 = cfg.check_one_leader();
    cfg.disconnect((leader2 + 1) % servers);
    cfg.disconnect((leader2 + 2) % servers);

    // does the leader take one more command?
    let started = start(&cfg, leader2, 104);
    assert!(started.is_leader, "leader rejected Start(): server {leader2}, term {}", started.term);
    assert_eq!(started.index, 4, "expected index 4, got {}", started.index);

    // does it stay uncommitted, having no majority?
    thread::sleep(2 * RAFT_ELECTION_TIMEOUT);
    check_not_committed(&cfg, started.index);

    cfg.end();
}

/// Only leaders fail.
pub fn test_leader_failure_2b() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2B): test failure of leaders");

    cfg.one(101, servers, false);

    // cut off the first leader
    let leader1 = cfg.check_one_leader();
    cfg.disconnect(leader1);

    // do the followers elect a new leader, and agree?
    cfg.one(102, servers - 1, false);
    thread::sleep(RAFT_ELECTION_TIMEOUT);
    cfg.one(103, servers - 1, false);

    // cut off the new leader
    let leader2 = cfg.check_one_leader();
    cfg.disconnect(leader2);

    // give a command to each server
    for server in 0..servers {
        if server == leader2 {
            start_stranded(&cfg, server, 104);
        } else {
            start(&cfg, server, 104);
        }
    }

    // does it stay uncommitted, having no majority?
    thread::sleep(2 * RAFT_ELECTION_TIMEOUT);
    check_not_committed(&cfg, 4);

    cfg.end();
}

/// A follower takes part again after it was cut off.
pub fn test_fail_agree_2b() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2B): agreement after follower reconnects");

    cfg.one(101, servers, false);

    // cut off one follower
    let leader = cfg.check_one_leader();
    let follower = (leader + 1) % servers;
    cfg.disconnect(follower);

    // can the leader and the other follower agree without it?
    cfg.one(102, servers - 1, false);
    cfg.one(103, servers - 1, false);
    thread::sleep(RAFT_ELECTION_TIMEOUT);
    cfg.one(104, servers - 1, false);
    cfg.one(105, servers - 1, false);

    // when it is back, do all keep what was agreed on, and agree on more?
    cfg.connect(follower);
    cfg.one(106, servers, true);
    thread::sleep(RAFT_ELECTION_TIMEOUT);
    cfg.one(107, servers, true);

    cfg.end();
}

pub fn test_fail_no_agree_2b() {
    let servers = 5;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2B): no agreement if too many followers disconnect");

    cfg.one(10, servers, false);

    // cut off three of the four followers
    let leader = cfg.check_one_leader();
    let cut = [1, 2, 3].map(|i| (leader + i) % servers);
    cut.iter().for_each(|&server| cfg.disconnect(server));

    // does the leader take a command?
    let started = start(&cfg, leader, 20);
    assert!(started.is_leader, "leader rejected Start(): server {leader}, term {}", started.term);
    assert_eq!(started.index, 2, "expected index 2, got {}", started.index);

    // does it stay uncommitted, having no majority?
    thread::sleep(2 * RAFT_ELECTION_TIMEOUT);
    check_not_committed(&cfg, started.index);

    cut.iter().for_each(|&server| cfg.connect(server));

    // is the next index 3, or 2 if the three chose a leader among them, who knows nothing of 20?
    let leader2 = cfg.check_one_leader();
    let Started { index, term, is_leader } = start(&cfg, leader2, 30);
    assert!(is_leader, "leader2 rejected Start(): server {leader2}, term {term}");
    assert!((2..=3).contains(&index), "unexpected index {index}");

    // do all agree again?
    cfg.one(1000, servers, true);

    cfg.end();
}

pub fn test_concurrent_starts_2b() {
    let cfg = Config::make(3, false, false);
    cfg.begin("Test (2B): concurrent Start()s");

    in_one_term(&cfg, || try_concurrent_starts(&cfg));

    cfg.end();
}

/// One try, in one term: a `Start()`, then five at the same time. `None` if the term moved on.
fn try_concurrent_starts(cfg: &Arc<Config>) -> Option<()> {
    let leader = cfg.check_one_leader();
    let term = start_in_term(cfg, leader, 1, None)?.term;

    // start five commands at the same time
    let expected = [100, 101, 102, 103, 104];
    let threads = expected.map(|command| {
        let cfg = Arc::clone(cfg);
        thread::spawn(format!("start {command}"), move || {
            start_in_term(&cfg, leader, command, Some(term))
        })
    });
    let started = threads.map(|thread| thread.join());

    // are all servers still in that term?
    if !all_in_term(cfg, term) {
        return None;
    }

    // what was committed at the indices that the leader gave?
    let mut committed = Vec::new();
    for Started { index, .. } in started.into_iter().flatten() {
        match cfg.wait(index, cfg.servers(), Some(term))? {
            Command::Int(value) => committed.push(value),
            command => panic!("value {command} is not an int"),
        }
    }

    // is each of the five there?
    for command in expected {
        assert!(committed.contains(&command), "cmd {command} missing in {committed:?}");
    }
    Some(())
}

pub fn test_rejoin_2b() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2B): rejoin of partitioned leader");

    cfg.one(101, servers, true);

    // cut off the leader
    let leader1 = cfg.check_one_leader();
    cfg.disconnect(leader1);

    // let it take commands that it cannot commit
    for command in [102, 103, 104] {
        start_stranded(&cfg, leader1, command);
    }

    // does a new leader commit, at index 2 as well?
    cfg.one(103, 2, true);

    // cut off the new leader, and bring the old one back
    let leader2 = cfg.check_one_leader();
    cfg.disconnect(leader2);
    cfg.connect(leader1);

    // do the old leader and the follower agree, whatever the old leader's log held?
    cfg.one(104, 2, true);

    // do all agree when all are back?
    cfg.connect(leader2);
    cfg.one(105, servers, true);

    cfg.end();
}

pub fn test_backup_2b() {
    let servers = 5;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2B): leader backs up quickly over incorrect follower logs");

    cfg.one(Command::random(), servers, true);

    // leave the leader alone with one follower
    let leader1 = cfg.check_one_leader();
    let minority = [0, 1].map(|i| (leader1 + i) % servers);
    let majority = [2, 3, 4].map(|i| (leader1 + i) % servers);
    majority.iter().for_each(|&server| cfg.disconnect(server));

    // let them take many commands that they cannot commit
    start_many_stranded(&cfg, leader1);

    // swap the two groups
    minority.iter().for_each(|&server| cfg.disconnect(server));
    majority.iter().for_each(|&server| cfg.connect(server));

    // can the three commit many others?
    commit_many(&cfg, 3);

    // cut off one of the three who is not the leader, and let the two take many more in vain
    let leader2 = cfg.check_one_leader();
    let other = if leader2 == majority[0] { (leader2 + 1) % servers } else { majority[0] };
    cfg.disconnect(other);
    start_many_stranded(&cfg, leader2);

    // bring back the first leader, its follower, and the third server: three different logs
    (0..servers).for_each(|server| cfg.disconnect(server));
    minority.iter().for_each(|&server| cfg.connect(server));
    cfg.connect(other);

    // do they repair their logs, and commit many?
    commit_many(&cfg, 3);

    // do all five agree when all are back?
    (0..servers).for_each(|server| cfg.connect(server));
    cfg.one(Command::random(), servers, true);

    cfg.end();
}

/// Starts 50 commands at a leader without a majority, and gives its follower time to take them.
fn start_many_stranded(cfg: &Config, leader: usize) {
    for _ in 0..50 {
        start_stranded(cfg, leader, Command::random());
    }
    thread::sleep(RAFT_ELECTION_TIMEOUT / 2);
}

/// Commits 50 commands on `servers` servers, one at a time.
fn commit_many(cfg: &Config, servers: usize) {
    for _ in 0..50 {
        cfg.one(Command::random(), servers, true);
    }
}

pub fn test_count_2b() {
    let cfg = Config::make(3, false, false);
    cfg.begin("Test (2B): RPC counts aren't too high");

    // does an election take a reasonable number of RPCs?
    cfg.check_one_leader();
    let elected = total_rpcs(&cfg);
    assert!(
        (1..=30).contains(&elected),
        "too many or few RPCs ({elected}) to elect initial leader"
    );

    // do a dozen commands in one term?
    let agreed = in_one_term(&cfg, || try_count_agreement(&cfg));

    // and does a second without work?
    thread::sleep(RAFT_ELECTION_TIMEOUT);
    let idle = total_rpcs(&cfg) - agreed;
    assert!(idle <= 3 * 20, "too many RPCs ({idle}) for 1 second of idleness");

    cfg.end();
}

/// One try, in one term: commands started at once should be sent together. Answers the number of
/// RPCs since the beginning of the test, or `None` if the term moved on.
fn try_count_agreement(cfg: &Config) -> Option<usize> {
    let leader = cfg.check_one_leader();
    let rpcs_before = total_rpcs(cfg);

    // start a dozen commands: do they get consecutive indices?
    let entries: Index = 10;
    let first = start_in_term(cfg, leader, 1, None)?;
    let mut commands = Vec::new();
    for index in first.index + 1..=first.index + entries + 1 {
        let command = Command::random();
        commands.push((index, command.clone()));
        let started = start_in_term(cfg, leader, command, Some(first.term))?;
        assert_eq!(
            started.index, index,
            "Start() failed: got index {} but expected {index}",
            started.index
        );
    }

    // are they committed on all servers? (the last one is left to run on, as in the Go lab)
    commands.truncate(entries as usize);
    for (index, expected) in commands {
        let command = cfg.wait(index, cfg.servers(), Some(first.term))?;
        assert_eq!(
            command, expected,
            "wrong value {command} committed for index {index}; expected {expected}"
        );
    }

    // if no election came between, were few RPCs enough?
    let in_term = all_in_term(cfg, first.term);
    let rpcs_after = total_rpcs(cfg);
    if !in_term {
        return None;
    }
    let rpcs = rpcs_after - rpcs_before;
    let limit = (entries as usize + 1 + 3) * 3;
    assert!(rpcs <= limit, "too many RPCs ({rpcs}) for {entries} entries, limit {limit}");
    Some(rpcs_after)
}

/// Makes up to five attempts to get through something before the term changes.
fn in_one_term<T>(cfg: &Config, attempt: impl Fn() -> Option<T>) -> T {
    for tries in 0..5 {
        if tries > 0 {
            // give the servers some time to settle
            thread::sleep(Duration::from_secs(3));
        }
        if let Some(result) = attempt() {
            return result;
        }
    }
    panic!("term changed too often: no luck in 5 tries{}", cfg.states());
}

/// `Start()`, where no server ever crashes.
fn start(cfg: &Config, server: usize, command: impl Into<Command>) -> Started {
    cfg.start(server, command).expect("no server crashes in Part 2B")
}

/// `Start()` at the leader of a term, any term if none is given. `None` if it is no longer that.
fn start_in_term(
    cfg: &Config,
    leader: usize,
    command: impl Into<Command>,
    term: Option<Term>,
) -> Option<Started> {
    let started = start(cfg, leader, command);
    let same_term = term.is_none_or(|term| started.term == term);
    (same_term && started.is_leader).then_some(started)
}

/// `Start()` at a leader that was cut off a moment ago, and cannot commit. Should it have lost its
/// office just before the cut, the test goes on, but proves less: hence the warning.
fn start_stranded(cfg: &Config, leader: usize, command: impl Into<Command>) {
    let started = start(cfg, leader, command);
    if !started.is_leader {
        let term = started.term;
        cfg.warn(&format!("server {leader} is no longer leader (term {term}) and takes nothing"));
    }
}

/// Has no service applied anything at `index`?
fn check_not_committed(cfg: &Config, index: Index) {
    let (n, command) = cfg.n_committed(index);
    assert_eq!(n, 0, "{n} committed but no majority: {command:?} at index {index}");
}

/// Is `term` the current term of every server?
fn all_in_term(cfg: &Config, term: Term) -> bool {
    (0..cfg.servers()).all(|server| cfg.get_state(server).0 == term)
}

/// The number of RPCs that were dispatched to the servers, all together.
fn total_rpcs(cfg: &Config) -> usize {
    (0..cfg.servers()).map(|server| cfg.rpc_count(server)).sum()
}
