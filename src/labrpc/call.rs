//! One call in flight: the slot on which its caller waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::labsync::{Condvar, Instant, Mutex, is_simulated};

/// How often a caller looks for the answer before it sleeps: a few microseconds.
const LOOKS: u32 = 150;

/// What the handler answered: the encoded reply, or why the arguments cannot be decoded.
pub(super) type Answer = Result<Vec<u8>, String>;

#[derive(Default)]
struct Slot {
    lost: bool,
    answer: Option<Answer>,
}

/// The slot of one call. Once lost, a call stays lost.
#[derive(Default)]
pub(super) struct Call {
    /// Whether there is an answer, for who only looks.
    answered: AtomicBool,
    slot: Mutex<Slot>,
    /// Notified when the handler has answered and when the call is lost.
    decided: Condvar,
}

impl Call {
    /// The call fails: its caller stops waiting, whatever it waits for.
    pub fn lose(&self) {
        self.slot.lock().lost = true;
        self.decided.notify_one();
    }

    /// The handler is done.
    pub fn answer(&self, answer: Answer) {
        self.slot.lock().answer = Some(answer);
        self.answered.store(true, Ordering::Release);
        self.decided.notify_one();
    }

    /// Waits for the answer; `None` when the call is lost.
    pub fn wait_for_answer(&self) -> Option<Answer> {
        self.look_for_answer();
        let mut slot = self.slot.lock();
        while !slot.lost && slot.answer.is_none() {
            self.decided.wait(&mut slot);
        }
        if slot.lost { None } else { slot.answer.take() }
    }

    /// Most handlers take about a microsecond: to look for that long costs less than to go to
    /// sleep and be woken.
    fn look_for_answer(&self) {
        if is_simulated() {
            return; // nobody else runs meanwhile
        }
        for _ in 0..LOOKS {
            if self.answered.load(Ordering::Acquire) {
                return;
            }
            std::hint::spin_loop();
        }
    }

    /// Lets `delay` pass; false as soon as the call is lost.
    pub fn pass(&self, delay: Duration) -> bool {
        let end = Instant::now() + delay;
        let mut slot = self.slot.lock();
        while !slot.lost && Instant::now() < end {
            self.decided.wait_until(&mut slot, end);
        }
        !slot.lost
    }
}
