//! The clients: threads that give commands to whoever may be the leader, or was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab::labsync::thread::{self, JoinHandle};
use raftlab::labsync::{Instant, rng};
use raftlab::raft::{Index, ServerId};
use raftlab::tester::{Command, Config, random_string};

/// How long a client waits for its command to be applied, if it does.
const PATIENCE: Duration = Duration::from_millis(400);
/// How often a client that pauses looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(200);
/// One command in so many is the same text each time: Raft must not tell entries apart by what
/// they say.
const SAME_ONE_IN: u32 = 6;

/// That command.
pub fn the_same() -> Command {
    Command::Text("the same again".to_string())
}

/// The clients of a run.
pub struct Clients {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Promise>>>,
}

/// A command that was applied where `start()` had said.
pub struct Promise {
    pub index: Index,
    pub command: Command,
}

impl Clients {
    pub fn start(cfg: &Arc<Config>, count: usize, pause_ms: u64) -> Clients {
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |number| {
            let (cfg, stop) = (cfg.clone(), stop.clone());
            thread::spawn(format!("client {number}"), move || {
                let mut client = Client { cfg, stop, number, count: 0, leader: 0 };
                client.work(pause_ms)
            })
        };
        let threads = (0..count).map(spawn).collect();
        Clients { stop, threads }
    }

    /// Ends the clients; what they saw applied.
    pub fn stop(self) -> Vec<Promise> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().flat_map(JoinHandle::join).collect()
    }
}

struct Client {
    cfg: Arc<Config>,
    stop: Arc<AtomicBool>,
    number: usize,
    count: usize,
    /// Who last took a command.
    leader: ServerId,
}

impl Client {
    fn work(&mut self, pause_ms: u64) -> Vec<Promise> {
        let mut promises = Vec::new();
        while !self.stopped() {
            // Some hold on to a leader that may be one no more, some try anybody.
            let server = if rng::random_bool(0.7) {
                self.leader
            } else {
                rng::random_range(0..self.cfg.servers())
            };
            let commands = if rng::random_bool(0.1) { rng::random_range(2..=12) } else { 1 };
            for _ in 0..commands {
                promises.extend(self.submit(server));
            }
            self.pause(rng::random_range(0..=2 * pause_ms));
        }
        promises
    }

    fn pause(&self, ms: u64) {
        let end = Instant::now() + Duration::from_millis(ms);
        while Instant::now() < end && !self.stopped() {
            thread::sleep(LOOK.min(end - Instant::now()));
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn submit(&mut self, server: ServerId) -> Option<Promise> {
        let command = self.next_command();
        let started = self.cfg.start(server, command.clone())?;
        if !started.is_leader {
            self.leader = rng::random_range(0..self.cfg.servers());
            return None;
        }
        self.leader = server;
        let promise = Promise { index: started.index, command };
        let waits = rng::random_bool(0.3);
        (waits && self.is_applied(&promise)).then_some(promise)
    }

    /// Whether the command is applied soon.
    fn is_applied(&self, promise: &Promise) -> bool {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end && !self.stopped() {
            match self.cfg.n_committed(promise.index) {
                (0, _) => thread::sleep(Duration::from_millis(15)),
                (_, applied) => return applied.as_ref() == Some(&promise.command),
            }
        }
        false
    }

    fn next_command(&mut self) -> Command {
        self.count += 1;
        if rng::random_range(0..SAME_ONE_IN) == 0 {
            return the_same();
        }
        let name = format!("{}.{}", self.number, self.count);
        match rng::random_range(0..10) {
            0 => Command::Text(name + &random_string(rng::random_range(0..300))),
            _ => Command::Text(name),
        }
    }
}
