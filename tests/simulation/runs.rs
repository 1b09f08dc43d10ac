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
    test_saving_takes_time,
    test_saving_without_the_lock_is_overtaken,
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

/// A megabyte takes 10 ms, for all: nobody's clock stands still meanwhile.
fn test_saving_takes_time() {
    for kernel in KERNELS {
        let report = run(1, kernel, || {
            let (disk, start) = (Persister::new(), Instant::now());
            disk.save(Bytes::default(), Bytes::default());
            assert!(start.elapsed() < MS, "nothing took {:?}", start.elapsed());
            let sleeper = thread::spawn("sleeper", || {
                thread::sleep(5 * MS);
                Instant::now()
            });
            thread::sleep(MS);
            let lock = Mutex::new(());
            let guard = lock.lock();
            let start = Instant::now();
            disk.save(vec![0; 900_000].into(), vec![0; 100_000].into());
            let took = start.elapsed();
            assert!((10 * MS..11 * MS).contains(&took), "a megabyte took {took:?}");
            drop(guard);
            let woke = sleeper.join();
            assert!(woke >= start + 10 * MS, "it was due while the other saved");
        });
        assert_eq!(report.failure, None);
    }
}

/// Who saves what it has made ready under the lock, but after it, may be overtaken.
fn test_saving_without_the_lock_is_overtaken() {
    let overtaken = |holds: bool| {
        (1..=40).any(|seed| {
            let last = Arc::new(AtomicUsize::new(0));
            let seen = last.clone();
            let report = run(seed, Kernel::Coroutines, move || {
                let shared = Arc::new((Mutex::new(0_u8), Persister::new()));
                let writers: Vec<_> = (0..2)
                    .map(|writer| {
                        let shared = shared.clone();
                        thread::spawn(format!("writer {writer}"), move || {
                            let mut count = shared.0.lock();
                            *count += 1;
                            let bytes = vec![*count].into();
                            let guard = holds.then_some(count);
                            shared.1.save(bytes, Bytes::default());
                            drop(guard);
                        })
                    })
                    .collect();
                writers.into_iter().for_each(|writer| writer.join());
                seen.store(shared.1.read_raft_state()[0].into(), Ordering::Relaxed);
            });
            assert_eq!(report.failure, None);
            last.load(Ordering::Relaxed) == 1
        })
    };
    assert!(overtaken(false), "the older write came last in no run");
    assert!(!overtaken(true), "the older write came last, with the lock held");
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
