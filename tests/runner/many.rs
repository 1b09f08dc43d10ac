//! Many runs: in real time and simulated, in shards, until a time, until Ctrl-C; what is kept.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::endings::ignores_ctrl_c;
use crate::support::{Directory, all_end, hostile, is_whole_trace, marker, poll, run};

pub const TESTS: &[LabTest] = lab_tests![
    test_many_runs_are_counted_and_reported,
    test_one_test_is_reported_as_well,
    test_failed_runs_are_kept,
    test_failed_runs_are_run_again,
    test_shards_share_all_runs,
    test_no_run_begins_after_the_time,
    test_one_failure_is_enough,
    test_ctrl_c_ends_with_a_summary,
];

/// The runs that a report tells of: test, seed, whether it failed.
fn runs_in(report: &str) -> Vec<(String, u64, bool)> {
    let field = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("\"{name}\":")).expect("it has the field");
        rest.trim_start_matches('"').split(['"', ',', '}']).next().expect("a piece").to_string()
    };
    let runs = report.lines().map(|line| {
        let seed = field(line, "seed").parse().expect("a number");
        (field(line, "test"), seed, !line.contains("\"failure\":null"))
    });
    runs.collect()
}

fn test_many_runs_are_counted_and_reported() {
    for how in ["--jobs=2", "--sim"] {
        let directory = Directory::new();
        let mut command =
            hostile(&["test_innocent", "test_panic", how, "--seeds=4-6", "--report=r.jsonl"]);
        let said = run(command.current_dir(&directory.0));
        assert_eq!(said.code, Some(101), "{}", said.text);
        let rows = ["test_innocent                               3      0", "3      3"];
        said.says(&[rows[0], rows[1], "first failing seed 4", "FAILED. 3 passed; 3 failed"]);
        let report = fs::read_to_string(directory.0.join("r.jsonl")).expect("it is written");
        let expected: Vec<_> = (4..=6)
            .flat_map(|seed| [("test_innocent", false), ("test_panic", true)].map(|t| (t, seed)))
            .map(|((test, failed), seed)| (test.to_string(), seed, failed))
            .collect();
        assert_eq!(runs_in(&report), expected);
    }
}

fn test_one_test_is_reported_as_well() {
    let directory = Directory::new();
    let mut command = hostile(&["--exact", "test_panic", "--sim", "--seeds=1-2"]);
    run(command.arg("--report=r.jsonl").current_dir(&directory.0));
    let report = fs::read_to_string(directory.0.join("r.jsonl")).expect("it is written");
    assert_eq!(runs_in(&report).len(), 2, "{report}");
}

fn test_failed_runs_are_kept() {
    for how in ["--jobs=2", "--sim"] {
        let directory = Directory::new();
        let mut command =
            hostile(&["test_innocent", "test_panic", how, "--seeds=1-7", "--keep=kept"]);
        let said = run(command.current_dir(&directory.0));
        said.says(&["kept: kept/panic-"]);
        let mut folders = BTreeSet::new();
        for folder in fs::read_dir(directory.0.join("kept")).expect("it is there") {
            let folder = folder.expect("it can be listed").path();
            let read = |name| fs::read_to_string(folder.join(name)).expect("it is kept");
            assert!(read("failure.txt").contains("as everybody does"), "{how}");
            assert!(read("failure.txt").contains("  NEXT     make"), "{how}");
            assert!(read("about.txt").contains("options: test_innocent test_panic"), "{how}");
            is_whole_trace(&folder.join("run.trace"));
            folders.insert(folder.file_name().expect("it has a name").to_owned());
        }
        // All of them, although one only is shown.
        assert_eq!(folders, (1..=7).map(|seed| format!("panic-{seed}").into()).collect(), "{how}");
    }
}

fn test_failed_runs_are_run_again() {
    let directory = Directory::new();
    let line = |test: &str, seed: u64, failure: &str| {
        format!(
            "{{\"suite\":\"hostile\",\"test\":\"{test}\",\"seed\":{seed},\"failure\":{failure}}}\n"
        )
    };
    let report = line("test_innocent", 3, "null")
        + &line("test_innocent", 5, "\"once\"")
        + &line("test_panic", 7, "\"again\"")
        + &line("test_gone", 8, "\"it was renamed\"");
    fs::write(directory.0.join("r.jsonl"), report).expect("it can be written");
    for how in ["--jobs=2", "--sim"] {
        let mut command = hostile(&[how, "--failed-in=r.jsonl", "--report=s.jsonl"]);
        let said = run(command.current_dir(&directory.0));
        assert_eq!(said.code, Some(101), "{}", said.text);
        let again = fs::read_to_string(directory.0.join("s.jsonl")).expect("it is written");
        let expected = [("test_innocent", 5, false), ("test_panic", 7, true)];
        assert_eq!(runs_in(&again), expected.map(|(test, seed, f)| (test.to_string(), seed, f)));
    }
    fs::write(directory.0.join("r.jsonl"), "nonsense\n").expect("it can be written");
    let said = run(hostile(&["--failed-in=r.jsonl"]).current_dir(&directory.0));
    assert_eq!(said.code, Some(101));
    said.says(&["r.jsonl:1: no line of a report"]);
}

fn test_shards_share_all_runs() {
    let mut all = Vec::new();
    for shard in 1..=3 {
        let directory = Directory::new();
        let shard = format!("--shard={shard}/3");
        let tests = ["test_innocent", "test_panic", "test_print_address"];
        let mut command = hostile(&["--sim", "--seeds=1-5", &shard, "--report=r.jsonl"]);
        run(command.args(tests).current_dir(&directory.0));
        let report = fs::read_to_string(directory.0.join("r.jsonl")).expect("it is written");
        let runs = runs_in(&report);
        assert_eq!(runs.len(), 5, "{shard}: {runs:?}");
        let tests: BTreeSet<_> = runs.iter().map(|(test, ..)| test).collect();
        assert_eq!(tests.len(), 3, "{shard}: each test has runs in it");
        all.extend(runs.into_iter().map(|(test, seed, _)| (test, seed)));
    }
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 15, "none twice: {all:?}");
}

fn test_no_run_begins_after_the_time() {
    let directory = Directory::new();
    // Each takes more than a tenth of a second.
    let said = run(hostile(&["test_innocent", "--jobs=1", "--seeds=1-500", "--for=1s"])
        .args(["--report=r.jsonl"])
        .current_dir(&directory.0));
    assert_eq!(said.code, Some(0), "{}", said.text);
    let report = fs::read_to_string(directory.0.join("r.jsonl")).expect("it is written");
    assert!((1..=10).contains(&runs_in(&report).len()), "{report}");
}

fn test_one_failure_is_enough() {
    let said = run(&mut hostile(&["test_panic", "--jobs=1", "--seeds=1-500", "--stop-at-first"]));
    assert_eq!(said.code, Some(101));
    said.says(&["FAILED. 0 passed; 1 failed"]);
}

fn test_ctrl_c_ends_with_a_summary() {
    if ignores_ctrl_c() {
        return;
    }
    let directory = Directory::new();
    let (marker, report) = (marker(), directory.0.join("r.jsonl"));
    let limit = format!("--limit={marker}");
    let mut command = hostile(&["test_panic", "test_sleep_with_sleep", "--exact", "--jobs=2"]);
    command.args(["--seeds=1-3", "--report=r.jsonl", &limit]).current_dir(&directory.0);
    let mut runner = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    // One of them is over: its line is in the report at once.
    let lines = || fs::read_to_string(&report).map_or(0, |text| text.lines().count());
    poll(|| lines() > 0, || "no run ends".to_string());
    let kill = Command::new("kill").args(["-INT", &runner.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let mut text = String::new();
    runner.stdout.take().expect("it is piped").read_to_string(&mut text).expect("it is text");
    assert_eq!(runner.wait().expect("it can be waited for").code(), Some(101));
    assert!(text.contains("stopped by a signal; "), "{text}");
    assert!(text.contains("first failing seed 1"), "{text}");
    assert!(text.contains("test result: FAILED."), "{text}");
    all_end(&marker);
}
