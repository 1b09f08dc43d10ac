//! [`Mutex`]: parking_lot's, plus the line and the thread that hold it.

use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_utils::atomic::AtomicCell;

use super::context::{self, Line};
use super::{deadlock, rules};

/// How long a lock is waited for before anybody wonders. Critical sections take microseconds.
const PATIENCE: Duration = Duration::from_millis(10);
/// How often a thread that still waits looks for a cycle.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A lock around data, as in `parking_lot`: no poisoning, `lock()` gives the guard.
///
/// It keeps the lab's locking rules: see the [module](super).
pub struct Mutex<T> {
    /// The number of the thread that holds the lock; 0 while nobody does, or nobody says so yet.
    owner: AtomicU32,
    /// Where the owner took it.
    taken: AtomicCell<Option<Line>>,
    real: parking_lot::Mutex<T>,
}

/// The right to use the data of a [`Mutex`]; dropping it unlocks.
#[must_use = "the lock is released at once when its guard is not kept"]
pub struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    real: parking_lot::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    /// A new lock around `value`, free.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            owner: AtomicU32::new(0),
            taken: AtomicCell::new(None),
            real: parking_lot::Mutex::new(value),
        }
    }

    /// Waits for the lock and takes it.
    ///
    /// # Panics
    /// If this thread holds the lock already (self-deadlock), and if threads wait for each
    /// other's locks in a circle; the message has the lines.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let at = Location::caller();
        if let Some(taken) = context::held_at(self.address()) {
            rules::self_deadlock(at, taken);
        }
        let real = match self.real.try_lock() {
            Some(real) => real,
            None => self.wait_for_lock(at),
        };
        self.note_taken(at);
        MutexGuard { lock: self, real }
    }

    /// The data, when nobody else uses the lock any more.
    pub fn into_inner(self) -> T {
        self.real.into_inner()
    }

    #[cold]
    #[track_caller]
    fn wait_for_lock(&self, at: Line) -> parking_lot::MutexGuard<'_, T> {
        if let Some(real) = self.real.try_lock_for(PATIENCE) {
            return real;
        }
        let _waiting = context::waiting("Mutex::lock", at);
        let wait = deadlock::LockWait::begin(at);
        loop {
            let owner = (self.owner.load(Ordering::SeqCst), self.taken.load());
            if let Some(cycle) = wait.look_for_cycle(owner) {
                panic!("{cycle}");
            }
            if let Some(real) = self.real.try_lock_for(LOOK_EVERY) {
                return real;
            }
        }
    }

    #[inline]
    fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    #[inline]
    fn note_taken(&self, at: Line) {
        self.taken.store(Some(at));
        self.owner.store(context::current_id(), Ordering::Release);
        context::push_held(self.address(), at);
    }

    /// Must come before the real unlock: afterwards the next owner writes here.
    #[inline]
    fn note_released(&self) {
        self.owner.store(0, Ordering::Release);
        context::remove_held(self.address());
    }
}

impl<T> MutexGuard<'_, T> {
    /// The address of the lock, as the list of held locks knows it.
    pub(super) fn lock_address(&self) -> usize {
        self.lock.address()
    }

    /// Gives the lock up while `wait` sleeps on parking_lot's condition variable.
    pub(super) fn unlocked_during<R>(
        &mut self,
        at: Line,
        wait: impl FnOnce(&mut parking_lot::MutexGuard<'_, T>) -> R,
    ) -> R {
        self.lock.note_released();
        let result = wait(&mut self.real);
        self.lock.note_taken(at);
        result
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.note_released();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.real
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.real
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}
