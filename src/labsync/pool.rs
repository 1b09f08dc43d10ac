//! The operating system threads under [`thread::spawn`](super::thread::spawn): reused, since a
//! new one costs ten times as much as waking an idle one, and the lab spawns one for each RPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::look::look_for;
use super::os;

pub(super) type Job = Box<dyn FnOnce() + Send>;

/// How long a thread without a job stays.
const IDLE_LIMIT: Duration = Duration::from_secs(5);
/// Stacks take memory only where they are used; this is room for a student's recursion.
const STACK_BYTES: usize = 2 << 20;

#[derive(Default)]
struct Worker {
    /// Whether there is a job: told without the lock.
    has_job: AtomicBool,
    job: parking_lot::Mutex<Option<Job>>,
    job_given: parking_lot::Condvar,
}

/// Idle workers. The one that became idle last is used first: its stack is still cached.
static IDLE: parking_lot::Mutex<Vec<Arc<Worker>>> = parking_lot::Mutex::new(Vec::new());

/// Runs `job` on an idle thread, or a new one.
///
/// # Panics
/// If the operating system has no thread left to give.
pub(super) fn execute(job: Job) {
    let idle = IDLE.lock().pop();
    if let Some(worker) = idle {
        *worker.job.lock() = Some(job);
        worker.has_job.store(true, Ordering::Release);
        worker.job_given.notify_one();
        return;
    }
    let worker = Arc::new(Worker::default());
    let builder = std::thread::Builder::new().name("labsync".into()).stack_size(STACK_BYTES);
    let started = builder.spawn(move || work(&worker, job));
    assert!(started.is_ok(), "the operating system cannot start another thread: {started:?}");
}

fn work(worker: &Arc<Worker>, first: Job) {
    os::join_ours();
    let mut job = first;
    loop {
        job();
        IDLE.lock().push(worker.clone());
        match next_job(worker) {
            Some(next) => job = next,
            None => return os::leave_ours(),
        }
    }
}

fn next_job(worker: &Arc<Worker>) -> Option<Job> {
    look_for(&worker.has_job);
    worker.has_job.store(false, Ordering::Relaxed);
    let mut slot = worker.job.lock();
    while slot.is_none() {
        if worker.job_given.wait_for(&mut slot, IDLE_LIMIT).timed_out() && slot.is_none() {
            drop(slot);
            return retire(worker);
        }
    }
    slot.take()
}

/// Leaves the idle list; if somebody took this worker from it meanwhile, its job is on the way.
fn retire(worker: &Arc<Worker>) -> Option<Job> {
    let mut idle = IDLE.lock();
    if let Some(i) = idle.iter().position(|other| Arc::ptr_eq(other, worker)) {
        idle.remove(i);
        return None;
    }
    drop(idle);
    let mut slot = worker.job.lock();
    while slot.is_none() {
        worker.job_given.wait(&mut slot);
    }
    slot.take()
}
