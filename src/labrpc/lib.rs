//! The network of the lab: servers in one process call each other through [`ClientEnd`]s, and a
//! test decides what the network does to the messages.
//!
//! A call carries bytes (labgob), never references, so that servers share no memory. What may
//! happen to a call:
//!
//! | network | effect |
//! |---|---|
//! | reliable | delivered at once; calls of different threads may still overtake each other |
//! | unreliable: before the handler | a delay of 0 to 26 ms, then 1 in 10 requests is dropped |
//! | unreliable: after the handler | 1 in 10 replies is dropped |
//! | long reordering | 2 in 3 replies are held back by 200 to 2200 ms |
//! | end disabled or not connected, no such server | 'lost' after 0 to 99 ms, or 0 to 6999 ms with long delays |
//! | server deleted, or end disabled, while the handler runs | 'lost' at once |
//! | an end that is [disturbed](Network::disturb) | one direction cut, late messages, requests that arrive twice |
//! | [`Network::cleanup`] | every call in flight is 'lost' at once |
//!
//! 'Lost' says nothing about whether the handler ran: the request may have been dropped, or the
//! reply. A reply is never delivered from a server that was deleted meanwhile.
//!
//! # How it works
//! The caller's own thread waits out the delays, on a slot ([`call`]) where anybody can tell it
//! that the call is lost; a second thread runs the handler, since a handler may take longer
//! than the caller is ready to wait. There is no thread of the network's own and no polling.
//!
//! # Layout
//! [`Network`] (`network.rs`), what it knows (`state.rs`), a call's way (`journey.rs`: the table
//! above), [`ClientEnd`] (`end.rs`), [`Server`] and [`Service`] (`service.rs`), one call's slot
//! (`call.rs`), what an observer sees of a call (`event.rs`); for tests that go further than the
//! lab's: [`Network::disturb`] (`disturbance.rs`) and [`Network::last_reply`] (`last_reply.rs`).

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod call;
mod disturbance;
mod end;
mod event;
mod journey;
mod last_reply;
mod network;
mod service;
mod state;

pub use disturbance::{Disturbance, Late};
pub use end::ClientEnd;
pub use event::{CallEvent, Loss, Step};
pub use network::Network;
pub use service::{Server, Service};
