//! [`Config`]: a cluster of Raft servers on a network, which a test can cut, crash and restart.

use std::sync::Arc;

use crate::labrpc::{ClientEnd, Disturbance, Network, Server};
use crate::labsync;
use crate::labsync::{Instant, Mutex, channel, thread};
use crate::raft::{self, Index, Persister, Raft, ServerId, Watcher};

use super::history::History;
use super::service::{APPLY_CHANNEL_CAPACITY, Services};
use crate::oracle::{Message, Oracle};
use crate::trace::{self, Event};

/// So many scheduling points may pass in a simulated test while some thread is always ready to run:
/// the reference needs a tenth of it. Whoever polls instead of waiting needs more, and would keep
/// a core busy for nothing.
const MOST_WORK_WITHOUT_WAIT: u64 = 500_000;

/// A cluster under test. Dropping the last reference kills all servers and closes the network.
pub struct Config {
    servers: usize,
    /// Whether the services take snapshots.
    snapshot: bool,
    pub(super) network: Network,
    pub(super) members: Mutex<Vec<Member>>,
    pub(super) services: Arc<Services>,
    pub(super) history: Arc<History>,
    /// None when it is switched off.
    pub(super) oracle: Option<Arc<Oracle>>,
    pub(super) counts: Mutex<Counts>,
}

/// What has been counted when a test begins, and is subtracted at its end.
#[derive(Clone, Copy)]
pub(super) struct Counts {
    pub began: Instant,
    pub rpcs: usize,
    pub bytes: u64,
    pub max_index: Index,
}

/// One server of the cluster.
pub(super) struct Member {
    /// None while crashed.
    pub(super) raft: Option<Arc<Raft>>,
    pub(super) persister: Arc<Persister>,
    /// The ends on which the present instance calls each server.
    pub(super) ends: Vec<ClientEnd>,
    /// What befalls the calls to each server.
    pub(super) disturbances: Vec<Disturbance>,
    connected: bool,
    /// How often it was started; part of the names of its ends.
    pub(super) starts: usize,
}

impl Config {
    /// A cluster of `servers`, all up and connected, with long delays on; with `unreliable`, the
    /// network delays and drops messages; with `snapshot`, services take snapshots.
    #[must_use]
    pub fn make(servers: usize, unreliable: bool, snapshot: bool) -> Arc<Config> {
        labsync::limit_work_without_wait(MOST_WORK_WITHOUT_WAIT);
        let network = Network::new();
        network.long_delays(true);
        network.reliable(!unreliable);
        trace::record(|| Event::Cluster { servers, unreliable, snapshot });
        let history = Arc::new(History::new(servers));
        let oracle = Oracle::unless_off(servers);
        let (observer, seer) = (history.clone(), oracle.clone());
        network.observe(move |event| {
            let sent = Message::sent(&event);
            let leader = sent.as_ref().and_then(Message::leader);
            if let Some((from, to)) = ends_of(event.end) {
                trace::call(from, to, &event);
                if let Some(oracle) = &seer {
                    oracle.saw_call(from, to, &event, sent);
                }
            }
            if let Some((server, term, how)) = leader {
                observer.saw_leader(server, term, how);
            }
        });
        let member = || Member {
            raft: None,
            persister: Arc::new(Persister::new()),
            ends: Vec::new(),
            disturbances: vec![Disturbance::default(); servers],
            connected: false,
            starts: 0,
        };
        let config = Arc::new(Config {
            servers,
            snapshot,
            network,
            members: Mutex::unstalled((0..servers).map(|_| member()).collect()),
            services: Arc::new(Services::new(servers, oracle.clone())),
            history,
            oracle,
            counts: Mutex::unstalled(Counts {
                began: Instant::now(),
                rpcs: 0,
                bytes: 0,
                max_index: 0,
            }),
        });
        (0..servers).for_each(|server| config.start1(server));
        (0..servers).for_each(|server| config.connect(server));
        config
    }

    /// The number of servers, up or not.
    #[must_use]
    pub fn servers(&self) -> usize {
        self.servers
    }

    // ---- crashes and restarts ----------------------------------------------------------------

    /// Crashes a server: it is cut off, and what is on its disk then is what its next instance
    /// starts from. Only then it is killed: whatever the dead instance still does, in a critical
    /// section under way, in `snapshot()` or in `kill()`, reaches its old disk alone.
    #[track_caller]
    pub fn crash1(&self, server: ServerId) {
        if let Some(raft) = self.raft(server) {
            self.get_state_of(server, &raft); // the last time that its term counts
        }
        self.disconnect(server);
        self.network.delete_server(&server_name(server));
        let (raft, persister) = {
            let mut members = self.members.lock();
            let member = &mut members[server];
            (member.raft.take(), member.persister.clone())
        };
        if let Some(raft) = raft {
            let service = self.services.instance(server);
            let disk = self.disk_at_crash(server, service, &persister);
            self.members.lock()[server].persister = Arc::new(disk);
            raft.clone().kill();
            self.services.killed(server, service);
        }
    }

    /// The moment in which a server dies, which is cut off already: a copy of its disk for the
    /// next instance. Of what the dead one says and applies from now on nothing counts, since
    /// it may not be on that disk: so this is said before the copy is made.
    pub(super) fn disk_at_crash(
        &self,
        server: ServerId,
        service: u64,
        persister: &Persister,
    ) -> Persister {
        self.history.crashed(server);
        self.services.crash(server, service);
        let disk = match &self.oracle {
            Some(oracle) => oracle.crashed(server, || persister.copy()),
            None => persister.copy(),
        };
        trace::record(|| Event::Crash { server });
        disk
    }

    /// Starts a server, after crashing it if it is up: with fresh ends, so that its old ones stay
    /// dead, and with what was persisted. It is not connected yet.
    #[track_caller]
    pub fn start1(&self, server: ServerId) {
        self.crash1(server);
        let (ends, persister) = self.prepare_start(server);
        let (apply_sender, apply_receiver) = channel::bounded(APPLY_CHANNEL_CAPACITY);
        let instance = self.services.restart(server, &persister);
        let raft = Raft::make(ends, server, persister, apply_sender);
        self.get_state_of(server, &raft); // is its term still what it was?
        let (services, snapshot) = (self.services.clone(), self.snapshot);
        let for_snapshots = Arc::downgrade(&raft);
        thread::spawn(format!("service-{server}"), move || {
            let raft = snapshot.then_some(&for_snapshots);
            services.serve(server, instance, raft, &apply_receiver);
        });
        let mut node = Server::new();
        node.add_service(raft::service(&raft));
        self.members.lock()[server].raft = Some(raft);
        self.network.add_server(server_name(server), node);
    }

    fn prepare_start(&self, server: ServerId) -> (Vec<ClientEnd>, Arc<Persister>) {
        let mut members = self.members.lock();
        let member = &mut members[server];
        member.starts += 1;
        let starts = member.starts;
        trace::record(|| Event::Start { server, starts });
        let oracle = self.oracle.as_ref();
        let watch =
            oracle.map(|oracle| -> Arc<dyn Watcher> { Arc::new(oracle.started(server, starts)) });
        if let Some(watch) = trace::watch(server, starts, watch) {
            member.persister = Arc::new(member.persister.copy().watched_by(watch));
        }
        member.ends = (0..self.servers)
            .map(|peer| {
                let end = self.network.make_end(end_name(server, starts, peer));
                self.network.connect(end.name(), server_name(peer));
                if member.disturbances[peer] != Disturbance::default() {
                    self.network.disturb(end.name(), member.disturbances[peer]);
                }
                end
            })
            .collect();
        (member.ends.clone(), member.persister.clone())
    }

    // ---- the network --------------------------------------------------------------------------

    /// Attaches a server to the network, in both directions; it reaches those attached as well.
    pub fn connect(&self, server: ServerId) {
        let mut members = self.members.lock();
        members[server].connected = true;
        trace::record(|| Event::Connect { server });
        for peer in (0..self.servers).filter(|&peer| members[peer].connected) {
            self.enable_both_ways(&members, server, peer, true);
        }
    }

    /// Cuts a server off from the network, in both directions.
    pub fn disconnect(&self, server: ServerId) {
        self.cut_off(&mut self.members.lock(), server);
    }

    pub(super) fn cut_off(&self, members: &mut [Member], server: ServerId) {
        if members[server].connected {
            trace::record(|| Event::Disconnect { server });
        }
        members[server].connected = false;
        for peer in 0..self.servers {
            self.enable_both_ways(members, server, peer, false);
        }
    }

    fn enable_both_ways(&self, members: &[Member], a: ServerId, b: ServerId, enabled: bool) {
        for (from, to) in [(a, b), (b, a)] {
            // A server that was never started has no ends yet.
            if let Some(end) = members[from].ends.get(to) {
                self.network.enable(end.name(), enabled);
            }
        }
    }

    /// From now on a server's service takes a snapshot so often, in entries; else each
    /// [`SNAPSHOT_INTERVAL`](super::SNAPSHOT_INTERVAL), as all do.
    pub fn set_snapshot_interval(&self, server: ServerId, entries: Index) {
        self.services.set_snapshot_interval(server, entries);
    }

    /// True: the network delays and drops messages.
    pub fn set_unreliable(&self, yes: bool) {
        trace::record(|| Event::Unreliable { on: yes });
        self.network.reliable(!yes);
    }

    /// True: most replies are held back, so that later ones overtake them.
    pub fn set_long_reordering(&self, yes: bool) {
        trace::record(|| Event::LongReordering { on: yes });
        self.network.long_reordering(yes);
    }

    // ---- the servers --------------------------------------------------------------------------

    /// Whether a server is running.
    #[must_use]
    pub fn is_up(&self, server: ServerId) -> bool {
        self.members.lock()[server].raft.is_some()
    }

    /// Whether a server is attached to the network.
    #[must_use]
    pub fn is_connected(&self, server: ServerId) -> bool {
        self.members.lock()[server].connected
    }

    /// The size of the largest Raft state that a server has persisted, in bytes.
    #[must_use]
    pub fn log_size(&self) -> usize {
        let members = self.members.lock();
        members.iter().map(|member| member.persister.raft_state_size()).max().unwrap_or(0)
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        // Whoever is killed may still answer and apply, and need not know what it says. All of
        // them at once: what one has told counts as long as another one lives.
        if let Some(oracle) = &self.oracle {
            oracle.close();
        }
        let rafts: Vec<_> =
            self.members.lock().iter_mut().filter_map(|member| member.raft.take()).collect();
        for raft in &rafts {
            raft.clone().kill();
        }
        self.network.cleanup();
    }
}

pub(super) fn server_name(server: ServerId) -> String {
    format!("server-{server}")
}

/// The name of the end on which the `starts`th instance of a server calls `peer`.
fn end_name(server: ServerId, starts: usize, peer: ServerId) -> String {
    format!("{server}.{starts} to {peer}")
}

/// Who calls whom on the end of that name: a server with the number of its instance, and its peer.
fn ends_of(end: &str) -> Option<((ServerId, usize), ServerId)> {
    let (from, peer) = end.split_once(" to ")?;
    let (server, starts) = from.split_once('.')?;
    Some(((server.parse().ok()?, starts.parse().ok()?), peer.parse().ok()?))
}
