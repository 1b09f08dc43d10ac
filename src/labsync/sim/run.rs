//! A simulated run from its first turn to its last.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::event::Event;
use super::kernel::{Kernel, Seat};
use super::world::{Phase, Status, Stuck, World};
use super::{Sim, Slot, watchdog};
use crate::context::ThreadInfo;
use crate::run::{Failure, RunOptions, RunState, THREAD_GRACE};
use crate::{foreign, panics, thread};

/// What a simulated run was like; equal for equal seeds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SimReport {
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// How much virtual time has passed.
    pub elapsed: Duration,
    /// A hash of all that was decided in the run: which thread ran when.
    pub trace_hash: u64,
    /// How many scheduling points there were.
    pub points: u64,
}

/// Runs `body` as [`run`](crate::run()) does, but simulated: all from the seed.
#[must_use]
pub fn simulate(
    options: &RunOptions,
    kernel: Kernel,
    body: impl FnOnce() + Send + 'static,
) -> SimReport {
    simulate_world(options, kernel, World::new(options.seed, nanos(options.limit)), body).0
}

/// Like [`simulate`]; also all that happened: who ran when, and who waited where.
#[must_use]
pub fn simulate_recorded(
    options: &RunOptions,
    kernel: Kernel,
    body: impl FnOnce() + Send + 'static,
) -> (SimReport, Vec<Event>) {
    let mut world = World::new(options.seed, nanos(options.limit));
    world.recorded = Some(Vec::new());
    simulate_world(options, kernel, world, body)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn simulate_world(
    options: &RunOptions,
    kernel: Kernel,
    world: World,
    body: impl FnOnce() + Send + 'static,
) -> (SimReport, Vec<Event>) {
    panics::install_hook();
    let run = Arc::new(RunState::new());
    let _under_way = panics::under_way(&run);
    let sim = Arc::new(Sim {
        world: parking_lot::Mutex::new(world),
        clock: AtomicU64::new(0),
        kernel,
        controller: Seat::default(),
        #[cfg(feature = "coro")]
        controller_called: Default::default(),
        #[cfg(feature = "coro")]
        fibers: Default::default(),
        run: run.clone(),
        label: format!("{}, seed {}", options.name, options.seed),
        points: AtomicU64::new(0),
    });
    let watched = watchdog::watch(&sim);
    let before = foreign::Before::look();
    let (body_sim, body_run) = (sim.clone(), run.clone());
    let marked_body = move || {
        body();
        body_run.note_body_returned();
        let mut world = body_sim.world.lock();
        world.limit = world.now + nanos(THREAD_GRACE);
    };
    thread::spawn_in_simulation(&sim, &run, options.name.clone(), options.seed, marked_body);
    {
        let mut world = sim.world.lock();
        let first = world.pick().unwrap_or_else(|_| unreachable!("the body is ready"));
        sim.give_turn(&mut world, first);
    }
    sim.wait_as_controller();
    run.set_over();
    // What is left unwinds without moving the clock: the report is about the run.
    let mut report = {
        let world = sim.world.lock();
        SimReport {
            failure: run.failure(),
            elapsed: Duration::from_nanos(world.now),
            trace_hash: world.hash,
            points: world.points,
        }
    };
    let events = sim.world.lock().recorded.take().unwrap_or_default();
    sim.tear_down();
    drop(watched); // what follows may wait
    if report.failure.is_none() {
        report.failure = before.check(&options.name).err();
    }
    (report, events)
}

impl Sim {
    /// Records why nobody can go on, with what each thread waits for.
    pub(super) fn fail_stuck(&self, world: &World, stuck: &Stuck) {
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
        let message = format!("{head}:{}", crate::run::list(&threads));
        self.run.fail(Failure { thread, message, at: None });
    }

    /// Lets every thread that is left unwind, one after another.
    fn tear_down(self: &Arc<Sim>) {
        self.world.lock().phase = Phase::Ending;
        loop {
            let left = self.started_and_live();
            if left.is_empty() {
                break;
            }
            let before = left.len();
            for slot in left {
                self.resume_to_end(slot);
            }
            if self.started_and_live().len() == before {
                // Destructors that wait for each other: those stacks are given up.
                #[cfg(feature = "coro")]
                std::mem::forget(std::mem::take(&mut *self.fibers.lock()));
                break;
            }
        }
        // What never ran is dropped here, when nobody holds a lock any more.
        let bodies: Vec<_> = {
            let mut world = self.world.lock();
            world.tasks.iter_mut().filter_map(|task| task.body.take()).collect()
        };
        drop(bodies);
    }

    /// Those that hold locks first: the destructors of the others may need them.
    fn started_and_live(&self) -> Vec<Slot> {
        let world = self.world.lock();
        let mut slots: Vec<Slot> =
            world.live().filter(|&slot| world.tasks[slot].body.is_none()).collect();
        slots.sort_by_key(|&slot| std::cmp::Reverse(world.tasks[slot].held));
        slots
    }

    fn resume_to_end(self: &Arc<Sim>, slot: Slot) {
        {
            let mut world = self.world.lock();
            world.current = slot;
            if world.tasks[slot].status == Status::Ended {
                return;
            }
            self.set_going(&mut world);
        }
        self.wait_as_controller();
    }
}
