//! What can be told of servers that show no [`View`](crate::raft::View): from the messages that
//! they send and answer, from how often they save, and from what they apply.
//!
//! Only what no order of threads can change is held against a server. A request is seen before it
//! can have an effect, but it may have been made up long before: so it says what its sender was at
//! some time since it started. An answer is seen after the critical section that it comes from, which
//! is later than the arrival of its request. What a dead instance says counts for nothing.
//!
//! What was answered was on disk, so it binds the next instance as well. Whether it was saved is asked
//! only where somebody saves: Parts A and B can be written before Part C.
//!
//! # Layout
//! `record.rs` (all that is seen), `requests.rs`, `answers.rs`, `commits.rs` (who can know what is
//! committed).

mod answers;
mod commits;
mod record;
mod requests;

pub(super) use self::record::{Arrival, Wire};
