//! Time: a monotonic clock that starts at zero.

use std::ops::{Add, AddAssign, Sub};
use std::sync::OnceLock;
use std::time::Duration;

use super::{context, sim};

/// A moment: nanoseconds since the process first asked for the time or, in a simulation, since
/// the run began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Instant(u64);

static START: OnceLock<std::time::Instant> = OnceLock::new();

impl Instant {
    /// The present moment.
    #[must_use]
    pub fn now() -> Instant {
        if context::in_simulation()
            && let Some(sim) = sim::current()
        {
            return Instant(sim.now());
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

fn nanos(duration: Duration) -> u64 {
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
