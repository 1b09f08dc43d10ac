//! The simulation: equal seeds, equal runs; every way in which a run can end, and what is said
//! of it.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the simulation is tried with what it must survive"
)]

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use raftlab::labsync::{
    Condvar, Failure, Instant, Kernel, Mutex, RunOptions, SimReport, channel,
    limit_work_without_wait, rng, simulate, thread,
};
use raftlab::tester::runner;

#[path = "simulation/schedules.rs"]
mod schedules;

fn main() -> ExitCode {
    if let Ok(how) = std::env::var("SIMULATE_A_HANG") {
        hang(how.leak());
        return ExitCode::SUCCESS;
    }
    runner::main(
        "simulation",
        &[
            raftlab::lab_tests![
                test_equal_seeds_give_equal_runs,
                test_time_is_virtual_and_exact,
                test_timers_are_late_and_waits_cut_short_at_times,
                test_threads_that_loop_end_with_the_run,
                test_memory_is_not_lost_to_finished_threads,
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
                test_a_thread_that_never_yields,
                test_a_thread_that_waits_outside_labsync,
            ],
            schedules::TESTS,
        ],
    )
}

const MS: Duration = Duration::from_millis(1);

/// Every kernel that this build has.
fn kernels() -> Vec<Kernel> {
    vec![
        Kernel::Threads,
        #[cfg(feature = "coro")]
        Kernel::Coroutines,
    ]
}

fn run(seed: u64, kernel: Kernel, body: impl FnOnce() + Send + 'static) -> SimReport {
    let limit = Duration::from_secs(120);
    simulate(&RunOptions { name: "body".to_string(), seed, limit }, kernel, body)
}

/// Runs `body` on every kernel; the one way in which it fails on all of them.
fn failure_of(body: fn()) -> Failure {
    let reports: Vec<_> = kernels().into_iter().map(|kernel| run(1, kernel, body)).collect();
    assert!(reports.windows(2).all(|pair| pair[0] == pair[1]), "kernels differ: {reports:?}");
    reports[0].failure.clone().expect("the body must fail")
}

/// The words must be in the failure's message, in this order.
fn assert_says(failure: &Failure, words: &[&str]) {
    let mut rest = failure.message.as_str();
    for word in words {
        let Some((_, after)) = rest.split_once(word) else {
            panic!("{word:?} is missing, or in the wrong place, in:\n{}", failure.message);
        };
        rest = after;
    }
}

/// A thread that never ends by itself.
fn spawn_ticker() {
    thread::spawn("ticker", || {
        loop {
            thread::sleep(20 * MS);
        }
    });
}

/// Threads, locks, channels, time-outs and random numbers, all at once.
fn busy_body() {
    let (sender, receiver) = channel::bounded(1);
    let shared = Arc::new((Mutex::new(0_u64), Condvar::new()));
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let (sender, shared) = (sender.clone(), shared.clone());
            thread::spawn(format!("worker {worker}"), move || {
                for _ in 0..20 {
                    thread::sleep(Duration::from_micros(rng::random_range(0..3000)));
                    *shared.0.lock() += 1;
                    shared.1.notify_one();
                    sender.send(worker).expect("the receiver is there");
                }
            })
        })
        .collect();
    drop(sender);
    while receiver.recv().is_ok() {
        let mut count = shared.0.lock();
        if count.is_multiple_of(7) {
            shared.1.wait_for(&mut count, 2 * MS);
        }
    }
    workers.into_iter().for_each(thread::JoinHandle::join);
    assert_eq!(*shared.0.lock(), 80);
}

fn test_equal_seeds_give_equal_runs() {
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 1..=20 {
        let first = run(seed, Kernel::Threads, busy_body);
        assert_eq!(first.failure, None);
        for kernel in kernels() {
            assert_eq!(run(seed, kernel, busy_body), first, "seed {seed} on {kernel:?}");
        }
        hashes.insert(first.trace_hash);
    }
    assert_eq!(hashes.len(), 20, "different seeds give different runs");
}

fn test_time_is_virtual_and_exact() {
    for kernel in kernels() {
        let wall = Instant::now();
        let report = run(3, kernel, || {
            let start = Instant::now();
            thread::sleep(Duration::from_secs(100));
            let slept = start.elapsed();
            assert!(slept >= Duration::from_secs(100), "slept {slept:?}");
            assert!(slept < Duration::from_secs(100) + 10 * MS, "slept {slept:?}");
        });
        assert_eq!(report.failure, None);
        assert!(wall.elapsed() < Duration::from_secs(50), "100 virtual seconds take no real ones");
    }
}

fn test_timers_are_late_and_waits_cut_short_at_times() {
    let report = run(1, Kernel::Threads, || {
        let (lock, condvar) = (Mutex::new(()), Condvar::new());
        let (mut late, mut early) = (0, 0);
        for _ in 0..500 {
            let start = Instant::now();
            thread::sleep(10 * MS);
            late += usize::from(start.elapsed() > 10 * MS + MS / 10);
            let timed_out = condvar.wait_for(&mut lock.lock(), 100 * MS).timed_out();
            early += usize::from(!timed_out);
        }
        assert!((1..100).contains(&late), "{late} of 500 timers were late");
        assert!((1..100).contains(&early), "{early} of 500 waits were cut short");
    });
    assert_eq!(report.failure, None);
}

/// Counts its destructions.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn test_threads_that_loop_end_with_the_run() {
    for kernel in kernels() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let counter = dropped.clone();
        let report = run(1, kernel, move || {
            for i in 0..5 {
                let counted = Counted(counter.clone());
                thread::spawn(format!("loop {i}"), move || {
                    let _counted = counted;
                    loop {
                        thread::sleep(20 * MS);
                    }
                });
            }
            thread::sleep(100 * MS);
            panic!("over");
        });
        assert_eq!(report.failure.map(|failure| failure.message).as_deref(), Some("over"));
        assert_eq!(dropped.load(Ordering::Relaxed), 5, "the loops' destructors run");
    }
}

fn test_memory_is_not_lost_to_finished_threads() {
    for kernel in kernels() {
        let report = run(1, kernel, || {
            for i in 0..40_000 {
                assert_eq!(thread::spawn("short", move || i).join(), i);
            }
        });
        assert_eq!(report.failure, None);
    }
    let peak = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
    let peak_kb: u64 = peak.map_or(0, |kb| kb.parse().expect("a number of kB"));
    assert!(peak_kb < 64 << 10, "80 000 threads, one after another, took {peak_kb} kB");
}

fn test_failed_assertion() {
    let failure = failure_of(|| {
        spawn_ticker();
        thread::sleep(50 * MS);
        assert_eq!(1 + 1, 3, "arithmetic");
    });
    assert_says(&failure, &["arithmetic", "2", "3"]);
    assert_eq!(failure.thread, "body");
    assert!(failure.at.is_some_and(|at| at.starts_with("tests/simulation.rs")));
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
    let line = "tests/simulation.rs";
    let wants = "wants at tests/simulation.rs";
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
    let place = "at tests/simulation.rs";
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
    for kernel in kernels() {
        assert_eq!(run(1, kernel, || poll(900)).failure, None);
    }
}

fn test_busy_polling_gets_through() {
    for kernel in kernels() {
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
    assert_says(&failure, &["'body' has waited", "channel recv at tests/simulation.rs"]);
    assert_says(&failure, &["'ticker' has waited", "in sleep at tests/simulation.rs"]);
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
    for kernel in kernels() {
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
    assert_says(&failure, &["a lock still held, taken at tests/simulation.rs"]);
}

/// A body that the watchdog must end, in a process of its own. `how` it hangs.
fn hang(how: &'static str) {
    let kernel = *kernels().last().expect("there is a kernel");
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
