//! A short look for what another thread is about to tell, before a sleep.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::yield_now;

use super::clock::is_virtual;

/// Each look costs half a microsecond if nobody else wants the processor.
const LOOKS: u32 = 10;

/// Looks a few times whether `told` is set, and lets others run in between: to go to sleep and be
/// woken costs more, and who would tell may be waiting for this very processor. Nothing in a
/// simulation, where nobody else runs meanwhile.
pub fn look_for(told: &AtomicBool) {
    if is_virtual() {
        return;
    }
    for _ in 0..LOOKS {
        if told.load(Ordering::Acquire) {
            return;
        }
        yield_now();
    }
}
