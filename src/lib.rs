//! The Raft lab of MIT 6.824 (Lab 2, Parts A to D) in Rust: Raft, the unreliable network it runs
//! on, and the tests that it must pass.
//!
//! # Layout
//! From the ground up; each module opens with what it is for and how to read it.
//!
//! | module | what it is | in the Go lab |
//! |---|---|---|
//! | [`labsync`] | threads, locks, channels, time, randomness, with the locking rules checked | `sync`, `time` |
//! | [`labgob`] | encoding, for messages and for what is persisted | `labgob` |
//! | [`labrpc`] | a network in one process that drops, delays and reorders | `labrpc` |
//! | [`raft`] | Raft: what the lab is about | `raft.go` |
//! | [`tester`] | clusters to test, checks, and the runner of the test suites | `config.go` |
//!
//! The tests themselves are in `tests/`: `tests/raft/` holds the lab's 28, a file for each Part;
//! `tests/figure2/` has one for each sentence of Figure 2, with scripted servers around one Raft.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub use {labgob, labrpc, labsync};

pub mod raft;
pub mod tester;
