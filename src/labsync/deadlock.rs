//! Lock cycles: threads that wait for each other's locks in a circle.
//!
//! A thread that has waited for a lock for a while registers here: since when it waits, and
//! who owned the lock when it last looked. A circle of such waits is a deadlock if each
//! owner was already waiting when its waiter looked: a thread that waits releases nothing, so
//! it has owned the lock ever since. Until that is so, the waiters look again. So there are no
//! false alarms, and the cost falls on locks waited for longer than any should be.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::context;
use super::state::Line;

#[derive(Clone)]
struct Edge {
    thread: String,
    wants_at: Line,
    /// When the wait began, and when its owner was last read: counts of `Registry::moment`.
    began: u64,
    looked: u64,
    owner: u32,
    owner_took_at: Option<Line>,
}

struct Registry {
    moment: u64,
    /// The waiting threads by their numbers.
    waits: BTreeMap<u32, Edge>,
}

static REGISTRY: parking_lot::Mutex<Registry> =
    parking_lot::Mutex::new(Registry { moment: 0, waits: BTreeMap::new() });

/// A long wait for a lock, registered until dropped.
pub(super) struct LockWait {
    thread: u32,
}

impl LockWait {
    pub fn begin(at: Line) -> LockWait {
        let info = context::current();
        let mut registry = REGISTRY.lock();
        registry.moment += 1;
        let began = registry.moment;
        let edge = Edge {
            thread: info.name.clone(),
            wants_at: at,
            began,
            looked: began,
            owner: 0,
            owner_took_at: None,
        };
        registry.waits.insert(info.id, edge);
        LockWait { thread: info.id }
    }

    /// Notes who owns the lock now; the report, if that closes a circle.
    ///
    /// `owner` reads a thread's number (0: unknown) and the line where it took the lock. It is
    /// read with the registry locked: otherwise the owner could release this lock and begin to
    /// wait for another after the reading and before the moment that is noted for it.
    pub fn look_for_cycle(&self, owner: impl FnOnce() -> (u32, Option<Line>)) -> Option<String> {
        let mut registry = REGISTRY.lock();
        let owner = owner();
        registry.moment += 1;
        let moment = registry.moment;
        let edge = registry.waits.get_mut(&self.thread).expect("registered by begin()");
        (edge.looked, edge.owner, edge.owner_took_at) = (moment, owner.0, owner.1);
        registry.cycle_from(self.thread)
    }
}

impl Drop for LockWait {
    fn drop(&mut self) {
        REGISTRY.lock().waits.remove(&self.thread);
    }
}

impl Registry {
    fn cycle_from(&self, start: u32) -> Option<String> {
        let mut circle = Vec::new();
        let mut thread = start;
        while circle.len() <= self.waits.len() {
            let edge = self.waits.get(&thread)?;
            let owner = self.waits.get(&edge.owner)?;
            if edge.looked <= owner.began {
                return None; // the owner may have released it since; look again later
            }
            circle.push(Step {
                thread: edge.thread.clone(),
                wants_at: edge.wants_at,
                owner: owner.thread.clone(),
                taken: edge.owner_took_at,
            });
            if edge.owner == start {
                return Some(report(&circle));
            }
            thread = edge.owner;
        }
        None // a circle that does not pass through this thread; its own members report it
    }
}

/// One thread of a circle, for the report.
pub(super) struct Step {
    pub thread: String,
    pub wants_at: Line,
    pub owner: String,
    pub taken: Option<Line>,
}

/// A circle of threads, in words.
pub(super) fn report(circle: &[Step]) -> String {
    let mut text = format!("deadlock: {} threads wait for each other's locks:", circle.len());
    for Step { thread, wants_at, owner, taken } in circle {
        let taken = taken.map_or("?".to_string(), ToString::to_string);
        let _ = write!(
            text,
            "\n  '{thread}' wants at {wants_at} the lock that '{owner}' took at {taken}"
        );
    }
    text.push_str("\nTake the locks in the same order everywhere, or make them one lock.");
    text
}
