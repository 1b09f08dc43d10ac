//! What is left when a test has ended, or the runner: nothing.

use std::io::Read;
use std::process::{Command, Stdio};

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::support::{all_end, hostile, marker, poll, processes, run};

pub const TESTS: &[LabTest] = lab_tests![
    test_what_a_test_starts_ends_with_it,
    test_all_end_when_the_runner_is_killed,
    test_nobody_reads_any_more,
];

fn test_what_a_test_starts_ends_with_it() {
    for (name, code, words) in
        [("test_leave_sleep", 0, "1 passed"), ("test_leave_sleep_and_panic", 101, "after a child")]
    {
        for how in ["--jobs=2", "--sim"] {
            let marker = marker();
            let said = run(hostile(&[name, how, "--exact"]).env("HOSTILE_SLEEP", &marker));
            assert_eq!(said.code, Some(code), "{name} {how}: {}", said.text);
            if code != 0 {
                said.says(&[words]);
            }
            assert!(said.after.as_secs() < 20, "{name} {how} took {:?}", said.after);
            all_end(&marker);
        }
    }
}

fn test_all_end_when_the_runner_is_killed() {
    for signal in ["-KILL", "-INT", "-TERM"] {
        if signal == "-INT" && ignores_ctrl_c() {
            continue;
        }
        let marker = marker();
        let limit = format!("--limit={marker}");
        let mut command = hostile(&["test_sleep_with_sleep", &limit]);
        command.env("HOSTILE_SLEEP", &marker).stdout(Stdio::null()).stderr(Stdio::null());
        let mut runner = command.spawn().expect("it runs");
        // The runner, the test, and what that has started.
        poll(|| processes(&marker).len() == 3, || format!("{:?}", processes(&marker)));
        let kill = Command::new("kill").args([signal, &runner.id().to_string()]).status();
        assert!(kill.is_ok_and(|status| status.success()));
        let status = runner.wait().expect("it can be waited for");
        assert!(!status.success(), "{status}");
        all_end(&marker);
    }
}

/// Whether Ctrl-C is ignored, by this process and so by all that it starts: a shell does that to
/// what a script runs in the background.
pub fn ignores_ctrl_c() -> bool {
    const SIGINT: u32 = 2;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask & 1 << (SIGINT - 1) != 0)
}

/// As `make test-2A | head -2` does.
fn test_nobody_reads_any_more() {
    for how in [&["--jobs=2"][..], &["--jobs=1"], &["--sim"], &["--exact"]] {
        let marker = marker();
        let limit = format!("--limit={marker}");
        let mut command = hostile(&["test_print_much", &limit]);
        command.args(how).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut runner = command.spawn().expect("it runs");
        drop(runner.stdout.take());
        let mut errors = String::new();
        runner.stderr.take().expect("it is piped").read_to_string(&mut errors).expect("it is text");
        let status = runner.wait().expect("it can be waited for");
        assert_eq!((status.code(), errors.as_str()), (Some(101), ""), "{how:?}");
        all_end(&marker);
    }
}
