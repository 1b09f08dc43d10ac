//! [`Network`]: which end reaches which server, and what happens to each message on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::disturbance::Disturbance;
use super::end::ClientEnd;
use super::event::{CallEvent, Loss};
use super::service::Server;
use super::state::{End, Placed, Shared, Stage, State};
use labsync::Mutex;

/// The network; dropping it is a [`cleanup`](Network::cleanup).
pub struct Network {
    pub(super) shared: Arc<Shared>,
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

    /// From now on this befalls the calls on that end. Messages that are on their way stay as
    /// they are.
    ///
    /// # Panics
    /// If there is no such end.
    #[track_caller]
    pub fn disturb(&self, end: &str, disturbance: Disturbance) {
        let disturbed = disturbance != Disturbance::default();
        self.shared.state.lock().end_mut(end).disturbance = disturbed.then_some(disturbance);
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
