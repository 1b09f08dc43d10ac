//! The ways in which a run is scheduled: small programs with a race that one of them must find
//! soon, and right ones that none may accuse.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{
    Kernel, Mutex, RunOptions, SimReport, limit_work_without_wait, rng, simulate_recorded, thread,
};
use raftlab::runner::LabTest;

use crate::kit::{KERNELS, MS, run};

pub const TESTS: &[LabTest] = lab_tests![
    test_checked_in_one_lock_and_done_in_the_next,
    test_checked_in_one_thread_and_done_in_its_child,
    test_who_checks_again_is_not_accused,
    test_one_thread_comes_last_of_all,
    test_a_thread_is_stalled_once_between_waits,
    test_a_thread_pays_for_its_stalls,
    test_where_nobody_is_stalled,
    test_stalls_hide_no_livelock,
    test_a_stall_is_recorded,
];

/// Any so many seeds in a row have all ways, some of them several times.
const A_FEW: u64 = 12;

/// The failures of `body` with these seeds; the same on all kernels.
fn failures(seeds: std::ops::RangeInclusive<u64>, body: fn()) -> Vec<String> {
    let reports = seeds.map(|seed| {
        let reports: Vec<SimReport> =
            KERNELS.into_iter().map(|kernel| run(seed, kernel, body)).collect();
        let same = reports.windows(2).all(|pair| pair[0] == pair[1]);
        assert!(same, "kernels differ with seed {seed}: {reports:?}");
        reports[0].failure.clone()
    });
    reports.flatten().map(|failure| failure.message).collect()
}

/// Wherever one begins to count, the race is found soon.
fn must_be_found_soon(body: fn(), words: &str) {
    for first in [1, 1000, 77_000] {
        let failures = failures(first..=first + A_FEW - 1, body);
        assert!(!failures.is_empty(), "not found with the {A_FEW} seeds from {first}");
        assert!(failures.iter().all(|message| message.contains(words)), "{failures:?}");
    }
}

/// Two candidates ask for a vote, now and then, at times of their own.
fn vote_again_and_again(vote: fn(&Arc<Mutex<Vec<u32>>>, u32)) {
    for _ in 0..40 {
        let votes = Arc::new(Mutex::new(Vec::new()));
        let candidates = [1, 2].map(|candidate| {
            let votes = votes.clone();
            thread::spawn(format!("candidate {candidate}"), move || {
                thread::sleep(Duration::from_micros(rng::random_range(0..20_000)));
                vote(&votes, candidate);
            })
        });
        candidates.into_iter().for_each(thread::JoinHandle::join);
        thread::sleep(30 * MS);
        let votes = votes.lock();
        assert!(votes.len() < 2, "two votes: {:?}", *votes);
    }
}

/// Rule 5's mistake.
fn test_checked_in_one_lock_and_done_in_the_next() {
    must_be_found_soon(
        || {
            vote_again_and_again(|votes, candidate| {
                let is_free = votes.lock().is_empty();
                if is_free {
                    votes.lock().push(candidate);
                }
            });
        },
        "two votes",
    );
}

/// The same, with the work handed to a new thread in between.
fn test_checked_in_one_thread_and_done_in_its_child() {
    must_be_found_soon(
        || {
            vote_again_and_again(|votes, candidate| {
                if votes.lock().is_empty() {
                    let votes = votes.clone();
                    thread::spawn("clerk", move || votes.lock().push(candidate)).join();
                }
            });
        },
        "two votes",
    );
}

/// Whoever checks again is right, however late it comes back.
fn test_who_checks_again_is_not_accused() {
    let body = || {
        vote_again_and_again(|votes, candidate| {
            if votes.lock().is_empty() {
                let mut votes = votes.lock();
                if votes.is_empty() {
                    votes.push(candidate);
                }
            }
        });
    };
    assert_eq!(failures(1..=40, body), [""; 0]);
}

/// One thread must be overtaken by all the others, at each of some hundred points: a uniform
/// choice does not do that in a lifetime, priorities do.
fn test_one_thread_comes_last_of_all() {
    must_be_found_soon(
        || {
            for _ in 0..20 {
                let done = Arc::new(Mutex::new(0));
                let slow = done.clone();
                let victim = thread::spawn("victim", move || {
                    assert!(*slow.lock() < 64, "everything was done before me");
                });
                let workers = (0..8).map(|worker| {
                    let done = done.clone();
                    thread::spawn(format!("worker {worker}"), move || {
                        (0..8).for_each(|_| *done.lock() += 1);
                    })
                });
                let workers: Vec<_> = workers.collect();
                workers.into_iter().chain([victim]).for_each(thread::JoinHandle::join);
            }
        },
        "everything was done before me",
    );
}

/// How long a thread takes, in a quiet world, that takes the lock of `make` 1000 times.
fn seconds_of(take: fn(&Mutex<()>), make: fn() -> Mutex<()>) -> Vec<Duration> {
    let of_seed = |seed| {
        let report = run(seed, Kernel::Threads, move || {
            let lock = make();
            (0..1000).for_each(|_| take(&lock));
        });
        assert_eq!(report.failure, None);
        report.elapsed
    };
    (1..=A_FEW).map(of_seed).collect()
}

/// Between two waits a thread is held up once at most: its delays cannot add up.
fn test_a_thread_is_stalled_once_between_waits() {
    let times = seconds_of(|lock| drop(lock.lock()), || Mutex::new(()));
    assert!(times.iter().any(|&time| time > MS), "never stalled: {times:?}");
    assert!(times.iter().all(|&time| time < 21 * MS), "stalled again and again: {times:?}");
}

/// Nor do they add up without end where a thread waits each time: it pays for them with time.
fn test_a_thread_pays_for_its_stalls() {
    const WAITS: [fn(&Mutex<()>); 2] = [
        |lock| {
            drop(lock.lock());
            drop(lock.lock());
            thread::sleep(MS);
        },
        |lock| {
            drop(lock.lock());
            drop(lock.lock());
            thread::sleep(Duration::from_micros(4));
        },
    ];
    let [long, short] = WAITS.map(|takes_twice| seconds_of(takes_twice, || Mutex::new(())));
    assert!(long.iter().any(|&time| time > 1400 * MS), "stalled too seldom: {long:?}");
    assert!(long.iter().all(|&time| time < 1800 * MS), "stalled too often: {long:?}");
    // Timers alone are late by some 70 ms.
    assert!(short.iter().any(|&time| time > 150 * MS), "stalled too seldom: {short:?}");
    assert!(short.iter().all(|&time| time < 300 * MS), "stalled too often: {short:?}");
}

/// Not where the harness's time is kept, and not where others could not go on.
fn test_where_nobody_is_stalled() {
    let times = seconds_of(|lock| drop(lock.lock()), || Mutex::unstalled(()));
    assert!(times.iter().all(|&time| time < MS), "an unstalled lock: {times:?}");
    let with_a_lock_held = |lock: &Mutex<()>| {
        let outer = Mutex::unstalled(());
        let _held = outer.lock();
        drop(lock.lock());
        drop(lock.lock());
    };
    let times = seconds_of(with_a_lock_held, || Mutex::unstalled(()));
    assert!(times.iter().all(|&time| time < 2 * MS), "a lock is held: {times:?}");
    let after_a_wait = |lock: &Mutex<()>| {
        drop(lock.lock());
        thread::sleep(Duration::from_micros(1));
    };
    let times = seconds_of(after_a_wait, || Mutex::new(()));
    let most = times.iter().max().expect("there are some");
    assert!(*most < 200 * MS, "who has waited was stalled: {times:?}"); // timers are late at times
}

/// A thread that polls and never waits is reported, in whichever way it is scheduled.
fn test_stalls_hide_no_livelock() {
    let polls = || {
        limit_work_without_wait(1000);
        let flag = Mutex::new(false);
        while !*flag.lock() {}
    };
    let failures = failures(1..=A_FEW, polls);
    assert_eq!(failures.len() as u64, A_FEW);
    assert!(failures.iter().all(|message| message.contains("livelock at 0.0")), "{failures:?}");
}

/// What is recorded of a run says where a thread was stalled.
fn test_a_stall_is_recorded() {
    let seen = (1..=A_FEW).any(|seed| {
        let options = RunOptions { name: "body".to_string(), seed, limit: Duration::from_secs(10) };
        let (report, events) = simulate_recorded(&options, Kernel::Threads, || {
            let lock = Mutex::new(());
            (0..50).for_each(|_| drop(lock.lock()));
        });
        assert_eq!(report.failure, None);
        let place = "is stalled before the lock at tests/simulation/schedules.rs";
        events.iter().any(|event| event.what.contains(place))
    });
    assert!(seen, "no stall was recorded");
}
