//! Whose turn it is: a run, who hands the turn to whom, and what is said when nobody can have it.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU64, Ordering};

use super::coro;
use super::kernel::{Kernel, Seat};
use super::task::{Slot, Task};
use super::world::{Stuck, World};
use crate::clock::{self, Virtual};
use crate::state::{Failure, RunState, THREAD_GRACE, ThreadInfo, list};
use crate::{last_words, pool};

/// One simulated run.
pub(crate) struct Sim {
    pub world: parking_lot::Mutex<World>,
    /// The virtual time in ns, for whoever only wants to read it.
    pub clock: Virtual,
    pub kernel: Kernel,
    /// Where the thread that started the run waits for its end.
    pub controller: Seat,
    pub controller_called: AtomicBool,
    pub fibers: parking_lot::Mutex<coro::Fibers>,
    pub run: Arc<RunState>,
    /// Who is run, with which seed; for the watchdog.
    pub label: String,
    /// The scheduling points so far, for the watchdog.
    pub points: AtomicU64,
}

thread_local! {
    static SIM: RefCell<Option<Arc<Sim>>> = const { RefCell::new(None) };
}

/// The simulation that the current thread belongs to.
pub(crate) fn current() -> Option<Arc<Sim>> {
    SIM.with_borrow(Clone::clone)
}

/// From now on the current operating system thread runs threads of `sim`.
pub(super) fn enter(sim: &Arc<Sim>) {
    SIM.set(Some(sim.clone()));
    clock::set_virtual(Some(sim.clock.clone()));
}

pub(super) fn leave() {
    clock::set_virtual(None);
    SIM.set(None);
}

pub(super) type WorldGuard<'a> = parking_lot::MutexGuard<'a, World>;

impl Sim {
    /// The virtual time in ns.
    pub fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Keeps the turn if it is the current thread that was chosen.
    pub fn go_on_with(&self, world: WorldGuard<'_>, next: Slot) {
        if next == world.current {
            self.clock.store(world.now, Ordering::Relaxed);
        } else {
            self.switch(world, next);
        }
    }

    /// Gives the turn to `next` and waits until it comes back.
    fn switch(&self, mut world: WorldGuard<'_>, next: Slot) {
        let seat = world.me().seat.clone();
        self.give_turn(&mut world, next);
        drop(world);
        self.wait_for_turn(&seat);
    }

    pub fn give_turn(&self, world: &mut World, next: Slot) {
        world.hand_over(next);
        self.clock.store(world.now, Ordering::Relaxed);
        self.set_going(world);
    }

    pub fn give_turn_to_controller(&self, mut world: WorldGuard<'_>) {
        let seat = world.me().seat.clone();
        drop(world);
        self.call_controller();
        self.wait_for_turn(&seat);
    }

    /// Nobody can go on: the run has failed. Returns when the run ends.
    pub fn stand_still(&self, world: WorldGuard<'_>, stuck: &Stuck) {
        self.fail_stuck(&world, stuck);
        self.give_turn_to_controller(world);
    }

    // ---- the kernel ---------------------------------------------------------------------------

    /// The current thread of `world` has just been given the turn: sets it going.
    pub fn set_going(&self, world: &mut World) {
        match self.kernel {
            Kernel::Threads => set_thread_going(world.me()),
            Kernel::Coroutines => {} // the driver looks who is current
        }
    }

    /// The calling thread has given its turn away; returns when it has it again.
    pub fn wait_for_turn(&self, seat: &Seat) {
        match self.kernel {
            Kernel::Threads => seat.wait(),
            Kernel::Coroutines => coro::suspend(),
        }
    }

    /// Gives the turn to the controller.
    pub fn call_controller(&self) {
        match self.kernel {
            Kernel::Threads => self.controller.wake(),
            Kernel::Coroutines => self.controller_called.store(true, Ordering::Relaxed),
        }
    }

    /// The controller lets the simulated threads run until one calls it.
    pub fn wait_as_controller(self: &Arc<Sim>) {
        match self.kernel {
            Kernel::Threads => self.controller.wait(),
            Kernel::Coroutines => self.drive(),
        }
    }

    /// Resumes whoever has the turn, until the controller is called.
    fn drive(self: &Arc<Sim>) {
        let mut fibers = std::mem::take(&mut *self.fibers.lock());
        enter(self);
        while !self.controller_called.swap(false, Ordering::Relaxed) {
            let (slot, body) = {
                let mut world = self.world.lock();
                (world.current, world.me().body.take())
            };
            if let Err(why) = fibers.resume(slot, body) {
                last_words::end_process(&self.label, &why);
            }
        }
        leave();
        *self.fibers.lock() = fibers;
    }

    // ---- nobody can go on ---------------------------------------------------------------------

    /// Records why nobody can go on, with what each thread waits for.
    pub fn fail_stuck(&self, world: &World, stuck: &Stuck) {
        let body_returned = self.run.has_body_returned();
        // Threads that a run inside this one has left behind are not this run's.
        let is_ours =
            |info: &ThreadInfo| info.run.as_ref().is_some_and(|run| Arc::ptr_eq(run, &self.run));
        let threads: Vec<_> = world
            .live()
            .map(|slot| world.tasks[slot].info.clone())
            .filter(|info| !body_returned || is_ours(info))
            .collect();
        let seconds = world.now as f64 / 1e9;
        let head = match stuck {
            _ if body_returned => {
                let grace = THREAD_GRACE.as_secs_f64();
                format!("threads left {grace:.0} s after the end (kill() must end them)")
            }
            Stuck::NothingRunnable => format!(
                "deadlock at {seconds:.3} s: every thread waits for another, and no timer is set"
            ),
            Stuck::TimeIsUp => {
                format!("not over after {:.0} s; its threads", world.limit as f64 / 1e9)
            }
            Stuck::Livelock => format!(
                "livelock at {seconds:.3} s: thread '{}' and others go round without ever \
                 waiting; the threads",
                world.tasks[world.current].info.name
            ),
        };
        let thread = world.tasks[world.current].info.name.clone();
        let message = format!("{head}:{}", list(&threads));
        self.run.fail(Failure { thread, message, at: None });
    }
}

fn set_thread_going(task: &mut Task) {
    match task.body.take() {
        Some(body) => pool::execute(body),
        None => task.seat.wake(),
    }
}
