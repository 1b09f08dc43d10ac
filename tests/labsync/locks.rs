//! `Mutex`: one at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{Mutex, thread};
use raftlab::runner::LabTest;

use crate::support::{Meeting, work_for};

pub const TESTS: &[LabTest] = lab_tests![
    test_mutual_exclusion,
    test_mutual_exclusion_over_long_waits,
    test_a_lock_is_free_after_its_guard,
    test_into_inner_gives_the_data,
];

/// Some threads go through a critical section that reads, dawdles, and writes.
fn check_exclusion(threads: u64, rounds: u64, dawdle: impl Fn() + Send + Sync + 'static) {
    let counter = Arc::new(Mutex::new(0_u64));
    let inside = Arc::new(AtomicBool::new(false));
    let dawdle = Arc::new(dawdle);
    let counting = |name: u64| {
        let (counter, inside, dawdle) = (counter.clone(), inside.clone(), dawdle.clone());
        thread::spawn(format!("counting {name}"), move || {
            for _ in 0..rounds {
                let mut counter = counter.lock();
                assert!(!inside.swap(true, Ordering::SeqCst), "two threads in the section");
                let before = *counter;
                dawdle();
                *counter = before + 1;
                inside.store(false, Ordering::SeqCst);
            }
        })
    };
    let handles: Vec<_> = (0..threads).map(counting).collect();
    handles.into_iter().for_each(thread::JoinHandle::join);
    assert_eq!(*counter.lock(), threads * rounds);
}

pub fn test_mutual_exclusion() {
    let other = Mutex::new(()); // where a simulated scheduler may switch to another thread
    check_exclusion(4, 2000, move || drop(other.lock()));
}

/// The same when each has to wait for so long that cycles are looked for.
pub fn test_mutual_exclusion_over_long_waits() {
    check_exclusion(5, 4, || work_for(Duration::from_millis(25)));
}

pub fn test_a_lock_is_free_after_its_guard() {
    let lock = Arc::new(Mutex::new(vec![1]));
    lock.lock().push(2);
    {
        let mut guard = lock.lock();
        guard.push(3);
    }
    let meeting = Meeting::of(2);
    let other = {
        let (lock, meeting) = (lock.clone(), meeting.clone());
        thread::spawn("other", move || {
            lock.lock().push(4);
            meeting.meet();
        })
    };
    meeting.meet();
    assert_eq!(*lock.lock(), [1, 2, 3, 4]);
    other.join();
}

pub fn test_into_inner_gives_the_data() {
    let lock = Mutex::<String>::default();
    lock.lock().push_str("data");
    assert_eq!(lock.into_inner(), "data");
}
