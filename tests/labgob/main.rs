//! The tests of labgob: the lab's three, what it promises beyond Go's gob, and bytes that nobody
//! wrote.
//!
//! # Layout
//! - `lab.rs`: the Go lab's tests; types, forms and sizes
//! - `wrong.rs`: another type, another order, too short, too long
//! - `hostile.rs`: lengths that are not true, input at random
//! - `blocks.rs`: blocks of bytes, types that cannot be encoded, what is reserved
//! - `lists.rs`: lists that keep their encoding
//! - `kit.rs`: the types that are sent, and the frame as the tests know it

use std::process::ExitCode;

use raftlab::runner;

mod blocks;
mod hostile;
mod kit;
mod lab;
mod lists;
mod wrong;

fn main() -> ExitCode {
    let tests = [lab::TESTS, wrong::TESTS, hostile::TESTS, blocks::TESTS, lists::TESTS];
    runner::main("labgob", &tests)
}
