//! What a server's threads wait for.

use crate::labsync::Condvar;

/// The condition variables of a server.
#[derive(Default)]
pub struct Signals {
    /// For the applier. Notified when `commit_index` advances (by a majority, by
    /// `leader_commit`, or by a snapshot that arrived) and when the server is killed.
    pub apply: Condvar,
    /// For the replicator. Notified when this server becomes leader, when a leader takes a
    /// command, when its `commit_index` advances, when an RPC that it sent in its present term as
    /// leader came back (with a reply or lost), and when the server is killed.
    pub replicate: Condvar,
}
