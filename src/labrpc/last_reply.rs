//! A crash in the moment that matters most: a reply has left the server, and nothing else has
//! happened since. What the reply promised must be on disk.

use std::sync::Arc;

use super::event::Loss;
use super::network::Network;
use super::state::{LastReply, Placed, Shared, Stage};

impl Network {
    /// The next reply of `server` for which `is_it` holds, given the method and the encoded reply,
    /// is its last: in the moment in which it leaves, the server is deleted and `ends`, those on
    /// which it makes calls, are disabled. That reply gets through. `then` is called at once, in
    /// the handler's thread: the moment to copy the server's disk.
    ///
    /// Only requests that arrive from now on count. A later call for the same server replaces
    /// this one; a server that is deleted takes it along. `is_it` must not use the network.
    pub fn last_reply(
        &self,
        server: &str,
        is_it: impl Fn(&str, &[u8]) -> bool + Send + Sync + 'static,
        ends: Vec<String>,
        then: impl FnOnce() + Send + 'static,
    ) {
        let last = LastReply { is_it: Box::new(is_it), ends, then: Box::new(then) };
        let old = self.shared.state.lock().last_replies.insert(server.to_string(), last);
        drop(old); // outside the lock
    }

    /// Takes back a [`last_reply`](Network::last_reply) that has not come yet.
    pub fn no_last_reply(&self, server: &str) {
        let old = self.shared.state.lock().last_replies.remove(server);
        drop(old); // outside the lock
    }
}

impl Shared {
    /// A reply of `server` to call `id` is about to leave. If it is to be the last, it is.
    pub(super) fn reply_leaves(&self, id: u64, server: &Arc<Placed>, method: &str, reply: &[u8]) {
        let (deleted, last);
        {
            let mut state = self.state.lock();
            let waited_for = state.last_replies.get(&server.name);
            let is_it = waited_for.is_some_and(|last| (last.is_it)(method, reply));
            if !is_it || !state.is_in_place(server) {
                return;
            }
            last = state.last_replies.remove(&server.name);
            if let Some(this) = state.in_flight.get_mut(&id) {
                this.stage = Stage::LastReply;
            }
            deleted = state.delete(&server.name);
            for end in last.iter().flat_map(|last| &last.ends) {
                state.end_mut(end).enabled = false;
                state.lose(Loss::CutOff, |call| {
                    *call.end == **end && matches!(call.stage, Stage::Handler(_))
                });
            }
        }
        if let Some(last) = last {
            (last.then)();
        }
        drop(deleted); // outside the lock, as in delete_server
    }
}
