//! One call from end to end: what happens to its request, and to its reply.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::call::{Answer, Call};
use super::event::{CallEvent, Loss, Step};
use super::network::{InFlight, Observer, Placed, Route, Shared, Stage, State};
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
        match ticket.travel(route, args) {
            Ok(answer) => Some(answer),
            Err(why) => {
                ticket.show(Step::Lost { why });
                None
            }
        }
    }

    /// Counts the call, registers it, and finds its way.
    fn set_out<'a>(
        self: &Arc<Shared>,
        end: &Arc<str>,
        method: &'a str,
        args: &[u8],
    ) -> (Ticket<'a>, Route) {
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
        let (shared, end) = (self.clone(), end.clone());
        let ticket = Ticket { shared, id, call, end, method, observer };
        ticket.show(Step::Sent { args });
        (ticket, route)
    }
}

/// A call's registration; dropping it takes the call from the list.
struct Ticket<'a> {
    shared: Arc<Shared>,
    id: u64,
    call: Arc<Call>,
    end: Arc<str>,
    method: &'a str,
    observer: Option<Observer>,
}

impl Ticket<'_> {
    /// The way there and back.
    fn travel(&self, route: Route, args: Vec<u8>) -> Result<Answer, Loss> {
        match route {
            Route::Closed => Err(Loss::Closed),
            Route::Unreachable { delay } => {
                self.call.pass(delay)?;
                Err(Loss::Unreachable)
            }
            Route::Reachable { server, reliable, long_reordering } => {
                if !reliable {
                    self.call.pass(random_ms(SHORT_DELAY_MS))?;
                    drop_some(Loss::RequestDropped)?;
                }
                let answer = self.run_handler(&server, args)?;
                if !reliable {
                    drop_some(Loss::ReplyDropped)?;
                }
                if long_reordering && rng::random_range(0..HELD_BACK.1) < HELD_BACK.0 {
                    let spread = rng::random_range(0..=rng::random_range(0..=HELD_BACK_SPREAD_MS));
                    self.call.pass(Duration::from_millis(HELD_BACK_MIN_MS + spread))?;
                }
                self.deliver(&server, answer)
            }
        }
    }

    /// Runs the handler in a thread of its own and waits for its answer.
    fn run_handler(&self, server: &Arc<Placed>, args: Vec<u8>) -> Result<Answer, Loss> {
        let end_enabled = self.enter(server, Stage::Handler(server.clone()))?;
        let handler = match server.server.handler(self.method) {
            Ok(handler) => handler,
            Err(problem) => return Ok(Err(problem)),
        };
        server.server.count_request();
        self.show(Step::Delivered { server: &server.name, args: &args });
        let (call, watched) = (self.call.clone(), self.watched(server));
        thread::spawn(format!("{} at {}", self.method, server.name), move || {
            answer_call(&handler, &args, call, watched);
        });
        if !end_enabled {
            // Cut off while the request was on its way: it arrives, its reply does not.
            return Err(Loss::CutOff);
        }
        let answer = self.call.wait_for_answer()?;
        if self.enter(server, Stage::Reply(server.clone()))? {
            Ok(answer)
        } else {
            Err(Loss::CutOff)
        }
    }

    /// The next stage, and whether the end is enabled; lost if the server was deleted meanwhile.
    fn enter(&self, server: &Arc<Placed>, stage: Stage) -> Result<bool, Loss> {
        let mut state = self.shared.state.lock();
        if !state.is_in_place(server) {
            return Err(Loss::ServerGone);
        }
        let State { in_flight, ends, .. } = &mut *state;
        let this = in_flight.get_mut(&self.id).expect("registered until the ticket is dropped");
        this.stage = stage;
        Ok(ends.get(&this.end).is_some_and(|end| end.enabled))
    }

    /// The end of the way. In one critical section: after `delete_server` has returned, no
    /// reply of that server comes through.
    fn deliver(&self, server: &Arc<Placed>, answer: Answer) -> Result<Answer, Loss> {
        {
            let mut state = self.shared.state.lock();
            if !state.is_in_place(server) {
                return Err(Loss::ServerGone);
            }
            state.total_bytes += answer.as_ref().map_or(0, |reply| reply.len() as u64);
        }
        if let Ok(reply) = &answer {
            self.show(Step::Received { reply });
        }
        Ok(answer)
    }

    fn show(&self, step: Step<'_>) {
        if let Some(observer) = &self.observer {
            observer(CallEvent { call: self.id, end: &self.end, method: self.method, step });
        }
    }

    /// What the handler's thread needs to show its answer.
    fn watched(&self, server: &Arc<Placed>) -> Option<Watched> {
        let observer = self.observer.clone()?;
        let (end, method) = (self.end.clone(), self.method.to_string());
        Some(Watched { observer, id: self.id, end, method, server: server.clone() })
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let this = self.shared.state.lock().in_flight.remove(&self.id);
        drop(this); // outside the lock: it may be the last to know a deleted server
    }
}

/// A call whose handler's answer is to be shown.
struct Watched {
    observer: Observer,
    id: u64,
    end: Arc<str>,
    method: String,
    server: Arc<Placed>,
}

/// The body of the handler's thread. A handler that panics answers nothing: the call is lost, and
/// the panic fails the run.
fn answer_call(handler: &Handler, args: &[u8], call: Arc<Call>, watched: Option<Watched>) {
    struct LoseOnPanic(Arc<Call>);
    impl Drop for LoseOnPanic {
        fn drop(&mut self) {
            if labsync::unwinding() {
                self.0.lose(Loss::HandlerPanicked);
            }
        }
    }
    let call = LoseOnPanic(call);
    let answer = handler(args);
    if let (Some(watched), Ok(reply)) = (watched, &answer) {
        let Watched { observer, id, end, method, server } = watched;
        let step = Step::Answered { server: &server.name, reply };
        observer(CallEvent { call: id, end: &end, method: &method, step });
    }
    call.0.answer(answer);
}

/// Loses the call for this reason, sometimes.
fn drop_some(why: Loss) -> Result<(), Loss> {
    if rng::random_range(0..DROP_ONE_IN) == 0 { Err(why) } else { Ok(()) }
}
pub(super) fn random_ms(range: RangeInclusive<u64>) -> Duration {
    Duration::from_millis(rng::random_range(range))
}
