//! [`run()`]: one test as a unit. All threads spawned in it belong to it, a panic in any of them
//! is its failure, its random choices come from one seed, it has a time limit, and when its
//! body has returned no thread of it may be left.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;

use super::clock::Instant;
use super::context::ThreadInfo;
use super::{foreign, panics, sim, thread};

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

/// Why a run failed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// The thread in which it showed.
    pub thread: String,
    /// The panic's message, or the runner's own.
    pub message: String,
    /// File, line and column of the panic.
    pub at: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nin thread '{}'", self.message, self.thread)?;
        self.at.iter().try_for_each(|at| write!(f, " at {at}"))
    }
}

/// After the body, how long the run's threads have to end.
pub const THREAD_GRACE: Duration = Duration::from_secs(2);

/// So many threads of a run may be alive. The reference has 450 at most; a Raft that sends with each
/// start(), to servers that are cut off, has some thousand: with seven servers, and
/// calls that take seven seconds to fail.
const MOST_THREADS: usize = 10_000;

/// What a run's threads and its runner share.
pub(super) struct RunState {
    progress: parking_lot::Mutex<Progress>,
    /// Notified when the run fails, when its body returns, and when its last thread ends.
    changed: parking_lot::Condvar,
    /// The same for a run inside a simulation: the thread that waits for its end.
    waiters: parking_lot::Mutex<Vec<sim::Slot>>,
    over: AtomicBool,
}

#[derive(Default)]
struct Progress {
    failure: Option<Failure>,
    body_returned: bool,
    live: BTreeMap<u32, Arc<ThreadInfo>>,
}

impl RunState {
    pub fn new() -> RunState {
        RunState {
            progress: parking_lot::Mutex::default(),
            changed: parking_lot::Condvar::new(),
            waiters: parking_lot::Mutex::new(Vec::new()),
            over: AtomicBool::new(false),
        }
    }

    pub fn failure(&self) -> Option<Failure> {
        self.progress.lock().failure.clone()
    }

    pub fn has_failed(&self) -> bool {
        self.progress.lock().failure.is_some()
    }

    pub fn nobody_is_left(&self) -> bool {
        self.progress.lock().live.is_empty()
    }

    pub fn note_body_returned(&self) {
        self.progress.lock().body_returned = true;
        self.notify();
    }

    pub fn has_body_returned(&self) -> bool {
        self.progress.lock().body_returned
    }

    fn notify(&self) {
        self.changed.notify_all();
        if let Some(sim) = sim::current() {
            std::mem::take(&mut *self.waiters.lock())
                .into_iter()
                .for_each(|slot| sim.unblock(slot));
        }
    }

    /// The verdict has been given.
    pub fn set_over(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Records the first failure.
    pub fn fail(&self, failure: Failure) {
        self.progress.lock().failure.get_or_insert(failure);
        self.notify();
    }

    /// Whether the verdict has been given: threads that are left unwind at their next wait.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// # Panics
    /// If so many threads are alive that more can only be a mistake.
    #[track_caller]
    pub fn thread_started(&self, info: &Arc<ThreadInfo>) {
        let mut progress = self.progress.lock();
        if progress.live.len() >= MOST_THREADS && !panics::unwinding() {
            let report = too_many(progress.live.values());
            drop(progress);
            panic!("{report}");
        }
        progress.live.insert(info.id, info.clone());
    }

    pub fn thread_ended(&self, id: u32) {
        let mut progress = self.progress.lock();
        progress.live.remove(&id);
        if progress.live.is_empty() {
            drop(progress);
            self.notify();
        }
    }

    /// Waits until `done`, a failure, or the deadline; what came of it.
    fn wait(&self, deadline: Instant, done: impl Fn(&Progress) -> bool) -> Wait {
        let mut progress = self.progress.lock();
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
                None => drop(self.changed.wait_for(&mut progress, rest)),
                Some(sim) => {
                    drop(progress);
                    self.waiters.lock().push(sim.me());
                    sim.block(sim::Why::Other, Some(deadline.nanos()));
                    progress = self.progress.lock();
                }
            }
        }
    }
}

enum Wait {
    Done,
    Failed(Failure),
    TimedOut(Vec<Arc<ThreadInfo>>),
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
    let _under_way = panics::under_way(&run);
    let before = foreign::Before::look();
    let state = run.clone();
    let marked_body = move || {
        body();
        state.note_body_returned();
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
    match run.wait(Instant::now() + options.limit, |progress| progress.body_returned) {
        Wait::Done => {}
        Wait::Failed(failure) => return Err(failure),
        Wait::TimedOut(threads) => {
            let head = format!("not over after {:.0} s", options.limit.as_secs_f64());
            return Err(by_runner(format!("{head}; its threads:{}", list(&threads))));
        }
    }
    match run.wait(Instant::now() + THREAD_GRACE, |progress| progress.live.is_empty()) {
        Wait::Done => Ok(()),
        Wait::Failed(failure) => Err(failure),
        Wait::TimedOut(threads) => {
            let grace = THREAD_GRACE.as_secs_f64();
            let head = format!("threads left {grace:.0} s after the end (kill() must end them)");
            Err(by_runner(format!("{head}:{}", list(&threads))))
        }
    }
}

/// The names that most of these threads have: numbers do not count.
fn too_many<'a>(threads: impl Iterator<Item = &'a Arc<ThreadInfo>>) -> String {
    const SHOWN: usize = 3;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for info in threads {
        let mut name = info.name.replace(|c: char| c.is_ascii_digit(), "#");
        while name.contains("##") {
            name = name.replace("##", "#");
        }
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let most: Vec<_> = counts
        .iter()
        .take(SHOWN)
        .map(|(name, count)| format!("\n  {count} times '{name}'"))
        .collect();
    format!(
        "{MOST_THREADS} threads are alive at once, and one more is spawned. Most of them:{}\n\
         A thread for each RPC is right; it must end with its RPC, and not start others without end.",
        most.concat()
    )
}

pub(super) fn list(threads: &[Arc<ThreadInfo>]) -> String {
    const MOST: usize = 40;
    let mut text = String::new();
    for info in threads.iter().take(MOST) {
        text.push_str("\n  ");
        text.push_str(&info.describe());
    }
    if threads.len() > MOST {
        text.push_str(&format!("\n  and {} more", threads.len() - MOST));
    }
    text
}
