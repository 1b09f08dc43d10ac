//! What a network knows: its ends, its servers, and the calls in flight with the stage of each.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::disturbance::{Disturbance, random_ms};
use super::event::{Loss, Observer};
use super::service::Server;
use labsync::Mutex;

/// When 'lost' is heard from a server that cannot be reached, in ms.
const UNREACHABLE_MS: RangeInclusive<u64> = 0..=99;
/// The same with long delays.
const UNREACHABLE_LONG_MS: RangeInclusive<u64> = 0..=6999;

/// What the network shares with its ends.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub(super) reliable: bool,
    pub(super) long_delays: bool,
    pub(super) long_reordering: bool,
    /// After cleanup: every call is lost at once.
    pub(super) closed: bool,
    pub(super) ends: BTreeMap<Arc<str>, End>,
    pub(super) servers: BTreeMap<String, Arc<Placed>>,
    pub(super) in_flight: BTreeMap<u64, InFlight>,
    pub(super) next_call: u64,
    pub(super) total_count: usize,
    pub(super) total_bytes: u64,
    pub(super) observer: Option<Observer>,
    /// The servers that a reply is to be the last of.
    pub(super) last_replies: BTreeMap<String, LastReply>,
}

#[derive(Default)]
pub(super) struct End {
    pub(super) enabled: bool,
    pub(super) server: Option<String>,
    /// None for most ends.
    pub(super) disturbance: Option<Disturbance>,
}

/// A server in its place. A server that comes later under the same name is another `Placed`.
pub(super) struct Placed {
    pub(super) name: String,
    pub(super) server: Server,
}

pub(super) struct InFlight {
    pub(super) call: Arc<Call>,
    pub(super) end: Arc<str>,
    pub(super) stage: Stage,
}

/// Where a call is, and so what makes it lost (besides cleanup).
pub(super) enum Stage {
    /// The request is on its way, or there is nowhere to go: nothing.
    Request,
    /// The handler runs: disabling the end, deleting the server.
    Handler(Arc<Placed>),
    /// The reply is held back: deleting the server.
    Reply(Arc<Placed>),
    /// The server was deleted behind this reply: nothing.
    LastReply,
}

/// What a call finds when it sets out.
pub(super) enum Route {
    Closed,
    Unreachable {
        delay: Duration,
    },
    Reachable {
        server: Arc<Placed>,
        reliable: bool,
        long_reordering: bool,
        disturbance: Option<Disturbance>,
    },
}

/// Tells, from the method and the encoded reply, whether a reply is the one waited for.
pub(super) type IsIt = dyn Fn(&str, &[u8]) -> bool + Send + Sync;

/// What is to happen once a certain reply leaves a server.
pub(super) struct LastReply {
    pub(super) is_it: Box<IsIt>,
    /// The ends on which the server itself makes calls.
    pub(super) ends: Vec<String>,
    pub(super) then: Box<dyn FnOnce() + Send>,
}

impl State {
    #[track_caller]
    pub(super) fn end_mut(&mut self, name: &str) -> &mut End {
        match self.ends.get_mut(name) {
            Some(end) => end,
            None => panic!("there is no end {name}; make_end it first"),
        }
    }

    /// Registers a call; its number, and the slot on which its caller waits.
    pub(super) fn register(&mut self, end: &Arc<str>) -> (u64, Arc<Call>) {
        let call = Arc::new(Call::default());
        let id = self.next_call;
        self.next_call += 1;
        let in_flight = InFlight { call: call.clone(), end: end.clone(), stage: Stage::Request };
        self.in_flight.insert(id, in_flight);
        (id, call)
    }

    /// Takes a server from its place; the calls that it is to answer are lost. What is left of
    /// it is to be dropped outside the lock.
    pub(super) fn delete(&mut self, name: &str) -> Option<(Arc<Placed>, Option<LastReply>)> {
        let deleted = self.servers.remove(name)?;
        self.lose(Loss::ServerGone, |call| match &call.stage {
            Stage::Request | Stage::LastReply => false,
            Stage::Handler(server) | Stage::Reply(server) => Arc::ptr_eq(server, &deleted),
        });
        Some((deleted, self.last_replies.remove(name)))
    }

    pub(super) fn lose(&self, why: Loss, which: impl Fn(&InFlight) -> bool) {
        for in_flight in self.in_flight.values().filter(|in_flight| which(in_flight)) {
            in_flight.call.lose(why);
        }
    }

    pub(super) fn route(&self, end: &str) -> Route {
        if self.closed {
            return Route::Closed;
        }
        let enabled = self.ends.get(end).filter(|end| end.enabled);
        let disturbance = enabled.and_then(|end| end.disturbance);
        let passable = enabled.filter(|_| !disturbance.is_some_and(|it| it.lose_requests));
        match passable.and_then(|_| self.server_behind(end)) {
            Some(server) => Route::Reachable {
                server,
                reliable: self.reliable,
                long_reordering: self.long_reordering,
                disturbance,
            },
            None => Route::Unreachable { delay: self.unreachable_delay() },
        }
    }

    /// When a caller hears that there is no way.
    pub(super) fn unreachable_delay(&self) -> Duration {
        random_ms(if self.long_delays { UNREACHABLE_LONG_MS } else { UNREACHABLE_MS })
    }

    /// The server that an end is connected to, if it is there.
    pub(super) fn server_behind(&self, end: &str) -> Option<Arc<Placed>> {
        let name = self.ends.get(end)?.server.as_ref()?;
        self.servers.get(name).cloned()
    }

    /// Whether `server` is still the one in its place.
    pub(super) fn is_in_place(&self, server: &Arc<Placed>) -> bool {
        self.servers.get(&server.name).is_some_and(|placed| Arc::ptr_eq(placed, server))
    }

    /// Whether a reply of `server` to call `id` may be delivered.
    pub(super) fn may_answer(&self, id: u64, server: &Arc<Placed>) -> bool {
        let stage = self.in_flight.get(&id).map(|in_flight| &in_flight.stage);
        matches!(stage, Some(Stage::LastReply)) || self.is_in_place(server)
    }
}
