//! How turns change hands. Two kernels do it, and the rest of the simulation does not know which:
//! equal seeds give equal runs on both.
//!
//! - *Coroutines*, the usual one: all run on the thread that started the run, each on a stack of its
//!   own. Several times faster than threads.
//! - *Threads*: each simulated thread is a thread of the operating system, and all but one sleep. The
//!   turn is handed over by waking the next and going to sleep. For debuggers and other tools that
//!   know threads only.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

/// Which kernel runs a simulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Kernel {
    /// Threads of the operating system.
    Threads,
    /// Coroutines.
    #[default]
    Coroutines,
}

/// Where a thread sleeps until it has the turn.
#[derive(Default)]
pub(crate) struct Seat {
    turn: AtomicBool,
    /// Who sleeps here; unset until it has come for the first time.
    sleeper: OnceLock<Thread>,
}

impl Seat {
    /// Gives the turn to whoever sleeps here, or will.
    pub fn wake(&self) {
        self.turn.store(true, Ordering::SeqCst);
        if let Some(sleeper) = self.sleeper.get() {
            sleeper.unpark();
        }
    }

    /// Sleeps until the turn comes. Without spinning first: that has been measured to cost
    /// fifteen times as much, since the other needs the processor meanwhile.
    pub fn wait(&self) {
        self.sleeper.get_or_init(std::thread::current);
        while !self.turn.swap(false, Ordering::SeqCst) {
            std::thread::park();
        }
    }
}
