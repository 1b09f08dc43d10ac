//! Runs: what makes one fail, what its report says, and what becomes of its threads.

use std::panic::{catch_unwind, panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::thread::{self, JoinHandle};
use raftlab::labsync::{Condvar, Failure, Instant, Mutex, channel};
use raftlab::runner::LabTest;

use crate::support::{BODY, Lines, MOMENT, OnDrop, eventually, failure, passes};

pub const TESTS: &[LabTest] = lab_tests![
    test_a_run_whose_threads_end_passes,
    test_panic_in_the_body,
    test_panic_in_a_thread_fails_the_run_at_once,
    test_the_first_failure_wins,
    test_joining_a_thread_that_panicked_adds_nothing,
    test_panic_after_the_body,
    test_panic_without_text,
    test_panic_raised_again_without_the_hook,
    test_panic_of_a_value_that_nobody_takes,
    test_a_run_lasts_until_the_last_value_is_dropped,
    test_a_thread_of_another_run_that_panicked,
    test_a_failure_inside_is_not_the_outer_runs,
    test_late_panics_of_an_ended_run_are_nobodys,
    test_a_destructor_that_joins_does_not_end_the_process,
    test_what_a_failure_looks_like,
    test_after_the_verdict_sleepers_end,
    test_after_the_verdict_receivers_end,
    test_after_the_verdict_condvar_waiters_end,
    test_after_the_verdict_spawners_end,
    test_after_the_verdict_lock_waiters_end,
];

pub fn test_a_run_whose_threads_end_passes() {
    passes(|| ());
    let count = Arc::new(Mutex::new(0));
    passes({
        let count = count.clone();
        move || {
            for i in 0..5 {
                let count = count.clone();
                thread::spawn(format!("thread {i}"), move || {
                    thread::sleep(10 * MOMENT);
                    *count.lock() += 1;
                });
            }
        }
    });
    assert_eq!(*count.lock(), 5, "the run lasts until the last thread's end");
}

pub fn test_panic_in_the_body() {
    let lines = Lines::default();
    let failure = failure({
        let lines = lines.clone();
        move || {
            lines.next("panic");
            assert_eq!(1 + 1, 3, "a sum");
        }
    });
    assert_eq!(failure.thread, BODY);
    assert!(failure.message.contains("a sum\n  left: 2\n right: 3"), "{failure}");
    lines.check_at(&failure, "panic");
}

/// Although the body would sleep for much longer.
pub fn test_panic_in_a_thread_fails_the_run_at_once() {
    let (lines, start) = (Lines::default(), Instant::now());
    let failure = failure({
        let lines = lines.clone();
        move || {
            thread::spawn("worker", move || {
                lines.next("panic");
                panic!("{} of {}", 2, 3);
            });
            thread::sleep(Duration::from_secs(20));
        }
    });
    assert!(start.elapsed() < Duration::from_secs(15), "reported after {:?}", start.elapsed());
    assert_eq!((failure.thread.as_str(), failure.message.as_str()), ("worker", "2 of 3"));
    lines.check_at(&failure, "panic");
}

/// Even one that is caught: in a student's thread nobody meant to.
pub fn test_the_first_failure_wins() {
    for _ in 0..20 {
        let failure = failure(|| {
            let _ = catch_unwind(|| panic!("first"));
            thread::spawn("second", || panic!("second"));
            panic!("third");
        });
        assert_eq!((failure.thread.as_str(), failure.message.as_str()), (BODY, "first"));
    }
}

pub fn test_joining_a_thread_that_panicked_adds_nothing() {
    let (values, dropped) = OnDrop::new();
    let failure = failure(move || {
        let _values = values;
        let inner = thread::spawn("outer", || thread::spawn("inner", || panic!("inner")).join());
        inner.join();
    });
    assert_eq!((failure.thread.as_str(), failure.message.as_str()), ("inner", "inner"));
    eventually("those that join unwind", || dropped.load(Ordering::SeqCst));
}

pub fn test_panic_after_the_body() {
    let failure = failure(|| {
        thread::spawn("late", || {
            thread::sleep(30 * MOMENT);
            panic!("late");
        });
    });
    assert_eq!((failure.thread.as_str(), failure.message.as_str()), ("late", "late"));
}

pub fn test_panic_without_text() {
    let failure = failure(|| thread::spawn("numeric", || panic_any(7)).join());
    assert_eq!(failure.thread, "numeric");
    assert_eq!(failure.message, "a panic without a message");
    assert!(failure.at.is_some_and(|at| at.contains("runs.rs:")));
}

/// A panic that somebody passes on calls no hook; it must not get lost.
pub fn test_panic_raised_again_without_the_hook() {
    let of_body = failure(|| resume_unwind(Box::new("passed on")));
    assert_eq!((of_body.thread.as_str(), of_body.message.as_str()), (BODY, "passed on"));
    let of_thread = failure(|| {
        thread::spawn("passing on", || resume_unwind(Box::new("a string".to_string())));
    });
    let Failure { thread, message, .. } = of_thread;
    assert_eq!((thread.as_str(), message.as_str()), ("passing on", "a string"));
}

/// What a thread returns while nobody has its handle any more is dropped in that thread, as
/// part of the run.
pub fn test_panic_of_a_value_that_nobody_takes() {
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("in the destructor of a thread's value");
        }
    }
    for _ in 0..20 {
        let failure = failure(|| {
            let (ready, go) = channel::bounded::<()>(0);
            drop(thread::spawn("returning", move || {
                let _ = go.recv();
                Grenade
            }));
            drop(ready);
        });
        assert_eq!(failure.thread, "returning");
        assert_eq!(failure.message, "in the destructor of a thread's value");
    }
}

pub fn test_a_run_lasts_until_the_last_value_is_dropped() {
    struct Slow(Arc<AtomicBool>);
    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(30 * MOMENT);
            assert_eq!(thread::current_name(), "returning");
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let value = Slow(dropped.clone());
    passes(|| {
        let (ready, go) = channel::bounded::<()>(0);
        drop(thread::spawn("returning", move || {
            let _ = go.recv();
            value
        }));
        drop(ready);
    });
    assert!(dropped.load(Ordering::SeqCst), "the run is over, the value is still there");
}

/// Its own run has failed, not that of the thread that joins: which must hear of it.
pub fn test_a_thread_of_another_run_that_panicked() {
    let (sender, receiver) = channel::unbounded();
    failure(move || {
        let (release, held_up) = channel::unbounded::<()>();
        let handle = thread::spawn("stranger", move || {
            let _ = held_up.recv();
            panic!("in the other run")
        });
        sender.send(handle).expect("the test receives");
        drop(release);
    });
    let handle = receiver.recv().expect("sent before the run ended");
    let failure = failure(move || handle.join());
    assert_eq!(failure.thread, BODY);
    assert_eq!(failure.message, "thread 'stranger' panicked");
}

/// Neither are the threads that it leaves behind.
pub fn test_a_failure_inside_is_not_the_outer_runs() {
    passes(|| {
        let (_sender, receiver) = channel::bounded::<()>(0);
        let behind = receiver.clone();
        let inside = failure(move || {
            thread::spawn("left behind", move || behind.recv());
            thread::spawn("failing", || panic!("inside")).join();
        });
        assert_eq!(inside.message, "inside");
        passes(|| {
            failure(move || {
                thread::spawn("left behind as well", move || receiver.recv());
                panic!("further inside");
            });
        });
        assert_eq!(thread::spawn("as before", || 7).join(), 7);
    });
}

pub fn test_late_panics_of_an_ended_run_are_nobodys() {
    passes(|| {
        let (release, held_up) = channel::unbounded::<()>();
        let (values, dropped) = OnDrop::new();
        let first = failure(move || {
            let (started, is_started) = channel::unbounded();
            thread::spawn("held up", move || {
                let _values = values;
                started.send(()).expect("the body receives");
                let _ = held_up.recv();
                panic!("late");
            });
            is_started.recv().expect("it starts");
            panic!("first");
        });
        assert_eq!(first.message, "first");
        drop(release);
        eventually("the late panic", || dropped.load(Ordering::SeqCst));
    });
}

/// While it unwinds, it joins a thread that has no value to give: two unwindings at a time would
/// abort the process.
pub fn test_a_destructor_that_joins_does_not_end_the_process() {
    struct Joining(Option<JoinHandle<()>>);
    impl Drop for Joining {
        fn drop(&mut self) {
            self.0.take().expect("dropped once").join();
        }
    }
    for _ in 0..5 {
        let failure = failure(|| {
            let failing = thread::spawn("failing", || panic!("the cause"));
            let joining = Joining(Some(failing));
            while !joining.0.as_ref().is_some_and(JoinHandle::is_finished) {
                thread::sleep(MOMENT); // the verdict may unwind this thread as well
            }
            panic!("another");
        });
        assert_eq!(failure.message, "the cause");
    }
    thread::sleep(20 * MOMENT); // the bodies are still unwinding
}

pub fn test_what_a_failure_looks_like() {
    let at = Some("src/file.rs:3:5".to_string());
    let (thread, message) = ("ticker".to_string(), "it broke".to_string());
    let mut failure = Failure { thread, message, at };
    assert_eq!(failure.to_string(), "it broke\nin thread 'ticker' at src/file.rs:3:5");
    failure.at = None;
    assert_eq!(failure.to_string(), "it broke\nin thread 'ticker'");
}

/// A thread of a failed run that does `step` for ever: it unwinds, and its values are dropped.
fn check_loop_ends(step: impl Fn() + Send + 'static) {
    let (values, dropped) = OnDrop::new();
    let failure = failure(move || {
        thread::spawn("looping", move || {
            let _values = values;
            loop {
                step();
            }
        });
        thread::sleep(5 * MOMENT);
        panic!("the verdict");
    });
    assert_eq!(failure.message, "the verdict");
    eventually("the thread unwinds", || dropped.load(Ordering::SeqCst));
}

pub fn test_after_the_verdict_sleepers_end() {
    check_loop_ends(|| thread::sleep(MOMENT));
}

pub fn test_after_the_verdict_receivers_end() {
    let (_sender, receiver) = channel::bounded::<()>(0);
    check_loop_ends(move || {
        let _ = receiver.recv_timeout(MOMENT);
    });
    let (sender, receiver) = channel::unbounded();
    check_loop_ends(move || {
        sender.send(()).expect("the receiver is there");
        receiver.recv().expect("it is there");
    });
}

pub fn test_after_the_verdict_condvar_waiters_end() {
    let (lock, condvar) = (Mutex::new(()), Condvar::new());
    check_loop_ends(move || {
        condvar.wait_for(&mut lock.lock(), MOMENT);
    });
}

pub fn test_after_the_verdict_spawners_end() {
    check_loop_ends(|| thread::spawn("short", || ()).join());
    check_loop_ends(|| {
        let (sender, receiver) = channel::unbounded::<()>();
        let _ = thread::spawn("short", move || drop(sender));
        while receiver.try_recv() != Err(channel::TryRecvError::Disconnected) {}
    });
}

/// Even while they wait for a lock that nobody will give back.
pub fn test_after_the_verdict_lock_waiters_end() {
    let (values, dropped) = OnDrop::new();
    let failure = failure(|| {
        let lock = Arc::new(Mutex::new(()));
        let own = lock.clone();
        std::mem::forget(own.lock());
        thread::spawn("locking", move || {
            let _values = values;
            let _never = lock.lock();
        });
    });
    assert!(failure.message.contains("ended with a lock still held"), "{failure}");
    eventually("the thread unwinds", || dropped.load(Ordering::SeqCst));
}
