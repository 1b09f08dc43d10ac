//! The "disk" of a server: what survives a crash. Given to students.

use crate::labgob::Bytes;
use crate::labsync::Mutex;

/// Holds Raft's state and the service's snapshot, always written together.
#[derive(Default)]
pub struct Persister {
    saved: Mutex<Saved>,
}

#[derive(Clone, Default)]
struct Saved {
    raft_state: Bytes,
    snapshot: Bytes,
}

impl Persister {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Persister {
        Persister::default()
    }

    /// Replaces Raft's state and the snapshot, both or neither: a crash never leaves the one
    /// without the other.
    pub fn save(&self, raft_state: Bytes, snapshot: Bytes) {
        *self.saved.lock() = Saved { raft_state, snapshot };
    }

    /// Raft's state as last saved; empty if it never was.
    #[must_use]
    pub fn read_raft_state(&self) -> Bytes {
        self.saved.lock().raft_state.clone()
    }

    /// The snapshot as last saved; empty if there is none.
    #[must_use]
    pub fn read_snapshot(&self) -> Bytes {
        self.saved.lock().snapshot.clone()
    }

    /// The size of Raft's state in bytes.
    #[must_use]
    pub fn raft_state_size(&self) -> usize {
        self.saved.lock().raft_state.len()
    }

    /// The size of the snapshot in bytes.
    #[must_use]
    pub fn snapshot_size(&self) -> usize {
        self.saved.lock().snapshot.len()
    }

    /// Another disk with the same content. The tester gives it to the next instance of a
    /// server, so that a dead one cannot write to it any more.
    #[must_use]
    pub fn copy(&self) -> Persister {
        Persister { saved: Mutex::new(self.saved.lock().clone()) }
    }
}
