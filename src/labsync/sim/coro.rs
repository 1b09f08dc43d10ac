//! The coroutine kernel: a driver loop on the controller's thread resumes whoever has the turn.
//!
//! What belongs to a simulated thread but lives in thread-locals (its name, its locks, its random
//! numbers) is changed along with the stack. Stacks are kept for later threads and runs.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};

use generator::{Generator, Gn};

use super::task::Slot;
use crate::context::Locals;
use crate::pool::Job;

/// The stack of a simulated thread.
const STACK_BYTES: usize = 1 << 20;

/// A stack that runs one job after another.
type Fiber = Generator<'static, (), ()>;

/// The fibers of a run, by the slots of their threads.
#[derive(Default)]
pub(crate) struct Fibers {
    active: Vec<Seated>,
}

#[derive(Default)]
struct Seated {
    fiber: Option<Fiber>,
    /// The thread's thread-locals, while it does not run.
    locals: Locals,
}

/// Fibers without a job, for the next thread or run of this operating system thread.
#[derive(Default)]
struct Idle(Vec<Fiber>);

thread_local! {
    static IDLE: RefCell<Idle> = const { RefCell::new(Idle(Vec::new())) };
    /// What the fiber that is about to be resumed for the first time has to do.
    static JOB: RefCell<Option<Job>> = const { RefCell::new(None) };
    /// Set by a fiber that has done its job.
    static JOB_DONE: Cell<bool> = const { Cell::new(false) };
}

/// Gives the processor back to the driver.
#[allow(deprecated, reason = "the scoped form wants a handle that a lock's caller does not have")]
pub(super) fn suspend() {
    generator::yield_with(());
}

impl Fibers {
    /// Lets the thread in `slot` run, with its body if it has not begun, until it suspends.
    ///
    /// # Errors
    ///
    /// Its stack has no more room: the thread cannot go on, nor be unwound.
    pub fn resume(&mut self, slot: Slot, body: Option<Job>) -> Result<(), String> {
        if self.active.len() <= slot {
            self.active.resize_with(slot + 1, Seated::default);
        }
        let seated = &mut self.active[slot];
        let mut fiber = match body {
            Some(job) => {
                JOB.set(Some(job));
                IDLE.with_borrow_mut(|idle| idle.0.pop()).unwrap_or_else(new_fiber)
            }
            None => seated.fiber.take().expect("a thread that has begun has a fiber"),
        };
        seated.locals.swap();
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| fiber.resume()));
        seated.locals.swap();
        if let Err(panic) = outcome {
            // A thread's own panics end inside of it.
            let Some(generator::Error::StackErr) = panic.downcast_ref() else {
                panic::resume_unwind(panic);
            };
            return Err(format!(
                "thread '{}' has overflowed its stack of {} KB.\n\
                 Does a function call itself without end?",
                seated.locals.name(),
                STACK_BYTES >> 10
            ));
        }
        if JOB_DONE.replace(false) {
            IDLE.with_borrow_mut(|idle| idle.0.push(fiber));
        } else {
            seated.fiber = Some(fiber);
        }
        Ok(())
    }
}

fn new_fiber() -> Fiber {
    Gn::<()>::new_opt(STACK_BYTES / size_of::<usize>(), || {
        while let Some(job) = JOB.take() {
            job();
            JOB_DONE.set(true);
            suspend();
        }
    })
}

impl Drop for Idle {
    /// Lets each fiber return: to drop it in the middle would make it panic.
    fn drop(&mut self) {
        for fiber in &mut self.0 {
            fiber.resume();
        }
    }
}
