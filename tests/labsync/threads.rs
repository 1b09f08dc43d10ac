//! Threads and time: sleep, join, names, the reuse of operating system threads, `Instant`.

use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{Instant, channel, thread};
use raftlab::runner::LabTest;

use crate::support::{BODY, MOMENT, eventually, failure, passes};

pub const TESTS: &[LabTest] = lab_tests![
    test_sleep_takes_its_time,
    test_sleepers_wake_in_order,
    test_join_gives_the_value,
    test_is_finished,
    test_a_thread_whose_handle_is_dropped_runs_on,
    test_operating_system_threads_are_reused,
    test_many_threads_at_a_time,
    test_threads_without_end_are_told,
    test_a_thousand_threads_are_let_be,
    test_names_belong_to_the_job,
    test_instants,
    test_a_panic_in_a_foreign_thread_fails_the_run,
    test_a_foreign_thread_that_does_not_panic_is_let_be,
];

pub fn test_sleep_takes_its_time() {
    let start = Instant::now();
    for ms in [0, 1, 5, 20] {
        let (duration, before) = (Duration::from_millis(ms), Instant::now());
        thread::sleep(duration);
        assert!(before.elapsed() >= duration, "{ms} ms took {:?}", before.elapsed());
    }
    assert!(start.elapsed() >= Duration::from_millis(26));
}

pub fn test_sleepers_wake_in_order() {
    let (woken, wakes) = channel::unbounded();
    for ms in [1400, 20, 700] {
        let woken = woken.clone();
        thread::spawn(format!("sleeping {ms} ms"), move || {
            thread::sleep(Duration::from_millis(ms));
            woken.send(ms).expect("the test receives");
        });
    }
    drop(woken);
    let order: Vec<_> = std::iter::from_fn(|| wakes.recv().ok()).collect();
    assert_eq!(order, [20, 700, 1400]);
}

pub fn test_join_gives_the_value() {
    // at once, from a thread that is still busy, and from one that ended long ago
    let owned = String::from("owned");
    assert_eq!(thread::spawn("string", move || owned + " value").join(), "owned value");
    let busy = thread::spawn("busy", || {
        thread::sleep(Duration::from_millis(30));
        thread::spawn("inner", || 7).join() + 1
    });
    assert_eq!(busy.join(), 8);
    let ended = thread::spawn("ended", || [1, 2, 3]);
    eventually("the thread ends", || ended.is_finished());
    thread::sleep(MOMENT);
    assert_eq!(ended.join(), [1, 2, 3]);
}

pub fn test_is_finished() {
    let (sender, receiver) = channel::unbounded::<()>();
    let waiting = thread::spawn("waiting", move || receiver.recv());
    for _ in 0..5 {
        assert!(!waiting.is_finished(), "it waits for a message");
        thread::sleep(MOMENT);
    }
    sender.send(()).expect("the thread receives");
    eventually("the thread ends", || waiting.is_finished());
    assert_eq!(waiting.join(), Ok(()));
}

pub fn test_a_thread_whose_handle_is_dropped_runs_on() {
    let (sender, receiver) = channel::unbounded();
    drop(thread::spawn("on its own", move || {
        thread::sleep(MOMENT);
        sender.send(thread::current_name())
    }));
    assert_eq!(receiver.recv().as_deref(), Ok("on its own"));
}

/// A thousand threads one after the other; each has its own name.
pub fn test_operating_system_threads_are_reused() {
    const FEW: usize = 20; // one may not be idle again when the next is wanted
    let mut used = Vec::new();
    for i in 0..1000 {
        let job = || (std::thread::current().id(), thread::current_name());
        let (id, name) = thread::spawn(format!("job {i}"), job).join();
        assert_eq!(name, format!("job {i}"));
        if !used.contains(&id) {
            used.push(id);
        }
    }
    assert!(used.len() <= FEW, "{} operating system threads for 1000 in turn", used.len());
}

/// None waits for another's end: a thread that is not idle is not given a second job.
pub fn test_threads_without_end_are_told() {
    let failure = failure(|| {
        for number in 0.. {
            thread::spawn(format!("RPC {number} to {}", number % 7), || {
                thread::sleep(Duration::from_secs(20));
            });
        }
    });
    assert!(failure.message.starts_with("10000 threads are alive at once"), "{failure}");
    assert!(failure.message.contains("times 'RPC # to #'"), "{failure}");
    assert!(failure.at.iter().all(|at| at.starts_with("tests/labsync/threads.rs")), "{failure}");
}

pub fn test_a_thousand_threads_are_let_be() {
    passes(|| {
        let sleepers: Vec<_> = (0..1000)
            .map(|i| thread::spawn(format!("sleeper {i}"), || thread::sleep(MOMENT)))
            .collect();
        sleepers.into_iter().for_each(thread::JoinHandle::join);
    });
}

pub fn test_many_threads_at_a_time() {
    const MANY: usize = 200;
    let (sender, receiver) = channel::bounded(0);
    let handles: Vec<_> = (0..MANY)
        .map(|i| {
            let receiver = receiver.clone();
            thread::spawn(format!("thread {i}"), move || receiver.recv().map(|()| i))
        })
        .collect();
    (0..MANY).for_each(|_| sender.send(()).expect("all threads receive"));
    let values: Vec<_> = handles.into_iter().map(thread::JoinHandle::join).collect();
    assert_eq!(values, (0..MANY).map(Ok).collect::<Vec<_>>());
}

/// Of a run's body, of threads side by side, and in the report of one that fails, whatever the
/// operating system thread was called or did before.
pub fn test_names_belong_to_the_job() {
    assert_eq!(thread::current_name(), "test_names_belong_to_the_job");
    passes(|| {
        assert_eq!(thread::current_name(), BODY);
        let (sender, receiver) = channel::bounded::<()>(0);
        let asleep = thread::spawn("asleep", move || {
            let heard = receiver.recv();
            (heard.is_err(), thread::current_name())
        });
        let awake = thread::spawn(String::from("awake"), thread::current_name);
        assert_eq!(awake.join(), "awake");
        drop(sender);
        assert_eq!(asleep.join(), (true, "asleep".to_string()));
        assert_eq!(thread::current_name(), BODY);
    });
    for i in 0..20 {
        let name = format!("failing {i}");
        let failed = failure({
            let name = name.clone();
            move || thread::spawn(name, || panic!("so that it is reported")).join()
        });
        assert_eq!(failed.thread, name);
    }
}

pub fn test_instants() {
    let start = Instant::now();
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));

    // are sums and differences exact?
    let later = start + second;
    assert!(later > start && later - Duration::from_nanos(1) < later);
    assert_eq!(later - start, second);
    assert_eq!(later.duration_since(start), second);
    assert_eq!(later - second, start);
    let mut moved = start;
    moved += second;
    moved += Duration::from_nanos(1);
    assert_eq!(moved - later, Duration::from_nanos(1));

    // does nothing go below zero or past the end?
    assert_eq!(start - later, Duration::ZERO);
    assert_eq!(start.duration_since(later), Duration::ZERO);
    assert_eq!((start + hour).elapsed(), Duration::ZERO);
    let first = start - Duration::MAX;
    assert_eq!(first - hour, first);
    let last = start + Duration::MAX;
    assert_eq!(last + hour, last);
    assert!(first <= start && start + hour < last);

    // does the clock never go back, and is it the one that sleep goes by?
    let mut before = start;
    for _ in 0..1000 {
        let now = Instant::now();
        assert!(now >= before, "{now:?} after {before:?}");
        before = now;
    }
    thread::sleep(Duration::from_millis(10));
    assert!(start.elapsed() >= Duration::from_millis(10));
    assert!(Instant::now() - before >= Duration::from_millis(10));
}

#[allow(clippy::disallowed_methods, reason = "a thread that labsync does not know is the subject")]
pub fn test_a_panic_in_a_foreign_thread_fails_the_run() {
    let failure = failure(|| {
        let _ = std::thread::spawn(|| panic!("nobody listens")).join();
        thread::sleep(MOMENT);
    });
    assert!(failure.message.starts_with("nobody listens\n"), "{failure}");
    assert!(failure.message.contains("does not come from labsync"), "{failure}");
}

#[allow(clippy::disallowed_methods, reason = "a thread that labsync does not know is the subject")]
pub fn test_a_foreign_thread_that_does_not_panic_is_let_be() {
    passes(|| assert_eq!(std::thread::spawn(|| 7).join().ok(), Some(7)));
}
