//! What the trace of a run holds, that recording changes no run, and that equal runs have equal
//! traces.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use raftlab::labsync::{Instant, Kernel, run, simulate, thread};
use raftlab::runner::LabTest;
use raftlab::tester::Config;
use raftlab::{lab_tests, trace};

use crate::kit::{
    KERNELS, Scratch, begin, events, failing_body, find, options, record, rough_body, small_body,
    small_trace, told_body,
};

pub const TESTS: &[LabTest] = lab_tests![
    test_a_simulated_run_is_told_in_order,
    test_a_real_run_is_told_in_order,
    test_the_dead_are_not_heard,
    test_a_crashed_server_starts_from_nothing,
    test_a_server_may_crash_while_it_is_asked,
    test_recording_changes_no_run,
    test_equal_runs_have_equal_traces,
];

/// What each small run must tell, in this order.
fn check_story(events: &[Value]) {
    let at = |event: &Value| event["at"].as_u64();
    assert!(events.windows(2).all(|pair| at(&pair[0]) <= at(&pair[1])), "time goes on");
    let cluster = json!({"thread": "small", "event": "cluster", "servers": 3, "unreliable": false});
    let mut at = find(events, 0, cluster);
    assert_eq!(at, 0);
    for step in [
        json!({"event": "begin", "text": "Test (trace): a small run"}),
        json!({"event": "state", "role": "candidate"}),
        json!({"event": "sent", "method": "Raft.RequestVote", "starts": 1}),
        json!({"event": "answered", "reply": {"vote_granted": true}}),
        json!({"event": "state", "role": "leader"}),
        json!({"event": "one_leader"}),
        json!({"event": "one_begins", "command": "100", "expected": 3, "retry": false}),
        json!({"event": "sent", "args": {"entries": [{"index": 1, "command": "100"}]}}),
        json!({"event": "state", "commit": 1}),
        json!({"event": "applied", "index": 1, "command": "100"}),
        json!({"event": "one_agreed", "index": 1}),
        json!({"event": "crash"}),
        json!({"event": "start", "starts": 2}),
        json!({"event": "applied", "index": 2, "command": "200"}),
        json!({"event": "end"}),
        json!({"event": "verdict", "failure": null}),
    ] {
        at = find(events, at, step);
    }
    assert_eq!(at, events.len() - 1, "nothing follows the verdict");
    // The test writes down the answer of `start()` when it has it: the entry may be on its way.
    let begins = find(events, 0, json!({"event": "one_begins", "command": "100"}));
    let taken = json!({"event": "command", "command": "100", "index": 1, "taken": true});
    let agrees = find(events, begins, json!({"event": "one_agreed", "index": 1}));
    assert!(find(events, begins, taken) < agrees, "the command was taken before it was agreed on");
}

/// Each call is sent first, and each step happens once.
fn check_calls(events: &[Value]) {
    let mut steps = BTreeMap::<u64, Vec<&str>>::new();
    for event in events {
        if let (Some(call), Some(step)) = (event["call"].as_u64(), event["event"].as_str()) {
            steps.entry(call).or_default().push(step);
        }
    }
    assert!(steps.len() >= 10, "{} calls", steps.len());
    for (call, steps) in steps {
        assert_eq!(steps[0], "sent", "call {call}: {steps:?}");
        let kinds = BTreeSet::from_iter(&steps);
        assert_eq!(kinds.len(), steps.len(), "call {call}: {steps:?}");
    }
}

fn test_a_simulated_run_is_told_in_order() {
    let trace = record(1, Kernel::Threads, told_body).0;
    let version = env!("CARGO_PKG_VERSION");
    let header =
        format!(r#"{{"trace":2,"test":"small","seed":1,"simulated":true,"version":"{version}"}}"#);
    assert!(trace.starts_with((header + "\n").as_bytes()));
    let events = events(&trace);
    check_story(&events);
    check_calls(&events);
    assert!(events.iter().all(|event| event["event"] != "log"), "nobody wanted log lines");
}

fn test_a_real_run_is_told_in_order() {
    let file = Scratch::new("real");
    begin(&file, 1, false);
    let began = Instant::now();
    run(options(1), told_body).unwrap();
    trace::finish(began.elapsed(), None).unwrap();
    let events = events(&std::fs::read(&file.0).unwrap());
    check_story(&events);
    check_calls(&events);
    let last_ns = events[events.len() - 1]["at"].as_u64().unwrap();
    assert!((1_000_000_000..120_000_000_000).contains(&last_ns), "{last_ns} ns in all");
}

/// Threads of an instance that was crashed go on for a moment, and learn from late replies.
fn test_the_dead_are_not_heard() {
    for seed in 1..=20 {
        let mut dead = BTreeSet::new();
        for event in events(&record(seed, Kernel::Threads, rough_body).0) {
            let server = event["server"].as_u64();
            match event["event"].as_str().unwrap() {
                "crash" => drop(dead.insert(server)),
                "start" => drop(dead.remove(&server)),
                "state" | "saved" => assert!(!dead.contains(&server), "seed {seed}: {event}"),
                _ => {}
            }
        }
    }
}

/// After a restart a server shows all that it has read from its disk.
fn test_a_crashed_server_starts_from_nothing() {
    let events = events(&small_trace());
    let at = find(&events, 0, json!({"event": "start", "starts": 2}));
    let server = &events[at]["server"];
    let at = find(&events, at, json!({"event": "state", "server": server}));
    let changes = &events[at];
    assert!(changes["term"].as_u64() >= Some(1), "{changes}");
    let restored = changes["appended"].as_array().is_some_and(|entries| entries.len() == 1);
    assert!(restored && changes["appended"][0]["index"] == 1, "{changes}");
}

/// The nemesis looked which servers are up, and asked one of them that had crashed meanwhile: 1 run
/// of 1000 failed with "get_state: server 2 is crashed".
fn test_a_server_may_crash_while_it_is_asked() {
    let body = || {
        let cfg = Config::make(3, false, false);
        let crashes = cfg.clone();
        let crasher = thread::spawn("crasher", move || {
            for server in (0..60).map(|step| step % 3) {
                crashes.crash1(server);
                thread::sleep(Duration::from_millis(1));
                crashes.start1(server);
                crashes.connect(server);
            }
        });
        let ask = |_| (0..3).filter_map(|server| cfg.state_if_up(server)).count();
        let answers: usize = (0..2000).map(ask).sum();
        crasher.join();
        assert!((1..6000).contains(&answers), "{answers} of 6000 asked were up");
    };
    for seed in 1..=3 {
        assert_eq!(simulate(&options(seed), Kernel::Threads, body).failure, None, "seed {seed}");
    }
}

fn test_recording_changes_no_run() {
    for kernel in KERNELS {
        for seed in 1..=5 {
            let plain = simulate(&options(seed), kernel, small_body);
            let (_, recorded) = record(seed, kernel, small_body);
            assert_eq!(plain, recorded, "seed {seed} on {kernel:?}");
        }
    }
}

/// Crashes and bad networks included; that of a failed run as well.
fn test_equal_runs_have_equal_traces() {
    for seed in 1..=3 {
        for body in [small_body, rough_body, failing_body] {
            let (first, _) = record(seed, Kernel::Threads, body);
            for kernel in KERNELS {
                let (second, _) = record(seed, kernel, body);
                assert_eq!(first.len(), second.len(), "seed {seed} on {kernel:?}");
                assert!(first == second, "seed {seed} on {kernel:?}");
            }
        }
    }
    assert_ne!(small_trace(), record(2, Kernel::Threads, small_body).0);
}
