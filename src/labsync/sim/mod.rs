//! The simulation: the same threads and locks, but one thread runs at a time, chosen from a
//! seed, and time is virtual. The same seed gives the same run, event by event.
//!
//! Whatever a thread does through labsync passes one of two operations: [`Sim::point`], where it
//! could lose its turn to another thread, and [`Sim::block`], where it waits. When nobody
//! can run, the clock jumps to the next deadline. All else (locks, condition variables, channels,
//! threads) is written over these, once.
//!
//! - A thread's turn ends only at a scheduling point, so nothing between two points needs
//!   protection, and what happens between them happens at one virtual instant.
//! - Real hosts are not perfect, so the world is not either: timers fire late at times, and waits
//!   on condition variables end for no reason, both from the seed.
//! - When the run is decided, each thread that is left is resumed once more and unwinds, so that
//!   loops that never end do end, and destructors run.

mod channel;
#[cfg(feature = "coro")]
mod coro;
mod event;
mod kernel;
mod run;
mod schedule;
mod watchdog;
mod world;

use std::cell::RefCell;
use std::sync::Arc;
#[cfg(feature = "coro")]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::kernel::Kernel;
use self::kernel::Seat;
use self::world::{Phase, Status, Stuck, World};
use super::context::{self, Line, ThreadInfo};
use super::panics;
use super::run::RunState;

pub(super) use self::channel::{Nothing, SimChannel};
pub use self::event::{Event, first_difference};
pub use self::run::{SimReport, simulate, simulate_recorded};
pub use self::schedule::stall_longer;
pub use self::watchdog::before_end_of_process;
pub(super) use self::world::Slot;

/// One simulated run.
pub(super) struct Sim {
    world: parking_lot::Mutex<World>,
    /// The virtual time in ns, for whoever only wants to read it.
    clock: AtomicU64,
    kernel: Kernel,
    /// Where the thread that started the run waits for its end.
    controller: Seat,
    #[cfg(feature = "coro")]
    controller_called: AtomicBool,
    #[cfg(feature = "coro")]
    fibers: parking_lot::Mutex<coro::Fibers>,
    run: Arc<RunState>,
    /// Who is run, with which seed; for the watchdog.
    label: String,
    /// The scheduling points so far, for the watchdog.
    points: AtomicU64,
}

thread_local! {
    static SIM: RefCell<Option<Arc<Sim>>> = const { RefCell::new(None) };
}

/// The simulation that the current thread belongs to.
pub(super) fn current() -> Option<Arc<Sim>> {
    SIM.with_borrow(Clone::clone)
}

/// From now on the current operating system thread runs threads of `sim`.
fn enter(sim: &Arc<Sim>) {
    SIM.set(Some(sim.clone()));
    context::set_in_simulation(true);
}

fn leave() {
    context::set_in_simulation(false);
    SIM.set(None);
}

/// In a simulated run: from now on at least one thread is ready all the time for at most so many
/// scheduling points, each of which counts for 500 ns; else the run fails as a livelock.
/// Without this call 10 million are allowed. Real runs are not affected.
pub fn limit_work_without_wait(points: u64) {
    if let Some(sim) = current() {
        sim.world.lock().livelock_points = points;
    }
}

/// Why a thread waits; the name is for reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// For a lock, or for a thread's value: also a thread that unwinds must wait for it.
    Must,
    /// For anything else: a thread that unwinds does not wait.
    Other,
}

type WorldGuard<'a> = parking_lot::MutexGuard<'a, World>;

impl Sim {
    /// The virtual time in ns.
    pub fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

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
            drop(world);
            panics::stop();
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
                drop(world);
                panics::stop();
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
            drop(world);
            panics::stop();
        }
    }

    // ---- locks --------------------------------------------------------------------------------

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
        world.me().wants = Some(world::Wants { lock, at, owner: Some(owner), taken });
        if let Some(circle) = world.lock_cycle().filter(|_| world.phase == Phase::Running) {
            return self.break_lock_cycle(world, &circle);
        }
        drop(world);
        self.block(Why::Must, None);
        self.world.lock().me().wants = None;
    }

    /// Fails the run with a report of the circle.
    #[track_caller]
    fn break_lock_cycle(&self, mut world: WorldGuard<'_>, circle: &[(Slot, world::Wants)]) {
        if world.me().unwinding {
            // The run has failed already, and a second panic would abort: let the others unwind.
            world.me().status = Status::Blocked;
            return self.give_turn_to_controller(world);
        }
        let steps: Vec<_> = circle
            .iter()
            .map(|(slot, wants)| super::deadlock::Step {
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
        panic!("{}", super::deadlock::report(&steps));
    }

    // ---- turns --------------------------------------------------------------------------------

    /// Keeps the turn if it is the current thread that was chosen.
    fn go_on_with(&self, world: WorldGuard<'_>, next: Slot) {
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

    fn give_turn(&self, world: &mut World, next: Slot) {
        world.hand_over(next);
        self.clock.store(world.now, Ordering::Relaxed);
        self.set_going(world);
    }

    fn give_turn_to_controller(&self, mut world: WorldGuard<'_>) {
        let seat = world.me().seat.clone();
        drop(world);
        self.call_controller();
        self.wait_for_turn(&seat);
    }

    /// Nobody can go on: the run has failed. Returns when the run ends.
    fn stand_still(&self, world: WorldGuard<'_>, stuck: &Stuck) {
        self.fail_stuck(&world, stuck);
        self.give_turn_to_controller(world);
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
