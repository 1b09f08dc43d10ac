//! Recorded runs: bodies for them, and files that nobody else has.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use raftlab::labsync::{Kernel, RunOptions, SimReport, rng, simulate, thread};
use raftlab::tester::{Config, RAFT_ELECTION_TIMEOUT};
use raftlab::trace::{self, Header, Recording};

/// Agreement on two commands, with a follower crashed and started again in between.
pub fn small_body() {
    small_run(&Config::make(3, false, false));
}

/// The same with the lines that a test of the lab prints.
pub fn told_body() {
    let cfg = Config::make(3, false, false);
    cfg.begin("Test (trace): a small run");
    small_run(&cfg);
    cfg.end();
}

pub fn small_run(cfg: &Config) {
    let leader = cfg.check_one_leader();
    cfg.one(100, 3, false);
    let follower = (leader + 1) % 3;
    cfg.crash1(follower);
    thread::sleep(RAFT_ELECTION_TIMEOUT / 2);
    cfg.start1(follower);
    cfg.connect(follower);
    cfg.one(200, 3, true);
}

/// All kernels.
pub const KERNELS: [Kernel; 2] = [Kernel::Threads, Kernel::Coroutines];

/// A file that only this process has, and removes.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let name = format!("raft-lab-{}-{name}", std::process::id());
        Scratch(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub fn begin(file: &Scratch, seed: u64, simulated: bool) {
    let header = Header::new("small", seed, simulated);
    trace::begin(Recording { path: file.0.clone(), header, at_once: false }).unwrap();
}

pub fn options(seed: u64) -> RunOptions {
    RunOptions { name: "small".to_string(), seed, limit: Duration::from_secs(120) }
}

/// The bytes of a recorded simulated run, and its report.
pub fn record(seed: u64, kernel: Kernel, body: fn()) -> (Vec<u8>, SimReport) {
    let file = Scratch::new(&format!("{seed}"));
    begin(&file, seed, true);
    let report = simulate(&options(seed), kernel, body);
    trace::finish(report.elapsed, report.failure.as_ref()).unwrap();
    (std::fs::read(&file.0).unwrap(), report)
}

pub fn small_trace() -> Vec<u8> {
    record(1, Kernel::Threads, small_body).0
}

pub fn rough_body() {
    let cfg = Config::make(5, true, true);
    cfg.set_long_reordering(true);
    for command in 0..40_u64 {
        let server = rng::random_range(0..5);
        match rng::random_range(0..8) {
            0 => cfg.crash1(server),
            1 => cfg.disconnect(server),
            2 if !cfg.is_up(server) => {
                cfg.start1(server);
                cfg.connect(server);
            }
            _ => (0..5).for_each(|server| {
                let _ = cfg.start(server, command);
            }),
        }
        thread::sleep(Duration::from_millis(rng::random_range(0..200)));
    }
}

pub fn failing_body() {
    let cfg = Config::make(3, false, false);
    cfg.check_one_leader();
    let impatient = cfg.clone();
    thread::spawn("impatient", move || {
        thread::sleep(Duration::from_millis(50));
        assert!(impatient.n_committed(1).0 == 3, "not yet:\nnobody asked");
    });
    thread::sleep(RAFT_ELECTION_TIMEOUT);
}

/// What stands behind the header.
pub fn events(trace: &[u8]) -> Vec<Value> {
    let lines = std::str::from_utf8(trace).expect("JSON is UTF-8").lines().skip(1);
    lines.map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// Whether an event has all that this one has.
pub fn is_like(event: &Value, like: &Value) -> bool {
    match (event, like) {
        (Value::Object(event), Value::Object(like)) => {
            like.iter().all(|(key, like)| event.get(key).is_some_and(|it| is_like(it, like)))
        }
        (Value::Array(event), Value::Array(like)) => {
            event.len() == like.len() && event.iter().zip(like).all(|(a, b)| is_like(a, b))
        }
        _ => event == like,
    }
}

/// The place of the first event from `from` on that is like this.
#[track_caller]
pub fn find(events: &[Value], from: usize, like: Value) -> usize {
    let found = events[from..].iter().position(|event| is_like(event, &like));
    from + found.unwrap_or_else(|| panic!("no {like} behind event {from}"))
}
