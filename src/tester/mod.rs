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
//! [`Config`] (`config.rs`: the cluster; `checks.rs`: what tests ask; `asked.rs`: and servers;
//! `banner.rs`: what they print; `faults.rs`: what befalls it in the nemesis only), `service.rs`
//! (the service and its checks), `states.rs` (what a failure shows of each server), `history.rs`
//! (leaders, terms and indices over the whole test).

mod asked;
mod banner;
mod checks;
mod config;
mod faults;
mod history;
mod numbers;
mod service;
mod states;

pub use crate::command::{Command, random_string};
pub use asked::Started;
pub use config::Config;
pub use faults::LastReply;
pub use numbers::{MAX_LOG_SIZE, RAFT_ELECTION_TIMEOUT, SNAPSHOT_INTERVAL};
