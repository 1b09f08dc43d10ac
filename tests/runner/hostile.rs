//! Tests that try to look passed, to hang the runner, to flood it, or to leave something behind.
//! They are run by `verdicts.rs` and the others only.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "what nobody should do is done here"
)]

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{Mutex, thread};
use raftlab::runner::LabTest;

pub const TESTS: &[LabTest] = lab_tests![
    test_innocent,
    test_panic,
    test_log_much_and_panic,
    test_exit_0,
    test_exit_101,
    test_exit_the_first_time,
    test_exit_in_drop,
    test_abort,
    test_overflow,
    test_kill_itself,
    test_exec_true,
    test_exec_sleep,
    test_forge_records,
    test_forge_on_each_descriptor,
    test_long_panic,
    test_stop_itself,
    test_wait_outside,
    test_lock_stdout_and_panic,
    test_lock_stdout_and_wait,
    test_print_much,
    test_print_for_ever,
    test_keep_memory,
    test_leave_sleep,
    test_leave_sleep_and_panic,
    test_sleep_with_sleep,
    test_hide_a_panic,
    test_outside_panic,
    test_late_outside_panic,
    test_leave_a_thread,
    test_burn_outside,
    test_lock_outside,
    test_join_a_thread,
    test_timeout_from_pid,
    test_timeout_from_random_state,
    test_print_address,
    test_log_address,
    test_timeout_from_static,
];

const MS: Duration = Duration::from_millis(1);

/// A thread of the code under test does it, not the test's own.
fn in_a_thread(act: impl FnOnce() + Send + 'static) {
    thread::spawn("culprit", act);
    thread::sleep(100 * MS);
}

fn test_innocent() {
    println!("an innocent line");
    in_a_thread(|| thread::sleep(MS));
}

fn test_panic() {
    in_a_thread(|| panic!("as everybody does"));
}

fn test_log_much_and_panic() {
    for number in 0..1000 {
        log::info!("log line {number}");
    }
    panic!("as everybody does");
}

// ---- ends without a verdict --------------------------------------------------------------------

fn test_exit_0() {
    in_a_thread(|| exit(0));
}

fn test_exit_101() {
    in_a_thread(|| exit(101));
}

fn test_exit_the_first_time() {
    let been_here = std::fs::create_dir("been-here").is_err();
    in_a_thread(move || if been_here { panic!("the second time") } else { exit(0) });
}

fn test_exit_in_drop() {
    struct Exit;
    impl Drop for Exit {
        fn drop(&mut self) {
            exit(0);
        }
    }
    in_a_thread(|| {
        let _exit = Exit;
    });
}

fn test_abort() {
    in_a_thread(|| std::process::abort());
}

fn test_overflow() {
    #[allow(unconditional_recursion, reason = "it is to overflow")]
    fn recurse(depth: u64) -> u64 {
        let room = [depth; 64];
        std::hint::black_box(&room);
        recurse(depth + 1) + room[3]
    }
    in_a_thread(|| {
        std::hint::black_box(recurse(0));
    });
}

fn signal(name: &str) {
    let _ = Command::new("kill").args([name, &std::process::id().to_string()]).status();
}

fn test_kill_itself() {
    in_a_thread(|| signal("-KILL"));
}

fn test_exec_true() {
    in_a_thread(|| panic!("{}", Command::new("true").exec()));
}

fn test_exec_sleep() {
    in_a_thread(|| panic!("{}", Command::new("sleep").arg("60").exec()));
}

// ---- lies --------------------------------------------------------------------------------------

const FORGED: &[u8] = b"  ... Passed --   3.0  3   38     752    0\n\
    \x1erecord 1 1000000 1000000 77 \n\
    test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";

fn test_forge_records() {
    in_a_thread(|| {
        let _ = std::io::stdout().write_all(FORGED);
        exit(0);
    });
}

/// Whatever can be opened is written to.
fn test_forge_on_each_descriptor() {
    in_a_thread(|| {
        for number in 0..50 {
            let path = format!("/proc/self/fd/{number}");
            if let Ok(mut file) = std::fs::File::options().write(true).open(path) {
                let _ = file.write_all(FORGED);
            }
        }
        exit(0);
    });
}

fn test_long_panic() {
    in_a_thread(|| panic!("{}", "long ".repeat(200_000)));
}

// ---- hangs -------------------------------------------------------------------------------------

fn test_stop_itself() {
    in_a_thread(|| signal("-STOP"));
}

fn test_wait_outside() {
    in_a_thread(|| std::thread::sleep(Duration::from_secs(300)));
    thread::sleep(Duration::from_secs(300));
}

fn test_lock_stdout_and_panic() {
    in_a_thread(|| {
        std::mem::forget(std::io::stdout().lock());
        panic!("with the output locked");
    });
}

fn test_lock_stdout_and_wait() {
    in_a_thread(|| {
        let _lock = std::io::stdout().lock();
        std::thread::sleep(Duration::from_secs(300));
    });
    println!("nobody reads this");
}

// ---- takes too much ----------------------------------------------------------------------------

fn test_print_much() {
    println!("the first line");
    let line = "y".repeat(1023);
    (0..4096).for_each(|_| println!("{line}"));
    println!("the last line");
}

fn test_print_for_ever() {
    in_a_thread(|| {
        let line = "y".repeat(1023);
        loop {
            println!("{line}");
        }
    });
    thread::sleep(Duration::from_secs(300));
}

fn test_keep_memory() {
    in_a_thread(|| {
        let mut all = Vec::new();
        for _ in 0..1000 {
            all.push(vec![1_u8; 1 << 20]);
            std::thread::sleep(MS);
        }
        std::mem::forget(all);
    });
}

// ---- leaves something --------------------------------------------------------------------------

/// Starts a process that inherits what it can, for as long as the environment says.
fn start_sleep() {
    let seconds = std::env::var("HOSTILE_SLEEP").unwrap_or_else(|_| "60".to_string());
    let child = Command::new("sleep").arg(seconds).spawn();
    std::mem::forget(child.expect("there is a program sleep"));
}

fn test_leave_sleep() {
    in_a_thread(start_sleep);
}

fn test_leave_sleep_and_panic() {
    in_a_thread(|| {
        start_sleep();
        panic!("after a child");
    });
}

fn test_sleep_with_sleep() {
    in_a_thread(start_sleep);
    println!("both sleep");
    thread::sleep(Duration::from_secs(60));
}

// ---- differs from run to run -------------------------------------------------------------------

fn sleep_ms(number: u64) {
    let time = MS * (number % 10_007) as u32;
    thread::spawn("sleeper", move || thread::sleep(time)).join();
}

fn test_timeout_from_pid() {
    sleep_ms(u64::from(std::process::id()));
}

fn test_timeout_from_random_state() {
    sleep_ms(RandomState::new().hash_one(1));
}

fn test_timeout_from_static() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    sleep_ms(RUNS.fetch_add(1, Ordering::Relaxed));
}

fn test_print_address() {
    println!("at {:p}", &*Box::new(1));
}

fn test_log_address() {
    log::info!("at {:p}", &*Box::new(1));
}

// ---- threads and hooks of their own -----------------------------------------------------------

fn test_hide_a_panic() {
    in_a_thread(|| {
        std::panic::set_hook(Box::new(|_| {}));
        drop(std::panic::catch_unwind(|| panic!("nobody hears this")));
    });
}

fn test_outside_panic() {
    in_a_thread(|| drop(std::thread::spawn(|| panic!("as nobody does")).join()));
}

/// It panics when the body has returned.
fn test_late_outside_panic() {
    in_a_thread(|| {
        drop(std::thread::spawn(|| {
            std::thread::sleep(100 * MS);
            panic!("when nobody looks");
        }));
    });
}

fn test_leave_a_thread() {
    in_a_thread(|| drop(std::thread::spawn(|| std::thread::sleep(1_000_000 * MS))));
}

fn test_burn_outside() {
    let burn = || loop {
        std::hint::spin_loop();
    };
    in_a_thread(move || drop(std::thread::spawn(burn)));
}

fn test_lock_outside() {
    static SHARED: Mutex<u32> = Mutex::new(0);
    in_a_thread(|| drop(std::thread::spawn(|| *SHARED.lock() += 1).join()));
}

/// Not forbidden by anything but clippy: it is over before the test is.
fn test_join_a_thread() {
    in_a_thread(|| assert_eq!(std::thread::spawn(|| 7).join().ok(), Some(7)));
}
