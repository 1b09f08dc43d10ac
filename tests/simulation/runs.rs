//! Equal seeds, equal runs; time that is virtual.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labgob::Bytes;
use raftlab::labsync::{Condvar, Instant, Kernel, Mutex, thread};
use raftlab::raft::Persister;
use raftlab::runner::LabTest;

use crate::kit::{KERNELS, MS, busy_body, run};

pub const TESTS: &[LabTest] = lab_tests![
    test_equal_seeds_give_equal_runs,
    test_time_is_virtual_and_exact,
    test_saving_takes_time_and_no_turn,
    test_timers_are_late_and_waits_cut_short_at_times,
    test_threads_that_loop_end_with_the_run,
    test_memory_is_not_lost_to_finished_threads,
];

fn test_equal_seeds_give_equal_runs() {
    let mut hashes = std::collections::BTreeSet::new();
    for seed in 1..=20 {
        let first = run(seed, Kernel::Threads, busy_body);
        assert_eq!(first.failure, None);
        for kernel in KERNELS {
            assert_eq!(run(seed, kernel, busy_body), first, "seed {seed} on {kernel:?}");
        }
        hashes.insert(first.trace_hash);
    }
    assert_eq!(hashes.len(), 20, "different seeds give different runs");
}

fn test_time_is_virtual_and_exact() {
    for kernel in KERNELS {
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

/// A megabyte takes 10 ms. Whoever saves keeps its lock and its turn, and timers are due meanwhile.
fn test_saving_takes_time_and_no_turn() {
    for kernel in KERNELS {
        let report = run(1, kernel, || {
            let disk = Persister::new();
            let saved = Arc::new(AtomicUsize::new(0));
            let seen = saved.clone();
            let sleeper = thread::spawn("sleeper", move || {
                thread::sleep(5 * MS);
                seen.load(Ordering::Relaxed)
            });
            thread::sleep(MS);
            let lock = Mutex::new(());
            let guard = lock.lock();
            let start = Instant::now();
            disk.save(vec![0; 900_000].into(), vec![0; 100_000].into());
            assert_eq!(start.elapsed(), 10 * MS);
            saved.store(1, Ordering::Relaxed);
            drop(guard);
            assert_eq!(sleeper.join(), 1, "it is due while the other saves, not before");
            let start = Instant::now();
            disk.save(Bytes::default(), Bytes::default());
            assert_eq!(start.elapsed(), Duration::ZERO);
        });
        assert_eq!(report.failure, None);
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
    for kernel in KERNELS {
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
    for kernel in KERNELS {
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
