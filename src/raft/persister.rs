//! The "disk" of a server: what survives a crash. Given to students.

use std::sync::Arc;
use std::time::Duration;

use super::view::View;
use crate::labgob::Bytes;
use crate::labsync::{Leaf, spend};

/// What it takes in virtual time to encode and save a byte (100 MB a second): without it, a
/// simulated Raft that always saves its whole log would be as fast with a long one as with a short.
const SAVING_A_BYTE: Duration = Duration::from_nanos(10);

/// Holds Raft's state and the service's snapshot, always written together.
#[derive(Default)]
pub struct Persister {
    saved: Leaf<OnDisk>,
    watcher: Option<Arc<dyn Watcher>>,
}

/// What a disk holds.
#[derive(Clone, Default, Debug)]
pub struct OnDisk {
    /// Raft's state; empty if it was never saved.
    pub raft_state: Bytes,
    /// The service's snapshot; empty if there is none.
    pub snapshot: Bytes,
    /// How often this disk and those it was copied from were written.
    pub writes: u64,
}

/// Who wants to know what a server saves and shows: the tester.
pub trait Watcher: Send + Sync {
    /// The server has saved this.
    fn saved(&self, disk: &OnDisk);
    /// The server shows itself, with this on its disk.
    fn shown(&self, view: &View<'_>, disk: &OnDisk);
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
        let bytes = raft_state.len() + snapshot.len();
        spend(SAVING_A_BYTE.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX)));
        let disk = self.saved.with(|saved| {
            *saved = OnDisk { raft_state, snapshot, writes: saved.writes + 1 };
            self.watcher.as_ref().map(|_| saved.clone())
        });
        if let (Some(watcher), Some(disk)) = (&self.watcher, disk) {
            watcher.saved(&disk);
        }
    }

    /// Shows the tester what the server is like. To be called whenever the server releases its
    /// lock, and before it waits on a condition variable: what others may see, the tester sees.
    ///
    /// # Panics
    /// If the tester finds a property of Raft broken; the message tells which, and how.
    pub fn show(&self, view: &View<'_>) {
        if let Some(watcher) = &self.watcher {
            let disk = self.saved.with(|saved| saved.clone());
            watcher.shown(view, &disk);
        }
    }

    /// Raft's state as last saved; empty if it never was.
    #[must_use]
    pub fn read_raft_state(&self) -> Bytes {
        self.saved.with(|saved| saved.raft_state.clone())
    }

    /// The snapshot as last saved; empty if there is none.
    #[must_use]
    pub fn read_snapshot(&self) -> Bytes {
        self.saved.with(|saved| saved.snapshot.clone())
    }

    /// The size of Raft's state in bytes.
    #[must_use]
    pub fn raft_state_size(&self) -> usize {
        self.saved.with(|saved| saved.raft_state.len())
    }

    /// The size of the snapshot in bytes.
    #[must_use]
    pub fn snapshot_size(&self) -> usize {
        self.saved.with(|saved| saved.snapshot.len())
    }

    /// Another disk with the same content, which nobody watches. The tester gives it to the next
    /// instance of a server, so that a dead one cannot write to it any more.
    #[must_use]
    pub fn copy(&self) -> Persister {
        Persister { saved: Leaf::new(self.saved.with(|saved| saved.clone())), watcher: None }
    }

    /// The same disk, watched from now on.
    #[must_use]
    pub fn watched_by(self, watcher: Arc<dyn Watcher>) -> Persister {
        Persister { watcher: Some(watcher), ..self }
    }
}
