//! A simulated thread: how it is, and what it has done since it last waited.

use std::sync::Arc;

use super::kernel::Seat;
use crate::pool::Job;
use crate::state::{Line, ThreadInfo};

/// A thread of the simulation, by its place in the table; places are used again.
pub(crate) type Slot = usize;

/// A thread of the simulation.
pub(crate) struct Task {
    pub info: Arc<ThreadInfo>,
    /// Its rank among all threads of the run.
    pub number: u64,
    pub status: Status,
    /// Counts wake-ups: a timer set before the last one is stale.
    pub epoch: u64,
    /// Its body, until it runs for the first time.
    pub body: Option<Job>,
    pub seat: Arc<Seat>,
    /// The lock it waits for: whose it is, and where that thread took it.
    pub wants: Option<Wants>,
    /// How many locks it holds: at the end of a run those who hold some go first.
    pub held: usize,
    /// It unwinds, after a panic or because the run is over.
    pub unwinding: bool,
    pub since_wait: SinceWait,
    /// When it will have paid for its stalls so far, in ns since the run began.
    pub paid_at: u64,
}

#[derive(Clone, Copy)]
pub(crate) struct Wants {
    pub lock: usize,
    pub at: Line,
    /// Who holds it; nobody between a release and the next taking.
    pub owner: Option<Slot>,
    pub taken: Line,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Ready,
    Blocked,
    Ended,
}

/// What a thread has done since it last waited.
#[derive(Clone, Default)]
pub(crate) struct SinceWait {
    /// The locks that it has released; or its parent, before this thread was made.
    pub released: Vec<usize>,
    pub stalled: bool,
}

impl SinceWait {
    pub fn note_released(&mut self, lock: usize) {
        if !self.released.contains(&lock) {
            self.released.push(lock);
        }
    }

    /// The thread waits.
    pub fn clear(&mut self) {
        self.released.clear();
        self.stalled = false;
    }
}
