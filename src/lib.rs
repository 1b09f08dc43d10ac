//! The Raft lab.
#![forbid(unsafe_code)]
pub mod labgob;
pub mod labrpc;
pub mod labsync;
pub mod raft;
pub mod tester;
