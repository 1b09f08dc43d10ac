//! One call from end to end: what happens to its request, and to its reply.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::call::{Answer, Call};
use super::network::{InFlight, Placed, Request, Route, Shared, Stage, State};
use super::service::Handler;
use crate::labsync::{self, rng, thread};

/// The delay of a request on an unreliable network, in ms.
const SHORT_DELAY_MS: RangeInclusive<u64> = 0..=26;
/// One in so many requests is dropped on an unreliable network, and one in so many replies.
const DROP_ONE_IN: u32 = 10;
/// With long reordering, so many of so many replies are held back ...
const HELD_BACK: (u32, u32) = (2, 3);
/// ... by at least this, in ms, ...
const HELD_BACK_MIN_MS: u64 = 200;
/// ... and up to this on top, in ms: short additions are likelier.
const HELD_BACK_SPREAD_MS: u64 = 2000;
impl Shared {
    /// One call from end to end; `None` when it is lost.
    pub fn call(self: &Arc<Shared>, end: &Arc<str>, method: &str, args: Vec<u8>) -> Option<Answer> {
        let (ticket, route) = self.set_out(end, method, &args);
        match route {
            Route::Closed => None,
            Route::Unreachable { delay } => {
                ticket.call.pass(delay);
                None
            }
            Route::Reachable { server, reliable, long_reordering } => {
                if !reliable && (!ticket.call.pass(random_ms(SHORT_DELAY_MS)) || dropped()) {
                    return None;
                }
                let answer = ticket.run_handler(&server, method, args)?;
                if !reliable && dropped() {
                    return None;
                }
                if long_reordering && rng::random_range(0..HELD_BACK.1) < HELD_BACK.0 {
                    let spread = rng::random_range(0..=rng::random_range(0..=HELD_BACK_SPREAD_MS));
                    let delay = Duration::from_millis(HELD_BACK_MIN_MS + spread);
                    if !ticket.call.pass(delay) {
                        return None;
                    }
                }
                ticket.deliver(&server, answer)
            }
        }
    }

    /// Counts the call, registers it, and finds its way.
    fn set_out(self: &Arc<Shared>, end: &Arc<str>, method: &str, args: &[u8]) -> (Ticket, Route) {
        let call = Arc::new(Call::default());
        let mut state = self.state.lock();
        let id = state.next_call;
        state.next_call += 1;
        state.total_count += 1;
        state.total_bytes += args.len() as u64;
        let in_flight = InFlight { call: call.clone(), end: end.clone(), stage: Stage::Request };
        state.in_flight.insert(id, in_flight);
        let route = state.route(end);
        let observer = state.observer.clone();
        drop(state);
        if let Some(observer) = observer {
            observer(Request { end, method, args });
        }
        (Ticket { shared: self.clone(), id, call }, route)
    }
}

/// A call's registration; dropping it takes the call from the list.
struct Ticket {
    shared: Arc<Shared>,
    id: u64,
    call: Arc<Call>,
}

impl Ticket {
    /// Runs the handler in a thread of its own and waits for its answer.
    fn run_handler(&self, server: &Arc<Placed>, method: &str, args: Vec<u8>) -> Option<Answer> {
        let end_enabled = self.enter(server, Stage::Handler(server.clone()))?;
        let handler = match server.server.handler(method) {
            Ok(handler) => handler,
            Err(problem) => return Some(Err(problem)),
        };
        server.server.count_request();
        let call = self.call.clone();
        thread::spawn(format!("{method} at {}", server.name), move || {
            answer_call(&handler, &args, call);
        });
        if !end_enabled {
            return None; // cut off while the request was on its way: it arrives, its reply does not
        }
        let answer = self.call.wait_for_answer()?;
        self.enter(server, Stage::Reply(server.clone()))?.then_some(answer)
    }

    /// The next stage, and whether the end is enabled; `None` if the server was deleted meanwhile.
    fn enter(&self, server: &Arc<Placed>, stage: Stage) -> Option<bool> {
        let mut state = self.shared.state.lock();
        if !state.is_in_place(server) {
            return None;
        }
        let State { in_flight, ends, .. } = &mut *state;
        let this = in_flight.get_mut(&self.id).expect("registered until the ticket is dropped");
        this.stage = stage;
        Some(ends.get(&this.end).is_some_and(|end| end.enabled))
    }

    /// The end of the way. In one critical section: after `delete_server` has returned, no
    /// reply of that server comes through.
    fn deliver(&self, server: &Arc<Placed>, answer: Answer) -> Option<Answer> {
        let mut state = self.shared.state.lock();
        if !state.is_in_place(server) {
            return None;
        }
        state.total_bytes += answer.as_ref().map_or(0, |reply| reply.len() as u64);
        Some(answer)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let this = self.shared.state.lock().in_flight.remove(&self.id);
        drop(this); // outside the lock: it may be the last to know a deleted server
    }
}

/// The body of the handler's thread. A handler that panics answers nothing: the call is lost, and
/// the panic fails the run.
fn answer_call(handler: &Handler, args: &[u8], call: Arc<Call>) {
    struct LoseOnPanic(Arc<Call>);
    impl Drop for LoseOnPanic {
        fn drop(&mut self) {
            if labsync::unwinding() {
                self.0.lose();
            }
        }
    }
    let call = LoseOnPanic(call);
    let answer = handler(args);
    call.0.answer(answer);
}

fn dropped() -> bool {
    rng::random_range(0..DROP_ONE_IN) == 0
}

pub(super) fn random_ms(range: RangeInclusive<u64>) -> Duration {
    Duration::from_millis(rng::random_range(range))
}
