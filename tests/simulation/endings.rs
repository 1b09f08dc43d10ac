//! Every way in which a run can end, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{
    Condvar, Instant, Kernel, Mutex, channel, limit_work_without_wait, rng, thread,
};
use raftlab::runner::LabTest;

use crate::kit::{KERNELS, MS, assert_says, failure_of, run, spawn_ticker};

pub const TESTS: &[LabTest] = lab_tests![
    test_failed_assertion,
    test_panic_in_another_thread,
    test_lock_cycle,
    test_a_lock_handed_over_is_no_cycle,
    test_nothing_runnable,
    test_livelock,
    test_a_run_may_ask_for_less_work_without_a_wait,
    test_busy_polling_gets_through,
    test_virtual_time_limit,
    test_threads_left,
    test_destructors_may_lock,
    test_leaked_guard,
];

fn test_failed_assertion() {
    let failure = failure_of(|| {
        spawn_ticker();
        thread::sleep(50 * MS);
        assert_eq!(1 + 1, 3, "arithmetic");
    });
    assert_says(&failure, &["arithmetic", "2", "3"]);
    assert_eq!(failure.thread, "body");
    assert!(failure.at.is_some_and(|at| at.starts_with("tests/simulation/endings.rs")));
}

fn test_panic_in_another_thread() {
    let failure = failure_of(|| {
        spawn_ticker();
        thread::spawn("victim", || {
            thread::sleep(50 * MS);
            panic!("nobody listens");
        });
        thread::sleep(Duration::from_secs(100));
        unreachable!("the run is over long before");
    });
    assert_eq!((failure.thread.as_str(), failure.message.as_str()), ("victim", "nobody listens"));
}

fn test_lock_cycle() {
    let failure = failure_of(|| {
        spawn_ticker();
        let locks = [Arc::new(Mutex::new(())), Arc::new(Mutex::new(())), Arc::new(Mutex::new(()))];
        for i in 0..3 {
            let (first, second) = (locks[i].clone(), locks[(i + 1) % 3].clone());
            thread::spawn(format!("philosopher {i}"), move || {
                loop {
                    let _left = first.lock();
                    let _right = second.lock();
                }
            });
        }
        thread::sleep(Duration::from_secs(100));
    });
    let line = "tests/simulation/endings.rs";
    let wants = "wants at tests/simulation/endings.rs";
    assert_says(&failure, &["deadlock: 3 threads", wants, line, wants, line, wants, line]);
    for i in 0..3 {
        assert_says(&failure, &[&format!("philosopher {i}")]);
    }
}

/// The owner of a lock releases it, whereby a waiter becomes ready, and then waits for a lock of
/// that waiter. A report of a cycle here, seen once in 5600 runs of the lab, was the simulation's
/// own mistake: a thread that is ready waits for nobody.
fn test_a_lock_handed_over_is_no_cycle() {
    for seed in 1..=300 {
        let report = run(seed, Kernel::Threads, || {
            let (outer, inner) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
            let (outer2, inner2) = (outer.clone(), inner.clone());
            let nested = thread::spawn("outer, then inner", move || {
                for _ in 0..10 {
                    let mut count = outer2.lock();
                    *count += 1;
                    *inner2.lock() += 1;
                }
            });
            let apart = thread::spawn("inner, then outer", move || {
                let elsewhere = Condvar::new();
                for _ in 0..10 {
                    let mut count = inner.lock();
                    elsewhere.notify_one(); // the other may run here, and wait for us
                    *count += 1;
                    drop(count);
                    *outer.lock() += 1;
                }
            });
            nested.join();
            apart.join();
        });
        assert_eq!(report.failure, None, "seed {seed}");
    }
}

fn test_nothing_runnable() {
    let failure = failure_of(|| {
        let (sender, receiver) = channel::bounded::<u32>(1);
        let shared = Arc::new((Mutex::new(()), Condvar::new()));
        let waiter = shared.clone();
        thread::spawn("waiter", move || {
            let mut guard = waiter.0.lock();
            loop {
                waiter.1.wait(&mut guard);
            }
        });
        thread::sleep(30 * MS);
        let _sender = sender; // keeps the channel open
        let _ = receiver.recv();
    });
    assert_says(&failure, &["every thread waits for another, and no timer is set"]);
    let place = "at tests/simulation/endings.rs";
    assert_says(&failure, &["'body' has waited", "s in channel recv", place]);
    assert_says(&failure, &["'waiter' has waited", "s in Condvar::wait", place]);
}

fn test_livelock() {
    let failure = failure_of(|| {
        spawn_ticker();
        thread::sleep(30 * MS);
        let flag = Mutex::new(false);
        while !*flag.lock() {}
    });
    assert_says(&failure, &["livelock at", "'body'", "without ever waiting"]);
    assert_says(&failure, &["'ticker'", "sleep"]);
}

/// A harness that knows how much its runs need hears of polling sooner.
fn test_a_run_may_ask_for_less_work_without_a_wait() {
    fn poll(times: u32) {
        limit_work_without_wait(1000);
        let lock = Mutex::new(());
        (0..times).for_each(|_| drop(lock.lock()));
    }
    let failure = failure_of(|| poll(1100));
    assert_says(&failure, &["livelock at 0.00", "'body'"]);
    for kernel in KERNELS {
        assert_eq!(run(1, kernel, || poll(900)).failure, None);
    }
}

fn test_busy_polling_gets_through() {
    for kernel in KERNELS {
        let report = run(1, kernel, || {
            let (start, polls) = (Instant::now(), Mutex::new(0));
            while start.elapsed() < 100 * MS {
                *polls.lock() += 1;
            }
        });
        assert_eq!(report.failure, None);
    }
}

fn test_virtual_time_limit() {
    let failure = failure_of(|| {
        spawn_ticker();
        let (_sender, receiver) = channel::bounded::<u32>(1);
        let _ = receiver.recv();
    });
    assert_says(&failure, &["not over after 120 s; its threads"]);
    assert_says(&failure, &["'body' has waited", "channel recv at tests/simulation/endings.rs"]);
    assert_says(&failure, &["'ticker' has waited", "in sleep at tests/simulation/kit.rs"]);
}

fn test_threads_left() {
    let failure = failure_of(|| {
        spawn_ticker();
        thread::spawn("soon over", || thread::sleep(Duration::from_secs(1)));
    });
    assert_says(&failure, &["threads left 2 s after the end", "'ticker'", "in sleep"]);
    assert!(!failure.message.contains("soon over"), "{}", failure.message);
}

/// Locks when it is dropped, as a cluster does to kill its servers.
struct LocksOnDrop(Arc<Mutex<usize>>);

impl Drop for LocksOnDrop {
    fn drop(&mut self) {
        *self.0.lock() += 1;
    }
}

fn test_destructors_may_lock() {
    for kernel in KERNELS {
        for seed in 1..=20 {
            let drops = Arc::new(Mutex::new(0));
            let counter = drops.clone();
            let report = run(seed, kernel, move || {
                for i in 0..5 {
                    let on_drop = LocksOnDrop(counter.clone());
                    thread::spawn(format!("loop {i}"), move || {
                        loop {
                            // Ends its turn with the lock held, at times.
                            let count = on_drop.0.lock();
                            let inner = Mutex::new(*count);
                            drop(inner.lock());
                            drop(count);
                            thread::sleep(MS);
                        }
                    });
                }
                let _on_drop = LocksOnDrop(counter);
                thread::sleep(Duration::from_micros(rng::random_range(5000..6000)));
                panic!("over");
            });
            assert_eq!(report.failure.map(|failure| failure.message).as_deref(), Some("over"));
            assert_eq!(*drops.lock(), 6, "seed {seed} on {kernel:?}");
        }
    }
}

fn test_leaked_guard() {
    let failure = failure_of(|| {
        thread::spawn("leaker", || {
            let lock: &'static Mutex<()> = Box::leak(Box::new(Mutex::new(())));
            std::mem::forget(lock.lock());
        });
        thread::sleep(10 * MS);
    });
    assert_eq!(failure.thread, "leaker");
    assert_says(&failure, &["a lock still held, taken at tests/simulation/endings.rs"]);
}
