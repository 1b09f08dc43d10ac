//! `make log`: a run in columns, a server each.
//!
//! The events in words ([`story`](crate::story)) are chosen from, joined to rows (a message and
//! what its handler did), folded where nothing happens, fitted to the screen, and drawn.

mod choose;
mod draw;
mod fit;
mod fold;
mod page;
mod rows;
mod wrap;

pub use choose::Choice;
pub use draw::seconds;
pub use page::{Failed, Look, print};
