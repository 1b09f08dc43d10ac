//! Who the current thread is: its name and run, the locks it holds, and what it waits for.
//!
//! The list of held locks is read and written by its own thread alone, on each lock and unlock,
//! so it is a plain thread-local array. What a thread waits for is read by others (the report
//! of a run that does not end), so it stands behind a lock of its own, taken only when waiting.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use super::clock::Instant;
use super::foreign;
use super::state::{Line, RunState, ThreadInfo, Wait};

/// The most locks that a thread may hold at once. The lab's code holds one, seldom two.
const MAX_HELD: usize = 16;

struct HeldLocks {
    len: Cell<usize>,
    locks: [Cell<(usize, Option<Line>)>; MAX_HELD],
}

thread_local! {
    static HELD: HeldLocks = const {
        HeldLocks { len: Cell::new(0), locks: [const { Cell::new((0, None)) }; MAX_HELD] }
    };
    static CURRENT_ID: Cell<u32> = const { Cell::new(0) };
    static CURRENT: RefCell<Option<Arc<ThreadInfo>>> = const { RefCell::new(None) };
}

/// The current thread; one that labsync did not spawn is registered under its std name.
///
/// # Panics
/// In a thread of the code under test that labsync did not start.
pub(super) fn current() -> Arc<ThreadInfo> {
    if let Some(info) = CURRENT.with_borrow(|current| current.clone()) {
        return info;
    }
    let name = std::thread::current().name().unwrap_or("unnamed").to_string();
    assert!(
        std::thread::panicking() || !foreign::is_foreign(),
        "labsync's locks, channels and clocks are for the threads that it knows"
    );
    let info = ThreadInfo::new(name, None);
    set_current(Some(info.clone()));
    info
}

/// Makes the current operating system thread be `info`; `None` when its job is over.
pub(super) fn set_current(info: Option<Arc<ThreadInfo>>) {
    CURRENT_ID.set(info.as_ref().map_or(0, |info| info.id));
    CURRENT.set(info);
}

/// The current thread's run, if it belongs to one.
pub(super) fn current_run() -> Option<Arc<RunState>> {
    // The thread-local may be gone when a destructor asks at the very end of a thread.
    CURRENT.try_with(|c| c.borrow().as_ref().and_then(|info| info.run.clone())).ok().flatten()
}

/// The current thread's number, for a lock's owner.
#[inline]
pub(super) fn current_id() -> u32 {
    let id = CURRENT_ID.get();
    if id != 0 { id } else { current().id }
}

/// All that is the current thread's in thread-locals, while another runs in its place.
#[derive(Default)]
pub(super) struct Locals {
    id: u32,
    info: Option<Arc<ThreadInfo>>,
    held: Vec<(usize, Option<Line>)>,
    random: super::rng::Locals,
}

impl Locals {
    /// The name of the thread whose these are.
    pub fn name(&self) -> &str {
        self.info.as_ref().map_or("", |info| &info.name)
    }

    /// Exchanges these with the current ones.
    pub fn swap(&mut self) {
        self.id = CURRENT_ID.replace(self.id);
        self.info = CURRENT.replace(self.info.take());
        HELD.with(|held| {
            let locks = held.locks[..held.len.get()].iter().map(Cell::get).collect();
            let coming = std::mem::replace(&mut self.held, locks);
            held.len.set(coming.len());
            held.locks.iter().zip(coming).for_each(|(place, lock)| place.set(lock));
        });
        self.random.swap();
    }
}

// ---- held locks -------------------------------------------------------------------------

/// The line where this thread took the lock at `address`, if it holds it.
#[inline]
pub(super) fn held_at(address: usize) -> Option<Line> {
    HELD.with(|held| {
        let find = |i: usize| Some(held.locks[i].get()).filter(|lock| lock.0 == address);
        (0..held.len.get()).find_map(find).and_then(|lock| lock.1)
    })
}

/// The line where this thread took a lock other than the one at `address`, if it holds any.
pub(super) fn held_other_than(address: usize) -> Option<Line> {
    HELD.with(|held| {
        let find = |i: usize| Some(held.locks[i].get()).filter(|lock| lock.0 != address);
        (0..held.len.get()).find_map(find).and_then(|lock| lock.1)
    })
}

/// The line where this thread took some lock, if it holds any.
#[must_use]
pub fn held_any() -> Option<Line> {
    held_other_than(0) // no lock lives at address 0
}

#[inline]
#[track_caller]
pub(super) fn push_held(address: usize, at: Line) {
    let room = HELD.with(|held| {
        let n = held.len.get();
        if n < MAX_HELD {
            held.locks[n].set((address, Some(at)));
            held.len.set(n + 1);
        }
        n < MAX_HELD
    });
    assert!(room, "lock at {at}: this thread holds {MAX_HELD} locks already");
}

#[inline]
pub(super) fn remove_held(address: usize) {
    HELD.with(|held| {
        let n = held.len.get();
        // Usually the lock taken last is released first.
        if let Some(i) = (0..n).rev().find(|&i| held.locks[i].get().0 == address) {
            held.locks[i].set(held.locks[n - 1].get());
            held.len.set(n - 1);
        }
    });
}

/// Forgets all held locks: a guard was leaked, and the operating system thread is used again.
pub(super) fn clear_held() {
    HELD.with(|held| held.len.set(0));
}

// ---- waiting ----------------------------------------------------------------------------

/// Marks the current thread as waiting until dropped. When one wait is made of others (a remote
/// call waits on a condition variable), the outermost is the one that is shown.
pub struct Waiting(Option<Arc<ThreadInfo>>);

/// The current thread waits for `what`, as reports say, until the value is dropped.
pub(super) fn mark_waiting(what: &'static str, at: Line) -> Waiting {
    let info = current();
    let mut slot = info.waiting.lock();
    if slot.is_some() {
        return Waiting(None);
    }
    *slot = Some(Wait { what, at, since: Instant::now() });
    drop(slot);
    Waiting(Some(info))
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(info) = &self.0 {
            *info.waiting.lock() = None;
        }
    }
}
