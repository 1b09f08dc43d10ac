//! Part 2A: leader election (§5.2, and the election restriction of §5.4.1 with empty logs).

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{rng, thread};
use raftlab::runner::LabTest;
use raftlab::tester::{Config, RAFT_ELECTION_TIMEOUT};

pub const TESTS: &[LabTest] =
    lab_tests![test_initial_election_2a, test_re_election_2a, test_many_elections_2a];

pub fn test_initial_election_2a() {
    let cfg = Config::make(3, false, false);
    cfg.begin("Test (2A): initial election");

    // is a leader elected?
    cfg.check_one_leader();

    // do all servers agree on a term, once the followers have had time to learn of the election?
    thread::sleep(Duration::from_millis(50));
    let term1 = cfg.check_terms();
    assert!(term1 >= 1, "term is {term1}, but should be at least 1");

    // does the term stay the same while nothing fails?
    thread::sleep(2 * RAFT_ELECTION_TIMEOUT);
    let term2 = cfg.check_terms();
    if term1 != term2 {
        cfg.warn("term changed even though there were no failures");
    }

    // is there still a leader?
    cfg.check_one_leader();

    cfg.end();
}

pub fn test_re_election_2a() {
    let servers = 3;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2A): election after network failure");

    let leader1 = cfg.check_one_leader();

    // if the leader is cut off, is a new one elected?
    cfg.disconnect(leader1);
    cfg.check_one_leader();

    // if the old leader comes back, does it become a follower and leave the new one in peace?
    cfg.connect(leader1);
    let leader2 = cfg.check_one_leader();

    // if there is no quorum, does the one server that is left not think itself the leader?
    let next = (leader2 + 1) % servers;
    cfg.disconnect(leader2);
    cfg.disconnect(next);
    thread::sleep(2 * RAFT_ELECTION_TIMEOUT);
    cfg.check_no_leader();

    // if a quorum arises, does it elect a leader?
    cfg.connect(next);
    cfg.check_one_leader();

    // if the last server comes back, is there still a leader?
    cfg.connect(leader2);
    cfg.check_one_leader();

    cfg.end();
}

pub fn test_many_elections_2a() {
    let servers = 7;
    let cfg = Config::make(servers, false, false);
    cfg.begin("Test (2A): multiple elections");

    cfg.check_one_leader();

    for _round in 1..10 {
        // cut off three servers, or fewer where the draw repeats one
        let cut: [usize; 3] = std::array::from_fn(|_| rng::random_range(0..servers));
        cut.iter().for_each(|&server| cfg.disconnect(server));

        // is the leader still there, or do the other four or more elect a new one?
        cfg.check_one_leader();

        cut.iter().for_each(|&server| cfg.connect(server));
    }

    // is there one leader of all seven in the end?
    cfg.check_one_leader();

    cfg.end();
}
