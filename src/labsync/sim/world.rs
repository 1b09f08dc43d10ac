//! The simulated world: the clock, the timers, the threads and which of them runs.
//!
//! Pure bookkeeping under one lock; how threads are really switched is the kernels' business.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::event::Event;
use super::kernel::Seat;
use super::schedule::Schedule;
use super::task::{SinceWait, Slot, Status, Task, Wants};
use crate::pool::Job;
use crate::state::{Line, ThreadInfo};

/// Virtual time that each scheduling point costs, so that a loop that only polls gets somewhere.
const POINT_NS: u64 = 500;
/// So many scheduling points without the clock having to jump: nobody ever waits. A run may ask for
/// less.
const LIVELOCK_POINTS: u64 = 10_000_000;
/// One timer in so many is late ...
const LATE_ONE_IN: u32 = 16;
/// ... by up to so much, as timers of real hosts are.
const LATE_NS: u64 = 2_000_000;
/// One wait on a condition variable in so many ends without a reason ...
const SPURIOUS_ONE_IN: u32 = 32;
/// ... after up to so much.
const SPURIOUS_NS: u64 = 20_000_000;

pub(crate) struct World {
    pub now: u64,
    pub current: Slot,
    pub tasks: Vec<Task>,
    free: Vec<Slot>,
    /// The threads that are ready, but for the current one.
    pub runnable: Vec<Slot>,
    timers: BinaryHeap<Reverse<Timer>>,
    timers_made: u64,
    /// Which thread runs next, which waiter wakes, who is stalled.
    pub schedule: Schedule,
    /// Spurious wake-ups and late timers: a stream of its own, so that switching them off does
    /// not change the schedule's draws.
    perturb: SmallRng,
    pub spawned: u64,
    pub points: u64,
    points_at_jump: u64,
    /// How many points there may be until the clock must jump.
    pub livelock_points: u64,
    /// When the run must be over.
    pub limit: u64,
    pub phase: Phase,
    /// A hash of every scheduling decision, with its time.
    pub hash: u64,
    /// What has happened, if somebody wants to know.
    pub recorded: Option<Vec<Event>>,
}

/// Deadline, rank (ties are broken by age), thread, and that thread's epoch.
type Timer = (u64, u64, Slot, u64);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Running,
    /// The verdict is known: threads unwind, one after another.
    Ending,
}

/// Why nobody can run.
pub(crate) enum Stuck {
    /// Nobody is ready and no timer is set.
    NothingRunnable,
    /// The clock has passed the limit.
    TimeIsUp,
    /// The threads are busy, but nobody has waited for anything for a long time.
    Livelock,
}

impl World {
    pub fn new(seed: u64, limit: u64) -> World {
        World {
            now: 0,
            current: 0,
            tasks: Vec::new(),
            free: Vec::new(),
            runnable: Vec::new(),
            timers: BinaryHeap::new(),
            timers_made: 0,
            schedule: Schedule::new(seed),
            perturb: SmallRng::seed_from_u64(seed ^ 0x9e27_u64.rotate_left(32)),
            spawned: 0,
            points: 0,
            points_at_jump: 0,
            livelock_points: LIVELOCK_POINTS,
            limit,
            phase: Phase::Running,
            hash: 0xcbf2_9ce4_8422_2325,
            recorded: None,
        }
    }

    /// A new thread, ready to run. What the current one has just done, it has done as well.
    pub fn add(&mut self, info: Arc<ThreadInfo>, body: Job) -> Slot {
        self.spawned += 1;
        let parent = self.tasks.get(self.current);
        let since_wait = parent.map(|task| task.since_wait.clone()).unwrap_or_default();
        let task = Task {
            info,
            number: self.spawned,
            status: Status::Ready,
            epoch: 0,
            body: Some(body),
            seat: Arc::new(Seat::default()),
            wants: None,
            held: 0,
            unwinding: false,
            since_wait,
            paid_at: 0, // its parent's debt is not its own
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                // The epoch goes on counting: timers of the slot's last thread stay stale.
                let epoch = self.tasks[slot].epoch + 1;
                self.tasks[slot] = Task { epoch, ..task };
                slot
            }
            None => {
                self.tasks.push(task);
                self.tasks.len() - 1
            }
        };
        self.schedule.thread_added(slot);
        self.runnable.push(slot);
        slot
    }

    pub fn me(&mut self) -> &mut Task {
        &mut self.tasks[self.current]
    }

    /// Counts a scheduling point, and lets its bit of time pass.
    pub fn point(&mut self) -> Result<(), Stuck> {
        self.points += 1;
        self.spend(POINT_NS);
        if self.now > self.limit {
            return Err(Stuck::TimeIsUp);
        }
        if self.points - self.points_at_jump > self.livelock_points {
            return Err(Stuck::Livelock);
        }
        Ok(())
    }

    /// Lets time pass while the current thread runs.
    pub fn spend(&mut self, ns: u64) {
        self.now = self.now.saturating_add(ns);
        self.wake_due();
    }

    /// The thread to run when the current one cannot go on; moves the clock if nobody is ready.
    pub fn pick(&mut self) -> Result<Slot, Stuck> {
        if self.runnable.is_empty() {
            self.jump()?;
        }
        Ok(self.pick_ready())
    }

    /// The thread to run at a scheduling point: the current one, or another that is ready.
    pub fn pick_at_point(&mut self) -> Slot {
        match self.schedule.overtakes(self.current, &self.runnable) {
            Some(next) => std::mem::replace(&mut self.runnable[next], self.current),
            None => self.current,
        }
    }

    /// One of the threads that are ready; there must be one.
    pub fn pick_ready(&mut self) -> Slot {
        let chosen = self.schedule.choose(&self.runnable);
        self.runnable.swap_remove(chosen)
    }

    /// Stalls the current thread now and then, if it holds no lock and was in a critical section
    /// that matters for what comes next; true if it did.
    pub fn stall_current(
        &mut self,
        matters: impl FnOnce(&SinceWait) -> bool,
        before: impl FnOnce() -> String,
    ) -> bool {
        let (slot, now) = (self.current, self.now);
        let task = &mut self.tasks[slot];
        let since = &task.since_wait;
        if task.held > 0 || task.unwinding || since.stalled || !matters(since) {
            return false;
        }
        let Some(stall) = self.schedule.stall(now, &mut task.paid_at) else { return false };
        task.since_wait.stalled = true;
        task.status = Status::Blocked;
        self.set_timer(slot, now + stall);
        self.record(|| format!("is stalled before {}", before()));
        true
    }

    /// Nobody is ready: on to the next deadline that somebody still waits for.
    fn jump(&mut self) -> Result<(), Stuck> {
        while let Some(&Reverse((deadline, _, slot, epoch))) = self.timers.peek() {
            if self.is_waiting(slot, epoch) {
                if deadline > self.limit {
                    return Err(Stuck::TimeIsUp);
                }
                self.now = self.now.max(deadline);
                // Only a wait of its own shows that a thread does not go round for ever.
                if !self.tasks[slot].since_wait.stalled {
                    self.points_at_jump = self.points;
                }
                self.wake_due();
                return Ok(());
            }
            self.timers.pop();
        }
        Err(Stuck::NothingRunnable)
    }

    fn wake_due(&mut self) {
        while let Some(&Reverse((deadline, _, slot, epoch))) = self.timers.peek() {
            if deadline > self.now {
                break;
            }
            self.timers.pop();
            if self.is_waiting(slot, epoch) {
                self.unblock(slot);
            }
        }
    }

    fn is_waiting(&self, slot: Slot, epoch: u64) -> bool {
        let task = &self.tasks[slot];
        task.status == Status::Blocked && task.epoch == epoch
    }

    /// The current thread waits, until somebody unblocks it or until `deadline`.
    pub fn block_current(&mut self, deadline: Option<u64>) {
        let slot = self.current;
        if let Some(deadline) = deadline {
            let late = self.perturb.random_range(0..LATE_ONE_IN) == 0;
            let delay = if late { self.perturb.random_range(0..=LATE_NS) } else { 0 };
            self.set_timer(slot, deadline.saturating_add(delay));
        }
        self.tasks[slot].status = Status::Blocked;
    }

    pub fn set_timer(&mut self, slot: Slot, deadline: u64) {
        self.timers_made += 1;
        let epoch = self.tasks[slot].epoch;
        self.timers.push(Reverse((deadline, self.timers_made, slot, epoch)));
    }

    /// A wait on a condition variable may be cut short; call before `block_current`.
    pub fn maybe_cut_short(&mut self) {
        if self.perturb.random_range(0..SPURIOUS_ONE_IN) == 0 {
            let deadline = self.now + self.perturb.random_range(0..=SPURIOUS_NS);
            self.set_timer(self.current, deadline);
        }
    }

    /// Makes a waiting thread ready; one that is ready already stays so.
    pub fn unblock(&mut self, slot: Slot) {
        let task = &mut self.tasks[slot];
        if task.status == Status::Blocked {
            task.status = Status::Ready;
            task.epoch += 1;
            self.runnable.push(slot);
        }
    }

    /// The current thread is over; its place may be used again.
    pub fn end_current(&mut self) {
        let slot = self.current;
        let task = &mut self.tasks[slot];
        task.status = Status::Ended;
        task.epoch += 1;
        self.free.push(slot);
    }

    /// Hands the current thread's turn to `next`.
    pub fn hand_over(&mut self, next: Slot) {
        self.current = next;
        self.mix(self.tasks[next].number);
        self.mix(self.now);
        self.record(|| "runs".to_string());
    }

    /// Notes what the current thread does, if events are recorded.
    pub fn record(&mut self, what: impl FnOnce() -> String) {
        let info = &self.tasks[self.current].info;
        if let Some(events) = &mut self.recorded {
            events.push(Event { at_ns: self.now, thread: info.name.clone(), what: what() });
        }
    }

    pub fn mix(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    }

    pub fn live(&self) -> impl Iterator<Item = Slot> + '_ {
        (0..self.tasks.len()).filter(|&slot| self.tasks[slot].status != Status::Ended)
    }

    /// The threads that wait for each other's locks in a circle that starts at the current one.
    pub fn lock_cycle(&self) -> Option<Vec<(Slot, Wants)>> {
        let mut circle = Vec::new();
        let mut slot = self.current;
        loop {
            // A thread that was made ready may find the lock free: it waits no more.
            if slot != self.current && self.tasks[slot].status != Status::Blocked {
                return None;
            }
            let wants = self.tasks[slot].wants?;
            circle.push((slot, wants));
            slot = wants.owner?;
            if slot == self.current {
                return Some(circle);
            }
            if circle.len() > self.tasks.len() {
                return None; // a circle further on, which its own members have reported
            }
        }
    }

    /// The lock is free for the moment: who still waits for it waits for nobody.
    pub fn lock_released(&mut self, lock: usize) {
        for task in &mut self.tasks {
            if let Some(wants) = task.wants.as_mut().filter(|wants| wants.lock == lock) {
                wants.owner = None;
            }
        }
    }

    /// The lock has a new owner: whoever still waits for it waits for that one.
    pub fn lock_taken(&mut self, lock: usize, taken: Line) {
        let owner = Some(self.current);
        for task in &mut self.tasks {
            if let Some(wants) = task.wants.as_mut().filter(|wants| wants.lock == lock) {
                (wants.owner, wants.taken) = (owner, taken);
            }
        }
    }
}
