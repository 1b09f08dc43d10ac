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
//! - To compute takes no virtual time, but for what [`spend()`] is told: the lab's disk tells what
//!   saving takes.
//!
//! # Layout
//! From the ground up: `kernel.rs` and `coro.rs` (how turns change hands), `task.rs` (a thread),
//! `schedule.rs` (who is next), `world.rs` (the clock, the timers, the threads), `turns.rs` (whose
//! turn it is), `steps.rs` (what threads do), `channel.rs`, `watchdog.rs`. What begins and ends a
//! run is above: `simulate.rs`.

mod channel;
mod coro;
mod event;
mod kernel;
mod schedule;
mod steps;
mod task;
mod turns;
mod watchdog;
mod world;

pub use self::event::{Event, first_difference};
pub use self::kernel::Kernel;
pub use self::steps::{limit_work_without_wait, spend, stall_longer};

pub(crate) use self::channel::{Nothing, SimChannel};
pub(crate) use self::kernel::Seat;
pub(crate) use self::steps::Why;
pub(crate) use self::task::{Slot, Status};
pub(crate) use self::turns::{Sim, current};
pub(crate) use self::watchdog::watch;
pub(crate) use self::world::{Phase, World};
