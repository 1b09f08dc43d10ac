//! Raft: a cluster in real time on a network that loses nothing, and a client at its leader.

use std::sync::Arc;
use std::time::Duration;

use raftlab::labgob::Bytes;
use raftlab::labrpc::{Network, Server};
use raftlab::labsync::channel::{self, Receiver};
use raftlab::labsync::{Instant, thread};
use raftlab::raft::rpc::{AppendEntriesArgs, AppendEntriesReply, Entry};
use raftlab::raft::{self, ApplyMsg, Persister, Raft};
use raftlab::runner::cpu_time;

use crate::table::{Goal, Table};

/// How often a service takes a snapshot, in commands.
const SNAPSHOT_EVERY: u64 = 1000;
/// How many commands a busy client has outstanding.
const OUTSTANDING: usize = 64;

/// A cluster with its leader.
struct Cluster {
    network: Network,
    rafts: Vec<Arc<Raft>>,
    leader: usize,
    /// What the leader's service is given.
    applied: Receiver<ApplyMsg>,
    snapshot_every: u64,
}

impl Cluster {
    /// So many servers, whose services take snapshots.
    fn new(servers: usize) -> Cluster {
        Cluster::with_log(servers, 0, SNAPSHOT_EVERY)
    }

    /// So many servers, each with `entries` in its log from the beginning; a snapshot each so many
    /// commands.
    fn with_log(servers: usize, entries: usize, snapshot_every: u64) -> Cluster {
        let network = Network::new();
        let disk = disk_with(entries);
        let mut channels = Vec::new();
        let rafts: Vec<_> = (0..servers)
            .map(|me| {
                let ends = (0..servers).map(|peer| {
                    let end = network.make_end(format!("{me} to {peer}"));
                    network.connect(end.name(), format!("server-{peer}"));
                    network.enable(end.name(), true);
                    end
                });
                let (sender, receiver) = channel::bounded(1000);
                let raft = Raft::make(ends.collect(), me, Arc::new(disk.copy()), sender);
                let mut server = Server::new();
                server.add_service(raft::service(&raft));
                network.add_server(format!("server-{me}"), server);
                channels.push(receiver);
                raft
            })
            .collect();
        let leads = |raft: &Arc<Raft>| raft.get_state().1;
        let leader = loop {
            match rafts.iter().position(leads) {
                Some(leader) => break leader,
                None => thread::sleep(Duration::from_millis(10)),
            }
        };
        let applied = channels.remove(leader);
        for (number, channel) in channels.into_iter().enumerate() {
            let follower = rafts[if number < leader { number } else { number + 1 }].clone();
            thread::spawn(
                "service",
                move || {
                    while serve(&follower, &channel, snapshot_every).is_some() {}
                },
            );
        }
        Cluster { network, rafts, leader, applied, snapshot_every }
    }

    fn start(&self, command: &Bytes) -> u64 {
        let (index, _, leads) = self.rafts[self.leader].start(command.clone());
        assert!(leads, "the leader has lost its place: is the machine very busy?");
        index
    }

    /// The index of the next command that the leader's service is given.
    fn next_applied(&self) -> u64 {
        serve(&self.rafts[self.leader], &self.applied, self.snapshot_every)
            .expect("the leader goes on")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.rafts.iter().for_each(|raft| raft.clone().kill());
        self.network.cleanup();
    }
}

/// A service that stores nothing, and takes a snapshot each so many commands. `None` if no command comes any more.
fn serve(raft: &Arc<Raft>, applied: &Receiver<ApplyMsg>, snapshot_every: u64) -> Option<u64> {
    loop {
        if let ApplyMsg::Command { index, .. } = applied.recv().ok()? {
            if index.is_multiple_of(snapshot_every) {
                raft.snapshot(index, Bytes::from(vec![0; 100]));
            }
            return Some(index);
        }
    }
}

/// A disk with so many entries of term 1, as a leader's one message brings them to a server.
fn disk_with(entries: usize) -> Arc<Persister> {
    let disk = Arc::new(Persister::new());
    if entries == 0 {
        return disk;
    }
    let network = Network::new();
    let (sender, _receiver) = channel::bounded(1);
    let ends: Vec<_> = (0..2).map(|peer| network.make_end(format!("end {peer}"))).collect();
    let (leader, ends) = (ends[1].clone(), ends);
    let raft = Raft::make(ends, 0, disk.clone(), sender);
    let mut server = Server::new();
    server.add_service(raft::service(&raft));
    network.add_server("server-0", server);
    network.connect(leader.name(), "server-0");
    network.enable(leader.name(), true);
    let command = Bytes::from(vec![7; 16]);
    let args = AppendEntriesArgs {
        term: 1,
        leader_id: 1,
        prev_log_index: 0,
        prev_log_term: 0,
        entries: (0..entries).map(|_| Entry { term: 1, command: command.clone() }).collect(),
        leader_commit: 0,
    };
    let reply: Option<AppendEntriesReply> = leader.call("Raft.AppendEntries", &args);
    assert!(reply.is_some_and(|reply| reply.success), "an empty log takes everything");
    raft.kill();
    network.cleanup();
    Arc::new(disk.copy())
}

/// One client, one command at a time: how long from `start()` until it is applied at the leader.
pub fn latency(table: &mut Table) {
    let cluster = Cluster::new(3);
    let times = sequential(&cluster, 2000, 16);
    table.add(
        "commit latency, one client, p50",
        percentile(&times, 50),
        "ms",
        Goal::AtMost(1.0),
        0.2,
    );
    table.add(
        "commit latency, one client, p99",
        percentile(&times, 99),
        "ms",
        Goal::AtMost(4.0),
        0.5,
    );
}

fn sequential(cluster: &Cluster, count: usize, bytes: usize) -> Vec<f64> {
    let command = Bytes::from(vec![7; bytes]);
    let mut times = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        let index = cluster.start(&command);
        while cluster.next_applied() < index {}
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times
}

/// Sixty-four commands outstanding: how many a second, what each costs, and how long it takes.
pub fn throughput(table: &mut Table) {
    let (rate, cpu, _) = busy(20_000, 16);
    table.add("commits a second, 64 outstanding, 16 B", rate, "/s", Goal::AtLeast(20_000.0), 0.2);
    table.add("CPU for each of them", cpu, "us", Goal::AtMost(30.0), 0.1);
    let (_, _, times) = busy(5000, 4096);
    table.add(
        "4 KiB commands, 64 outstanding, p99",
        percentile(&times, 99),
        "ms",
        Goal::AtMost(20.0),
        0.3,
    );
}

/// Commits a second, CPU time for each in us, and the latencies in ms.
fn busy(count: usize, bytes: usize) -> (f64, f64, Vec<f64>) {
    let cluster = Cluster::new(3);
    let command = Bytes::from(vec![7; bytes]);
    sequential(&cluster, 10, bytes);
    let (start, cpu) = (Instant::now(), cpu_time().unwrap_or_default());
    let mut begun = std::collections::VecDeque::new();
    let mut times = Vec::new();
    let mut started = 0;
    while times.len() < count {
        while begun.len() < OUTSTANDING && started < count {
            begun.push_back((cluster.start(&command), Instant::now()));
            started += 1;
        }
        let index = cluster.next_applied();
        while begun.front().is_some_and(|&(first, _)| first <= index) {
            let (_, begin) = begun.pop_front().expect("there is one");
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    let spent = cpu_time().unwrap_or_default().saturating_sub(cpu).as_secs_f64();
    let rate = count as f64 / start.elapsed().as_secs_f64();
    (rate, spent * 1e6 / count as f64, times)
}

/// How `start()` and a commit grow with the log, and with the number of servers. The lab saves the
/// whole log each time.
pub fn growth(table: &mut Table) {
    for entries in [1000, 10_000, 100_000] {
        let cluster = Cluster::with_log(3, entries, u64::MAX);
        let command = Bytes::from(vec![7; 16]);
        let starts: Vec<f64> = (0..10)
            .map(|_| {
                let begin = Instant::now();
                let index = cluster.start(&command);
                let spent = begin.elapsed().as_secs_f64() * 1e6;
                while cluster.next_applied() < index {}
                spent
            })
            .collect();
        let name = format!("start() with {entries} entries in the log, p50");
        table.add(&name, percentile(&starts, 50), "us", Goal::None, 0.3);
    }
    for servers in [3, 5, 7, 9] {
        let times = sequential(&Cluster::new(servers), 500, 16);
        let name = format!("commit latency with {servers} servers, p50");
        table.add(&name, percentile(&times, 50), "ms", Goal::None, 0.3);
    }
}

fn percentile(times: &[f64], percent: usize) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}
