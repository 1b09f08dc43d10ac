//! [`run()`]: one test as a unit. All threads spawned in it belong to it, a panic in any of them
//! is its failure, its random choices come from one seed, it has a time limit, and when its
//! body has returned no thread of it may be left.

use std::sync::Arc;
use std::time::Duration;

use super::clock::Instant;
use super::state::{self, Failure, Progress, RunState, THREAD_GRACE, ThreadInfo, list};
use super::{before, panics, sim, thread};

/// What a run needs to know.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The name of the thread that runs the body; the test's name.
    pub name: String,
    /// Where all random choices of the run come from.
    pub seed: u64,
    /// The longest that the body may take (lab: 120 s a test).
    pub limit: Duration,
}

/// Runs `body` in a thread of its own and waits for its end, and for that of all threads
/// spawned in the run.
///
/// # Errors
/// The first panic in any thread of the run, at once, without waiting for the others; the
/// list of threads and what each waits for, when the body takes longer than the limit; the
/// threads still alive [`THREAD_GRACE`] after the body has returned, also those that labsync did not
/// start; a panic hook that is not the harness's. Threads that are
/// left unwind at their next wait.
pub fn run(options: RunOptions, body: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    panics::install_hook();
    let run = Arc::new(RunState::new());
    let _under_way = state::under_way(&run);
    let before = before::Before::look();
    let of_body = run.clone();
    let marked_body = move || {
        body();
        of_body.note_body_returned();
    };
    let (name, seed) = (options.name.clone(), options.seed);
    let sim = sim::current();
    match &sim {
        // A run inside a simulated one is part of the simulation, with its scheduler and clock.
        Some(sim) => drop(thread::spawn_in_simulation(sim, &run, name, seed, marked_body)),
        None => drop(thread::spawn_in(Some(run.clone()), name, seed, marked_body)),
    }
    let verdict = wait_for_end(&run, &options);
    run.set_over();
    if let Some(sim) = sim {
        sim.unblock_run(&run);
        return verdict;
    }
    verdict.and_then(|()| before.check(&options.name))
}

fn wait_for_end(run: &RunState, options: &RunOptions) -> Result<(), Failure> {
    let by_runner = |message| Failure { thread: options.name.clone(), message, at: None };
    match wait(run, Instant::now() + options.limit, |progress| progress.body_returned) {
        Wait::Done => {}
        Wait::Failed(failure) => return Err(failure),
        Wait::TimedOut(threads) => {
            let head = format!("not over after {:.0} s", options.limit.as_secs_f64());
            return Err(by_runner(format!("{head}; its threads:{}", list(&threads))));
        }
    }
    match wait(run, Instant::now() + THREAD_GRACE, |progress| progress.live.is_empty()) {
        Wait::Done => Ok(()),
        Wait::Failed(failure) => Err(failure),
        Wait::TimedOut(threads) => {
            let grace = THREAD_GRACE.as_secs_f64();
            let head = format!("threads left {grace:.0} s after the end (kill() must end them)");
            Err(by_runner(format!("{head}:{}", list(&threads))))
        }
    }
}

enum Wait {
    Done,
    Failed(Failure),
    TimedOut(Vec<Arc<ThreadInfo>>),
}

/// Waits until `done`, a failure, or the deadline; what came of it.
fn wait(run: &RunState, deadline: Instant, done: impl Fn(&Progress) -> bool) -> Wait {
    let mut progress = run.progress.lock();
    loop {
        if let Some(failure) = &progress.failure {
            return Wait::Failed(failure.clone());
        }
        if done(&progress) {
            return Wait::Done;
        }
        let rest = deadline - Instant::now();
        if rest.is_zero() {
            return Wait::TimedOut(progress.live.values().cloned().collect());
        }
        match sim::current() {
            None => drop(run.changed.wait_for(&mut progress, rest)),
            Some(sim) => {
                drop(progress);
                let (waiting, me) = (Arc::downgrade(&sim), sim.me());
                let wake = move || waiting.upgrade().iter().for_each(|sim| sim.unblock(me));
                run.waiters.lock().push(Box::new(wake));
                sim.block(sim::Why::Other, Some(deadline.nanos()));
                progress = run.progress.lock();
            }
        }
    }
}
