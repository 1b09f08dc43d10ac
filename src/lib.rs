//! Lab 2 of MIT 6.824 (Raft, Parts A to D) in Rust: you write Raft in `src/raft`, against the
//! lab's 28 tests, on a network that loses, delays and reorders messages. It is built as in Go, of
//! threads, a lock and condition variables; and all of it also runs simulated, in virtual time,
//! with every choice from a seed.
//!
//! ```text
//! make progress           which tests pass, and what to do next
//! make test-2A            the lab's tests of a Part, in real time
//! make sim SEEDS=20       all Parts simulated, with the seeds 1 to 20
//! ```
//!
//! Two ways in: to write Raft, begin at [`raft`] and at the pages in `docs/`; to know what you
//! stand on, read the modules below from the ground up.
//!
//! # Layout
//! From the ground up; each module opens with what it is for and how to read it. A module uses
//! those that its line names, and no others: `tests/handbook` reads this table, and every `use`.
//!
//! | module | what it is | uses | in the Go lab |
//! |---|---|---|---|
//! | [`labsync`] | threads, locks, channels, time, randomness, with the locking rules checked | | `sync`, `time` |
//! | [`labgob`] | encoding, for messages and for what is persisted | | `labgob` |
//! | [`labrpc`] | a network in one process that drops, delays and reorders | labsync, labgob | `labrpc` |
//! | [`raft`] | Raft: what the lab is about | labsync, labgob, labrpc | `raft.go` |
//! | [`command`] | what the tests ask servers to agree on | labsync | |
//! | [`trace`] | everything that happens in a run, in a file | labsync, labgob, labrpc, raft, command | |
//! | [`oracle`] | every step of every server, held against the paper | labsync, labgob, labrpc, raft | |
//! | [`tester`] | clusters to test, and checks | labsync, labgob, labrpc, raft, command, trace, oracle | `config.go` |
//! | [`runner`] | the command line: which tests, seeds, processes, limits, verdicts | labsync, trace, oracle | `go test` |
//!
//! The tests themselves are in `tests/`: `tests/raft/` holds the lab's 28, a file for each Part;
//! `tests/figure2/` has one for each sentence of Figure 2, with scripted servers around one Raft.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub use {labgob, labrpc, labsync};

pub mod command;
pub mod oracle;
pub mod raft;
pub mod runner;
pub mod tester;
pub mod trace;
