//! The trace: what a run's recording holds, that recording changes no run, that equal runs have
//! equal traces, and that no file, however spoilt, does more than give an error.
//!
//! A recorder is one a process, and so is a test.

use std::path::PathBuf;
use std::process::{Command, ExitCode, Output};
use std::time::Duration;

use raftlab::labgob::to_bytes;
use raftlab::labrpc::Network;
use raftlab::labsync::{Kernel, RunOptions, SimReport, rng, run, simulate, thread};
use raftlab::raft::rpc::{AppendEntriesArgs, Entry};
use raftlab::tester::trace::{
    self, CallStep, Change, Event, Header, Record, Recording, Role, TestStep, Text, Trace,
    TraceError, VERSION,
};
use raftlab::tester::{Config, RAFT_ELECTION_TIMEOUT, runner};

fn main() -> ExitCode {
    if let Some(what) = std::env::var_os("MISBEHAVE") {
        let bodies = raftlab::lab_tests![test_that_fails, test_that_hangs, test_that_aborts];
        let body = bodies.iter().find(|test| what.to_str() == Some(test.name));
        return runner::main("trace", &[std::slice::from_ref(body.expect("one of these"))]);
    }
    runner::main(
        "trace",
        &[raftlab::lab_tests![
            test_a_simulated_run_is_told_in_order,
            test_a_real_run_is_told_in_order,
            test_a_crashed_server_starts_from_nothing,
            test_recording_changes_no_run,
            test_equal_runs_have_equal_traces,
            test_every_event_has_its_line,
            test_the_format_has_not_changed,
            test_each_changed_byte_is_found,
            test_each_cut_is_found,
            test_random_damage_is_found,
            test_other_files_are_refused,
            test_a_failing_seed_is_recorded_again,
            test_a_process_that_dies_leaves_its_trace,
            test_a_file_that_cannot_be_written_is_said_first,
        ]],
    )
}

/// Agreement on two commands, with a follower crashed and started again in between.
fn small_body() {
    small_run(&Config::make(3, false, false));
}

/// The same with the lines that a test of the lab prints.
fn told_body() {
    let cfg = Config::make(3, false, false);
    cfg.begin("Test (trace): a small run");
    small_run(&cfg);
    cfg.end();
}

fn small_run(cfg: &Config) {
    let leader = cfg.check_one_leader();
    cfg.one(100, 3, false);
    let follower = (leader + 1) % 3;
    cfg.crash1(follower);
    thread::sleep(RAFT_ELECTION_TIMEOUT / 2);
    cfg.start1(follower);
    cfg.connect(follower);
    cfg.one(200, 3, true);
}

/// Every kernel that this build has.
fn kernels() -> Vec<Kernel> {
    vec![
        Kernel::Threads,
        #[cfg(feature = "coro")]
        Kernel::Coroutines,
    ]
}

/// A file that only this process has, and removes.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let name = format!("raft-lab-{}-{name}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn begin(file: &Scratch, seed: u64, simulated: bool) {
    let (test, crate_version) = ("small".to_string(), "test".to_string());
    let header = Header { test, seed, simulated, crate_version };
    trace::begin(Recording { path: file.0.clone(), header, at_once: false }).unwrap();
}

fn options(seed: u64) -> RunOptions {
    RunOptions { name: "small".to_string(), seed, limit: Duration::from_secs(120) }
}

/// The bytes of a recorded simulated run, and its report.
fn record(seed: u64, kernel: Kernel, body: fn()) -> (Vec<u8>, SimReport) {
    let file = Scratch::new(&format!("{seed}"));
    begin(&file, seed, true);
    let report = simulate(&options(seed), kernel, body);
    trace::finish(report.elapsed, report.failure.as_ref()).unwrap();
    (std::fs::read(&file.0).unwrap(), report)
}

fn small_trace() -> Vec<u8> {
    record(1, Kernel::Threads, small_body).0
}

/// The place of the first record from `from` on that is like this.
fn find(records: &[Record], from: usize, what: &str, like: impl Fn(&Event) -> bool) -> usize {
    let found = records[from..].iter().position(|record| like(&record.event));
    from + found.unwrap_or_else(|| panic!("no {what} behind record {from}"))
}

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
    for record in &records[crash..restart] {
        let (Event::State { server, .. } | Event::Saved { server, .. }) = record.event else {
            continue;
        };
        assert_ne!(server, crashed, "the dead are not heard: {}", Text::new(trace).line(record));
    }
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
    let mut steps = std::collections::BTreeMap::<u64, Vec<&CallStep>>::new();
    for record in trace.records() {
        if let Event::Call { call, step, .. } = &record.event {
            steps.entry(*call).or_default().push(step);
        }
    }
    assert!(steps.len() >= 10, "{} calls", steps.len());
    for (call, steps) in steps {
        assert!(matches!(steps[0], CallStep::Sent { .. }), "call {call}: {steps:?}");
        let kinds: std::collections::BTreeSet<_> = steps
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
    let began = raftlab::labsync::Instant::now();
    run(options(1), told_body).unwrap();
    trace::finish(began.elapsed(), None).unwrap();
    let trace = Trace::open(&file.0).unwrap();
    assert!(!trace.header().simulated);
    check_story(&trace);
    check_calls(&trace);
    let last_ns = trace.records().last().unwrap().at_ns;
    assert!((1_000_000_000..120_000_000_000).contains(&last_ns), "{last_ns} ns in all");
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

fn rough_body() {
    let cfg = Config::make(5, true, true);
    cfg.set_long_reordering(true);
    for command in 0..40_u64 {
        let server = rng::random_range(0..5);
        match rng::random_range(0..8) {
            0 => cfg.crash1(server),
            1 => cfg.disconnect(server),
            2 if !cfg.is_up(server) => {
                cfg.start1(server);
                cfg.connect(server);
            }
            _ => (0..5).for_each(|server| {
                let _ = cfg.start(server, command);
            }),
        }
        thread::sleep(Duration::from_millis(rng::random_range(0..200)));
    }
}

fn failing_body() {
    let cfg = Config::make(3, false, false);
    cfg.check_one_leader();
    let impatient = cfg.clone();
    thread::spawn("impatient", move || {
        thread::sleep(Duration::from_millis(50));
        assert!(impatient.n_committed(1).0 == 3, "not yet:\nnobody asked");
    });
    thread::sleep(RAFT_ELECTION_TIMEOUT);
}

/// One event of each kind, and what is shown of it.
fn one_of_each() -> Vec<(Event, &'static str)> {
    let entry = |term, command: u64| Entry {
        term,
        command: to_bytes(&raftlab::tester::Command::from(command)).into(),
    };
    let state = |changes: &[Change]| Event::State { server: 1, changes: changes.to_vec() };
    let (one, two) = (vec![entry(2, 6)], vec![entry(3, 7), entry(3, 8)]);
    let command = || "7".to_string();
    let test = Event::Test;
    vec![
        (
            Event::Cluster { servers: 3, unreliable: true, snapshot: true },
            "test      3 servers on an unreliable network, with snapshots",
        ),
        (test(TestStep::Begin("Test".to_string())), "test      begins: Test"),
        (test(TestStep::End), "test      has done all its steps"),
        (test(TestStep::Start { server: 1, starts: 1 }), "test      starts n1"),
        (test(TestStep::Start { server: 1, starts: 2 }), "test      starts n1 again (start 2)"),
        (test(TestStep::Crash(1)), "test      crashes n1"),
        (test(TestStep::Connect(1)), "test      connects n1"),
        (test(TestStep::Disconnect(1)), "test      disconnects n1"),
        (test(TestStep::Unreliable(true)), "test      makes the network unreliable"),
        (test(TestStep::LongReordering(true)), "test      holds most replies back from now on"),
        (
            test(TestStep::Command {
                server: 1,
                command: command(),
                index: 5,
                term: 3,
                taken: true,
            }),
            "test      gives n1 7: taken as 5@3",
        ),
        (test(TestStep::OneLeader(2)), "test      sees one leader: n2"),
        (
            test(TestStep::OneBegins { command: command(), expected: 3, retry: true }),
            "test      wants agreement on 7 among 3, retrying",
        ),
        (test(TestStep::OneAgreed { index: 5 }), "test      sees agreement at 5"),
        (test(TestStep::Warning("odd".to_string())), "test      warns: odd"),
        (
            Event::Saved { server: 1, state_size: 90, snapshot_size: 40, writes: 6 },
            "n1        saves 90 bytes and a snapshot of 40 (save 6)",
        ),
        (
            Event::Applied { server: 1, index: 5, command: command() },
            "n1        service applies 5: 7",
        ),
        (
            Event::Installed { server: 1, index: 9, term: 2, size: 40 },
            "n1        service installs a snapshot to 9@2, 40 bytes",
        ),
        (
            state(&[Change::Term(3), Change::Vote(Some(2)), Change::Role(Role::Candidate)]),
            "n1        term 3, votes for n2, candidate",
        ),
        (
            state(&[
                Change::Vote(None),
                Change::Snapshot { index: 4, term: 2, size: 40 },
                Change::Truncated(6),
                Change::Appended { first: 7, entries: two },
            ]),
            "n1        no vote, snapshot to 4@2 (40 bytes), cuts its log behind 6, log + [7@3 8@3]",
        ),
        (
            state(&[
                Change::Appended { first: 6, entries: one },
                Change::Commit(5),
                Change::LastApplied(4),
                Change::Next(2, 9),
                Change::Match(2, 8),
            ]),
            "n1        log + [6@2 6], commit 5, applied 4, next[2] 9, match[2] 8",
        ),
    ]
}

fn body_with_one_of_each() {
    one_of_each().into_iter().for_each(|(event, _)| trace::record(|| event));
    let network = Network::new();
    let end = network.make_end("1.1 to 2");
    network.observe(|event| trace::call((1, 1), 2, &event));
    let entries = vec![Entry { term: 3, command: Default::default() }; 7];
    let args = AppendEntriesArgs {
        term: 3,
        leader_id: 1,
        prev_log_index: 4,
        prev_log_term: 2,
        entries,
        leader_commit: 4,
    };
    assert_eq!(end.call::<_, ()>("Raft.AppendEntries", &args), None);
}

fn test_every_event_has_its_line() {
    let (bytes, report) = record(1, Kernel::Threads, body_with_one_of_each);
    assert_eq!(report.failure, None);
    let trace = Trace::from_bytes(&bytes).unwrap();
    let lines: Vec<_> = trace.records().iter().map(|it| Text::new(&trace).line(it)).collect();
    let expected = one_of_each().into_iter().map(|(_, line)| line).chain([
        "n1 -> n2  AppendEntries term 3, prev 4@2, [5@3 .. 11@3], commit 4 #0",
        "n1 x  n2  AppendEntries lost: unreachable #0",
        "verdict   passed",
    ]);
    let expected: Vec<_> = expected.collect();
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, expected) in lines.iter().zip(expected) {
        assert_eq!(&line[13..], expected);
    }
}

/// If this fails, the format is another: raise VERSION and tell in docs/trace.md what is new.
/// (Or a type was moved, or the compiler names it otherwise: that is another format as well.)
fn test_the_format_has_not_changed() {
    let (bytes, _) = record(1, Kernel::Threads, body_with_one_of_each);
    let (head, rest) = bytes.split_at(40);
    let hex: String = head.iter().map(|byte| format!("{byte:02x}")).collect();
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    let hash = rest.iter().fold(0xcbf2_9ce4_8422_2325, step);
    assert_eq!(VERSION, 1);
    let start = "89726166740d0a0a0100000080226a010d05736d616c6c01010474657374cd1957ea06a1bf020700";
    assert_eq!((hex.as_str(), hash), (start, 13_519_552_054_477_464_814));
}

fn test_each_changed_byte_is_found() {
    let good = small_trace();
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            match Trace::from_bytes(&bad) {
                Err(error) => check_error(&error, at),
                // The end mark is all that may be missing, of a file that is otherwise whole.
                Ok(trace) => {
                    let byte = trace.cut().expect("a changed byte is seen").byte;
                    assert!(byte <= at, "byte {at} ^ {flip:#x}: cut at {byte}");
                }
            }
        }
    }
}

/// The error must say something of use, and not blame a byte behind the damage.
fn check_error(error: &TraceError, at: usize) {
    let text = error.to_string();
    match error {
        TraceError::Foreign => assert!(at < 8, "byte {at}: {text}"),
        TraceError::Version(_) => assert!((8..12).contains(&at), "byte {at}: {text}"),
        TraceError::Damaged { byte, .. } => assert!(*byte <= at, "byte {at}: {text}"),
        TraceError::Io(_) | TraceError::Empty(_) => panic!("byte {at}: {text}"),
    }
    assert!(text.contains("TRACE=") || text.contains("record it again"), "{text}");
}

fn test_each_cut_is_found() {
    let good = small_trace();
    let whole = Trace::from_bytes(&good).unwrap();
    let mut last = 0;
    for length in 0..good.len() {
        match Trace::from_bytes(&good[..length]) {
            Err(TraceError::Empty(found)) => {
                assert_eq!(found, length);
                assert!(length < 100, "cut to {length}: the header is there");
            }
            Err(error) => panic!("cut to {length}: {error}"),
            Ok(trace) => {
                let cut = trace.cut().unwrap_or_else(|| panic!("cut to {length}: not seen"));
                let (events, left) = (trace.records().len(), length - cut.byte);
                assert_eq!((cut.events, cut.left), (events, left), "cut to {length}");
                assert!(events >= last, "cut to {length}: more bytes, fewer events");
                assert!(trace.records() == &whole.records()[..events], "cut to {length}");
                last = events;
            }
        }
    }
    assert_eq!(last, whole.records().len(), "without its end mark all events are there");
}

/// Many bytes at once, pieces moved and missing, numbers that claim a lot.
fn test_random_damage_is_found() {
    let good = small_trace();
    let random = |below: usize| rng::random_range(0..below);
    for _ in 0..20_000 {
        let mut bad = good.clone();
        let at = 12 + random(good.len() - 12);
        match random(4) {
            0 => bad[at..].iter_mut().take(9).for_each(|byte| *byte = 0xFF),
            1 => bad[at..].iter_mut().for_each(|byte| *byte = random(256) as u8),
            2 => drop(bad.drain(at..(at + 1 + random(200)).min(good.len()))),
            _ => bad[12..].rotate_left(at - 12),
        }
        if bad == good {
            continue;
        }
        if let Ok(trace) = Trace::from_bytes(&bad) {
            let cut = trace.cut().expect("the damage is seen");
            assert!(cut.byte <= at, "damaged at {at}, cut at {}", cut.byte);
        }
    }
}

fn test_other_files_are_refused() {
    let refused = |bytes: &[u8]| Trace::from_bytes(bytes).unwrap_err().to_string();
    assert!(refused(b"[package]\nname = \"raft-lab\"\n").contains("not a trace"));
    assert!(refused(b"").contains("ends after 0 bytes"));
    let mut newer = small_trace();
    newer[8..12].copy_from_slice(&(VERSION + 1).to_le_bytes());
    let text = refused(&newer);
    assert!(text.contains("newer version") && text.contains("format 2"), "{text}");
    assert!(Trace::open("/").unwrap_err().to_string().contains("not a trace"));
    let missing = Trace::open("no-such.trace").unwrap_err().to_string();
    assert!(missing.contains("cannot read it"), "{missing}");
}

// ---- the runner ---------------------------------------------------------------------------

fn test_that_fails() {
    failing_body();
}

fn test_that_hangs() {
    let cfg = Config::make(3, false, false);
    cfg.check_one_leader();
    loop {
        std::hint::spin_loop();
    }
}

fn test_that_aborts() {
    let cfg = Config::make(3, false, false);
    cfg.check_one_leader();
    std::process::abort();
}

/// Runs this program with one of the tests above, in a directory of its own.
fn misbehave(what: &str, arguments: &[&str]) -> (Output, String, PathBuf) {
    let directory = std::env::temp_dir().join(format!("raft-lab-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.current_dir(&directory).env("MISBEHAVE", what).args(arguments);
    for name in ["SEED", "SEEDS", "TRACE", "KERNEL", "VERBOSE", "JOBS"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text, directory)
}

fn test_a_failing_seed_is_recorded_again() {
    for arguments in [&["--sim", "--seeds=1-3"][..], &["--sim", "--exact", "test_that_fails"]] {
        let (output, text, directory) = misbehave("test_that_fails", arguments);
        assert!(!output.status.success());
        let name = "target/traces/that_fails-1.trace";
        assert!(text.contains(&format!("      trace: {name}    (make")), "{text}");
        assert!(!text.contains("not deterministic"), "{text}");
        let trace = Trace::open(directory.join(name)).unwrap();
        let last = &trace.records().last().unwrap().event;
        let Event::Verdict(Some(failure)) = last else { panic!("{last:?}") };
        assert!(failure.message.contains("nobody asked"), "{failure:?}");
        assert_eq!(failure.thread, "impatient");
        let place = failure.at.as_deref().unwrap_or_default();
        assert!(place.starts_with("tests/trace.rs"), "{place}");
        let campaign = |record: &Record| matches!(&record.event, Event::Log { level: 3, text } if text.contains("campaigns"));
        assert!(trace.records().iter().any(campaign), "log lines are in the trace");
        std::fs::remove_dir_all(directory).unwrap();
    }
}

fn test_a_process_that_dies_leaves_its_trace() {
    let given = ["--sim", "--seeds=1-1", "--trace=x.trace"];
    let cases = [
        ("test_that_aborts", &given[..2], "target/traces/that_aborts-1.trace"),
        ("test_that_hangs", &given[..], "x.trace"),
    ];
    for (what, arguments, name) in cases {
        let (output, text, directory) = misbehave(what, arguments);
        assert!(!output.status.success());
        assert!(text.contains(&format!("trace: {name}")), "{text}");
        assert!(!text.contains("not deterministic"), "{text}");
        let trace = Trace::open(directory.join(name)).unwrap();
        assert!(trace.cut().is_some_and(|cut| cut.left == 0), "{:?}", trace.cut());
        let last = trace.records().last().unwrap();
        assert!(matches!(last.event, Event::Test(TestStep::OneLeader(_))), "{last:?}");
        std::fs::remove_dir_all(directory).unwrap();
    }
}

fn test_a_file_that_cannot_be_written_is_said_first() {
    let refused = |arguments: &[&str], words: &str| {
        let (output, text, directory) = misbehave("test_that_fails", arguments);
        let problem = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{text}{problem}");
        assert!(problem.contains(words), "{problem}");
        assert!(!text.contains("FAILED"), "nothing was run: {text}");
        directory
    };
    let directory = refused(&["--trace=no/such/directory/x.trace"], "no/such/directory/x.trace");
    let treasure = directory.join("treasure.txt");
    std::fs::write(&treasure, "not to be lost").unwrap();
    refused(&["--sim", "--trace=treasure.txt"], "which is no trace");
    assert_eq!(std::fs::read(&treasure).unwrap(), b"not to be lost");
    std::fs::remove_dir_all(directory).unwrap();
}
