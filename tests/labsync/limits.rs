//! Runs that do not end: the report tells what each thread waits for, and where.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labrpc::{Network, Server, Service};
use raftlab::labsync::{Condvar, Instant, Mutex, MutexGuard, THREAD_GRACE, channel, thread};
use raftlab::runner::LabTest;

use crate::support::{BODY, Lines, Meeting, failure, passes, run_for, without_columns};

pub const TESTS: &[LabTest] = lab_tests![
    test_the_limit_lists_all_threads_and_what_they_wait_for,
    test_the_limit_is_for_the_body,
    test_threads_left_after_the_end_are_named,
    test_threads_that_end_in_time_are_not_left,
    test_of_many_threads_some_are_named,
];

/// Longer than any limit here.
const FOR_EVER: Duration = Duration::from_secs(100);

/// The threads that hang, each in its way, and how the report puts it.
const HANGING: [(&str, &str); 11] = [
    (BODY, "channel send at {send}"),
    ("sleeping", "sleep at {sleep}"),
    ("joining", "JoinHandle::join at {join}"),
    ("receiving", "channel recv at {recv}"),
    ("receiving in time", "channel recv_timeout at {recv_timeout}"),
    ("waiting", "Condvar::wait at {wait}"),
    ("waiting in time", "Condvar::wait_for at {wait_for}"),
    ("waiting until", "Condvar::wait_until at {wait_until}"),
    ("locking", "Mutex::lock at {lock}"),
    ("calling", "ClientEnd::call at {call}"),
    ("Service.method at server", "channel recv at {method}"),
];

pub fn test_the_limit_lists_all_threads_and_what_they_wait_for() {
    let (lines, over) = (Lines::default(), Arc::new(AtomicBool::new(false)));
    let limit = Duration::from_secs(3);
    let start = Instant::now();
    let result = run_for(limit, {
        let (lines, over) = (lines.clone(), over.clone());
        move || hang_in_every_way(&lines, over)
    });
    over.store(true, Ordering::SeqCst);
    assert!(start.elapsed() >= limit, "reported after {:?}", start.elapsed());
    let failure = result.expect_err("its body does not return");
    assert_eq!((failure.thread.as_str(), &failure.at), (BODY, &None));
    lines.check(&failure.message, "not over after 3 s; its threads:\n");
    let report = without_columns(&failure.message);
    assert_eq!(report.lines().count(), 1 + HANGING.len() + 1, "one line a thread: {report}");
    for (name, wait) in HANGING {
        let (head, tail) =
            (format!("  '{name}' has waited "), lines.fill(&format!(" s in {wait}")));
        let mut lines = report.lines();
        let found = lines.any(|line| line.starts_with(&head) && line.ends_with(&tail));
        assert!(found, "expected: {head}...{tail}\nin the report: {report}");
    }
    lines.check(&failure.message, "\n  'working' is running");
}

/// The body: it spawns them all.
fn hang_in_every_way(lines: &Lines, over: Arc<AtomicBool>) {
    let sleeping = hang(lines, "sleeping", |lines| {
        lines.next("sleep");
        thread::sleep(FOR_EVER);
    });
    hang(lines, "joining", |lines| {
        lines.next("join");
        sleeping.join();
    });
    let (_sender, receiver) = channel::bounded(0);
    hang_in_recv(lines, receiver.clone());
    hang_in_condvars(lines);
    hang_in_lock(lines, over);
    hang_in_call(lines, receiver);
    let (sender, _receiver) = channel::bounded(0);
    lines.next("send");
    let _ = sender.send(());
}

fn hang(
    lines: &Lines,
    name: &str,
    wait: impl FnOnce(&Lines) + Send + 'static,
) -> thread::JoinHandle<()> {
    let lines = lines.clone();
    thread::spawn(name, move || wait(&lines))
}

fn hang_in_recv(lines: &Lines, receiver: channel::Receiver<()>) {
    let clone = receiver.clone();
    hang(lines, "receiving", move |lines| {
        lines.next("recv");
        let _ = clone.recv();
    });
    hang(lines, "receiving in time", move |lines| {
        lines.next("recv_timeout");
        let _ = receiver.recv_timeout(FOR_EVER);
    });
}

fn hang_in_condvars(lines: &Lines) {
    let hang = |name: &str, wait: fn(&Lines, &Condvar, &mut MutexGuard<'_, ()>)| {
        hang(lines, name, move |lines| {
            let (lock, condvar) = (Mutex::new(()), Condvar::new());
            let mut guard = lock.lock();
            loop {
                wait(lines, &condvar, &mut guard);
            }
        });
    };
    hang("waiting", |lines, condvar, guard| {
        lines.next("wait");
        condvar.wait(guard);
    });
    hang("waiting in time", |lines, condvar, guard| {
        lines.next("wait_for");
        condvar.wait_for(guard, FOR_EVER);
    });
    hang("waiting until", |lines, condvar, guard| {
        lines.next("wait_until");
        condvar.wait_until(guard, Instant::now() + FOR_EVER);
    });
}

/// One thread has the lock and is running, until the test is over.
fn hang_in_lock(lines: &Lines, over: Arc<AtomicBool>) {
    let (lock, meeting) = (Arc::new(Mutex::new(())), Meeting::of(2));
    let (held, everybody) = (lock.clone(), meeting.clone());
    hang(lines, "working", move |_| {
        let _guard = held.lock();
        everybody.meet();
        let work = Mutex::new(());
        while !over.load(Ordering::SeqCst) {
            drop(work.lock());
        }
    });
    hang(lines, "locking", move |lines| {
        meeting.meet();
        lines.next("lock");
        let _guard = lock.lock();
    });
}

/// The call waits for its handler, and the handler for a message that never comes.
fn hang_in_call(lines: &Lines, receiver: channel::Receiver<()>) {
    let (network, mut server) = (Network::new(), Server::new());
    let of_handler = lines.clone();
    let method = move |_args: u64| {
        of_handler.next("method");
        let _ = receiver.recv();
    };
    server.add_service(Service::new("Service").method("method", method));
    network.add_server("server", server);
    let end = network.make_end("end");
    network.connect("end", "server");
    network.enable("end", true);
    hang(lines, "calling", move |lines| {
        let _network = network;
        lines.next("call");
        let _: Option<()> = end.call("Service.method", &1_u64);
    });
}

/// Threads that it leaves have their own time, and a body that is quick has none to fear.
pub fn test_the_limit_is_for_the_body() {
    let limit = Duration::from_secs(1);
    let result = run_for(limit, move || {
        thread::spawn("slower than the limit", move || {
            thread::sleep(limit + Duration::from_millis(200));
        });
    });
    assert_eq!(result, Ok(()));
    let failure = run_for(Duration::from_millis(100), || {
        let (_sender, receiver) = channel::bounded::<()>(0);
        let _ = receiver.recv();
    });
    assert!(failure.is_err_and(|failure| failure.message.starts_with("not over after ")));
}

pub fn test_threads_left_after_the_end_are_named() {
    let (lines, start) = (Lines::default(), Instant::now());
    let (_sender, receiver) = channel::bounded::<()>(0);
    let failure = failure({
        let lines = lines.clone();
        move || {
            let ticker_lines = lines.clone();
            thread::spawn("ticker", move || {
                loop {
                    ticker_lines.next("sleep");
                    thread::sleep(FOR_EVER);
                }
            });
            thread::spawn("applier", move || {
                lines.next("recv");
                let _ = receiver.recv();
            });
            thread::spawn("ended", || ()).join();
        }
    });
    assert!(start.elapsed() >= THREAD_GRACE, "reported after {:?}", start.elapsed());
    assert_eq!((failure.thread.as_str(), &failure.at), (BODY, &None));
    lines.check(&failure.message, "threads left 2 s after the end (kill() must end them):\n");
    assert_eq!(failure.message.lines().count(), 3, "one line a thread: {failure}");
    lines.check(&failure.message, " s in sleep at {sleep}");
    lines.check(&failure.message, " s in channel recv at {recv}");
    for name in ["ticker", "applier"] {
        assert!(failure.message.contains(&format!("\n  '{name}' has waited ")), "{failure}");
    }
}

pub fn test_threads_that_end_in_time_are_not_left() {
    passes(|| {
        for i in 0..5 {
            thread::spawn(format!("slow {i}"), move || {
                thread::sleep(Duration::from_millis(100 * i));
                thread::spawn("its child", || thread::sleep(Duration::from_millis(100)));
            });
        }
    });
}

pub fn test_of_many_threads_some_are_named() {
    let (_sender, receiver) = channel::bounded::<()>(0);
    let failure = failure(move || {
        for i in 0..43 {
            let receiver = receiver.clone();
            thread::spawn(format!("thread {i}"), move || receiver.recv());
        }
    });
    let message = &failure.message;
    assert_eq!(message.matches("\n  'thread ").count(), 40, "{message}");
    assert!(message.ends_with("\n  and 3 more"), "{message}");
}
