//! [`Network`]: which end reaches which server, and what happens to each message on the way.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::disturbance::Disturbance;
use super::end::ClientEnd;
use super::event::{CallEvent, Loss};
use super::journey::random_ms;
use super::last_reply::LastReply;
use super::service::Server;
use labsync::Mutex;

/// When 'lost' is heard from a server that cannot be reached, in ms.
const UNREACHABLE_MS: RangeInclusive<u64> = 0..=99;
/// The same with long delays.
const UNREACHABLE_LONG_MS: RangeInclusive<u64> = 0..=6999;

pub(super) type Observer = Arc<dyn Fn(CallEvent<'_>) + Send + Sync>;

/// The network; dropping it is a [`cleanup`](Network::cleanup).
pub struct Network {
    pub(super) shared: Arc<Shared>,
}

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
    server: Option<String>,
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

impl Default for Network {
    fn default() -> Network {
        Network::new()
    }
}

impl Network {
    /// A reliable network without ends or servers.
    #[must_use]
    pub fn new() -> Network {
        let state = State {
            reliable: true,
            long_delays: false,
            long_reordering: false,
            closed: false,
            ends: BTreeMap::new(),
            servers: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            next_call: 0,
            total_count: 0,
            total_bytes: 0,
            observer: None,
            last_replies: BTreeMap::new(),
        };
        Network { shared: Arc::new(Shared { state: Mutex::unstalled(state) }) }
    }

    /// A new end: disabled, and connected to no server.
    ///
    /// # Panics
    /// If there is an end of that name.
    #[track_caller]
    pub fn make_end(&self, name: impl Into<String>) -> ClientEnd {
        let name: Arc<str> = name.into().into();
        let mut state = self.shared.state.lock();
        assert!(!state.ends.contains_key(&name), "make_end: there is an end {name} already");
        state.ends.insert(name.clone(), End::default());
        ClientEnd { name, network: self.shared.clone() }
    }

    /// Connects an end to the server of that name, which need not be there yet.
    ///
    /// # Panics
    /// If there is no such end.
    #[track_caller]
    pub fn connect(&self, end: &str, server: impl Into<String>) {
        self.shared.state.lock().end_mut(end).server = Some(server.into());
    }

    /// Switches an end on or off. Off: calls whose handler is running are lost at once.
    ///
    /// # Panics
    /// If there is no such end.
    #[track_caller]
    pub fn enable(&self, end: &str, enabled: bool) {
        let mut state = self.shared.state.lock();
        state.end_mut(end).enabled = enabled;
        if !enabled {
            state.lose(Loss::CutOff, |call| {
                *call.end == *end && matches!(call.stage, Stage::Handler(_))
            });
        }
    }

    /// Puts a server in its place.
    ///
    /// # Panics
    /// If a server of that name is there; [`delete_server`](Network::delete_server) it first.
    #[track_caller]
    pub fn add_server(&self, name: impl Into<String>, server: Server) {
        let name = name.into();
        let mut state = self.shared.state.lock();
        assert!(
            !state.servers.contains_key(&name),
            "add_server: there is a server {name} already; delete_server it first"
        );
        state.servers.insert(name.clone(), Arc::new(Placed { name, server }));
    }

    /// Takes a server away: no reply of it is delivered any more, calls whose handler is running
    /// are lost at once. The handlers themselves run on. No such server: nothing happens.
    pub fn delete_server(&self, name: &str) {
        let deleted = self.shared.state.lock().delete(name);
        // Outside the lock, as in cleanup, observe, and at the end of a call: what a handler owns
        // may use the network when it is dropped.
        drop(deleted);
    }

    /// False: requests and replies may be delayed and dropped.
    pub fn reliable(&self, yes: bool) {
        self.shared.state.lock().reliable = yes;
    }

    /// True: most replies are held back for a while, so that later ones overtake them.
    pub fn long_reordering(&self, yes: bool) {
        self.shared.state.lock().long_reordering = yes;
    }

    /// True: a caller waits for up to 7 s before it hears that a server cannot be reached.
    pub fn long_delays(&self, yes: bool) {
        self.shared.state.lock().long_delays = yes;
    }

    /// The number of requests dispatched to a server.
    ///
    /// # Panics
    /// If there is no such server.
    #[must_use]
    #[track_caller]
    pub fn get_count(&self, server: &str) -> usize {
        let state = self.shared.state.lock();
        match state.servers.get(server) {
            Some(placed) => placed.server.get_count(),
            None => {
                let names: Vec<_> = state.servers.keys().map(String::as_str).collect();
                panic!("get_count: no server {server}; there are: {}", names.join(", "))
            }
        }
    }

    /// The number of calls made, lost ones included.
    #[must_use]
    pub fn get_total_count(&self) -> usize {
        self.shared.state.lock().total_count
    }

    /// The bytes of all arguments and of the replies that were delivered.
    #[must_use]
    pub fn get_total_bytes(&self) -> u64 {
        self.shared.state.lock().total_bytes
    }

    /// Shows each step of each later call to `observer`, in the thread that takes the step.
    pub fn observe(&self, observer: impl Fn(CallEvent<'_>) + Send + Sync + 'static) {
        let old = self.shared.state.lock().observer.replace(Arc::new(observer));
        drop(old); // outside the lock
    }

    /// The end of the network: every call in flight, and every later one, is lost at once, and
    /// all servers are gone.
    pub fn cleanup(&self) {
        let (servers, observer, last_replies);
        {
            let mut state = self.shared.state.lock();
            state.closed = true;
            state.lose(Loss::Closed, |_| true);
            servers = std::mem::take(&mut state.servers);
            observer = state.observer.take();
            last_replies = std::mem::take(&mut state.last_replies);
        }
        // Outside the lock: a handler may own the last reference to something that drops a lot.
        drop((servers, observer, last_replies));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.cleanup();
    }
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
