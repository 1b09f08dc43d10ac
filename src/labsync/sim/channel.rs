//! A channel of the simulation.

use std::collections::VecDeque;

use super::steps::Why;
use super::task::Slot;
use super::turns::current;

/// The state that the two halves share.
pub(crate) struct SimChannel<T> {
    inner: parking_lot::Mutex<Inner<T>>,
}

struct Inner<T> {
    queue: VecDeque<T>,
    capacity: usize,
    senders: usize,
    receivers: usize,
    /// Messages sent and taken so far: with capacity 0 a sender waits for its own to be taken.
    sent: u64,
    taken: u64,
    waiting_senders: Vec<Slot>,
    waiting_receivers: Vec<Slot>,
}

/// Why there is no message.
pub(crate) enum Nothing {
    Empty,
    Disconnected,
}

impl<T> SimChannel<T> {
    pub fn new(capacity: usize) -> SimChannel<T> {
        SimChannel {
            inner: parking_lot::Mutex::new(Inner {
                queue: VecDeque::new(),
                capacity,
                senders: 1,
                receivers: 1,
                sent: 0,
                taken: 0,
                waiting_senders: Vec::new(),
                waiting_receivers: Vec::new(),
            }),
        }
    }

    /// Sends, waiting while the channel is full; gives the message back without receivers.
    pub fn send(&self, message: T) -> Result<(), T> {
        let sim = current();
        if let Some(sim) = &sim {
            sim.point();
        }
        // A channel without room still holds the message that its sender waits with.
        let mut inner = self.inner.lock();
        while inner.receivers > 0 && inner.queue.len() >= inner.capacity.max(1) {
            let Some(sim) = sim.as_ref().filter(|sim| !sim.is_unwinding()) else { break };
            inner.waiting_senders.push(sim.me());
            drop(inner);
            sim.block(Why::Other, None);
            inner = self.inner.lock();
            let me = sim.me();
            inner.waiting_senders.retain(|&slot| slot != me);
        }
        if inner.receivers == 0 {
            return Err(message);
        }
        inner.queue.push_back(message);
        inner.sent += 1;
        let ticket = inner.sent;
        if let Some(sim) = &sim {
            sim.unblock_one_of(&mut inner.waiting_receivers);
            while inner.capacity == 0
                && inner.taken < ticket
                && inner.receivers > 0
                && !sim.is_unwinding()
            {
                inner.waiting_senders.push(sim.me());
                drop(inner);
                sim.block(Why::Other, None);
                inner = self.inner.lock();
                let me = sim.me();
                inner.waiting_senders.retain(|&slot| slot != me);
            }
        }
        if inner.capacity == 0
            && inner.taken < ticket
            && let Some(message) = inner.queue.pop_back()
        {
            return Err(message);
        }
        Ok(())
    }

    /// Takes a message without waiting.
    pub fn try_recv(&self) -> Result<T, Nothing> {
        let sim = current();
        if let Some(sim) = &sim {
            sim.point();
        }
        let mut inner = self.inner.lock();
        match inner.queue.pop_front() {
            Some(message) => {
                inner.taken += 1;
                if let Some(sim) = &sim {
                    // All: with capacity 0 only one of them, the message's sender, can go on.
                    for slot in std::mem::take(&mut inner.waiting_senders) {
                        sim.unblock(slot);
                    }
                }
                Ok(message)
            }
            None if inner.senders == 0 => Err(Nothing::Disconnected),
            None => Err(Nothing::Empty),
        }
    }

    /// Takes a message, waiting for one until `deadline` (ns of virtual time) at most.
    pub fn recv(&self, deadline: Option<u64>) -> Result<T, Nothing> {
        loop {
            match self.try_recv() {
                Err(Nothing::Empty) => {}
                decided => return decided,
            }
            let Some(sim) = current().filter(|sim| !sim.is_unwinding()) else {
                return Err(Nothing::Disconnected);
            };
            if deadline.is_some_and(|deadline| sim.now() >= deadline) {
                return Err(Nothing::Empty);
            }
            let me = sim.me();
            self.inner.lock().waiting_receivers.push(me);
            sim.block(Why::Other, deadline);
            self.inner.lock().waiting_receivers.retain(|&slot| slot != me);
        }
    }

    /// One more, or one fewer, sender; the last one's end wakes the receivers.
    pub fn count_senders(&self, more: bool) {
        let mut inner = self.inner.lock();
        inner.senders = if more { inner.senders + 1 } else { inner.senders - 1 };
        if inner.senders == 0 {
            wake_all(&mut inner.waiting_receivers);
        }
    }

    /// One more, or one fewer, receiver; the last one's end wakes the senders.
    pub fn count_receivers(&self, more: bool) {
        let mut inner = self.inner.lock();
        inner.receivers = if more { inner.receivers + 1 } else { inner.receivers - 1 };
        if inner.receivers == 0 {
            wake_all(&mut inner.waiting_senders);
            if inner.capacity == 0 {
                return; // the message there is its waiting sender's, who takes it back
            }
            let undelivered = std::mem::take(&mut inner.queue);
            drop(inner);
            drop(undelivered); // outside the lock: a message may own the other end
        }
    }
}

fn wake_all(waiters: &mut Vec<Slot>) {
    let slots = std::mem::take(waiters);
    if let Some(sim) = current() {
        slots.into_iter().for_each(|slot| sim.unblock(slot));
    }
}
