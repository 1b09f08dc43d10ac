//! The tests of [`raftlab::labrpc`], the network in which everything else of the lab lives.
//!
//! # How they are run
//! `cargo test --test labrpc`; words after `--` choose by name. As in the Raft suite there is no
//! `#[test]`: [`runner::main`] gives each test a process of its own, in which no thread may be
//! left when the test returns, and a panic in any thread fails it.
//!
//! # How they are written
//! Nothing is proved by a sleep: a test waits for the event itself, at a [`Gate`](kit::Gate) or
//! with [`until`](kit::until). Where the lab gives a rule in milliseconds, the time is measured
//! ([`in_time`](kit::in_time)); all other upper bounds on time decide in simulated runs only, where a
//! busy host cannot be late ([`exact_if_simulated`](kit::exact_if_simulated)). Bounds on random numbers are so wide that a correct network misses one
//! of them less than once in 10^9 runs.
//!
//! # Layout
//! - `lab.rs`: the Go lab's tests
//! - `lost.rs`: which calls are lost when a server or an end goes away, and which replies
//! - `shutdown.rs`: the end of the network, and of what the servers own
//! - `chance.rs`: delays, drops and reordering as random numbers
//! - `traffic.rs`: what is counted, seen and copied; servers that a test plays itself
//! - `disturbance.rs`: ends with troubles of their own, servers that end with a reply
//! - `misuse.rs`: mistakes, and the words in which they are reported
//! - `kit.rs`: gates, callers, waits; `junk.rs`: the lab's JunkServer and a network around it

use std::process::ExitCode;

use raftlab::runner;

mod chance;
mod disturbance;
mod junk;
mod kit;
mod lab;
mod lost;
mod misuse;
mod shutdown;
mod traffic;

fn main() -> ExitCode {
    let parts = [
        lab::TESTS,
        lost::TESTS,
        shutdown::TESTS,
        chance::TESTS,
        traffic::TESTS,
        disturbance::TESTS,
        misuse::TESTS,
    ];
    runner::main("labrpc", &parts)
}
