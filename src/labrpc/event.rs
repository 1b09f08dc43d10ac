//! What an observer of the network gets to see: each step of each call.

use std::sync::Arc;

use serde::Serialize;

/// Who is shown each step.
pub(super) type Observer = Arc<dyn Fn(CallEvent<'_>) + Send + Sync>;

/// A step of a call, as shown to the [observer](super::Network::observe).
#[derive(Clone, Copy, Debug)]
pub struct CallEvent<'a> {
    /// The call's number; each call on a network has its own.
    pub call: u64,
    /// The end on which the call is made.
    pub end: &'a str,
    /// "Service.Method".
    pub method: &'a str,
    /// What happened.
    pub step: Step<'a>,
}

/// The steps of a call, in order; after `Sent` any of them may be missing, and `Lost` ends a call
/// for its caller, though not for a handler that runs.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// The caller has sent the request.
    Sent {
        /// The arguments, encoded with labgob.
        args: &'a [u8],
    },
    /// The request has reached a server, whose handler is about to run.
    Delivered {
        /// The server's name.
        server: &'a str,
        /// The arguments, encoded with labgob.
        args: &'a [u8],
    },
    /// The handler is done; its reply sets out, unless the caller has given up.
    Answered {
        /// The server's name.
        server: &'a str,
        /// The reply, encoded with labgob.
        reply: &'a [u8],
    },
    /// The reply has reached the caller.
    Received {
        /// The reply, encoded with labgob.
        reply: &'a [u8],
    },
    /// The caller hears 'lost'.
    Lost {
        /// Where the call got lost.
        why: Loss,
    },
}

/// Where a call got lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Loss {
    /// The end was disabled or connected to no server when the request was sent.
    Unreachable,
    /// The unreliable network dropped the request.
    #[serde(rename = "request dropped")]
    RequestDropped,
    /// The unreliable network dropped the reply: the handler has run.
    #[serde(rename = "reply dropped")]
    ReplyDropped,
    /// The end was disabled while the request was on its way or the handler ran.
    #[serde(rename = "cut off")]
    CutOff,
    /// The server was deleted before its reply was delivered.
    #[serde(rename = "server gone")]
    ServerGone,
    /// The handler panicked.
    #[serde(rename = "handler panicked")]
    HandlerPanicked,
    /// The network was closed.
    Closed,
}
