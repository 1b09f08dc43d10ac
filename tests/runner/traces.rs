//! Recorded runs that are disturbed: two at a time, no room, files of other kinds.

use std::fs;
use std::process::Command;

use raftlab::lab_tests;
use raftlab::runner::LabTest;

use crate::support::{Directory, hostile, is_whole_trace, run};

pub const TESTS: &[LabTest] = lab_tests![
    test_two_runs_leave_one_whole_trace,
    test_a_trace_that_cannot_be_written_is_no_other_run,
    test_a_trace_without_room_is_announced_as_cut,
    test_what_is_no_regular_file_is_refused_at_once,
];

const TRACE: &str = "target/traces/panic-1.trace";

fn test_two_runs_leave_one_whole_trace() {
    let directory = Directory::new();
    let mut runners = Vec::new();
    for _ in 0..4 {
        let mut command = hostile(&["--sim", "test_panic", "--trace=x.trace"]);
        command.current_dir(&directory.0).stdout(std::process::Stdio::null());
        runners.push(command.spawn().expect("it runs"));
    }
    for mut runner in runners {
        assert_eq!(runner.wait().expect("it can be waited for").code(), Some(101));
    }
    is_whole_trace(&directory.0.join("x.trace"));
    let files = fs::read_dir(&directory.0).expect("it is there").count();
    assert_eq!(files, 1, "no unfinished one is left");
}

/// Whatever is wrong with the trace, the failure is the same as it was.
fn test_a_trace_that_cannot_be_written_is_no_other_run() {
    type Spoil = fn(&Directory) -> std::io::Result<()>;
    let no_directory: Spoil = |directory| {
        fs::create_dir(directory.0.join("target"))?;
        fs::write(directory.0.join("target/traces"), "a file")
    };
    let no_trace: Spoil = |directory| {
        fs::create_dir_all(directory.0.join("target/traces"))?;
        fs::write(directory.0.join(TRACE), "something else")
    };
    for (spoil, words) in [
        (no_directory, "no trace: cannot make the directory target/traces"),
        (no_trace, "there is another file of that name, which is no trace"),
    ] {
        let directory = Directory::new();
        spoil(&directory).expect("it can be spoilt");
        let said = run(hostile(&["--sim", "test_panic"]).current_dir(&directory.0));
        said.says(&["as everybody does", words]);
        said.does_not_say(&["not deterministic", "trace: target"]);
    }
}

fn test_a_trace_without_room_is_announced_as_cut() {
    for trace in ["", "--trace=x.trace"] {
        let directory = Directory::new();
        let inner = hostile(&[]);
        let mut command = Command::new("sh");
        // A process that writes more than 512 bytes is told so by an error.
        let script = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
        command.args(["-c", script, "sh"]).arg(inner.get_program());
        command.args(["--sim", "test_log_much_and_panic"]);
        command.args(Some(trace).filter(|trace| !trace.is_empty()));
        command.env("HOSTILE", "1").current_dir(&directory.0);
        let said = run(&mut command);
        said.says(&["as everybody does", "no whole trace: cannot write the trace", "cut there"]);
        said.does_not_say(&["not deterministic", ".unfinished"]);
    }
}

fn test_what_is_no_regular_file_is_refused_at_once() {
    let directory = Directory::new();
    let fifo = directory.0.join("x.fifo");
    let made = Command::new("mkfifo").arg(&fifo).status();
    assert!(made.is_ok_and(|status| status.success()));
    for path in [fifo.as_path(), "/dev/full".as_ref(), directory.0.as_path()] {
        for how in ["--exact", "--sim"] {
            let trace = format!("--trace={}", path.display());
            let said = run(&mut hostile(&["test_innocent", how, &trace]));
            assert_eq!(said.code, Some(2), "{}", said.text);
            assert!(said.errors.contains("is no regular file"), "{}", said.errors);
            assert!(said.after.as_secs() < 10, "{:?}", said.after);
        }
    }
}
