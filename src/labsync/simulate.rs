//! A simulated run from its first turn to its last.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::clock::nanos;
use super::run::RunOptions;
use super::sim::{Event, Kernel, Phase, Seat, Sim, Slot, Status, World, watch};
use super::state::{self, Failure, RunState, THREAD_GRACE};
use super::{before, panics, thread};

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

fn simulate_world(
    options: &RunOptions,
    kernel: Kernel,
    world: World,
    body: impl FnOnce() + Send + 'static,
) -> (SimReport, Vec<Event>) {
    panics::install_hook();
    let run = Arc::new(RunState::new());
    let _under_way = state::under_way(&run);
    let sim = Arc::new(Sim {
        world: parking_lot::Mutex::new(world),
        clock: Default::default(),
        kernel,
        controller: Seat::default(),
        controller_called: Default::default(),
        fibers: Default::default(),
        run: run.clone(),
        label: format!("{}, seed {}", options.name, options.seed),
        points: AtomicU64::new(0),
    });
    let watched = watch(&sim);
    let before = before::Before::look();
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
