//! Runs on all kernels, and bodies for them.

use std::sync::Arc;
use std::time::Duration;

use raftlab::labsync::{
    Condvar, Failure, Kernel, Mutex, RunOptions, SimReport, channel, rng, simulate, thread,
};

pub const MS: Duration = Duration::from_millis(1);

/// All kernels.
pub const KERNELS: [Kernel; 2] = [Kernel::Threads, Kernel::Coroutines];

pub fn run(seed: u64, kernel: Kernel, body: impl FnOnce() + Send + 'static) -> SimReport {
    let limit = Duration::from_secs(120);
    simulate(&RunOptions { name: "body".to_string(), seed, limit }, kernel, body)
}

/// Runs `body` on every kernel; the one way in which it fails on all of them.
pub fn failure_of(body: fn()) -> Failure {
    let reports: Vec<_> = KERNELS.into_iter().map(|kernel| run(1, kernel, body)).collect();
    assert!(reports.windows(2).all(|pair| pair[0] == pair[1]), "kernels differ: {reports:?}");
    reports[0].failure.clone().expect("the body must fail")
}

/// The words must be in the failure's message, in this order.
pub fn assert_says(failure: &Failure, words: &[&str]) {
    let mut rest = failure.message.as_str();
    for word in words {
        let Some((_, after)) = rest.split_once(word) else {
            panic!("{word:?} is missing, or in the wrong place, in:\n{}", failure.message);
        };
        rest = after;
    }
}

/// A thread that never ends by itself.
pub fn spawn_ticker() {
    thread::spawn("ticker", || {
        loop {
            thread::sleep(20 * MS);
        }
    });
}

/// Threads, locks, channels, time-outs and random numbers, all at once.
pub fn busy_body() {
    let (sender, receiver) = channel::bounded(1);
    let shared = Arc::new((Mutex::new(0_u64), Condvar::new()));
    let workers: Vec<_> = (0..4)
        .map(|worker| {
            let (sender, shared) = (sender.clone(), shared.clone());
            thread::spawn(format!("worker {worker}"), move || {
                for _ in 0..20 {
                    thread::sleep(Duration::from_micros(rng::random_range(0..3000)));
                    *shared.0.lock() += 1;
                    shared.1.notify_one();
                    sender.send(worker).expect("the receiver is there");
                }
            })
        })
        .collect();
    drop(sender);
    while receiver.recv().is_ok() {
        let mut count = shared.0.lock();
        if count.is_multiple_of(7) {
            shared.1.wait_for(&mut count, 2 * MS);
        }
    }
    workers.into_iter().for_each(thread::JoinHandle::join);
    assert_eq!(*shared.0.lock(), 80);
}
