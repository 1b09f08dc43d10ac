//! One call from end to end: what happens to its request, and to its reply.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::call::{Answer, Call};
use super::disturbance::{Disturbance, random_ms};
use super::event::{CallEvent, Loss, Observer, Step};
use super::service::Handler;
use super::state::{Placed, Route, Shared, Stage, State};
use labsync::{self, rng, thread};

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
        let mut state = self.state.lock();
        let (id, call) = state.register(end);
        state.total_count += 1;
        state.total_bytes += args.len() as u64;
        let route = state.route(end);
        let observer = state.observer.clone();
        drop(state);
        let (shared, end) = (self.clone(), end.clone());
        let ticket = Ticket { shared, id, number: id, call, end, method, observer };
        ticket.show(Step::Sent { args });
        (ticket, route)
    }

    /// Registers the copy of a request, so that it ends with the network.
    fn register_copy(&self, end: &Arc<str>) -> Option<(u64, Arc<Call>)> {
        let mut state = self.state.lock();
        (!state.closed).then(|| state.register(end))
    }
}

/// A call's registration; dropping it takes the call from the list.
pub(super) struct Ticket<'a> {
    pub(super) shared: Arc<Shared>,
    /// Its own, in the list of calls in flight.
    pub(super) id: u64,
    /// The same, but for the copy of a request, which is shown under the number of its call.
    pub(super) number: u64,
    pub(super) call: Arc<Call>,
    pub(super) end: Arc<str>,
    pub(super) method: &'a str,
    pub(super) observer: Option<Observer>,
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
            Route::Reachable { mut server, reliable, long_reordering, disturbance } => {
                if let Some(disturbance) = disturbance {
                    server = self.disturb_request(&disturbance, &args)?;
                }
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
    pub(super) fn run_handler(&self, server: &Arc<Placed>, args: Vec<u8>) -> Result<Answer, Loss> {
        let seen = self.enter(server, Stage::Handler(server.clone()))?;
        let handler = match server.server.handler(self.method) {
            Ok(handler) => handler,
            Err(problem) => return Ok(Err(problem)),
        };
        server.server.count_request();
        self.show(Step::Delivered { server: &server.name, args: &args });
        let (call, watched) = (self.call.clone(), self.watched(server, seen.may_be_last));
        thread::spawn(format!("{} at {}", self.method, server.name), move || {
            answer_call(&handler, &args, call, watched);
        });
        if !seen.end_enabled {
            // Cut off while the request was on its way: it arrives, its reply does not.
            return Err(Loss::CutOff);
        }
        let answer = self.call.wait_for_answer()?;
        let seen = self.enter(server, Stage::Reply(server.clone()))?;
        if !seen.end_enabled {
            return Err(Loss::CutOff);
        }
        seen.disturbance.map_or(Ok(()), |disturbance| self.disturb_reply(&disturbance))?;
        Ok(answer)
    }

    /// The next stage, and how things are there; lost if the server was deleted meanwhile.
    fn enter(&self, server: &Arc<Placed>, stage: Stage) -> Result<Seen, Loss> {
        let mut state = self.shared.state.lock();
        if !state.may_answer(self.id, server) {
            return Err(Loss::ServerGone);
        }
        let State { in_flight, ends, last_replies, .. } = &mut *state;
        let this = in_flight.get_mut(&self.id).expect("registered until the ticket is dropped");
        let is_last = matches!(this.stage, Stage::LastReply);
        if !is_last {
            this.stage = stage;
        }
        let end = ends.get(&this.end);
        Ok(Seen {
            // Whoever cuts off the dead server's ends does not stop the reply that has left.
            end_enabled: is_last || end.is_some_and(|end| end.enabled),
            disturbance: end.and_then(|end| end.disturbance),
            may_be_last: last_replies.contains_key(&server.name),
        })
    }

    /// The end of the way. In one critical section: after `delete_server` has returned, no
    /// reply of that server comes through.
    fn deliver(&self, server: &Arc<Placed>, answer: Answer) -> Result<Answer, Loss> {
        {
            let mut state = self.shared.state.lock();
            if !state.may_answer(self.id, server) {
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
            observer(CallEvent { call: self.number, end: &self.end, method: self.method, step });
        }
    }

    /// What the handler's thread needs when somebody is interested in its answer.
    fn watched(&self, server: &Arc<Placed>, may_be_last: bool) -> Option<Watched> {
        let observer = self.observer.clone();
        let last_reply_of = may_be_last.then(|| self.shared.clone());
        if observer.is_none() && last_reply_of.is_none() {
            return None;
        }
        let (end, method) = (self.end.clone(), self.method.to_string());
        let (id, number, server) = (self.id, self.number, server.clone());
        Some(Watched { observer, last_reply_of, id, number, end, method, server })
    }
}

impl Ticket<'_> {
    /// The request's way over a disturbed end; where it arrives.
    fn disturb_request(&self, disturbance: &Disturbance, args: &[u8]) -> Result<Arc<Placed>, Loss> {
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
    fn disturb_reply(&self, disturbance: &Disturbance) -> Result<(), Loss> {
        if disturbance.lose_replies {
            let delay = self.shared.state.lock().unreachable_delay();
            self.call.pass(delay)?;
            return Err(Loss::ReplyDropped);
        }
        self.call.pass(disturbance.late_replies.draw().unwrap_or_default())
    }
}

/// What a call finds on entering a stage.
struct Seen {
    end_enabled: bool,
    disturbance: Option<Disturbance>,
    /// Whether a reply of the server is to be its last.
    may_be_last: bool,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let this = self.shared.state.lock().in_flight.remove(&self.id);
        drop(this); // outside the lock: it may be the last to know a deleted server
    }
}

/// A call whose handler's answer somebody is interested in.
struct Watched {
    observer: Option<Observer>,
    last_reply_of: Option<Arc<Shared>>,
    id: u64,
    number: u64,
    end: Arc<str>,
    method: String,
    server: Arc<Placed>,
}

impl Watched {
    fn answered(&self, reply: &[u8]) {
        let Watched { id, number, end, method, server, .. } = self;
        if let Some(observer) = &self.observer {
            let step = Step::Answered { server: &server.name, reply };
            observer(CallEvent { call: *number, end, method, step });
        }
        if let Some(shared) = &self.last_reply_of {
            shared.reply_leaves(*id, server, method, reply);
        }
    }
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
        watched.answered(reply);
    }
    call.0.answer(answer);
}

/// Loses the call for this reason, sometimes.
fn drop_some(why: Loss) -> Result<(), Loss> {
    if rng::random_range(0..DROP_ONE_IN) == 0 { Err(why) } else { Ok(()) }
}
