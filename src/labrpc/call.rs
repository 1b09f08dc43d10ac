//! One call in flight: the slot on which its caller waits.

use std::time::Duration;

use crate::labsync::{Condvar, Instant, Mutex};

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
        self.decided.notify_one();
    }

    /// Waits for the answer; `None` when the call is lost.
    pub fn wait_for_answer(&self) -> Option<Answer> {
        let mut slot = self.slot.lock();
        while !slot.lost && slot.answer.is_none() {
            self.decided.wait(&mut slot);
        }
        if slot.lost { None } else { slot.answer.take() }
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
