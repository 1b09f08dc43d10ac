//! Part 2C: persistence (Figure 2, "Persistent state"): what a server promised, it must still
//! know after a crash. The second half of the tests has no mercy: the leaders of Figure 8 fail all
//! the time, the network loses and reorders messages, and servers come and go under load.

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::thread::JoinHandle;
use raftlab::labsync::{rng, thread};
use raftlab::raft::Index;
use raftlab::runner::LabTest;
use raftlab::tester::{Command, Config, RAFT_ELECTION_TIMEOUT};

use crate::Fault;

pub const TESTS: &[LabTest] = lab_tests![
    test_persist_1_2c,
    test_persist_2_2c,
    test_persist_3_2c,
    test_figure_8_2c,
    test_unreliable_agree_2c,
    test_figure_8_unreliable_2c,
    test_reliable_churn_2c,
    test_unreliable_churn_2c,
];

pub fn test_persist_1_2c() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2C): basic persistence");

    cfg.one(11, servers, true);

    // do all agree after all were restarted?
    (0..servers).for_each(|server| cfg.start1(server));
    for server in 0..servers {
        cfg.disconnect(server);
        cfg.connect(server);
    }
    cfg.one(12, servers, true);

    // and after the leader was?
    let leader1 = cfg.check_one_leader();
    cfg.disconnect(leader1);
    restart(&cfg, leader1);
    cfg.one(13, servers, true);

    // and after the leader missed a command, and was?
    let leader2 = cfg.check_one_leader();
    cfg.disconnect(leader2);
    cfg.one(14, servers - 1, true);
    restart(&cfg, leader2);

    // has it caught up? (without it, the next cut would leave no majority)
    cfg.wait(4, servers, None);

    // and after a follower missed a command, and was?
    let follower = (cfg.check_one_leader() + 1) % servers;
    cfg.disconnect(follower);
    cfg.one(15, servers - 1, true);
    restart(&cfg, follower);
    cfg.one(16, servers, true);

    cfg.end();
}

pub fn test_persist_2_2c() {
    let servers = 5;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2C): more persistence");

    for round in 0..5 {
        // do all agree?
        let command = 11 + 3 * round;
        cfg.one(command, servers, true);

        // cut off two followers: do the three others agree?
        let leader = cfg.check_one_leader();
        let server = |i| (leader + i) % servers;
        cfg.disconnect(server(1));
        cfg.disconnect(server(2));
        cfg.one(command + 1, servers - 2, true);

        // cut off those three, and restart the two, who have missed that command
        cfg.disconnect(server(0));
        cfg.disconnect(server(3));
        cfg.disconnect(server(4));
        cfg.start1(server(1));
        cfg.start1(server(2));
        cfg.connect(server(1));
        cfg.connect(server(2));
        thread::sleep(RAFT_ELECTION_TIMEOUT);

        // restart one of the three: does its log, which is the longest, bring the command back?
        restart(&cfg, server(3));
        cfg.one(command + 2, servers - 2, true);

        cfg.connect(server(4));
        cfg.connect(server(0));
    }

    // do all agree in the end?
    cfg.one(1000, servers, true);

    cfg.end();
}

pub fn test_persist_3_2c() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2C): partitioned leader and one follower crash, leader restarts");

    cfg.one(101, servers, true);

    // cut off the third server: do the leader and a follower agree?
    let leader = cfg.check_one_leader();
    let follower = (leader + 1) % servers;
    let third = (leader + 2) % servers;
    cfg.disconnect(third);
    cfg.one(102, servers - 1, true);

    // crash these two, then bring back the third, and the leader: do they agree?
    cfg.crash1(leader);
    cfg.crash1(follower);
    cfg.connect(third);
    restart(&cfg, leader);
    cfg.one(103, servers - 1, true);

    // and all three, when the follower is restarted?
    restart(&cfg, follower);
    cfg.one(104, servers, true);

    cfg.end();
}

/// Starts `server` anew from what it has persisted, and connects it.
fn restart(cfg: &Config, server: usize) {
    cfg.start1(server);
    cfg.connect(server);
}

/// Figure 8 of the paper (§5.4.2) shows why a leader must not count the replicas of an entry of an
/// earlier term: a majority may hold it, and it may yet be overwritten. This test sets that stage a
/// thousand times. A leader takes a command and crashes soon, mostly before it could commit it,
/// now and then long after; and when fewer than three servers are left, one is restarted, which
/// may become the leader and find such an entry in its log.
pub fn test_figure_8_2c() {
    let servers = 5;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2C): Figure 8");

    cfg.one(Command::random(), 1, true);

    // a thousand times: let the leader take a command, then crash it
    let mut crashes = 0;
    for _round in 0..1000 {
        if let Some(leader) = figure_8_start(&cfg, Fault::Crash, Command::random) {
            cfg.crash1(leader);
            crashes += 1;
        }
        figure_8_heal(&cfg, Fault::Crash);
    }
    assert!(
        crashes > 0,
        "expected a leader in some of 1000 rounds, got none (rule A7 of docs/contract.md)"
    );

    // do all agree when all are restarted?
    figure_8_end(&cfg, Fault::Crash, Command::random());
}

pub fn test_unreliable_agree_2c() {
    let servers = 5;
    let cfg = Config::make(servers, true, false);
    cfg.begin("Test (2C): unreliable agreement");

    // submit five commands at a time, and go on when the fifth is committed
    let mut clients = Vec::new();
    for round in 1..50 {
        for i in 0..4 {
            let command = 100 * round + i;
            let cfg = Arc::clone(&cfg);
            clients.push(thread::spawn(format!("client {command}"), move || {
                cfg.one(command, 1, true);
            }));
        }
        cfg.one(round, 1, true);
    }

    // are all of them committed on a good network?
    cfg.set_unreliable(false);
    clients.into_iter().for_each(|client| client.join());

    // do all agree in the end?
    cfg.one(100, servers, true);

    cfg.end();
}

/// Like [`test_figure_8_2c`], on an unreliable network; and leaders are cut off, not crashed, so
/// that old ones come back with all they have taken.
pub fn test_figure_8_unreliable_2c() {
    let servers = 5;
    let cfg = Config::make(servers, true, false);
    cfg.begin("Test (2C): Figure 8 (unreliable)");

    let command = || Command::from(rng::random_range(0..10_000_u64));
    cfg.one(command(), 1, true);

    // a thousand times: let the leader take a command, then cut it off half of the time
    let mut leaders = 0;
    for round in 0..1000 {
        if round == 200 {
            cfg.set_long_reordering(true);
        }
        if let Some(leader) = figure_8_start(&cfg, Fault::Disconnect, command) {
            leaders += 1;
            if rng::random_bool(0.5) {
                cfg.disconnect(leader);
            }
        }
        figure_8_heal(&cfg, Fault::Disconnect);
    }
    assert!(
        leaders > 0,
        "expected a leader in some of 1000 rounds, got none (rule A7 of docs/contract.md)"
    );

    // do all agree when all are back, on a network as bad as ever?
    figure_8_end(&cfg, Fault::Disconnect, command());
}

/// Gives a command to each live server, and a short time, rarely a longer one, to replicate it.
/// Answers who took it as the leader; the last one, if there are several. (Leaders that are cut off
/// take it too, in vain, and do not count.)
fn figure_8_start(cfg: &Config, fault: Fault, command: impl Fn() -> Command) -> Option<usize> {
    let mut leader = None;
    for server in 0..cfg.servers() {
        let taken = cfg.start(server, command()).is_some_and(|started| started.is_leader);
        if taken && !fault.has_struck(cfg, server) {
            leader = Some(server);
        }
    }

    let half_timeout_ms = RAFT_ELECTION_TIMEOUT.as_millis() as u64 / 2;
    let limit_ms = if rng::random_bool(0.1) { half_timeout_ms } else { 13 };
    thread::sleep(Duration::from_millis(rng::random_range(0..limit_ms)));
    leader
}

/// With fewer than three good servers left, brings one back, if the draw finds one of the others.
fn figure_8_heal(cfg: &Config, fault: Fault) {
    let good = (0..cfg.servers()).filter(|&server| !fault.has_struck(cfg, server)).count();
    if good < 3 {
        let server = rng::random_range(0..cfg.servers());
        if fault.has_struck(cfg, server) {
            fault.heal(cfg, server);
        }
    }
}

/// Brings all servers back, and sees them agree.
fn figure_8_end(cfg: &Config, fault: Fault, command: Command) {
    for server in 0..cfg.servers() {
        if fault.has_struck(cfg, server) {
            fault.heal(cfg, server);
        }
    }
    cfg.one(command, cfg.servers(), true);
    cfg.end();
}

pub fn test_reliable_churn_2c() {
    churn("Test (2C): churn", false);
}

pub fn test_unreliable_churn_2c() {
    churn("Test (2C): unreliable churn", true);
}

/// Servers come and go while three clients submit commands, and remember which they saw committed.
fn churn(banner: &str, unreliable: bool) {
    let servers = 5;
    let cfg = Config::make(servers, unreliable, false);
    cfg.begin(banner);

    let clients = Clients::start(&cfg, 3);

    // Crashes must be rare enough that the servers can often keep up, but not so rare that all has
    // settled before the next: a pause shorter than the election timeout, but not much shorter.
    for _round in 0..20 {
        churn_once(&cfg);
        thread::sleep(RAFT_ELECTION_TIMEOUT * 7 / 10);
    }

    // bring all back, on a good network
    thread::sleep(RAFT_ELECTION_TIMEOUT);
    cfg.set_unreliable(false);
    (0..servers).for_each(|server| revive(&cfg, server));

    // what have the clients seen committed?
    let seen = clients.stop();
    if seen.is_empty() {
        cfg.warn("the clients saw none of their commands committed");
    }
    thread::sleep(RAFT_ELECTION_TIMEOUT);

    // do all servers agree, at every index of the log?
    let last_index = cfg.one(Command::random(), servers, true);
    let wait = |index| cfg.wait(index, servers, None).expect("no start term to move on from");
    let committed: BTreeSet<u64> = (1..=last_index).map(|index| int(wait(index))).collect();

    // is all that the clients saw in the log?
    for value in &seen {
        assert!(
            committed.contains(value),
            "didn't find a value: {value}, in a log of {last_index} entries"
        );
    }

    cfg.end();
}

/// Perhaps cuts off one server, perhaps brings one back, perhaps crashes one.
fn churn_once(cfg: &Config) {
    let any = || rng::random_range(0..cfg.servers());
    if rng::random_bool(0.2) {
        cfg.disconnect(any());
    }
    if rng::random_bool(0.5) {
        revive(cfg, any());
    }
    if rng::random_bool(0.2) {
        let server = any();
        if cfg.is_up(server) {
            cfg.crash1(server);
        }
    }
}

/// Connects `server`, after starting it anew if it has crashed.
fn revive(cfg: &Config, server: usize) {
    if !cfg.is_up(server) {
        cfg.start1(server);
    }
    cfg.connect(server);
}

/// The clients of the churn tests, a thread each. They stop when they are told to, and also when
/// the test fails: clients that ran on would keep its servers alive.
struct Clients {
    /// An atomic, not a lock, as it must work while a failed test unwinds.
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<u64>>>,
}

impl Clients {
    fn start(cfg: &Arc<Config>, number: u64) -> Clients {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..number)
            .map(|me| {
                let (cfg, stop) = (Arc::clone(cfg), Arc::clone(&stop));
                thread::spawn(format!("client {me}"), move || client(&cfg, me, &stop))
            })
            .collect();
        Clients { stop, threads }
    }

    /// Stops the clients. Answers the values they saw committed.
    fn stop(mut self) -> Vec<u64> {
        self.stop.store(true, Ordering::SeqCst);
        mem::take(&mut self.threads).into_iter().flat_map(|client| client.join()).collect()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Submits one value after another. Answers those that it saw committed.
fn client(cfg: &Config, me: u64, stop: &AtomicBool) -> Vec<u64> {
    let mut seen = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let value = rng::random::<u64>();
        match submit(cfg, value) {
            Some(index) if saw_committed(cfg, index, value) => seen.push(value),
            Some(_) => {}
            None => thread::sleep(Duration::from_millis(79 + me * 17)),
        }
    }
    seen
}

/// Tries all servers: maybe one of them is the leader. Answers the index that the last one gave.
fn submit(cfg: &Config, value: u64) -> Option<Index> {
    let mut index = None;
    for server in 0..cfg.servers() {
        if let Some(started) = cfg.start(server, value)
            && started.is_leader
        {
            index = Some(started.index);
        }
    }
    index
}

/// Was `value` committed at `index`? Maybe the leader will commit it, maybe not: the client does
/// not wait for ever.
fn saw_committed(cfg: &Config, index: Index, value: u64) -> bool {
    for pause_ms in [10, 20, 50, 100, 200] {
        if let (1.., Some(command)) = cfg.n_committed(index) {
            return int(command) == value;
        }
        thread::sleep(Duration::from_millis(pause_ms));
    }
    false
}

/// The value of a command of the churn tests.
fn int(command: Command) -> u64 {
    match command {
        Command::Int(value) => value,
        Command::Text(_) => panic!("wrong command type: {command} is not an int"),
    }
}
