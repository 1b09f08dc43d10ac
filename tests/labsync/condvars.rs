//! `Condvar`: who is woken, and what the timed waits say.

use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{Condvar, Instant, Mutex, channel, thread};
use raftlab::runner::LabTest;

use crate::support::{LONG, eventually};

pub const TESTS: &[LabTest] = lab_tests![
    test_wait_for_times_out,
    test_wait_until_times_out,
    test_wait_until_a_past_moment,
    test_timed_wait_that_is_notified,
    test_waiting_gives_up_the_lock,
    test_notify_one_wakes_one,
    test_notify_all_wakes_all,
    test_notifying_nobody_is_forgotten,
    test_ping_pong_loses_no_wake_up,
];

/// A number behind a lock, and a condition variable that is notified when it changes.
#[derive(Default)]
struct Number {
    value: Mutex<u64>,
    changed: Condvar,
}

/// Waits in vain, again if woken without a reason; when the last wait began.
fn wait_in_vain(mut wait: impl FnMut() -> bool) -> Instant {
    loop {
        let start = Instant::now();
        if wait() {
            return start;
        }
    }
}

pub fn test_wait_for_times_out() {
    let number = Number::default();
    let timeout = Duration::from_millis(30);
    let start =
        wait_in_vain(|| number.changed.wait_for(&mut number.value.lock(), timeout).timed_out());
    assert!(start.elapsed() >= timeout, "timed out after {:?}", start.elapsed());
}

pub fn test_wait_until_times_out() {
    let number = Number::default();
    let deadline = Instant::now() + Duration::from_millis(30);
    wait_in_vain(|| number.changed.wait_until(&mut number.value.lock(), deadline).timed_out());
    assert!(Instant::now() >= deadline, "timed out before the deadline");
}

/// It comes back at once, as timed out, and with the lock.
pub fn test_wait_until_a_past_moment() {
    let number = Number::default();
    thread::sleep(Duration::from_millis(2));
    let past = Instant::now() - Duration::from_millis(1);
    let mut value = number.value.lock();
    wait_in_vain(|| number.changed.wait_until(&mut value, past).timed_out());
    wait_in_vain(|| number.changed.wait_for(&mut value, Duration::ZERO).timed_out());
    *value = 7;
    drop(value);
    assert_eq!(*number.value.lock(), 7);
}

/// Its time is not over, and it says so.
pub fn test_timed_wait_that_is_notified() {
    let number = Arc::new(Number::default());
    let waiting = |name: &str, until: bool| {
        let number = number.clone();
        thread::spawn(name, move || {
            let deadline = Instant::now() + LONG;
            let mut value = number.value.lock();
            while *value == 0 {
                let waited = match until {
                    true => number.changed.wait_until(&mut value, deadline),
                    false => number.changed.wait_for(&mut value, LONG),
                };
                assert!(!waited.timed_out(), "no time-out, a notification");
            }
        })
    };
    let handles = [waiting("wait_for", false), waiting("wait_until", true)];
    thread::sleep(Duration::from_millis(30));
    *number.value.lock() = 1;
    number.changed.notify_all();
    handles.into_iter().for_each(thread::JoinHandle::join);
}

/// Others use the lock while a thread waits, and the waiting thread has it when it goes on.
pub fn test_waiting_gives_up_the_lock() {
    let number = Arc::new(Number::default());
    let waiting = {
        let number = number.clone();
        thread::spawn("waiting", move || {
            let mut value = number.value.lock();
            *value = 1;
            while *value < 100 {
                number.changed.wait(&mut value);
                let before = *value;
                drop(Mutex::new(()).lock()); // where others would run, had they the lock as well
                *value = before + 1;
            }
            *value
        })
    };
    eventually("the lock is given up", || *number.value.lock() == 1);
    while !waiting.is_finished() {
        *number.value.lock() += 10;
        number.changed.notify_one();
    }
    assert!(waiting.join() >= 100);
}

/// Wake-ups without a reason are allowed, but rare: of 200 wake-ups that `notify_all` would
/// cause, `notify_one` causes about 50.
pub fn test_notify_one_wakes_one() {
    const WAITING: u64 = 4;
    const ROUNDS: u64 = 50;
    #[derive(Default)]
    struct State {
        waiting: u64,
        wake_ups: u64,
        over: bool,
    }
    let shared = Arc::new((Mutex::new(State::default()), Condvar::new()));
    let handles: Vec<_> = (0..WAITING)
        .map(|name| {
            let shared = shared.clone();
            thread::spawn(format!("waiting {name}"), move || {
                let (state, notified) = &*shared;
                let mut state = state.lock();
                state.waiting += 1;
                while !state.over {
                    notified.wait(&mut state);
                    state.wake_ups += 1;
                }
            })
        })
        .collect();
    let (state, notified) = &*shared;
    eventually("all wait", || state.lock().waiting == WAITING);
    for _round in 0..ROUNDS {
        let before = state.lock().wake_ups;
        notified.notify_one();
        eventually("one is woken", || state.lock().wake_ups > before);
    }
    let wake_ups = state.lock().wake_ups;
    assert!(wake_ups < 2 * ROUNDS, "{wake_ups} wake-ups by {ROUNDS} notify_one()");
    state.lock().over = true;
    notified.notify_all();
    handles.into_iter().for_each(thread::JoinHandle::join);
}

pub fn test_notify_all_wakes_all() {
    const WAITING: u64 = 6;
    let number = Arc::new(Number::default());
    let (woken, wakes) = channel::unbounded();
    for name in 0..WAITING {
        let (number, woken) = (number.clone(), woken.clone());
        thread::spawn(format!("waiting {name}"), move || {
            let mut value = number.value.lock();
            *value += 1;
            while *value <= WAITING {
                number.changed.wait(&mut value);
            }
            drop(value);
            woken.send(name).expect("the test receives");
        });
    }
    eventually("all wait", || *number.value.lock() == WAITING);
    *number.value.lock() += 1;
    number.changed.notify_all(); // once, for all
    let mut names: Vec<_> = (0..WAITING).map(|_| wakes.recv_timeout(LONG)).collect();
    names.sort_by_key(|name| name.unwrap_or(u64::MAX));
    assert_eq!(names, (0..WAITING).map(Ok).collect::<Vec<_>>());
}

/// A notification is not kept for those who come later.
pub fn test_notifying_nobody_is_forgotten() {
    let number = Number::default();
    let timeout = Duration::from_millis(20);
    let mut in_vain = 0;
    for _ in 0..5 {
        number.changed.notify_one();
        number.changed.notify_all();
        let waited = number.changed.wait_for(&mut number.value.lock(), timeout);
        in_vain += u32::from(waited.timed_out());
    }
    assert!(in_vain >= 3, "{in_vain} of 5 waits timed out"); // wake-ups without a reason are rare
}

/// Two threads hand a number to and fro; a lost wake-up stops both.
pub fn test_ping_pong_loses_no_wake_up() {
    const ROUNDS: u64 = 5000;
    let number = Arc::new(Number::default());
    let ping = {
        let number = number.clone();
        thread::spawn("ping", move || {
            for round in 0..ROUNDS {
                let mut value = number.value.lock();
                while *value != 2 * round {
                    number.changed.wait(&mut value);
                }
                *value += 1;
                number.changed.notify_one();
            }
        })
    };
    for round in 0..ROUNDS {
        let mut value = number.value.lock();
        while *value != 2 * round + 1 {
            let waited = number.changed.wait_for(&mut value, LONG);
            assert!(!waited.timed_out(), "a wake-up was lost in round {round}");
        }
        *value += 1;
        number.changed.notify_one();
    }
    ping.join();
    assert_eq!(*number.value.lock(), 2 * ROUNDS);
}
