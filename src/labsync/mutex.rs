//! [`Mutex`]: parking_lot's, plus the line and the thread that hold it.

use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossbeam_utils::atomic::AtomicCell;

use super::state::Line;
use super::{clock, context, deadlock, panics, rules, sim};

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
    /// In a simulation: the threads that wait.
    waiters: parking_lot::Mutex<Vec<sim::Slot>>,
    /// In a simulation: whether threads may be stalled before it.
    stalls: bool,
    real: parking_lot::Mutex<T>,
}

/// The right to use the data of a [`Mutex`]; dropping it unlocks.
#[must_use = "the lock is released at once when its guard is not kept"]
pub struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    /// None only while the guard's thread waits on a condition variable.
    real: Option<parking_lot::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    /// A new lock around `value`, free.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            owner: AtomicU32::new(0),
            taken: AtomicCell::new(None),
            waiters: parking_lot::Mutex::new(Vec::new()),
            stalls: true,
            real: parking_lot::Mutex::new(value),
        }
    }

    /// A new lock of the harness, free: a simulation never stalls a thread before it, since it
    /// looks for races in the code under test, and the harness has its times to keep.
    pub const fn unstalled(value: T) -> Mutex<T> {
        let mut lock = Mutex::new(value);
        lock.stalls = false;
        lock
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
        let real = self.acquire(at);
        MutexGuard { lock: self, real: Some(real) }
    }

    /// The data, when nobody else uses the lock any more.
    pub fn into_inner(self) -> T {
        self.real.into_inner()
    }

    #[track_caller]
    #[inline]
    fn acquire(&self, at: Line) -> parking_lot::MutexGuard<'_, T> {
        if clock::is_virtual() {
            return self.acquire_simulated(at, true);
        }
        let real = match self.real.try_lock() {
            Some(real) => real,
            None => self.wait_for_lock(at),
        };
        self.note_taken(at);
        real
    }

    /// Only one thread of a simulation runs at a time, so `try_lock` tells whether the lock is
    /// free, and who finds it taken waits to be made ready by the owner's release.
    #[cold]
    #[track_caller]
    fn acquire_simulated(
        &self,
        at: Line,
        scheduling_point: bool,
    ) -> parking_lot::MutexGuard<'_, T> {
        let sim = sim::current().expect("a thread in a simulation knows it");
        match (scheduling_point, self.stalls) {
            (true, true) => sim.point_before_lock(self.address(), at),
            (true, false) => sim.point(),
            (false, _) => {}
        }
        loop {
            if let Some(real) = self.real.try_lock() {
                self.note_taken(at);
                let others = !self.waiters.lock().is_empty();
                sim.lock_taken(self.address(), at, others);
                return real;
            }
            let me = sim.me();
            self.waiters.lock().push(me);
            // Also a thread that unwinds waits for a lock.
            let _waiting = context::mark_waiting("Mutex::lock", at);
            let taken = self.taken.load().expect("a lock that is taken has a line");
            sim.wait_for_lock(self.address(), at, self.owner.load(Ordering::Acquire), taken);
            self.waiters.lock().retain(|&slot| slot != me);
        }
    }

    #[cold]
    #[track_caller]
    fn wait_for_lock(&self, at: Line) -> parking_lot::MutexGuard<'_, T> {
        if let Some(real) = self.real.try_lock_for(PATIENCE) {
            return real;
        }
        let _waiting = rules::waiting("Mutex::lock", at);
        let wait = deadlock::LockWait::begin(at);
        loop {
            panics::stop_if_run_is_over();
            let owner = || (self.owner.load(Ordering::SeqCst), self.taken.load());
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
    #[track_caller]
    fn note_taken(&self, at: Line) {
        // First, as it may panic: then this thread must not stand there as the owner.
        context::push_held(self.address(), at);
        self.taken.store(Some(at));
        self.owner.store(context::current_id(), Ordering::Release);
    }

    /// Must come before the real unlock: afterwards the next owner writes here.
    #[inline]
    fn note_released(&self) {
        self.owner.store(0, Ordering::Release);
        context::remove_held(self.address());
        if clock::is_virtual() {
            self.release_simulated();
        }
    }

    /// Nobody else runs before the real unlock, which follows at once.
    #[cold]
    fn release_simulated(&self) {
        if let Some(sim) = sim::current() {
            sim.lock_released(self.address(), self.stalls, &mut self.waiters.lock());
        }
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
        let result = wait(self.real.as_mut().expect(HELD));
        self.lock.note_taken(at);
        result
    }

    /// The same in a simulation: really unlocks, since others run meanwhile. If `wait` unwinds,
    /// the guard is left without the lock.
    #[track_caller]
    pub(super) fn unlocked_during_simulated<R>(&mut self, at: Line, wait: impl FnOnce() -> R) -> R {
        self.lock.note_released();
        self.real = None;
        let result = wait();
        self.real = Some(self.lock.acquire_simulated(at, false));
        result
    }
}

const HELD: &str = "a guard is used only while it holds the lock";

impl<T> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.real.is_some() {
            self.lock.note_released();
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.real.as_ref().expect(HELD)
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.real.as_mut().expect(HELD)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}
