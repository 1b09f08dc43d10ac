//! Threads: [`spawn`] with a name, [`JoinHandle`], [`sleep`].

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Instant;
use super::panics::Ending;
use super::sim::{self, Sim};
use super::state::{Failure, RunState, ThreadInfo};
use super::{context, panics, pool, rng, rules};

/// A thread that was spawned; dropping the handle lets it run on by itself.
pub struct JoinHandle<T> {
    info: Arc<ThreadInfo>,
    outcome: Arc<Outcome<T>>,
}

/// Where a thread leaves its value.
struct Outcome<T> {
    ending: parking_lot::Mutex<Option<Ending<T>>>,
    ended: parking_lot::Condvar,
    /// In a simulation: the threads that wait for the end.
    waiters: parking_lot::Mutex<Vec<sim::Slot>>,
}

/// Starts a thread that runs `body`. It belongs to the run of the current thread, and its
/// random numbers come from a stream of its own.
///
/// # Panics
/// If the operating system cannot give another thread, and if 10 000 threads of the run are alive.
#[track_caller]
pub fn spawn<T, F>(name: impl Into<String>, body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    panics::stop_if_run_is_over();
    let (run, seed) = (context::current_run(), rng::seed_of_child());
    match (sim::current(), run) {
        (Some(sim), Some(run)) => {
            sim.point();
            spawn_in_simulation(&sim, &run, name.into(), seed, body)
        }
        (_, run) => spawn_in(run, name.into(), seed, body),
    }
}

#[track_caller]
pub(super) fn spawn_in_simulation<T, F>(
    sim: &Arc<Sim>,
    run: &Arc<RunState>,
    name: String,
    seed: u64,
    body: F,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (info, handle) = prepare(Some(run.clone()), name);
    let (for_life, outcome) = (info.clone(), handle.outcome.clone());
    sim.spawn(info, move || live(&for_life, seed, body, outcome));
    handle
}

#[track_caller]
pub(super) fn spawn_in<T, F>(
    run: Option<Arc<RunState>>,
    name: String,
    seed: u64,
    body: F,
) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (info, handle) = prepare(run, name);
    let outcome = handle.outcome.clone();
    pool::execute(Box::new(move || live(&info, seed, body, outcome)));
    handle
}

#[track_caller]
fn prepare<T>(run: Option<Arc<RunState>>, name: String) -> (Arc<ThreadInfo>, JoinHandle<T>) {
    let info = ThreadInfo::new(name, run);
    if let Some(run) = &info.run {
        let report = run.thread_started(&info).filter(|_| !panics::unwinding());
        if let Some(report) = report {
            run.thread_ended(info.id);
            panic!("{report}");
        }
    }
    let outcome = Arc::new(Outcome {
        ending: parking_lot::Mutex::new(None),
        ended: parking_lot::Condvar::new(),
        waiters: parking_lot::Mutex::new(Vec::new()),
    });
    (info.clone(), JoinHandle { info, outcome })
}

/// A thread's whole life, on a thread of the pool.
fn live<T>(info: &Arc<ThreadInfo>, seed: u64, body: impl FnOnce() -> T, outcome: Arc<Outcome<T>>) {
    context::set_current(Some(info.clone()));
    rng::set_seed(seed);
    let ending = panics::catch(body);
    check_no_guard_leaked(info);
    *outcome.ending.lock() = Some(ending);
    outcome.ended.notify_all();
    if let Some(sim) = sim::current() {
        let waiters = std::mem::take(&mut *outcome.waiters.lock());
        waiters.into_iter().for_each(|slot| sim.unblock(slot));
    }
    // Without a handle the value is dropped here: its destructor is part of the thread's life.
    panics::catch(move || drop(outcome));
    check_no_guard_leaked(info);
    context::set_current(None);
    if let Some(run) = &info.run {
        run.thread_ended(info.id);
    }
}

fn check_no_guard_leaked(info: &ThreadInfo) {
    if let (Some(taken), Some(run)) = (context::held_any(), &info.run) {
        run.fail(Failure {
            thread: info.name.clone(),
            message: format!("the thread ended with a lock still held, taken at {taken}"),
            at: None,
        });
    }
    context::clear_held();
}

impl<T> JoinHandle<T> {
    /// Waits for the thread's end; its value.
    ///
    /// # Panics
    /// If this thread holds a lock, and if the thread panicked: when both belong to one run, that
    /// has failed already, with that thread's message.
    #[track_caller]
    pub fn join(self) -> T {
        let at = Location::caller();
        let _waiting = rules::begin_wait("JoinHandle::join", at);
        match self.outcome.wait() {
            Ending::Returned(value) => value,
            Ending::Unwound => self.no_value(),
        }
    }

    #[cold]
    #[track_caller]
    fn no_value(&self) -> ! {
        match (context::current_run(), &self.info.run) {
            // In a destructor, and nothing to return: to unwind from here would abort the process
            // and hide the failure that the run has already.
            (Some(_), _) if panics::unwinding() => loop {
                match sim::current() {
                    Some(sim) => sim.block(sim::Why::Must, None),
                    None => std::thread::park(),
                }
            },
            (Some(run), Some(of_thread)) if Arc::ptr_eq(&run, of_thread) => panics::stop(),
            _ => panic!("thread '{}' panicked", self.info.name),
        }
    }

    /// Whether the thread has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.outcome.ending.lock().is_some()
    }
}

impl<T> Outcome<T> {
    fn wait(&self) -> Ending<T> {
        if let Some(sim) = sim::current() {
            return self.wait_simulated(&sim);
        }
        let mut ending = self.ending.lock();
        loop {
            if let Some(ending) = ending.take() {
                return ending;
            }
            self.ended.wait(&mut ending);
        }
    }

    fn wait_simulated(&self, sim: &Sim) -> Ending<T> {
        sim.point();
        loop {
            if let Some(ending) = self.ending.lock().take() {
                return ending;
            }
            self.waiters.lock().push(sim.me());
            sim.block(sim::Why::Must, None);
        }
    }
}

/// Sleeps for `duration`.
///
/// # Panics
/// If this thread holds a lock.
#[track_caller]
pub fn sleep(duration: Duration) {
    let at = Location::caller();
    let _waiting = rules::begin_wait("sleep", at);
    match sim::current() {
        Some(sim) => {
            let end = Instant::now() + duration;
            sim.block(sim::Why::Other, Some(end.nanos()));
        }
        None => std::thread::sleep(duration),
    }
}

/// The current thread's name.
#[must_use]
pub fn current_name() -> String {
    context::current().name.clone()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Duration;

    use super::*;
    use crate::{RunOptions, rng, run};

    /// The threads of a benchmark belong to no run: they have names, values and random numbers, may
    /// start runs, and a panic of one is its joiner's.
    #[test]
    fn threads_outside_of_any_run() {
        let outside = || {
            assert_eq!(current_name(), "unnamed");
            assert_eq!(spawn("named", current_name).join(), "named");
            let numbers: BTreeSet<u64> =
                (0..3).map(|i| spawn(format!("random {i}"), rng::random).join()).collect();
            assert_eq!(numbers.len(), 3);
            let limit = Duration::from_secs(10);
            let options = RunOptions { name: "inside".to_string(), seed: 1, limit };
            assert_eq!(run(options, || panic!("inside")).expect_err("it panics").message, "inside");
            let handle = spawn("failing", || panic!("outside"));
            let panic = catch_unwind(AssertUnwindSafe(|| handle.join())).expect_err("join panics");
            let message = panic.downcast_ref::<String>().map(String::as_str);
            assert_eq!(message, Some("thread 'failing' panicked"));
        };
        assert!(std::thread::spawn(outside).join().is_ok(), "see above");
    }
}
