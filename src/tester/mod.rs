//! The harness of the lab's tests (what `config.go` is in the Go lab).
//!
//! A test makes a [`Config`]: a cluster on a simulated network, each server with a small service
//! on top that applies what Raft commits and checks it. The test cuts servers off, crashes and
//! restarts them, and asks for agreement. Some things are checked all the time, in any test and
//! for any implementation of Raft, since they must never happen:
//!
//! - two servers apply different commands at an index, over the whole life of the test;
//! - a server skips an index or applies one twice; a snapshot takes a service back, or does not
//!   hold what its index says; a server applies something after it was killed;
//! - two servers act as leader in one term: each AppendEntries and InstallSnapshot that
//!   is sent, and each `start()` that is accepted, tells who leads;
//! - one index and term is given to two commands; a server's term falls, restarts included;
//! - a thread panics, breaks a locking rule, or is left when the test is over.
//!
//! An implementation that shows its Figure-2 state ([`View`](crate::raft::View)) is watched by the
//! oracle as well, which checks the properties of Figure 3 at every step.
//!
//! # Layout
//! [`Config`] (`config.rs`: the cluster; `checks.rs`: what tests ask; `asked.rs`: and servers; `banner.rs`: what they print;
//! `faults.rs`: what befalls it in the nemesis only), `service.rs` (the service and its checks),
//! `states.rs` (what a failure shows of each server), `history.rs` (leaders, terms and indices over
//! the whole test), `oracle/` (every step checked, with a View and without),
//! [`trace`] (everything that happens in a run, in a file), [`runner`] (the command line: which
//! tests, how many at a time, seeds), `canary.rs` (was the host too slow?).

mod asked;
mod banner;
mod canary;
mod checks;
mod command;
mod config;
mod cpu;
mod faults;
mod forbidden;
mod history;
mod logger;
mod oracle;
pub mod runner;
mod service;
mod states;
pub mod trace;

use std::time::Duration;

use crate::labsync::Leaf;

pub use asked::Started;
pub use command::{Command, random_string};
pub use config::Config;
pub use cpu::cpu_time;
pub use faults::LastReply;

/// The lab's RET: the time within which an election must have ended.
pub const RAFT_ELECTION_TIMEOUT: Duration = Duration::from_millis(1000);
/// Part D: a service takes a snapshot every so many commands.
pub const SNAPSHOT_INTERVAL: u64 = 10;
/// Part D: the most that a server may have persisted after a round, in bytes.
pub const MAX_LOG_SIZE: usize = 2000;

/// How a line in the message of a failure begins, if the failed step rests on a rule with tests of
/// its own, in the same suite: behind it are their names, with commas between. For the runner
/// (`causes.rs`), which does not show it.
pub const FIRST_SEE: &str = "first see: ";

/// What the test that runs in this process is about, if it says so.
static SUBJECT: Leaf<Option<&'static str>> = Leaf::new(None);

/// Says what the test is about: a failure that does not say so itself, a panic of Raft's, begins
/// with it.
pub fn about(subject: &'static str) {
    SUBJECT.with(|known| *known = Some(subject));
}

/// What the test is about that has just ended.
fn take_subject() -> Option<&'static str> {
    SUBJECT.with(Option::take)
}

/// A test of a suite.
#[derive(Clone, Copy, Debug)]
pub struct LabTest {
    /// The function's name, `test_initial_election_2a`.
    pub name: &'static str,
    /// The test; it fails by panicking.
    pub body: fn(),
}

/// The table of tests that a suite's `main` gives to [`runner::main`]: functions by name.
#[macro_export]
macro_rules! lab_tests {
    ($($test:ident),* $(,)?) => {
        &[$($crate::tester::LabTest { name: stringify!($test), body: $test }),*]
    };
}
