//! Guards: a thread knows which locks it holds, where it took them, and gives all of them back.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{Condvar, Mutex, thread};
use raftlab::runner::LabTest;

use crate::support::{BODY, MOMENT, failure, passes, report};

pub const TESTS: &[LabTest] = lab_tests![
    test_self_deadlock,
    test_self_deadlock_after_a_condvar_wait,
    test_guards_dropped_in_any_order,
    test_the_lock_that_is_left_is_named,
    test_seventeen_locks,
    test_a_lock_refused_as_the_seventeenth_is_free,
    test_leaked_guard,
    test_leaked_guard_of_the_body,
    test_a_leaked_guard_is_forgotten_with_its_thread,
];

pub fn test_self_deadlock() {
    let (failure, lines) = report(|lines| {
        let (lock, other) = (Mutex::new(()), Mutex::new(()));
        let _other = other.lock();
        lines.next("first");
        let _guard = lock.lock();
        lines.next("second");
        let _again = lock.lock();
    });
    let expected = "self-deadlock: lock() at {second}, but this thread holds that lock already, \
                    taken at {first}.";
    lines.check(&failure.message, expected);
    lines.check_at(&failure, "second");
}

/// The lock was taken again when the wait was over: that is the line to know.
pub fn test_self_deadlock_after_a_condvar_wait() {
    let (failure, lines) = report(|lines| {
        let (lock, condvar) = (Mutex::new(()), Condvar::new());
        let mut guard = lock.lock();
        lines.next("first");
        condvar.wait_for(&mut guard, MOMENT);
        lines.next("second");
        let _again = lock.lock();
    });
    lines.check(&failure.message, "lock() at {second}");
    lines.check(&failure.message, "taken at {first}.");
}

/// A lock that was given back can be taken again, whichever others are held; in the end none is.
pub fn test_guards_dropped_in_any_order() {
    passes(|| {
        let locks: [Mutex<()>; 3] = Default::default();
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut guards: Vec<_> = locks.iter().map(|lock| Some(lock.lock())).collect();
            for i in order {
                guards[i] = None;
                drop(locks[i].lock());
            }
            thread::sleep(Duration::ZERO);
        }
    });
}

pub fn test_the_lock_that_is_left_is_named() {
    let (failure, lines) = report(|lines| {
        let locks: [Mutex<()>; 3] = Default::default();
        let first = locks[0].lock();
        lines.next("lock");
        let _second = locks[1].lock();
        let third = locks[2].lock();
        drop(first);
        drop(third);
        thread::sleep(MOMENT);
    });
    lines.check(&failure.message, "holds the lock taken at {lock}.");
}

/// Sixteen are enough for anybody.
pub fn test_seventeen_locks() {
    let (failure, lines) = report(|lines| {
        let locks: [Mutex<()>; 17] = Default::default();
        lines.next("last");
        let _all: Vec<_> = locks.iter().map(|lock| lock.lock()).collect();
    });
    lines.check(&failure.message, "lock at {last}: this thread holds 16 locks already");
    lines.check_at(&failure, "last");
    passes(|| {
        let locks: [Mutex<()>; 16] = Default::default();
        let _all: Vec<_> = locks.iter().map(Mutex::lock).collect();
    });
}

/// Nor is there anything left of the attempt: others take it and give it back as usual.
pub fn test_a_lock_refused_as_the_seventeenth_is_free() {
    let locks: Arc<[Mutex<()>; 17]> = Arc::default();
    let refused = locks.clone();
    failure(move || {
        let _too_many: Vec<_> = refused.iter().map(Mutex::lock).collect();
    });
    passes(move || {
        for lock in &locks[..] {
            drop(lock.lock());
            drop(lock.lock());
        }
    });
}

pub fn test_leaked_guard() {
    let (failure, lines) = report(|lines| {
        let lines = lines.clone();
        let leaking = thread::spawn("leaking", move || {
            let lock = Mutex::new(());
            lines.next("lock");
            std::mem::forget(lock.lock());
        });
        leaking.join();
    });
    assert_eq!(failure.thread, "leaking");
    lines.check(&failure.message, "the thread ended with a lock still held, taken at {lock}");
}

pub fn test_leaked_guard_of_the_body() {
    let (failure, lines) = report(|lines| {
        let lock = Mutex::new(());
        drop(lock.lock());
        lines.next("lock");
        std::mem::forget(lock.lock());
    });
    assert_eq!(failure.thread, BODY);
    lines.check(&failure.message, "the thread ended with a lock still held, taken at {lock}");
}

/// The operating system thread that leaked it does other jobs later, which may wait.
pub fn test_a_leaked_guard_is_forgotten_with_its_thread() {
    for _ in 0..20 {
        failure(|| std::mem::forget(Mutex::new(()).lock()));
        passes(|| thread::spawn("another", || thread::sleep(Duration::ZERO)).join());
    }
}
