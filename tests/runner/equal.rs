//! Runs of equal seeds: what makes them differ is found, and hashes tell of it from machine to
//! machine.

use std::fs;

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::support::{Directory, hostile, run};

pub const TESTS: &[LabTest] =
    lab_tests![test_what_differs_from_run_to_run_is_named, test_hashes_are_compared_and_renewed,];

fn test_what_differs_from_run_to_run_is_named() {
    let equal = run(&mut hostile(&["--twice", "test_innocent", "test_panic", "--seeds=1-3"]));
    assert_eq!(equal.code, Some(0), "{}", equal.text);
    equal.says(&["deterministic: 2 tests, seeds 1 to 3"]);
    for (name, words) in [
        ("test_timeout_from_pid", "in another process"),
        ("test_timeout_from_random_state", "in another process"),
        ("test_timeout_from_static", "where it had run before"),
        ("test_print_address", "of what they print is"),
        ("test_log_address", "of what they print is"),
    ] {
        let said = run(&mut hostile(&["--twice", name]));
        assert_eq!(said.code, Some(101), "{name}: {}", said.text);
        said.says(&[&format!("NOT deterministic: {name} seed 1"), words, "SEED=1"]);
    }
}

fn test_hashes_are_compared_and_renewed() {
    let directory = Directory::new();
    let hashes = |arguments: &[&str]| {
        let mut all = vec!["test_innocent", "test_timeout_from_random_state", "--hashes=x.txt"];
        all.extend(arguments);
        run(hostile(&all).current_dir(&directory.0))
    };
    let said = hashes(&["--exact"]);
    assert_eq!(said.code, Some(101));
    said.says(&["cannot read the hashes x.txt"]);
    // The lines of another suite stay.
    fs::write(directory.0.join("x.txt"), "raft test_x 1 aa bb\n").expect("it can be written");
    let said = hashes(&["--exact", "--seeds=1-3", "--renew-hashes"]);
    assert_eq!(said.code, Some(0), "{}", said.text);
    said.says(&["6 hashes of suite hostile are renewed"]);
    let text = fs::read_to_string(directory.0.join("x.txt")).expect("it is there");
    assert!(text.contains("\nraft test_x 1 aa bb\n"), "{text}");
    let said = hashes(&["--exact", "--seeds=1-3"]);
    assert_eq!(said.code, Some(101), "{}", said.text);
    said.says(&["3 of 6 runs differ", "test_timeout_from_random_state 2: went another way"]);
    said.does_not_say(&["innocent 1:", "innocent 2:"]);
}
