//! What the trace of a run holds, that recording changes no run, and that equal runs have equal
//! traces.

use std::collections::{BTreeMap, BTreeSet};

use raftlab::lab_tests;
use raftlab::labsync::{Instant, Kernel, run, simulate};
use raftlab::runner::LabTest;
use raftlab::trace::{self, CallStep, Change, Event, Record, Role, TestStep, Text, Trace};

use crate::kit::{
    Scratch, begin, failing_body, find, kernels, options, record, rough_body, small_body,
    small_trace, told_body,
};

pub const TESTS: &[LabTest] = lab_tests![
    test_a_simulated_run_is_told_in_order,
    test_a_real_run_is_told_in_order,
    test_the_dead_are_not_heard,
    test_a_crashed_server_starts_from_nothing,
    test_recording_changes_no_run,
    test_equal_runs_have_equal_traces,
];

/// What each small run must tell, in this order.
fn check_story(trace: &Trace) {
    let records = trace.records();
    assert_eq!(trace.cut(), None);
    assert!(records.windows(2).all(|pair| pair[0].at_ns <= pair[1].at_ns), "time goes on");
    let cluster = Event::Cluster { servers: 3, unreliable: false, snapshot: false };
    assert_eq!(records[0].event, cluster);
    assert_eq!(trace.name(records[0].thread), "small");

    let has = |event: &Event, like: fn(&Change) -> bool| matches!(event, Event::State { changes, .. } if changes.iter().any(like));
    let at = find(records, 0, "start of n2", |event| {
        *event == Event::Test(TestStep::Start { server: 2, starts: 1 })
    });
    let at = find(records, at, "candidate", |event| {
        has(event, |change| *change == Change::Role(Role::Candidate))
    });
    let at = find(records, at, "leader", |event| {
        has(event, |change| *change == Change::Role(Role::Leader))
    });
    let at = find(records, at, "one leader", |event| {
        matches!(event, Event::Test(TestStep::OneLeader(_)))
    });
    let one = TestStep::OneBegins { command: "100".to_string(), expected: 3, retry: false };
    let at = find(records, at, "one", |event| *event == Event::Test(one.clone()));
    let at = find(records, at, "command", |event| {
        matches!(event, Event::Test(TestStep::Command { index: 1, taken: true, .. }))
    });
    let at = find(
        records,
        at,
        "entries sent",
        |event| matches!(event, Event::Call { step: CallStep::Sent { args }, .. } if args.len() > 12),
    );
    let at = find(records, at, "commit", |event| has(event, |c| *c == Change::Commit(1)));
    let at = find(
        records,
        at,
        "apply",
        |event| matches!(event, Event::Applied { index: 1, command, .. } if command == "100"),
    );
    let at = find(records, at, "agreement", |event| {
        *event == Event::Test(TestStep::OneAgreed { index: 1 })
    });
    let crash =
        find(records, at, "crash", |event| matches!(event, Event::Test(TestStep::Crash(_))));
    let Event::Test(TestStep::Crash(crashed)) = records[crash].event else { unreachable!() };
    let restart = Event::Test(TestStep::Start { server: crashed, starts: 2 });
    let restart = find(records, crash, "restart", |event| *event == restart);
    let at = find(
        records,
        restart,
        "second apply",
        |event| matches!(event, Event::Applied { index: 2, command, .. } if command == "200"),
    );
    let at = find(records, at, "end", |event| *event == Event::Test(TestStep::End));
    let at = find(records, at, "verdict", |event| *event == Event::Verdict(None));
    assert_eq!(at, records.len() - 1, "nothing follows the verdict");
}

/// Each call is sent first, and each step happens once.
fn check_calls(trace: &Trace) {
    let mut steps = BTreeMap::<u64, Vec<&CallStep>>::new();
    for record in trace.records() {
        if let Event::Call { call, step, .. } = &record.event {
            steps.entry(*call).or_default().push(step);
        }
    }
    assert!(steps.len() >= 10, "{} calls", steps.len());
    for (call, steps) in steps {
        assert!(matches!(steps[0], CallStep::Sent { .. }), "call {call}: {steps:?}");
        let kinds: BTreeSet<_> = steps
            .iter()
            .map(|step| format!("{step:?}").chars().take(3).collect::<String>())
            .collect();
        assert_eq!(kinds.len(), steps.len(), "call {call}: {steps:?}");
    }
}

fn test_a_simulated_run_is_told_in_order() {
    let trace = Trace::from_bytes(&record(1, Kernel::Threads, told_body).0).unwrap();
    assert!(trace.header().simulated);
    assert_eq!((trace.header().test.as_str(), trace.header().seed), ("small", 1));
    check_story(&trace);
    check_calls(&trace);
    let logged = |record: &Record| matches!(record.event, Event::Log { .. });
    assert!(!trace.records().iter().any(logged), "nobody wanted log lines");
}

fn test_a_real_run_is_told_in_order() {
    let file = Scratch::new("real");
    begin(&file, 1, false);
    let began = Instant::now();
    run(options(1), told_body).unwrap();
    trace::finish(began.elapsed(), None).unwrap();
    let trace = Trace::open(&file.0).unwrap();
    assert!(!trace.header().simulated);
    check_story(&trace);
    check_calls(&trace);
    let last_ns = trace.records().last().unwrap().at_ns;
    assert!((1_000_000_000..120_000_000_000).contains(&last_ns), "{last_ns} ns in all");
}

/// Threads of an instance that was crashed go on for a moment, and learn from late replies.
fn test_the_dead_are_not_heard() {
    for seed in 1..=20 {
        let trace = Trace::from_bytes(&record(seed, Kernel::Threads, rough_body).0).unwrap();
        let mut dead = BTreeSet::new();
        for record in trace.records() {
            match record.event {
                Event::Test(TestStep::Crash(server)) => {
                    dead.insert(server);
                }
                Event::Test(TestStep::Start { server, .. }) => {
                    dead.remove(&server);
                }
                Event::State { server, .. } | Event::Saved { server, .. } => {
                    let line = Text::new(&trace).line(record);
                    assert!(!dead.contains(&server), "seed {seed}: {line}");
                }
                _ => {}
            }
        }
    }
}

/// After a restart a server shows all that it has read from its disk.
fn test_a_crashed_server_starts_from_nothing() {
    let trace = Trace::from_bytes(&small_trace()).unwrap();
    let again = |event: &Event| matches!(event, Event::Test(TestStep::Start { starts: 2, .. }));
    let at = find(trace.records(), 0, "restart", again);
    let Event::Test(TestStep::Start { server: restarted, .. }) = trace.records()[at].event else {
        unreachable!()
    };
    let at = find(
        trace.records(),
        at,
        "its state",
        |event| matches!(event, Event::State { server, .. } if *server == restarted),
    );
    let Event::State { changes, .. } = &trace.records()[at].event else { unreachable!() };
    assert!(matches!(changes[0], Change::Term(1..)), "{changes:?}");
    let restored = |change: &Change| matches!(change, Change::Appended { first: 1, entries } if entries.len() == 1);
    assert!(changes.iter().any(restored), "{changes:?}");
}

fn test_recording_changes_no_run() {
    for kernel in kernels() {
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
            for kernel in kernels() {
                let (second, _) = record(seed, kernel, body);
                assert_eq!(first.len(), second.len(), "seed {seed} on {kernel:?}");
                assert!(first == second, "seed {seed} on {kernel:?}");
            }
        }
    }
    assert_ne!(small_trace(), record(2, Kernel::Threads, small_body).0);
}
