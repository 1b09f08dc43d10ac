//! What the tests are made of: banners, threads that make calls, gates, and waits with a limit.

use std::fmt::Debug;
use std::time::Duration;

use raftlab::labsync::thread::{self, JoinHandle};
use raftlab::labsync::{Condvar, Instant, Mutex, is_simulated};

/// How long any event may take that has no limit of its own.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Prints a test's banner.
pub fn begin(banner: &str) {
    println!("{banner} ...");
}

/// The test has passed.
pub fn end() {
    println!("  ... Passed");
}

/// Starts `count` threads that run `body`, each with its number.
pub fn start<T: Send + 'static>(
    count: usize,
    body: impl Fn(usize) -> T + Clone + Send + 'static,
) -> Vec<JoinHandle<T>> {
    let spawn = |i| {
        let body = body.clone();
        thread::spawn(format!("caller {i}"), move || body(i))
    };
    (0..count).map(spawn).collect()
}

/// Waits for all of them; what they returned.
pub fn join<T>(threads: Vec<JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(JoinHandle::join).collect()
}

/// Polls until `done`.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < LIMIT, "waited {LIMIT:?} in vain until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Something takes less than `limit`, by the lab's own rule: in real time as well.
#[track_caller]
pub fn in_time(what: &str, limit: Duration, measure: impl FnOnce() -> Duration) {
    if let Err(failure) = check_time(what, measure(), limit) {
        panic!("{failure}");
    }
}

/// A measurement that the host may spoil by standing still: simulated, where time is exact, it
/// decides; in real time a bad one is a warning.
#[track_caller]
pub fn exact_if_simulated(measure: impl FnOnce() -> Result<(), String>) {
    match measure() {
        Ok(()) => {}
        Err(failure) if is_simulated() => panic!("{failure}"),
        Err(failure) => println!("warning: {failure}; `make sim-labrpc` tells whose fault it is"),
    }
}

/// Ok if `took` is less than `limit`.
pub fn check_time(what: &str, took: Duration, limit: Duration) -> Result<(), String> {
    let late = || format!("{what} took {took:?}, which should be less than {limit:?}");
    if took < limit { Ok(()) } else { Err(late()) }
}

/// `number` lies between two bounds.
#[track_caller]
pub fn check_between<N: PartialOrd + Debug>(what: &str, number: N, least: N, most: N) {
    let inside = least <= number && number <= most;
    assert!(inside, "{what}: {number:?}, expected {least:?} to {most:?}");
}

/// Threads that come to a gate wait until somebody opens it; then it stays open.
#[derive(Default)]
pub struct Gate {
    state: Mutex<GateState>,
    /// Notified when a thread comes and when the gate is opened.
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    open: bool,
    arrived: usize,
}

impl Gate {
    /// Waits until the gate is open.
    pub fn pass(&self) {
        let mut state = self.state.lock();
        state.arrived += 1;
        self.changed.notify_all();
        let deadline = Instant::now() + LIMIT;
        while !state.open {
            let late = self.changed.wait_until(&mut state, deadline).timed_out();
            assert!(!late, "nobody has opened the gate for {LIMIT:?}");
        }
    }

    /// Lets everybody through, now and later.
    pub fn open(&self) {
        self.state.lock().open = true;
        self.changed.notify_all();
    }

    /// Waits until that many threads have come to the gate.
    #[track_caller]
    pub fn wait_for_arrivals(&self, count: usize) {
        let mut state = self.state.lock();
        let deadline = Instant::now() + LIMIT;
        while state.arrived < count {
            let late = self.changed.wait_until(&mut state, deadline).timed_out();
            assert!(!late, "{} of {count} have come to the gate in {LIMIT:?}", state.arrived);
        }
    }
}
