//! The stage of a Figure-2 test: one real Raft, n0, among scripted servers n1, n2 and so on.
//!
//! A test acts (sends n0 a request, answers one of n0's, lets time pass, crashes n0) and checks
//! what can be seen from outside: replies, requests, what is applied, what survives a crash. It
//! knows no more of n0 than its interface, so it holds for any Raft; where time matters, it
//! measures n0's own. A failure shows the sentence that the test is about, what it asks for, what
//! happened instead, and the exchange that led there.
//!
//! # Layout
//! [`Stage`]: starting, crashing, time (here); what it sends to n0 and asks of it (`acts.rs`);
//! the same, while something else goes on (`aside.rs`); waiting for what n0 sends (`waits.rs`);
//! what the others answer (`peers.rs`). [`Script`] (`script.rs`): the scripted servers.
//! `record.rs`: the exchange, and n0's disk. `service.rs`: what n0 applies. `words.rs`: making and
//! writing messages.
//! `rules.rs`: what each step of a test rests on. `follower.rs`: a right follower. `ground.rs`:
//! what lies below a test's entry 1. `world.rs`: which scripts are refused, since no cluster could
//! play them.

use std::cell::Cell;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use raftlab::labrpc::{ClientEnd, Network, Server, Step};
use raftlab::labsync::channel;
use raftlab::labsync::{Instant, limit_work_without_wait, thread, unwinding};
use raftlab::raft::{self, OnDisk, Persister, Raft, ServerId, Term};

use self::record::Record;
use self::rules::{PERSISTENT, Rule, SNAPSHOT_KEPT};
use self::script::Script;
use self::service::serve;

mod acts;
mod aside;
mod follower;
mod ground;
mod peers;
mod record;
mod rules;
mod script;
mod service;
mod waits;
mod words;
mod world;

pub use self::follower::Follower;
pub use self::ground::on_a_snapshot;
pub use self::script::{Manner, Sent};
pub use self::waits::Held;
pub use self::words::{
    EntryAt, Rpc, append, command, heartbeat, install, last_new, state_at, vote,
};
pub use self::world::check_itself as check_world;

/// How long a test waits for what must come: the lab wants an election within a second.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How long a test waits for what must not come of an event: longer than a Raft that polls takes
/// to notice, shorter than any election timeout.
pub const A_MOMENT: Duration = Duration::from_millis(40);

/// So many scheduling points may pass while some thread is always ready to run: one server needs
/// a tenth of it. Whoever polls instead of waiting needs more.
const MOST_WORK_WITHOUT_WAIT: u64 = 20_000;

/// How many messages lie between Raft and its service, as in the lab.
const APPLY_CHANNEL_CAPACITY: usize = 1;

/// One Raft among scripted servers.
pub struct Stage {
    servers: usize,
    network: Network,
    script: Arc<Script>,
    record: Arc<Record>,
    raft: Arc<Raft>,
    persister: Arc<Persister>,
    /// On which each scripted server calls n0.
    ends: Vec<ClientEnd>,
    instance: usize,
    /// The term of the last campaign, and of the last reign, that the test has seen.
    campaign_seen: Cell<Term>,
    reign_seen: Cell<Term>,
}

impl Stage {
    /// A cluster of `servers`, of which n0 is real; `sentence` is what the test is about.
    #[track_caller]
    pub fn new(servers: usize, sentence: &'static str) -> Stage {
        limit_work_without_wait(MOST_WORK_WITHOUT_WAIT);
        let record = Record::new(sentence);
        let script = Arc::new(Script::new(servers, record.clone()));
        let network = Network::new();
        let observer = record.clone();
        network.observe(move |event| match event.step {
            Step::Sent { .. } if event.end.starts_with("n0 ") => observer.seen_by_others(),
            Step::Answered { server: "n0", .. } => observer.seen_by_others(),
            _ => {}
        });
        let ends = (0..servers).map(|peer| {
            let end = network.make_end(format!("n{peer} to n0"));
            network.connect(end.name(), "n0");
            network.enable(end.name(), true);
            end
        });
        let ends = ends.collect();
        let disk = Arc::new(record.disk(OnDisk::default()));
        record.note("n0        starts, with an empty disk");
        let raft = start(&network, &script, servers, 0, &disk);
        let (campaign_seen, reign_seen) = (Cell::new(0), Cell::new(0));
        let (persister, instance) = (disk, 0);
        let stage = Stage {
            servers,
            network,
            script,
            record,
            raft,
            persister,
            ends,
            instance,
            campaign_seen,
            reign_seen,
        };
        stage.lay_ground();
        stage
    }

    /// All scripted servers.
    pub fn peers(&self) -> std::ops::Range<ServerId> {
        1..self.servers
    }

    /// Lets time pass.
    pub fn wait(&self, time: Duration) {
        thread::sleep(time);
    }

    /// n0 crashes as soon as others have seen its last message, and comes back from its disk.
    pub fn crash(&mut self) {
        let disk = self.record.disk_when_seen();
        self.crash_with(disk);
    }

    /// n0 crashes, and comes back from a disk with this content.
    pub fn crash_with(&mut self, disk: OnDisk) {
        self.stop_instance();
        self.instance += 1;
        let (instance, service) = (self.instance, words::index_of_state(&disk.snapshot));
        let (size, snapshot) = (disk.raft_state.len(), disk.snapshot.len());
        self.script.with(|state| {
            self.record.note(format_args!(
                "n0        crashes and restarts from a state of {size} bytes, a snapshot of \
                 {snapshot}"
            ));
            state.instance = instance;
            state.applied.clear();
            state.last_applied = service.unwrap_or(0);
            state.paused = false;
            state.granted.clear();
        });
        self.persister = Arc::new(self.record.disk(disk));
        self.raft = start(&self.network, &self.script, self.servers, instance, &self.persister);
    }

    fn stop_instance(&self) {
        self.network.delete_server("n0");
        for peer in 0..self.servers {
            self.network.enable(&end_name(peer, self.instance), false);
            self.network.delete_server(&peer_name(peer, self.instance));
        }
        self.raft.clone().kill();
    }

    /// All that was ever on n0's disk since its last start: a crash may leave any of these.
    pub fn disks(&self) -> Vec<OnDisk> {
        self.record.disks()
    }

    /// n0's disk as it is.
    pub fn disk(&self) -> &Persister {
        &self.persister
    }

    /// Reports a failure.
    #[track_caller]
    pub fn fail(&self, expected: impl Display, happened: impl Display) -> ! {
        panic!("{}", self.record.report(expected, happened));
    }

    /// Reports that a step has failed that rests on `rule`; after a crash also on what is on disk.
    #[track_caller]
    fn fail_step(&self, rule: Rule, expected: impl Display, happened: impl Display) -> ! {
        let rules = match self.persister.snapshot_size() {
            _ if self.instance == 0 => vec![rule],
            0 => vec![rule, PERSISTENT],
            _ => vec![rule, PERSISTENT, SNAPSHOT_KEPT],
        };
        panic!("{}", self.record.report_of_step(&rules, expected, happened));
    }

    /// The same, unless `right`.
    #[track_caller]
    fn check_step(&self, rule: Rule, right: bool, expected: impl Display, happened: impl Display) {
        if !right {
            self.fail_step(rule, expected, happened);
        }
    }

    /// Fails unless `right`.
    #[track_caller]
    pub fn check(&self, right: bool, expected: impl Display, happened: impl Display) {
        if !right {
            self.fail(expected, happened);
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if unwinding() {
            // Something has failed that was not reported here: a panic of n0's, a thread that
            // hangs.
            if let Some(exchange) = self.record.unreported() {
                println!("\n{exchange}");
            }
            return;
        }
        self.stop_instance();
        self.network.cleanup();
        self.script.with(|state| (state.instance, state.paused) = (usize::MAX, false));
    }
}

fn end_name(peer: ServerId, instance: usize) -> String {
    format!("n0 to n{peer} ({instance})")
}

fn peer_name(peer: ServerId, instance: usize) -> String {
    format!("n{peer} ({instance})")
}

/// Starts an instance of n0 and connects it with servers that know it from earlier ones.
fn start(
    network: &Network,
    script: &Arc<Script>,
    servers: usize,
    instance: usize,
    disk: &Arc<Persister>,
) -> Arc<Raft> {
    let ends = (0..servers).map(|peer| {
        let end = network.make_end(end_name(peer, instance));
        let name = if peer == 0 { "n0".to_string() } else { peer_name(peer, instance) };
        network.connect(end.name(), name);
        network.enable(end.name(), true);
        end
    });
    let ends = ends.collect();
    for peer in 1..servers {
        network.add_server(peer_name(peer, instance), script.server(peer, instance));
    }
    let (sender, receiver) = channel::bounded(APPLY_CHANNEL_CAPACITY);
    let service = script.clone();
    thread::spawn(format!("service of n0 ({instance})"), move || {
        serve(&service, instance, &receiver);
    });
    let raft = Raft::make(ends, 0, disk.clone(), sender);
    let mut server = Server::new();
    server.add_service(raft::service(&raft));
    network.add_server("n0", server);
    raft
}

/// The time since `then`, in ms, for messages.
pub fn ms(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// Now; for measuring.
pub fn now() -> Instant {
    Instant::now()
}
