//! A recorded run, as `docs/trace.md` describes it: [`Trace::open`] reads it.

mod event;
mod message;
mod reader;

pub use event::{Call, Changes, Event, Failure, Header, Role, Snapshot};
pub use message::{Entry, Message};
pub use reader::{Record, Trace, TraceError};

/// A server: from 0.
pub type ServerId = usize;
/// The version of the format that is read here.
pub const VERSION: u32 = 2;
/// More servers than any test has: a larger number is damage, and no reason to reserve memory.
pub const MOST_SERVERS: usize = 64;
