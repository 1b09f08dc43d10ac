//! [`ClientEnd`]: the caller's side of a connection.

use std::any::type_name;
use std::panic::Location;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::state::Shared;

/// One end of a connection, made by [`Network::make_end`](super::Network::make_end); clones are
/// the same end. Whether it is connected, to which server, and enabled, the network knows.
#[derive(Clone)]
pub struct ClientEnd {
    pub(super) name: Arc<str>,
    pub(super) network: Arc<Shared>,
}

impl ClientEnd {
    /// Calls `method` ("Raft.RequestVote") and waits for the reply; `None` when the request or
    /// the reply is lost, which takes up to 7 s. The handler may have run nevertheless.
    ///
    /// Calls on one end do not wait for each other.
    ///
    /// # Panics
    /// If this thread holds a lock; if the server that is reached has no such service or method,
    /// or takes other arguments; if the reply is not an `R`.
    #[track_caller]
    pub fn call<A, R>(&self, method: &str, args: &A) -> Option<R>
    where
        A: Serialize,
        R: DeserializeOwned,
    {
        labsync::check_no_lock_held("ClientEnd::call");
        let _waiting = labsync::waiting("ClientEnd::call", Location::caller());
        let reply = match self.network.call(&self.name, method, labgob::to_bytes(args))? {
            Ok(reply) => reply,
            Err(problem) => panic!("call of {method} on end {}: {problem}", self.name),
        };
        match labgob::from_bytes(&reply) {
            Ok(reply) => Some(reply),
            Err(error) => {
                let wanted = type_name::<R>();
                panic!("{method} does not reply with {wanted}: {error}");
            }
        }
    }

    /// The name under which the network knows this end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}
