//! Which verdict each of the hostile tests gets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::support::{Directory, hostile, run};

pub const TESTS: &[LabTest] = lab_tests![
    test_an_end_without_verdict_is_a_failure,
    test_the_oracle_is_in_what_to_type_next,
    test_an_end_is_a_failure_however_it_is_run,
    test_lies_are_not_believed,
    test_threads_and_hooks_of_ones_own_hide_nothing,
    test_what_hangs_is_ended,
    test_memory_and_output_are_limited,
    test_runs_that_are_ended_are_not_compared,
    test_a_launcher_hides_nothing,
    test_a_failure_is_told_whatever_the_output_does,
    test_who_is_not_started_by_the_runner_gets_no_orders,
];

const ENDED: &str = "the process ended before the test did";

/// Runs a hostile test beside one that does no harm: the one must fail with these words, and the
/// other pass.
#[track_caller]
fn fails(name: &str, how: &[&str], words: &[&str]) {
    for simulated in [false, true] {
        let mut arguments = vec![name, "test_innocent"];
        arguments.extend(how);
        arguments.extend(simulated.then_some("--sim"));
        let said = run(&mut hostile(&arguments));
        assert_eq!(said.code, Some(101), "{name}: {}", said.text);
        said.says(&[&format!("... FAILED --  {name}"), "1 passed; 1 failed"]);
        said.says(words);
        let short = &name["test_".len()..];
        let again = if simulated {
            format!("  NEXT     make replay S=hostile T={short} SEED=1")
        } else {
            format!("  NEXT     make test T={short} SEED=")
        };
        said.says(&[&again]);
        assert!(said.after < Duration::from_secs(30), "{name} took {:?}", said.after);
    }
}

fn test_an_end_without_verdict_is_a_failure() {
    fails("test_exit_0", &[], &[ENDED, "exit status: 0"]);
    fails("test_exit_101", &[], &[ENDED, "exit status: 101"]);
    fails("test_exit_in_drop", &[], &[ENDED, "exit status: 0"]);
    fails("test_abort", &[], &[ENDED, "signal: 6"]);
    fails("test_overflow", &[], &["has overflowed its stack"]);
    fails("test_kill_itself", &[], &[ENDED, "signal: 9"]);
    fails("test_exec_true", &[], &[ENDED, "exit status: 0"]);
    fails("test_exec_sleep", &[], &["another program now"]);
}

/// Judged without the View, it might fail again only without.
fn test_the_oracle_is_in_what_to_type_next() {
    for (oracle, next) in [("blind", " SEED=1 ORACLE=blind "), ("on", " SEED=1 (VERBOSE")] {
        let said = run(hostile(&["test_exit_0", "--exact", "--sim"]).env("ORACLE", oracle));
        said.says(&[&format!("NEXT make replay S=hostile T=exit_0{next}")]);
    }
}

fn test_an_end_is_a_failure_however_it_is_run() {
    for how in [
        &["--exact"][..],
        &["--exact", "--nocapture"],
        &["--exact", "--sim"],
        &["--sim", "--seeds=1-12"],
        &["--sim", "--stop-at-first", "--terse"],
        &["--twice"],
        &["--jobs=1"],
    ] {
        let mut arguments = vec!["test_exit_0"];
        arguments.extend(how);
        let said = run(&mut hostile(&arguments));
        assert_eq!(said.code, Some(101), "{how:?}: {}", said.text);
        said.says(&[ENDED]);
    }
}

fn test_lies_are_not_believed() {
    fails("test_forge_records", &[], &[ENDED, "exit status: 0"]);
    fails("test_forge_on_each_descriptor", &[], &[ENDED, "exit status: 0"]);
}

fn test_threads_and_hooks_of_ones_own_hide_nothing() {
    fails("test_hide_a_panic", &[], &["the harness's panic hook is gone"]);
    fails("test_outside_panic", &[], &["as nobody does", "does not come from labsync"]);
    fails("test_late_outside_panic", &[], &["when nobody looks", "does not come from labsync"]);
    fails("test_leave_a_thread", &[], &["a thread is left 2 s after the end", "asleep"]);
    fails("test_burn_outside", &[], &["a thread is left 2 s after the end", "computing"]);
    fails("test_lock_outside", &[], &["are for the threads that it knows"]);
    for how in [&[][..], &["--sim"]] {
        let said = run(&mut hostile(&[&["test_join_a_thread"], how].concat()));
        assert_eq!(said.code, Some(0), "{}", said.text);
    }
}

fn test_what_hangs_is_ended() {
    let how = &["--limit=2"];
    fails("test_stop_itself", how, &["it is stopped (SIGSTOP)"]);
    fails("test_wait_outside", how, &[""]);
    fails("test_lock_stdout_and_wait", how, &[""]);
}

fn test_memory_and_output_are_limited() {
    let words = ["more than 300 MB of memory"];
    fails("test_keep_memory", &["--memory=300"], &words);
    let cut = "bytes of the test's output are cut";
    fails("test_print_for_ever", &["--limit=2"], &[cut]);
    let said = run(&mut hostile(&["test_print_much", "test_innocent"]));
    assert_eq!(said.code, Some(0), "{}", said.errors);
    said.says(&["the first line", cut, "the last line", "2 passed"]);
    assert!(said.text.len() < 3 << 20, "{} bytes", said.text.len());
}

/// A second run records the first: how both were ended says nothing of them.
fn test_runs_that_are_ended_are_not_compared() {
    let directory = Directory::new();
    let said =
        run(hostile(&["--sim", "test_keep_memory", "--memory=300"]).current_dir(&directory.0));
    said.says(&["more than 300 MB of memory"]);
    said.does_not_say(&["not deterministic"]);
    let directory = Directory::new();
    let said = run(hostile(&["--sim", "test_exit_the_first_time"]).current_dir(&directory.0));
    said.says(&[ENDED, "ended by itself: not deterministic, or near a limit"]);
}

/// A launcher (`--launcher`) starts the test's process below its own: what that one takes counts, and
/// how it ended is told.
fn test_a_launcher_hides_nothing() {
    let folder = Directory::new();
    let launcher = folder.0.join("launcher");
    let program = std::env::current_exe().expect("a test has a program");
    let script = format!("#!/bin/sh\n'{}' \"$@\"\nexit $?\n", program.display());
    fs::write(&launcher, script).expect("it can be written");
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755)).expect("it can be run");
    let launcher = format!("--launcher={}", launcher.display());
    let words = ["more than 300 MB of memory"];
    fails("test_keep_memory", &["--memory=300", &launcher], &words);
    let words = [ENDED, "exit status: 137 (it was killed"];
    fails("test_kill_itself", &[&launcher], &words);
    fails("test_exit_0", &[&launcher], &[ENDED, "exit status: 0"]);
    let said = run(&mut hostile(&["test_innocent", "--launcher=/nowhere"]));
    assert_eq!(said.code, Some(101), "{}", said.text);
    said.says(&["cannot start a process for it"]);
}

fn test_a_failure_is_told_whatever_the_output_does() {
    fails(
        "test_panic",
        &[],
        &["  BROKE    as everybody does\n  NOTICED  in thread 'culprit' at tests/runner/"],
    );
    fails("test_lock_stdout_and_panic", &[], &["with the output locked"]);
    fails("test_long_panic", &[], &["long long", "bytes left out"]);
}

fn test_who_is_not_started_by_the_runner_gets_no_orders() {
    let said = run(&mut hostile(&["--child", "--exact", "test_innocent"]));
    assert_eq!(said.code, Some(2), "{}", said.text);
    assert!(said.errors.contains("--child is for processes that the runner starts"));
}
