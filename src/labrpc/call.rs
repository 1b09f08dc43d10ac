//! One call in flight: the slot on which its caller waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::event::Loss;
use labsync::{Condvar, Instant, Mutex, look_for};

/// What the handler answered: the encoded reply, or why the arguments cannot be decoded.
pub(super) type Answer = Result<Vec<u8>, String>;

#[derive(Default)]
struct Slot {
    lost: Option<Loss>,
    answer: Option<Answer>,
}

/// The slot of one call. Once lost, a call stays lost.
pub(super) struct Call {
    /// Whether there is an answer: told without the lock.
    answered: AtomicBool,
    slot: Mutex<Slot>,
    /// Notified when the handler has answered and when the call is lost.
    decided: Condvar,
}

impl Default for Call {
    fn default() -> Call {
        Call {
            answered: AtomicBool::new(false),
            slot: Mutex::unstalled(Slot::default()),
            decided: Condvar::new(),
        }
    }
}

impl Call {
    /// The call fails: its caller stops waiting, whatever it waits for. The first reason stays.
    pub fn lose(&self, why: Loss) {
        self.slot.lock().lost.get_or_insert(why);
        self.decided.notify_one();
    }

    /// The handler is done.
    pub fn answer(&self, answer: Answer) {
        self.slot.lock().answer = Some(answer);
        self.answered.store(true, Ordering::Release);
        self.decided.notify_one();
    }

    /// Waits for the answer, or until the call is lost.
    pub fn wait_for_answer(&self) -> Result<Answer, Loss> {
        // Most handlers take about a microsecond.
        look_for(&self.answered);
        let mut slot = self.slot.lock();
        loop {
            if let Some(why) = slot.lost {
                return Err(why);
            }
            if let Some(answer) = slot.answer.take() {
                return Ok(answer);
            }
            self.decided.wait(&mut slot);
        }
    }

    /// Lets `delay` pass, or less if the call is lost meanwhile.
    pub fn pass(&self, delay: Duration) -> Result<(), Loss> {
        let end = Instant::now() + delay;
        let mut slot = self.slot.lock();
        while slot.lost.is_none() && Instant::now() < end {
            self.decided.wait_until(&mut slot, end);
        }
        slot.lost.map_or(Ok(()), Err)
    }
}
