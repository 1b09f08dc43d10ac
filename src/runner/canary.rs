//! The canary: a thread that sleeps for short times and notes how late it wakes up. When a test
//! fails on a host that stood still meanwhile, the report says so; the verdict stays.
//!
//! It says so only of failures that lateness can cause: that something had not happened in time,
//! or more often than it should. Two leaders in a term, a broken locking rule, an index out
//! of range are wrong at any pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::labsync::{Failure, Instant, thread};

const NAP: Duration = Duration::from_millis(20);
/// Lateness that may spoil a test: a third of the shortest heartbeat interval that is usual.
const SUSPECT: Duration = Duration::from_millis(30);

/// What the messages have in them of those failures of the lab's tests that lateness can cause.
const LATENESS: &[&str] = &[
    // too late: an election, an agreement, the end
    "expected one leader, got none",
    "expected a leader in some of",
    "failed to reach agreement",
    "decided for index",
    "not over after",
    "threads left",
    // an election more than there should be, and what comes of it
    "servers disagree on term",
    "term changed too often",
    "expected no leader among",
    "rejected Start()",
    "got index",
    "expected index",
    "unexpected index",
    "too many RPC",
    "too many or few RPCs",
    // a snapshot that comes late
    "Log size too large",
];

/// Whether the host's lateness can have caused this.
fn may_be_late(failure: &Failure) -> bool {
    let said_by_harness = failure
        .at
        .as_ref()
        .is_none_or(|at| at.starts_with("src/tester/checks.rs") || at.starts_with("tests/raft/"));
    // Other suites measure times in many an assertion of their own.
    let said_by_other_suite = failure
        .at
        .as_ref()
        .is_some_and(|at| at.starts_with("tests/") && !at.starts_with("tests/raft/"));
    let first = failure.message.lines().next().unwrap_or_default();
    said_by_other_suite || (said_by_harness && LATENESS.iter().any(|words| first.contains(words)))
}

/// Watches the host until dropped.
pub(super) struct Canary {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    worst_ns: AtomicU64,
    over: AtomicBool,
}

impl Canary {
    pub fn start() -> Canary {
        let shared = Arc::new(Shared::default());
        let canary = Canary { shared: shared.clone() };
        thread::spawn("canary", move || {
            while !shared.over.load(Ordering::Relaxed) {
                let start = Instant::now();
                thread::sleep(NAP);
                let late = start.elapsed().saturating_sub(NAP).as_nanos() as u64;
                shared.worst_ns.fetch_max(late, Ordering::Relaxed);
            }
        });
        canary
    }

    /// What to say of the host, if it stalled for so long that this failure may have come of it.
    pub fn suspicion(&self, failure: &Failure) -> Option<String> {
        let worst = Duration::from_nanos(self.shared.worst_ns.load(Ordering::Relaxed));
        (worst >= SUSPECT && may_be_late(failure)).then(|| {
            let ms = worst.as_millis();
            format!("timing-suspect: the host stalled {ms} ms during this test")
        })
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str, at: Option<&str>) -> Failure {
        let (thread, message) = ("test".to_string(), message.to_string());
        Failure { thread, message, at: at.map(ToString::to_string) }
    }

    #[test]
    fn only_what_comes_late_is_suspect() {
        let checks = Some("src/tester/checks.rs:46:9");
        for (message, at) in [
            ("expected one leader, got none", checks),
            ("one(101) failed to reach agreement", checks),
            ("not over after 120 s; its threads:\n  'raft 1' is running", None),
            ("too many RPCs (70) for 1 second of idleness", Some("tests/raft/part_2b.rs:358:5")),
            ("took 31 ms", Some("tests/labrpc/lab.rs:100:5")),
        ] {
            assert!(may_be_late(&failure(message, at)), "{message}");
        }
        for (message, at) in [
            ("term 3 has 2 (>1) leaders: [1, 2]", checks),
            ("committed values do not match: index 3, 1, 2", Some("src/tester/service.rs:130:5")),
            ("index out of bounds: the len is 3 but the index is 7", Some("src/raft/mod.rs:7:9")),
            ("expected one leader, got none", Some("src/raft/mod.rs:7:9")),
            ("wait in Condvar::wait while a lock is held", Some("src/raft/mod.rs:7:9")),
            ("deadlock: 'a' waits; not over after all", Some("src/labsync/mutex.rs:7:9")),
            ("some have committed before Start(): 1 servers", Some("tests/raft/part_2b.rs:33:9")),
        ] {
            assert!(!may_be_late(&failure(message, at)), "{message}");
        }
    }

    /// A message that is reworded must be reworded here as well.
    #[test]
    fn each_of_the_messages_is_somewhere() {
        let files = ["src/tester/checks.rs", "src/labsync/run.rs", "tests/raft/part_2a.rs"];
        let more = ["tests/raft/part_2b.rs", "tests/raft/part_2c.rs", "tests/raft/part_2d.rs"];
        let text: String = files
            .iter()
            .chain(&more)
            .map(|file| std::fs::read_to_string(file).expect("cargo runs tests at the root"))
            .collect();
        let gone: Vec<_> = LATENESS.iter().filter(|words| !text.contains(**words)).collect();
        assert!(gone.is_empty(), "no check says any more: {gone:?}");
    }
}
