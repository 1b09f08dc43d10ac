//! What the runner records, and where, seen from outside: this program is run again with a test
//! that fails, hangs or aborts.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::json;

use raftlab::lab_tests;
use raftlab::runner::LabTest;
use raftlab::tester::Config;

use crate::kit::{events, failing_body, find, is_like};

pub const TESTS: &[LabTest] = lab_tests![
    test_a_failing_seed_is_recorded_again,
    test_a_process_that_dies_leaves_its_trace,
    test_a_file_that_cannot_be_written_is_said_first,
];

/// Tests for the runs from outside.
pub const MISBEHAVING: &[LabTest] = lab_tests![test_that_fails, test_that_hangs, test_that_aborts];

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
        assert!(text.contains(&format!("  TRACE    {name}\n")), "{text}");
        assert!(!text.contains("not deterministic"), "{text}");
        let events = events(&std::fs::read(directory.join(name)).unwrap());
        let failure = &events.last().unwrap()["failure"];
        let says = |key: &str| failure[key].as_str().unwrap_or_default();
        assert!(says("message").contains("nobody asked"), "{failure}");
        assert_eq!(says("thread"), "impatient");
        assert!(says("at").starts_with("tests/trace/"), "{failure}");
        let logged = find(&events, 0, json!({"event": "log", "level": "info"}));
        assert!(events[logged]["text"].as_str().unwrap().contains("campaigns"));
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
        assert!(text.contains(&format!("  TRACE    {name}")), "{text}");
        assert!(!text.contains("not deterministic"), "{text}");
        let events = events(&std::fs::read(directory.join(name)).unwrap());
        let last = events.last().unwrap();
        assert!(is_like(last, &json!({"event": "one_leader"})), "{last}");
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
