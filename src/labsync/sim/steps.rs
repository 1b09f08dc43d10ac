//! What a thread does in a simulation: each step passes [`Sim::point`] or [`Sim::block`].

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::kernel::Kernel;
use super::task::{SinceWait, Slot, Status, Wants};
use super::turns::{Sim, WorldGuard, current, enter, leave};
use super::world::{Phase, World};
use crate::clock::nanos;
use crate::state::{Line, RunState, ThreadInfo};
use crate::{deadlock, stop};

/// In a simulated run: from now on at least one thread is ready all the time for at most so many
/// scheduling points, each of which counts for 500 ns; else the run fails as a livelock.
/// Without this call 10 million are allowed. Real runs are not affected.
pub fn limit_work_without_wait(points: u64) {
    if let Some(sim) = current() {
        sim.world.lock().livelock_points = points;
    }
}

/// In a simulated run that has stalls: they are rarer from now on, and last up to `longest`. None at
/// all with a `longest` of zero. For
/// runs that are patient: the lab's tests would lose leaders, and their time limits, by it.
pub fn stall_longer(longest: Duration) {
    if let Some(sim) = current() {
        sim.world.lock().schedule.stall_longer(nanos(longest));
    }
}

/// In a simulated run, where to compute takes no time: lets so much pass, as if the current thread
/// had worked so long. Others may run meanwhile; if it holds no lock, but has released one, much may
/// happen. In real runs all takes its own time, and this does nothing.
pub fn spend(time: Duration) {
    if let Some(sim) = current() {
        sim.world.lock().spend(nanos(time));
        sim.point();
        sim.stall(|world| {
            let is_outside = |since: &SinceWait| !since.released.is_empty();
            world.stall_current(is_outside, || "its work".to_string())
        });
    }
}

/// Why a thread waits; the name is for reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// For a lock, or for a thread's value: also a thread that unwinds must wait for it.
    Must,
    /// For anything else: a thread that unwinds does not wait.
    Other,
}

impl Sim {
    /// The current thread's place in the table, for lists of waiters.
    pub fn me(&self) -> Slot {
        self.world.lock().current
    }

    /// A scheduling point: another thread may run before this returns.
    pub fn point(&self) {
        let mut world = self.world.lock();
        if world.me().unwinding {
            return;
        }
        if world.phase == Phase::Ending {
            stop(world);
        }
        self.points.store(world.points, Ordering::Relaxed);
        match world.point() {
            Ok(()) => {
                let next = world.pick_at_point();
                self.go_on_with(world, next);
            }
            Err(stuck) => self.stand_still(world, &stuck),
        }
        self.stop_if_ending();
    }

    /// The current thread waits until it is unblocked or `deadline` (ns) has come.
    pub fn block(&self, why: Why, deadline: Option<u64>) {
        let mut world = self.world.lock();
        let unwinding = world.me().unwinding;
        if unwinding && why == Why::Other {
            return;
        }
        if world.phase == Phase::Ending {
            if !unwinding {
                stop(world);
            }
            // A destructor needs a lock of a thread that has yet to unwind: let the others go on.
            world.me().status = Status::Blocked;
            return self.give_turn_to_controller(world);
        }
        self.points.store(world.points, Ordering::Relaxed);
        let stuck = world.point().and_then(|()| {
            if why == Why::Other {
                world.me().since_wait.clear();
            }
            let info = world.me().info.clone();
            world.record(|| info.waiting_where());
            world.block_current(deadline);
            world.pick()
        });
        match stuck {
            Ok(next) => self.go_on_with(world, next),
            Err(stuck) => self.stand_still(world, &stuck),
        }
        if !unwinding {
            self.stop_if_ending();
        }
    }

    /// A wait on a condition variable is about to begin: it may end without a reason.
    pub fn maybe_cut_short(&self) {
        self.world.lock().maybe_cut_short();
    }

    /// Makes a waiting thread ready to run.
    pub fn unblock(&self, slot: Slot) {
        self.world.lock().unblock(slot);
    }

    /// Wakes all threads of a run that is over: where they wait, they find that out.
    pub fn unblock_run(&self, run: &Arc<RunState>) {
        let mut world = self.world.lock();
        let is_of_run = |info: &ThreadInfo| info.run.as_ref().is_some_and(|r| Arc::ptr_eq(r, run));
        let slots: Vec<Slot> =
            world.live().filter(|&slot| is_of_run(&world.tasks[slot].info)).collect();
        slots.into_iter().for_each(|slot| world.unblock(slot));
    }

    /// Takes a random one from a list of waiting threads and makes it ready to run.
    pub fn unblock_one_of(&self, waiters: &mut Vec<Slot>) {
        if !waiters.is_empty() {
            let mut world = self.world.lock();
            let chosen = world.schedule.random_below(waiters.len());
            world.unblock(waiters.swap_remove(chosen));
        }
    }

    /// Whether the current thread unwinds.
    pub fn is_unwinding(&self) -> bool {
        self.world.lock().me().unwinding
    }

    /// From now on the current thread unwinds: it gives up its turn for locks only.
    pub fn note_unwinding(&self) {
        self.world.lock().me().unwinding = true;
    }

    fn stop_if_ending(&self) {
        let mut world = self.world.lock();
        if world.me().unwinding {
            return;
        }
        let run_is_over = world.me().info.run.as_ref().is_some_and(|run| run.is_over());
        if world.phase == Phase::Ending || run_is_over {
            stop(world);
        }
    }

    // ---- locks --------------------------------------------------------------------------------

    /// A scheduling point before a lock that may be stalled at: another thread may run before
    /// this returns, and much may happen.
    pub fn point_before_lock(&self, lock: usize, at: Line) {
        self.point();
        self.stall(|world| {
            let comes_back = |since: &SinceWait| since.released.contains(&lock);
            world.stall_current(comes_back, || format!("the lock at {at}"))
        });
    }

    /// The current thread stands still for a while, if `stalls` says so.
    fn stall(&self, stalls: impl FnOnce(&mut World) -> bool) {
        let mut world = self.world.lock();
        if world.phase == Phase::Ending || !stalls(&mut world) {
            return;
        }
        match world.pick() {
            Ok(next) => self.go_on_with(world, next),
            Err(stuck) => self.stand_still(world, &stuck),
        }
        self.stop_if_ending();
    }

    /// The current thread has taken a lock that `others` may still wait for.
    pub fn lock_taken(&self, lock: usize, at: Line, others: bool) {
        let mut world = self.world.lock();
        world.me().held += 1;
        if others {
            world.lock_taken(lock, at);
        }
    }

    /// The current thread gives up a lock: one of those who wait for it may try.
    pub fn lock_released(&self, lock: usize, stalls: bool, waiters: &mut Vec<Slot>) {
        let mut world = self.world.lock();
        world.me().held -= 1;
        if stalls {
            world.me().since_wait.note_released(lock);
        }
        if !waiters.is_empty() {
            world.lock_released(lock);
            drop(world);
            self.unblock_one_of(waiters);
        }
    }

    /// The current thread waits for a lock that thread number `owner` holds.
    ///
    /// # Panics
    /// If that closes a circle of threads that wait for each other.
    #[track_caller]
    pub fn wait_for_lock(&self, lock: usize, at: Line, owner: u32, taken: Line) {
        let mut world = self.world.lock();
        let owner = world.live().find(|&slot| world.tasks[slot].info.id == owner);
        let Some(owner) = owner else {
            drop(world);
            panic!("lock() at {at}: the lock is held by a thread outside the simulation");
        };
        world.me().wants = Some(Wants { lock, at, owner: Some(owner), taken });
        if let Some(circle) = world.lock_cycle().filter(|_| world.phase == Phase::Running) {
            return self.break_lock_cycle(world, &circle);
        }
        drop(world);
        self.block(Why::Must, None);
        self.world.lock().me().wants = None;
    }

    /// Fails the run with a report of the circle.
    #[track_caller]
    fn break_lock_cycle(&self, mut world: WorldGuard<'_>, circle: &[(Slot, Wants)]) {
        if world.me().unwinding {
            // The run has failed already, and a second panic would abort: let the others unwind.
            world.me().status = Status::Blocked;
            return self.give_turn_to_controller(world);
        }
        let steps: Vec<_> = circle
            .iter()
            .map(|(slot, wants)| deadlock::Step {
                thread: world.tasks[*slot].info.name.clone(),
                wants_at: wants.at,
                owner: wants
                    .owner
                    .map_or("?".to_string(), |owner| world.tasks[owner].info.name.clone()),
                taken: Some(wants.taken),
            })
            .collect();
        world.me().wants = None;
        drop(world);
        panic!("{}", deadlock::report(&steps));
    }

    // ---- threads ------------------------------------------------------------------------------

    /// A new thread of this run: `body` runs on its first turn.
    pub fn spawn(self: &Arc<Sim>, info: Arc<ThreadInfo>, body: impl FnOnce() + Send + 'static) {
        let sim = self.clone();
        let job = Box::new(move || {
            // With coroutines the driver has entered already, for all of them.
            let threads = sim.kernel == Kernel::Threads;
            if threads {
                enter(&sim);
            }
            body();
            if threads {
                leave();
            }
            sim.exit();
        });
        self.world.lock().add(info, job);
    }

    /// The current thread is over: the turn goes on.
    fn exit(&self) {
        let mut world = self.world.lock();
        world.end_current();
        let over = world.phase == Phase::Ending || self.run.has_failed();
        if over || self.run.nobody_is_left() {
            return self.call_controller();
        }
        match world.pick() {
            Ok(next) => self.give_turn(&mut world, next),
            Err(stuck) => {
                self.fail_stuck(&world, &stuck);
                self.call_controller();
            }
        }
    }
}

/// The current thread's run is over.
fn stop(mut world: WorldGuard<'_>) -> ! {
    world.me().unwinding = true;
    drop(world);
    stop::unwind()
}
