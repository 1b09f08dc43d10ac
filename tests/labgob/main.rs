//! The tests of labgob: the lab's three, what it promises beyond Go's gob, and hostile input.
//!
//! # Layout
//! - `lab.rs`: the Go lab's tests; types, forms and sizes
//! - `wrong.rs`: another type, another order, too short, too long
//! - `hostile.rs`: lengths, counts and depths that are not true; input at random
//! - `streams.rs`: blocks of bytes, types that cannot be encoded, streams that fail
//! - `kit.rs`: the types that are sent, and the frame as the tests know it

use std::process::ExitCode;

use raftlab::runner;

mod hostile;
mod kit;
mod lab;
mod streams;
mod wrong;

fn main() -> ExitCode {
    runner::main("labgob", &[lab::TESTS, wrong::TESTS, hostile::TESTS, streams::TESTS])
}
