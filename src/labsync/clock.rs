//! Time: a monotonic clock that starts at zero.

use std::cell::{Cell, RefCell};
use std::ops::{Add, AddAssign, Sub};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A moment: nanoseconds since the process first asked for the time or, in a simulation, since
/// the run began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Instant(u64);

static START: OnceLock<std::time::Instant> = OnceLock::new();

/// The time of a simulation in ns, which whoever runs it sets.
pub(super) type Virtual = Arc<AtomicU64>;

thread_local! {
    static IS_VIRTUAL: Cell<bool> = const { Cell::new(false) };
    static VIRTUAL: RefCell<Option<Virtual>> = const { RefCell::new(None) };
}

/// Whether the current thread belongs to a simulation.
#[must_use]
#[inline]
pub fn is_virtual() -> bool {
    IS_VIRTUAL.get()
}

/// From now on the current thread has the time of a simulation; or, with `None`, the real one.
pub(super) fn set_virtual(time: Option<Virtual>) {
    IS_VIRTUAL.set(time.is_some());
    VIRTUAL.set(time);
}

impl Instant {
    /// The present moment.
    #[must_use]
    pub fn now() -> Instant {
        if is_virtual() {
            let now = |time: &Option<Virtual>| time.as_ref().map(|it| it.load(Ordering::Relaxed));
            return Instant(VIRTUAL.with_borrow(now).expect("set along with IS_VIRTUAL"));
        }
        // 2^64 nanoseconds are 584 years.
        Instant(START.get_or_init(std::time::Instant::now).elapsed().as_nanos() as u64)
    }

    /// The time that has passed since this moment; zero if it lies ahead.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Instant::now().duration_since(self)
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub fn duration_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Instant {
    /// The time since the clock's start: that of the process or, in a simulation, of the run.
    #[must_use]
    pub fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The same in nanoseconds.
    pub(super) fn nanos(self) -> u64 {
        self.0
    }
}

/// A duration in nanoseconds, as the clock counts them.
pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// The moment `duration` later; at most the end of the clock.
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(nanos(duration)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

impl Sub<Duration> for Instant {
    type Output = Instant;

    /// The moment `duration` earlier; at least the start of the clock.
    fn sub(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_sub(nanos(duration)))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}
