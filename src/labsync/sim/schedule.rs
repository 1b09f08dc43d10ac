//! Which thread runs next, and where one is held up: what a seed decides of a run's schedule.
//!
//! # Why not simply at random
//! The commonest mistake with a lock is to *check in one critical section and act in the next*: a
//! vote is decided, the lock released and taken again, the vote cast. It does harm if another
//! thread comes between, and that thread must be there in the microsecond between the two.
//! Simulated threads mostly wait for messages and timers, so a uniform choice among those that
//! are ready has hardly ever one to put there.
//!
//! # The ways
//! Who runs is decided in one of two manners, each with stalls and without: four ways. A run has
//! the way of its seed ([`Way::of_seed`]), and any four seeds in a row have them all.
//!
//! - **Uniform choice**: at each scheduling point every thread that is ready is as likely to run
//!   as any other. It shows best how a run on real cores would go.
//! - **Priorities**: the ready thread of the highest priority runs. Priorities are random, and
//!   that of the current thread is drawn anew at one point in [`REDRAW_ONE_IN`]. So some thread
//!   is overtaken by all others for a long time, which a uniform choice never lets happen. This
//!   is PCT (Burckhardt, Kothari, Musuvathi, Nagarakatte: "A Randomized Scheduler with
//!   Probabilistic Guarantees of Finding Bugs", ASPLOS 2010), but for the points of change: the
//!   paper draws d - 1 of them from the length of a run, which nobody knows here beforehand.
//! - **Stalls**: a thread that takes a lock again which it has released, without having waited
//!   for anything in between, is held up now and then, for some milliseconds of virtual time. So
//!   messages and timers get into the gap. The first lock of a new thread counts as well if
//!   its parent had released it: work that is handed to a thread is the same gap. So does work
//!   that takes time ([`spend`]) outside of a lock which was released before: what was made
//!   ready under it may be old when it is written.
//!
//! Stalls are aimed: code that does all in one critical section seldom takes a lock twice without
//! a wait, and so is seldom held up. A stall before any lock, also tried, finds less: most of
//! them are then spent where a wait has just been. `docs/schedules.md` has the numbers.
//!
//! # What a stall must not do
//! - A right program stays right: a stall is what a busy host does at any time. It is short beside
//!   the lab's time limits.
//! - A thread is stalled once at most between two waits of its own, and never with a lock held. So
//!   a thread that polls without a wait is still found to be a livelock.
//! - A thread pays for its stalls with time: in the long run a third of its time at most is stalled.
//!   An applier may take the lock for each of a thousand entries, and wait for the service each time.
//!   Long stalls, which the nemesis asks for, are free: no limit of the lab's waits for them to end.
//! - The harness is not under test: its locks are made by [`Mutex::unstalled`], since a stall
//!   there would only look like a slow network, or make the harness miss its own times.
//!
//! [`Mutex::unstalled`]: crate::Mutex::unstalled
//! [`spend`]: crate::spend

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::task::Slot;

/// With priorities: one scheduling point in so many draws the current thread's anew.
const REDRAW_ONE_IN: u32 = 16;

/// How the threads of a run are scheduled.
#[derive(Clone, Copy, Debug)]
struct Way {
    picks: Picks,
    stalls: Option<Stalls>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Picks {
    Uniform,
    Priorities,
}

#[derive(Clone, Copy, Debug)]
struct Stalls {
    /// One gap in so many is stretched ...
    one_in: u32,
    /// ... to at most so much.
    longest_ns: u64,
    /// A thread that has more still to pay, in ns, is not stalled.
    most_owed_ns: u64,
}

/// Often, and short beside the lab's heartbeats and timeouts.
const STALLS: Stalls = Stalls { one_in: 2, longest_ns: 20_000_000, most_owed_ns: 200_000_000 };
/// A stall of 1 ns is paid for with so many ns of the thread's time, the stall itself included. So a
/// thread is stalled for five or six of the longest in a row at most.
const PRICE: u64 = 3;
/// In a run that asks for long stalls, one gap in so many.
const LONG_ONE_IN: u32 = 8;

const WAYS: [Way; 4] = [
    Way { picks: Picks::Uniform, stalls: None },
    Way { picks: Picks::Uniform, stalls: Some(STALLS) },
    Way { picks: Picks::Priorities, stalls: None },
    Way { picks: Picks::Priorities, stalls: Some(STALLS) },
];

impl Way {
    /// The ways take turns, so that any few seeds in a row have all of them.
    fn of_seed(seed: u64) -> Way {
        WAYS[(seed % WAYS.len() as u64) as usize]
    }
}

/// What decides between threads.
pub(crate) struct Schedule {
    way: Way,
    random: SmallRng,
    /// With priorities, those of all threads, by their slots.
    priorities: Vec<u64>,
}

impl Schedule {
    pub fn new(seed: u64) -> Schedule {
        Schedule {
            way: Way::of_seed(seed),
            random: SmallRng::seed_from_u64(seed ^ 0x5ced_u64.rotate_left(32)),
            priorities: Vec::new(),
        }
    }

    /// A new thread is in `slot`.
    pub fn thread_added(&mut self, slot: Slot) {
        if self.way.picks == Picks::Priorities {
            self.priorities.resize(self.priorities.len().max(slot + 1), 0);
            self.redraw(slot);
        }
    }

    /// From now on gaps are stretched less often, and up to so much; if they are at all.
    pub fn stall_longer(&mut self, longest_ns: u64) {
        if let Some(stalls) = &mut self.way.stalls {
            *stalls = Stalls { one_in: LONG_ONE_IN, longest_ns, most_owed_ns: u64::MAX };
        }
    }

    fn redraw(&mut self, slot: Slot) {
        self.priorities[slot] = self.random.random();
    }

    pub fn random_below(&mut self, count: usize) -> usize {
        if count < 2 { 0 } else { self.random.random_range(0..count) }
    }

    /// Which of the ready threads overtakes the current one at a scheduling point, if one does.
    pub fn overtakes(&mut self, current: Slot, ready: &[Slot]) -> Option<usize> {
        if ready.is_empty() {
            return None;
        }
        if self.way.picks == Picks::Uniform {
            return Some(self.random_below(ready.len() + 1)).filter(|&i| i < ready.len());
        }
        if self.random.random_range(0..REDRAW_ONE_IN) == 0 {
            self.redraw(current);
        }
        let highest = self.highest(ready);
        (self.priorities[ready[highest]] > self.priorities[current]).then_some(highest)
    }

    /// Which of the ready threads runs when the current one cannot go on.
    pub fn choose(&mut self, ready: &[Slot]) -> usize {
        match self.way.picks {
            Picks::Uniform => self.random_below(ready.len()),
            Picks::Priorities => self.highest(ready),
        }
    }

    fn highest(&self, ready: &[Slot]) -> usize {
        let highest = (0..ready.len()).max_by_key(|&i| self.priorities[ready[i]]);
        highest.expect("somebody is ready")
    }

    /// For how long, in ns, the gap behind a critical section is stretched at `now`, if it is. By
    /// `paid_at` the thread has paid for its stalls so far; a new one moves that on. Both are in
    /// ns since the run began.
    pub fn stall(&mut self, now: u64, paid_at: &mut u64) -> Option<u64> {
        let stalls = self.way.stalls?;
        if paid_at.saturating_sub(now) > stalls.most_owed_ns {
            return None;
        }
        let stalled = self.random.random_range(0..stalls.one_in) == 0;
        stalled.then(|| {
            let stall = self.random.random_range(0..=stalls.longest_ns);
            *paid_at = now.max(*paid_at) + PRICE * stall;
            stall
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_seeds_in_a_row_as_there_are_ways_have_all_of_them() {
        let key = |way: Way| {
            WAYS.iter().position(|w| format!("{w:?}") == format!("{way:?}")).expect("a way")
        };
        for first in [0, 1, 2, 50, 1000, 1 << 40] {
            let mut ways: Vec<_> =
                (0..WAYS.len() as u64).map(|i| key(Way::of_seed(first + i))).collect();
            ways.sort_unstable();
            assert_eq!(ways, (0..WAYS.len()).collect::<Vec<_>>(), "the seeds from {first}");
        }
    }
}
