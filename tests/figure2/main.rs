//! Figure 2, sentence by sentence: one real Raft among servers that the test plays.
//!
//! The lab's tests watch a whole cluster, where many a mistake stays hidden: a server that votes
//! twice in a term may do so for weeks before two leaders come of it. Here the test sends the
//! messages that show it. Each test is about one sentence of Figure 2, Figure 13 or the sections
//! around them, and says which when it fails, with what it expected, what happened, and the
//! exchange of messages that led there.
//!
//! Nothing is assumed of the Raft but its interface and the messages in `src/raft/rpc.rs`: not
//! its timeouts (they are measured), not its pace (beyond the lab's limits), not its inside. The
//! tests of a Part need that Part and those before.
//!
//! # Layout
//! - `votes.rs`, `terms.rs`, `timers.rs`: Part A
//! - `appends.rs` (the follower), `leaders.rs`, `commits.rs`, `backup.rs`: Part B
//! - `crashes.rs`: Part C
//! - `economy.rs`: Parts B and D: what is not sent in vain
//! - `moments.rs`: Parts A to C: what belongs together is of one moment
//! - `installs.rs`, `snapshots.rs`, `compaction.rs`: Part D; `on_snapshot.rs`: the other Parts'
//!   tests on top of a snapshot
//! - `kit/`: the stage; start there at [`kit::Stage`]
//!
//! The suite is always simulated: seconds pass in milliseconds, and a failure comes back.

use std::process::ExitCode;

use raftlab::runner::{self, AlwaysSimulated};

mod appends;
mod backup;
mod commits;
mod compaction;
mod crashes;
mod economy;
mod installs;
mod kit;
mod leaders;
mod moments;
mod on_snapshot;
mod snapshots;
mod terms;
mod timers;
mod votes;

fn main() -> ExitCode {
    kit::check_world();
    // In a Part, what other tests rest on comes first: `make progress` shows the first failure.
    let parts = [
        timers::FIRST_TESTS,
        votes::TESTS,
        terms::TESTS,
        timers::TESTS,
        appends::TESTS,
        timers::TESTS_WITH_LOG,
        leaders::FIRST_TESTS,
        commits::TESTS,
        leaders::TESTS,
        backup::TESTS,
        economy::TESTS,
        crashes::TESTS,
        installs::TESTS,
        snapshots::TESTS,
        compaction::TESTS,
        moments::TESTS,
        on_snapshot::TESTS,
    ];
    let simulated = AlwaysSimulated { usual_seeds: 8, explain: None };
    runner::main_simulated("figure2", &parts, &simulated)
}
