//! Threads, locks, condition variables, channels, time and randomness: the only place where the
//! lab takes them from.
//!
//! Why not `std` and `parking_lot` directly? Because here a machine checks the locking rules of
//! the lab, in every run:
//!
//! - **Never wait while holding a lock.** [`thread::sleep`], a channel's `send` and `recv`,
//!   [`thread::JoinHandle::join`], a remote call, and a [`Condvar`] wait while *another* lock is
//!   held, panic with both lines: where the lock was taken and where the thread would wait.
//! - **No self-deadlock**: locking a [`Mutex`] that this very thread holds panics with both lines.
//! - **No lock cycles**: a lock waited for too long is looked into, and if the threads wait for
//!   each other in a circle, the report names each thread with the line it waits at and the
//!   line where the lock it wants was taken.
//! - **A panic in any thread fails the run** ([`run()`]), with that thread's name.
//! - **No thread outlives its run**: [`run()`] names those that do.
//!
//! # Layout
//! From the ground up; a file uses those above it:
//!
//! - `clock.rs` ([`Instant`]), [`rng`], [`Leaf`]: what needs nothing else
//! - `os.rs`, `look.rs`, `pool.rs`: operating system threads; they are reused, names belong to
//!   the job
//! - `state.rs`: what is known of each thread and each run
//! - `foreign.rs`: threads that labsync did not start, which can hide nothing (`before.rs`)
//! - `context.rs`: who the current thread is, which locks it holds, what it waits for
//! - `deadlock.rs`: lock cycles
//! - `sim/`: all of these in virtual time, one thread at a time
//! - `panics.rs`, `rules.rs`: how threads end; the checks and their messages
//! - [`Mutex`], [`Condvar`], [`channel`], [`thread`]: one file each
//! - [`run()`] and [`simulate()`]: one test as a unit: its threads, its seed, its failure, its limit
//!
//! # Two clocks
//! A thread belongs to a simulation or it does not, and each operation looks which: so one
//! program runs both ways, and the code that uses labsync cannot tell.
//!
//! The API is that of `parking_lot`, `std::thread` and `crossbeam-channel`, less what the lab
//! does not need. Nothing else in the workspace may use those directly: `clippy.toml` lists them.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is where they are wrapped"
)]

mod before;
mod clock;
mod condvar;
mod context;
mod deadlock;
mod foreign;
mod last_words;
mod leaf;
mod look;
mod mutex;
mod os;
mod panics;
mod pool;
mod rules;
mod run;
mod sim;
mod simulate;
mod state;
mod stop;

pub mod channel;
pub mod rng;
pub mod thread;

pub use clock::{Instant, is_virtual as is_simulated};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use context::held_any as held_lock;
pub use foreign::blame_foreign_threads;
pub use last_words::before_end_of_process;
pub use leaf::Leaf;
pub use look::look_for;
pub use mutex::{Mutex, MutexGuard};
pub use panics::unwinding;
pub use rules::{check_no_lock_held, waiting};
pub use run::{RunOptions, run};
pub use sim::{Event, Kernel, first_difference, limit_work_without_wait, spend, stall_longer};
pub use simulate::{SimReport, simulate, simulate_recorded};
pub use state::{Failure, THREAD_GRACE};
