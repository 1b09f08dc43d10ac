//! How turns change hands. Two kernels do it, and the rest of the simulation does not know which:
//! equal seeds give equal runs on both.
//!
//! - *Threads*, the standard one: each simulated thread is a thread of the operating system, and
//!   all but one sleep. The turn is handed over by waking the next and going to sleep.
//! - *Coroutines* (cargo feature `coro`): all run on the thread that started the run, each on a stack
//!   of its own. Ten times faster; for sweeping many seeds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use super::Sim;
use super::world::{Task, World};
use crate::pool;

/// Which kernel runs a simulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Kernel {
    /// Threads of the operating system.
    #[default]
    Threads,
    /// Coroutines.
    #[cfg(feature = "coro")]
    Coroutines,
}

/// Where a thread sleeps until it has the turn.
#[derive(Default)]
pub(super) struct Seat {
    turn: AtomicBool,
    /// Who sleeps here; unset until it has come for the first time.
    sleeper: OnceLock<Thread>,
}

impl Seat {
    /// Gives the turn to whoever sleeps here, or will.
    fn wake(&self) {
        self.turn.store(true, Ordering::SeqCst);
        if let Some(sleeper) = self.sleeper.get() {
            sleeper.unpark();
        }
    }

    /// Sleeps until the turn comes. Without spinning first: that has been measured to cost
    /// fifteen times as much, since the other needs the processor meanwhile.
    fn wait(&self) {
        self.sleeper.get_or_init(std::thread::current);
        while !self.turn.swap(false, Ordering::SeqCst) {
            std::thread::park();
        }
    }
}

impl Sim {
    /// The current thread of `world` has just been given the turn: sets it going.
    pub(super) fn set_going(&self, world: &mut World) {
        match self.kernel {
            Kernel::Threads => set_thread_going(world.me()),
            #[cfg(feature = "coro")]
            Kernel::Coroutines => {} // the driver looks who is current
        }
    }

    /// The calling thread has given its turn away; returns when it has it again.
    pub(super) fn wait_for_turn(&self, seat: &Seat) {
        match self.kernel {
            Kernel::Threads => seat.wait(),
            #[cfg(feature = "coro")]
            Kernel::Coroutines => super::coro::suspend(),
        }
    }

    /// Gives the turn to the controller.
    pub(super) fn call_controller(&self) {
        match self.kernel {
            Kernel::Threads => self.controller.wake(),
            #[cfg(feature = "coro")]
            Kernel::Coroutines => self.controller_called.store(true, Ordering::Relaxed),
        }
    }

    /// The controller lets the simulated threads run until one calls it.
    pub(super) fn wait_as_controller(self: &Arc<Sim>) {
        match self.kernel {
            Kernel::Threads => self.controller.wait(),
            #[cfg(feature = "coro")]
            Kernel::Coroutines => super::coro::drive(self),
        }
    }
}

fn set_thread_going(task: &mut Task) {
    match task.body.take() {
        Some(body) => pool::execute(body),
        None => task.seat.wake(),
    }
}
