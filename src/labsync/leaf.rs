//! [`Leaf`]: a lock for the records of an observer.

use super::clock;

/// Data that is looked at for a few instructions at a time, by code that takes no other lock and
/// waits for nothing: what a tester notes of the code under test.
///
/// Unlike a [`Mutex`](super::Mutex) it is no place where a simulated thread may lose its turn,
/// and it is not among the locks that a thread holds: so whoever observes does not change what
/// happens. Code under test must use `Mutex`.
#[derive(Default)]
pub struct Leaf<T> {
    data: parking_lot::Mutex<T>,
}

impl<T> Leaf<T> {
    /// `data`, which nobody looks at yet.
    pub const fn new(data: T) -> Leaf<T> {
        Leaf { data: parking_lot::Mutex::new(data) }
    }

    /// Looks at the data. `look` must do nothing that waits or locks.
    ///
    /// # Panics
    /// In a simulation, if another thread got its turn in the middle of such a look.
    #[track_caller]
    pub fn with<R>(&self, look: impl FnOnce(&mut T) -> R) -> R {
        let mut data = match self.data.try_lock() {
            Some(data) => data,
            None if clock::is_virtual() => panic!("a look into a Leaf has waited in the middle"),
            None => self.data.lock(),
        };
        look(&mut data)
    }
}
