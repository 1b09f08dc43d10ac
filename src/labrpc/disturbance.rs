//! [`Disturbance`]: what may befall the calls of a single end beyond what the network does to
//! all: one direction cut, messages that are seconds late, requests that arrive twice.
//!
//! Raft must bear all of it (§2: "network delays, partitions, and packet loss, duplication, and
//! reordering"), but the lab's own modes never do it. A network on which no end is disturbed
//! draws no random number more than one that knows nothing of all this.

use std::sync::Arc;
use std::time::Duration;

use super::call::Answer;
use super::event::Loss;
use super::journey::{Ticket, random_ms};
use super::network::{Network, Placed, Shared};
use labsync::{rng, thread};

/// What befalls the calls on an end; by default nothing.
///
/// A call's two messages go in opposite directions: to cut off all that `a` sends to `b`, lose
/// the requests on a's end towards `b`, and the replies on b's end towards `a`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Disturbance {
    /// Requests do not arrive; the caller hears so as late as from an end that is disabled.
    pub lose_requests: bool,
    /// The handler runs, but its reply does not arrive; the caller hears so as late.
    pub lose_replies: bool,
    /// Requests that are late. What they find is whoever is in the server's place by then.
    pub late_requests: Late,
    /// Replies that are late.
    pub late_replies: Late,
    /// Requests that arrive twice, the second so much later than the first: the handler runs
    /// for both, and the caller gets the reply to one of them.
    pub repeats: Late,
}

/// Some messages, and how late they are.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Late {
    /// So many of a hundred.
    pub percent: u32,
    /// The latest, in ms; each time from 0 on is as likely.
    pub up_to_ms: u64,
}

impl Late {
    /// How late the next message is; `None` for one that is not.
    fn draw(self) -> Option<Duration> {
        (self.percent > 0 && rng::random_range(0..100) < self.percent)
            .then(|| random_ms(0..=self.up_to_ms))
    }
}

impl Network {
    /// From now on this befalls the calls on that end. Messages that are on their way stay as
    /// they are.
    ///
    /// # Panics
    /// If there is no such end.
    #[track_caller]
    pub fn disturb(&self, end: &str, disturbance: Disturbance) {
        let disturbed = disturbance != Disturbance::default();
        self.shared.state.lock().end_mut(end).disturbance = disturbed.then_some(disturbance);
    }
}

impl Ticket<'_> {
    /// The request's way over a disturbed end; where it arrives.
    pub(super) fn disturb_request(
        &self,
        disturbance: &Disturbance,
        args: &[u8],
    ) -> Result<Arc<Placed>, Loss> {
        let mut delay = disturbance.late_requests.draw().unwrap_or_default();
        if let Some(apart) = disturbance.repeats.draw() {
            let mut delay_of_copy = delay + apart;
            if rng::random_bool(0.5) {
                std::mem::swap(&mut delay, &mut delay_of_copy);
            }
            self.send_copy(delay_of_copy, args.to_vec());
        }
        self.arrive(delay)
    }

    fn arrive(&self, delay: Duration) -> Result<Arc<Placed>, Loss> {
        self.call.pass(delay)?;
        self.shared.state.lock().server_behind(&self.end).ok_or(Loss::ServerGone)
    }

    /// A second copy of the request sets out, in a thread of its own. Nobody waits for its reply.
    fn send_copy(&self, delay: Duration, args: Vec<u8>) {
        let (shared, end) = (self.shared.clone(), self.end.clone());
        let (number, method) = (self.number, self.method.to_string());
        let observer = self.observer.clone();
        thread::spawn(format!("copy of {method} on {end}"), move || {
            let Some((id, call)) = shared.register_copy(&end) else { return };
            let copy = Ticket { shared, id, number, call, end, method: &method, observer };
            // Lost or not, the caller's own request tells the caller.
            let _: Result<Answer, Loss> =
                copy.arrive(delay).and_then(|server| copy.run_handler(&server, args));
        });
    }

    /// The reply's way over a disturbed end.
    pub(super) fn disturb_reply(&self, disturbance: &Disturbance) -> Result<(), Loss> {
        if disturbance.lose_replies {
            let delay = self.shared.state.lock().unreachable_delay();
            self.call.pass(delay)?;
            return Err(Loss::ReplyDropped);
        }
        self.call.pass(disturbance.late_replies.draw().unwrap_or_default())
    }
}

impl Shared {
    /// Registers the copy of a request, so that it ends with the network.
    fn register_copy(&self, end: &Arc<str>) -> Option<(u64, Arc<super::call::Call>)> {
        let mut state = self.state.lock();
        (!state.closed).then(|| state.register(end))
    }
}
