//! Part C: what is saved, and when (Figure 2, persistent state).
//!
//! Saved are `current_term`, `voted_for` and the log, and from Part D on the snapshot with them,
//! in one write. Whatever changes them calls [`State::persist`] before it releases the lock:
//! then no reply, and no RPC of our own, can tell of something that a crash would undo.
//! Everything else is volatile: it can be learnt again.

use super::log::Log;
use super::rpc::{ServerId, Term};
use super::state::{SavedMark, State};
use super::view::Saved;
use crate::labgob::{self, Bytes, DecodeError};

impl State {
    /// Saves the persistent state, if any of it changed since the last time.
    pub(super) fn persist(&mut self) {
        if !self.is_saved() {
            self.persister.save(self.encode().into(), self.snapshot.clone());
            self.saved = self.mark();
        }
    }

    /// Whether the disk holds what memory holds.
    pub(super) fn is_saved(&self) -> bool {
        self.saved == self.mark()
    }

    fn mark(&self) -> SavedMark {
        (self.current_term, self.voted_for, self.log.changes())
    }

    fn encode(&self) -> Vec<u8> {
        labgob::to_bytes(&(self.current_term, self.voted_for, &self.log))
    }

    /// Takes over what an earlier instance of this server has saved, if there was one.
    ///
    /// # Panics
    /// If the bytes on the disk are not what [`State::persist`] writes; and if there is a snapshot
    /// without them, which the next save would overwrite.
    pub(super) fn restore(&mut self) {
        let bytes = self.persister.read_raft_state();
        if bytes.is_empty() {
            let size = self.persister.snapshot_size();
            assert!(size == 0, "n{}: a snapshot of {size} bytes, and no Raft state", self.me);
            return;
        }
        match decode(&bytes) {
            Ok((current_term, voted_for, log)) => {
                (self.current_term, self.voted_for, self.log) = (current_term, voted_for, log);
            }
            Err(error) => panic!("n{} cannot read its persisted state: {error}", self.me),
        }
        self.snapshot = self.persister.read_snapshot();
        self.saved = self.mark();
    }
}

/// What [`State::persist`] has written, for the tester's oracle.
pub(super) fn read_saved(raft_state: &Bytes) -> Result<Saved, String> {
    let (current_term, voted_for, log) = decode(raft_state).map_err(|error| error.to_string())?;
    let (snapshot_index, snapshot_term) = (log.snapshot_index(), log.snapshot_term());
    let entries = log.into_entries();
    Ok(Saved { current_term, voted_for, snapshot_index, snapshot_term, entries })
}

fn decode(bytes: &Bytes) -> Result<(Term, Option<ServerId>, Log), DecodeError> {
    labgob::from_bytes(bytes)
}
