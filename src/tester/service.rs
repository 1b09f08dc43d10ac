//! The service on top of each server: it applies what Raft hands it, takes snapshots in Part D,
//! and checks each message against the rules and against what all other servers applied.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::labgob::{self, Bytes};
use crate::labsync::channel::Receiver;
use crate::labsync::{Mutex, rng, thread};
use crate::raft::{ApplyMsg, Index, Persister, Raft, ServerId};

use super::numbers::SNAPSHOT_INTERVAL;
use crate::command::Command;
use crate::oracle::Oracle;
use crate::trace::{self, Event};

/// So many messages may be under way when `kill()` comes: one that the service has taken and is
/// about to look at, those in the apply channel, and one that the applier is about to send.
const ALLOWED_AFTER_KILL: usize = 1 + APPLY_CHANNEL_CAPACITY + 1;
pub(super) const APPLY_CHANNEL_CAPACITY: usize = 1;

/// What all services have applied: shared by their threads and the test.
pub(super) struct Services {
    applied: Mutex<Applied>,
    /// How long each server's service dawdles at most, in ms: 0 but in the nemesis.
    dawdling_ms: Vec<AtomicU64>,
    /// After so many entries each server's service takes a snapshot.
    snapshot_intervals: Vec<AtomicU64>,
    /// Hears of what is applied.
    oracle: Option<Arc<Oracle>>,
}

struct Applied {
    /// What the living instance of each server has applied: index i is at position i - 1.
    by_server: Vec<Vec<Command>>,
    /// What has been applied at each index by anybody, ever, and by whom first.
    decided: Vec<(Command, ServerId)>,
    /// The living instance of each server; what an earlier one applies does not count.
    instances: Vec<u64>,
    /// The instances of each server for which `kill()` has returned. That of an earlier one may
    /// return later than that of its successor.
    killed: Vec<BTreeSet<u64>>,
}

/// What a service writes into a snapshot: the whole history.
#[derive(Serialize, Deserialize)]
struct SnapshotContent {
    last_included_index: Index,
    commands: Vec<Command>,
}

impl Services {
    pub fn new(servers: usize, oracle: Option<Arc<Oracle>>) -> Services {
        let applied = Applied {
            by_server: vec![Vec::new(); servers],
            decided: Vec::new(),
            instances: vec![0; servers],
            killed: vec![BTreeSet::new(); servers],
        };
        let dawdling_ms = (0..servers).map(|_| AtomicU64::new(0)).collect();
        let snapshot_intervals = (0..servers).map(|_| AtomicU64::new(SNAPSHOT_INTERVAL)).collect();
        let applied = Mutex::unstalled(applied);
        Services { applied, dawdling_ms, snapshot_intervals, oracle }
    }

    pub fn set_snapshot_interval(&self, server: ServerId, entries: Index) {
        self.snapshot_intervals[server].store(entries, Ordering::Relaxed);
    }

    /// From now on the service now and then pauses for up to so long, before it takes a message
    /// and before it hands in a snapshot.
    pub fn dawdle(&self, server: ServerId, up_to_ms: u64) {
        self.dawdling_ms[server].store(up_to_ms, Ordering::Relaxed);
    }

    /// Most pauses are none: so messages pile up, and are then taken in a burst.
    fn pause(&self, server: ServerId) {
        let up_to_ms = self.dawdling_ms[server].load(Ordering::Relaxed);
        if up_to_ms > 0 && rng::random_bool(0.25) {
            thread::sleep(Duration::from_millis(rng::random_range(0..=up_to_ms)));
        }
    }

    /// A new instance of a server's service, which remembers nothing but its snapshot: what
    /// lay in memory is gone, and Raft must deliver it again. The instance's number.
    ///
    /// # Panics
    /// If the snapshot on the disk cannot be read, or is there without a Raft state: whoever
    /// starts from such a disk forgets its term and its vote, and the next save its snapshot.
    pub fn restart(&self, server: ServerId, disk: &Persister) -> u64 {
        let (state, snapshot) = (disk.read_raft_state(), disk.read_snapshot());
        let size = snapshot.len();
        assert!(
            size == 0 || !state.is_empty(),
            "server {server} restarts from a disk with a snapshot of {size} bytes and no Raft \
             state: save() takes both, each time (rule A8 of docs/contract.md)"
        );
        let mut applied = self.applied.lock();
        applied.instances[server] += 1;
        applied.by_server[server].clear();
        if !snapshot.is_empty() {
            let content = decode_snapshot(server, &snapshot);
            applied.by_server[server] = content.commands;
        }
        applied.instances[server]
    }

    /// The server's service is dead, unless another instance of it lives already: it has applied
    /// nothing, and what it is still given does not count.
    pub fn crash(&self, server: ServerId, instance: u64) {
        let mut applied = self.applied.lock();
        if applied.instances[server] == instance {
            applied.instances[server] += 1;
            applied.by_server[server].clear();
        }
    }

    /// `kill()` of its Raft has returned: the service should be given nothing any more.
    pub fn killed(&self, server: ServerId, instance: u64) {
        let mut applied = self.applied.lock();
        applied.killed[server].insert(instance);
    }

    /// The number of the living instance of a server's service.
    pub fn instance(&self, server: ServerId) -> u64 {
        self.applied.lock().instances[server]
    }

    /// What each living service has applied, in order.
    pub fn histories(&self) -> Vec<Vec<Command>> {
        self.applied.lock().by_server.clone()
    }

    /// What has been applied at each index by anybody, ever.
    pub fn decided(&self) -> Vec<Command> {
        self.applied.lock().decided.iter().map(|(command, _)| command.clone()).collect()
    }

    /// How many services have applied an entry at `index`, and which.
    ///
    /// # Panics
    /// If two of them applied different commands.
    #[track_caller]
    pub fn n_committed(&self, index: Index) -> (usize, Option<Command>) {
        let applied = self.applied.lock();
        let mut count = 0;
        let mut command: Option<&Command> = None;
        for log in applied.by_server.iter().filter(|_| index > 0) {
            let Some(here) = log.get(index as usize - 1) else { continue };
            if let Some(first) = command {
                assert!(
                    first == here,
                    "committed values do not match: index {index}, {first}, {here}"
                );
            }
            count += 1;
            command = Some(here);
        }
        (count, command.cloned())
    }

    /// The highest index that any service has applied, ever.
    pub fn max_index(&self) -> Index {
        self.applied.lock().decided.len() as Index
    }

    /// The thread of one instance's service, until its Raft drops the apply channel. It keeps no
    /// Raft alive: a student's may hold the channel's other end in its struct.
    pub fn serve(
        self: Arc<Services>,
        server: ServerId,
        instance: u64,
        raft: Option<&Weak<Raft>>,
        messages: &Receiver<ApplyMsg>,
    ) {
        let mut after_kill = 0;
        loop {
            self.pause(server);
            let Ok(message) = messages.recv() else { return };
            match self.apply(server, instance, message) {
                Outcome::Dead => {}
                Outcome::Killed => {
                    after_kill += 1;
                    assert!(
                        after_kill <= ALLOWED_AFTER_KILL,
                        "server {server} goes on applying after kill(): its Raft has sent \
                         {after_kill} messages on the apply channel since kill() has returned; \
                         whichever thread of src/raft sends them has to look whether it is killed \
                         before each (rule A5 of docs/contract.md)"
                    );
                }
                Outcome::Applied(index) => {
                    let interval = self.snapshot_intervals[server].load(Ordering::Relaxed);
                    let raft = raft.filter(|_| (index + 1) % interval == 0).and_then(Weak::upgrade);
                    if let Some(raft) = raft {
                        self.take_snapshot(server, instance, index, raft);
                    }
                }
                Outcome::Installed => {}
            }
        }
    }

    fn apply(&self, server: ServerId, instance: u64, message: ApplyMsg) -> Outcome {
        let mut applied = self.applied.lock();
        if applied.killed[server].contains(&instance) {
            return Outcome::Killed;
        }
        if applied.instances[server] != instance {
            return Outcome::Dead;
        }
        match message {
            ApplyMsg::Command { index, command } => {
                let bytes = command.clone();
                let command: Command = match labgob::from_bytes(&command) {
                    Ok(command) => command,
                    Err(error) => panic!("server {server} applied no command at {index}: {error}"),
                };
                trace::record(|| Event::Applied { server, index, command: command.to_string() });
                applied.append(server, index, command);
                self.oracle.iter().for_each(|oracle| oracle.applied(server, index, &bytes));
                Outcome::Applied(index)
            }
            ApplyMsg::Snapshot { index, term, data } => {
                trace::record(|| Event::Installed { server, index, term, size: data.len() });
                applied.install(server, index, decode_snapshot(server, &data));
                self.oracle.iter().for_each(|oracle| oracle.installed(server, index, term));
                Outcome::Installed
            }
        }
    }

    fn take_snapshot(&self, server: ServerId, instance: u64, index: Index, raft: Arc<Raft>) {
        let commands = {
            let applied = self.applied.lock();
            if applied.instances[server] != instance {
                return;
            }
            applied.by_server[server].clone()
        };
        let content = SnapshotContent { last_included_index: index, commands };
        self.pause(server);
        raft.snapshot(index, labgob::to_bytes(&content).into());
    }
}

enum Outcome {
    Applied(Index),
    Installed,
    /// The message came from an instance that has crashed.
    Dead,
    /// The message came from an instance that was killed, and should know it.
    Killed,
}

impl Applied {
    fn append(&mut self, server: ServerId, index: Index, command: Command) {
        let expected = self.by_server[server].len() as Index + 1;
        assert!(
            index == expected,
            "server {server} apply out of order, expected index {expected}, got {index} (rule A3 of \
             docs/contract.md)"
        );
        self.check_agreement(server, index, &command);
        self.by_server[server].push(command);
    }

    fn install(&mut self, server: ServerId, index: Index, content: SnapshotContent) {
        let covered = content.last_included_index;
        assert!(
            covered == index,
            "server {server} installs a snapshot at index {index} that holds the state at \
             {covered}: whoever sent it, or installed it, took index and data from two critical \
             sections (rule 5 of the locking advice)"
        );
        let before = self.by_server[server].len();
        assert!(
            index >= before as Index,
            "server {server} installs a snapshot at index {index}, but has applied up to {before} \
             (rule A1 of docs/contract.md)"
        );
        for (position, command) in content.commands.iter().enumerate() {
            self.check_agreement(server, position as Index + 1, command);
        }
        self.by_server[server] = content.commands;
    }

    /// State Machine Safety (Figure 3), over the whole life of the test.
    fn check_agreement(&mut self, server: ServerId, index: Index, command: &Command) {
        let decided = self.decided.len() as Index;
        if index == decided + 1 {
            self.decided.push((command.clone(), server));
            return;
        }
        assert!(index <= decided, "server {server} applies {index}; nobody applied {decided} + 1");
        let (first, by) = &self.decided[index as usize - 1];
        assert!(
            first == command,
            "commit index={index} server={server} {command} != server={by} {first}: \
             State Machine Safety (Figure 3)"
        );
    }
}

fn decode_snapshot(server: ServerId, data: &Bytes) -> SnapshotContent {
    let content: SnapshotContent = match labgob::from_bytes(data) {
        Ok(content) => content,
        Err(error) => {
            panic!("server {server} has a snapshot that is none of the service's: {error}")
        }
    };
    let (covered, count) = (content.last_included_index, content.commands.len());
    assert!(
        covered == count as Index,
        "server {server} has a snapshot for index {covered} with {count} commands"
    );
    content
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "what must panic is looked at")]
mod tests;
