//! How a thread whose run is over is stopped: it unwinds, so that its destructors run.

use std::panic;

/// What unwinds such a thread. Not a failure, and no hook is called for it.
pub(super) struct Stop;

/// Unwinds the current thread, without a message.
pub(super) fn unwind() -> ! {
    panic::resume_unwind(Box::new(Stop))
}
