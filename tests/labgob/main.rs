//! The tests of labgob: the lab's three, what it promises beyond Go's gob, and bytes that nobody
//! wrote.
//!
//! # Layout
//! - `lab.rs`: the Go lab's tests; types, forms and sizes
//! - `wrong.rs`: another type, another order, too short, too long
//! - `hostile.rs`: lengths that are not true, input at random
//! - `blocks.rs`: blocks of bytes, types that cannot be encoded, a writer that fails
//! - `kit.rs`: the types that are sent, and the frame as the tests know it

use std::process::ExitCode;

use raftlab::runner;

mod blocks;
mod hostile;
mod kit;
mod lab;
mod wrong;

fn main() -> ExitCode {
    runner::main("labgob", &[lab::TESTS, wrong::TESTS, hostile::TESTS, blocks::TESTS])
}
