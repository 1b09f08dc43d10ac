//! The first locking rule: who waits while holding a lock hears of it, with both lines.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labrpc::Network;
use raftlab::labsync::{Condvar, Instant, Mutex, channel, check_no_lock_held, thread};
use raftlab::runner::LabTest;

use crate::support::{BODY, Lines, MOMENT, passes, report};

pub const TESTS: &[LabTest] = lab_tests![
    test_sleep_with_a_lock_held,
    test_send_with_a_lock_held,
    test_recv_with_a_lock_held,
    test_recv_timeout_with_a_lock_held,
    test_join_with_a_lock_held,
    test_call_with_a_lock_held,
    test_condvar_wait_with_another_lock_held,
    test_condvar_wait_for_with_another_lock_held,
    test_condvar_wait_until_with_another_lock_held,
    test_rules_hold_in_any_thread,
    test_what_never_waits_is_allowed_with_a_lock,
    test_condvar_waits_with_their_own_lock_are_allowed,
    test_a_destructor_may_wait_during_a_panic,
];

/// The body does `what` at line "wait" with the lock that it took at line "lock".
fn check_wait(what: &str, body: impl FnOnce(&Lines) + Send + 'static) {
    let (failure, lines) = report(body);
    let rule = "waits while this thread holds the lock taken at {lock}.";
    lines.check(&failure.message, &format!("locking rule broken: {what} at {{wait}} {rule}"));
    lines.check_at(&failure, "wait");
    assert_eq!(failure.thread, BODY);
}

pub fn test_sleep_with_a_lock_held() {
    check_wait("sleep", |lines| {
        let lock = Mutex::new(());
        lines.next("lock");
        let _guard = lock.lock();
        lines.next("wait");
        thread::sleep(MOMENT);
    });
}

/// Also when there is room, since that depends on others.
pub fn test_send_with_a_lock_held() {
    check_wait("channel send", |lines| {
        let (sender, _receiver) = channel::unbounded();
        let lock = Mutex::new(());
        lines.next("lock");
        let _guard = lock.lock();
        lines.next("wait");
        let _ = sender.send(());
    });
}

/// Also when there is a message.
pub fn test_recv_with_a_lock_held() {
    check_wait("channel recv", |lines| {
        let (sender, receiver) = channel::bounded(1);
        let lock = Mutex::new(());
        sender.send(()).expect("the receiver is there");
        lines.next("lock");
        let _guard = lock.lock();
        lines.next("wait");
        let _ = receiver.recv();
    });
}

pub fn test_recv_timeout_with_a_lock_held() {
    check_wait("channel recv_timeout", |lines| {
        let (_sender, receiver) = channel::bounded::<()>(1);
        let lock = Mutex::new(());
        lines.next("lock");
        let _guard = lock.lock();
        lines.next("wait");
        let _ = receiver.recv_timeout(Duration::ZERO);
    });
}

/// Also when the thread has ended.
pub fn test_join_with_a_lock_held() {
    check_wait("JoinHandle::join", |lines| {
        let handle = thread::spawn("joined", || ());
        let lock = Mutex::new(());
        lines.next("lock");
        let _guard = lock.lock();
        lines.next("wait");
        handle.join();
    });
}

pub fn test_call_with_a_lock_held() {
    check_wait("ClientEnd::call", |lines| {
        let network = Network::new();
        let end = network.make_end("end");
        let lock = Mutex::new(());
        lines.next("lock");
        let _guard = lock.lock();
        lines.next("wait");
        let _: Option<u64> = end.call("Service.method", &1_u64);
    });
}

/// The same for a condition variable, which gives its own lock up, but no other.
fn check_condvar_wait(what: &str, body: impl FnOnce(&Lines) + Send + 'static) {
    let (failure, lines) = report(body);
    let rule = "waits while this thread holds another lock, taken at {lock}.";
    lines.check(&failure.message, &format!("locking rule broken: {what} at {{wait}} {rule}"));
    lines.check_at(&failure, "wait");
    assert_eq!(failure.thread, BODY);
}

pub fn test_condvar_wait_with_another_lock_held() {
    check_condvar_wait("Condvar::wait", |lines| {
        let (other, own, condvar) = (Mutex::new(()), Mutex::new(()), Condvar::new());
        lines.next("lock");
        let _other = other.lock();
        let mut own = own.lock();
        lines.next("wait");
        condvar.wait(&mut own);
    });
}

/// Also when the other lock was taken later.
pub fn test_condvar_wait_for_with_another_lock_held() {
    check_condvar_wait("Condvar::wait_for", |lines| {
        let (other, own, condvar) = (Mutex::new(()), Mutex::new(()), Condvar::new());
        let mut own = own.lock();
        lines.next("lock");
        let _other = other.lock();
        lines.next("wait");
        condvar.wait_for(&mut own, MOMENT);
    });
}

pub fn test_condvar_wait_until_with_another_lock_held() {
    check_condvar_wait("Condvar::wait_until", |lines| {
        let (other, own, condvar) = (Mutex::new(()), Mutex::new(()), Condvar::new());
        let mut own = own.lock();
        lines.next("lock");
        let _other = other.lock();
        lines.next("wait");
        condvar.wait_until(&mut own, Instant::now());
    });
}

/// And the report names it.
pub fn test_rules_hold_in_any_thread() {
    let (failure, lines) = report(|lines| {
        let lines = lines.clone();
        let waiting = thread::spawn("waiting", move || {
            let lock = Mutex::new(());
            lines.next("lock");
            let _guard = lock.lock();
            check_no_lock_held("a wait of one's own");
        });
        waiting.join();
    });
    assert_eq!(failure.thread, "waiting");
    lines.check(&failure.message, "holds the lock taken at {lock}.");
    assert!(failure.message.contains("a wait of one's own at "), "{failure}");
}

pub fn test_what_never_waits_is_allowed_with_a_lock() {
    passes(|| {
        let (sender, receiver) = channel::unbounded();
        sender.send(1).expect("the receiver is there");
        let (condvar, lock, other) = (Condvar::new(), Mutex::new(()), Mutex::new(()));
        let guard = lock.lock();
        let _other = other.lock();
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(receiver.try_recv().is_err());
        condvar.notify_one();
        condvar.notify_all();
        let handle = thread::spawn("spawned with a lock held", || ());
        let _ = handle.is_finished();
        drop(guard);
    });
}

pub fn test_condvar_waits_with_their_own_lock_are_allowed() {
    passes(|| {
        let shared = Arc::new((Mutex::new(false), Condvar::new()));
        let notifying = {
            let shared = shared.clone();
            thread::spawn("notifying", move || {
                *shared.0.lock() = true;
                shared.1.notify_one();
            })
        };
        let (lock, condvar) = &*shared;
        let mut notified = lock.lock();
        while !*notified {
            condvar.wait(&mut notified);
        }
        condvar.wait_for(&mut notified, MOMENT);
        condvar.wait_until(&mut notified, Instant::now() + MOMENT);
        drop(notified);
        notifying.join();
    });
}

/// What it breaks then is not worth a second panic, which would end the process.
pub fn test_a_destructor_may_wait_during_a_panic() {
    struct Sleeper;
    impl Drop for Sleeper {
        fn drop(&mut self) {
            thread::sleep(MOMENT);
        }
    }
    let (failure, lines) = report(|lines| {
        let lock = Mutex::new(());
        let _guard = lock.lock();
        let _sleeper = Sleeper;
        lines.next("panic");
        panic!("the cause");
    });
    assert_eq!(failure.message, "the cause");
    lines.check_at(&failure, "panic");
}
