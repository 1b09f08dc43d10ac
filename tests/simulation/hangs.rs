//! Bodies that the watchdog must end, each in a process of its own.

use std::process::Command;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{Instant, Kernel, thread};
use raftlab::runner::LabTest;

use crate::kit::{MS, run, spawn_ticker};

pub const TESTS: &[LabTest] =
    lab_tests![test_a_thread_that_never_yields, test_a_thread_that_waits_outside_labsync,];

/// A body that the watchdog must end, in a process of its own. `how` it hangs.
pub fn hang(how: &'static str) {
    let kernel = Kernel::Coroutines;
    let report = run(5, kernel, move || {
        spawn_ticker();
        thread::sleep(30 * MS);
        thread::spawn("spinner", move || match how {
            "sleeps" => std::thread::sleep(Duration::from_secs(100)),
            "locks" => {
                let lock = std::sync::Mutex::new(());
                let _first = lock.lock();
                let _second = lock.lock();
            }
            "parks" => loop {
                std::thread::park();
            },
            _ => loop {
                std::hint::spin_loop();
            },
        });
        thread::sleep(Duration::from_secs(100));
    });
    panic!("a run that hangs came to an end: {report:?}");
}

fn hanging(how: &str) -> (String, Duration) {
    let exe = std::env::current_exe().expect("a test has a program");
    let start = Instant::now();
    let output = Command::new(exe).env("SIMULATE_A_HANG", how).output().expect("it runs");
    assert!(!output.status.success());
    (String::from_utf8_lossy(&output.stdout).into_owned(), start.elapsed())
}

#[track_caller]
fn assert_has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is missing in:\n{text}");
    }
}

fn test_a_thread_that_never_yields() {
    let (text, _) = hanging("computes");
    assert_has(&text, &["'spinner'", "has not given up its turn", "seed 5", "0.03", "in a loop"]);
}

fn test_a_thread_that_waits_outside_labsync() {
    for how in ["sleeps", "locks", "parks"] {
        let (text, after) = hanging(how);
        assert_has(&text, &["'spinner'", "waits outside labsync", "seed 5", "0.03"]);
        assert!(after < Duration::from_secs(9), "{how}: {after:?}");
    }
}
