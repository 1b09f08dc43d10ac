//! The steps of each RPC: where it is, and who has to know of it.

use std::sync::Arc;
use std::time::Duration;

use super::book::{Book, Call, Heard, Pending};
use super::finding::{Check, PERSISTENT, broken};
use super::message::{Message, Rpc};
use crate::labrpc::{CallEvent, Step};
use crate::raft::{Index, ServerId, Term};

impl Book {
    /// A step of an RPC.
    pub fn saw_call(
        &mut self,
        (from, instance): (ServerId, usize),
        to: ServerId,
        event: &CallEvent<'_>,
        sent: Option<Message>,
    ) -> Check {
        match event.step {
            Step::Sent { .. } => {
                let Some(message) = sent else { return Ok(()) };
                let rpc = Arc::new(Rpc { from, instance, to, message });
                let call = Call { rpc: rpc.clone(), reached: None, deliveries: 0, arrival: None };
                self.calls.insert(event.call, call);
                self.saw_sent(rpc)
            }
            Step::Delivered { .. } => {
                self.saw_delivered(event.call);
                Ok(())
            }
            Step::Answered { reply, .. } => self.saw_answered(event.call, reply),
            Step::Received { reply } => {
                let Some(call) = self.calls.remove(&event.call) else { return Ok(()) };
                self.saw_received(call, reply)
            }
            Step::Lost { .. } => {
                self.saw_lost(event.call);
                Ok(())
            }
        }
    }

    fn saw_sent(&mut self, rpc: Arc<Rpc>) -> Check {
        let from = rpc.from;
        match &rpc.message {
            Message::Vote(args) => {
                self.campaigns.insert((args.term, from));
                self.last_campaign = self.now;
            }
            Message::Append(args) => {
                let last = args.prev_log_index + args.entries.len() as Index;
                self.check_sent_is_saved(&rpc, args.term, last)?;
                let sent = &mut self.shadows[from].sent;
                *sent = (*sent).max((args.term, last));
            }
            Message::Install(_) => {}
        }
        if self.shadows[from].instance == Some(rpc.instance) && !self.wire.deaf {
            let shows = self.shadows[from].seen;
            self.wire.sent(&rpc, shows)?;
        }
        // It may come out of a critical section that is not over yet.
        if self.check_sent(&rpc).is_err() {
            self.pend(from, Pending::Sent(rpc));
        }
        Ok(())
    }

    /// Entries that a leader sends have waited for its disk long enough.
    fn check_sent_is_saved(&self, rpc: &Rpc, term: Term, last: Index) -> Check {
        let shadow = &self.shadows[rpc.from];
        let is_it = shadow.instance == Some(rpc.instance) && shadow.current_term == term;
        let unsaved = shadow.unsaved_from.filter(|&first| is_it && first <= last);
        if let Some(first) = unsaved.filter(|_| !self.wire.has_saved_since(rpc.from, shadow.writes))
        {
            let how = format!(
                "server {} sends {}, but its entry {first} is not on its disk: a crash now would \
                 undo what others can see",
                rpc.from, rpc.message
            );
            return broken(PERSISTENT, &[rpc.from], how);
        }
        Ok(())
    }

    fn saw_delivered(&mut self, call: u64) {
        let (at, step) = (self.now, self.step);
        let Some(call) = self.calls.get_mut(&call) else { return };
        let to = call.rpc.to;
        call.deliveries += 1;
        let instance = self.shadows[to].instance;
        let same = call.deliveries == 1 || call.reached == instance;
        call.reached = instance.filter(|_| same);
        let arrival = self.wire.delivered(&call.rpc);
        call.arrival.get_or_insert((arrival, step));
        self.last_heard[to] = Some(Heard { at, rpc: call.rpc.clone(), reply: None });
    }

    /// Its caller waits no longer. But it may still arrive, or have been sent twice.
    fn saw_lost(&mut self, call: u64) {
        /// Longer than the network delays anything.
        const LATEST: Duration = Duration::from_secs(10);
        self.lost_calls.push_back((self.now, call));
        while let Some((_, call)) = self.lost_calls.pop_front_if(|(at, _)| *at + LATEST < self.now)
        {
            self.calls.remove(&call);
        }
    }

    fn saw_answered(&mut self, call: u64, reply: &[u8]) -> Check {
        let Some(call) = self.calls.get(&call) else { return Ok(()) };
        let Call { rpc, reached, arrival: Some((arrival, step)), .. } = call else { return Ok(()) };
        let Some(reply) = rpc.message.decode_reply(reply) else { return Ok(()) };
        if reached.is_none() || *reached != self.shadows[rpc.to].instance {
            return Ok(());
        }
        let (rpc, arrival, step) = (rpc.clone(), *arrival, *step);
        self.wire.answered(&rpc, &reply, &arrival)?;
        self.check_goes_on_showing(rpc.to, step)
    }

    fn saw_received(&mut self, call: Call, reply: &[u8]) -> Check {
        let Call { rpc, reached, .. } = call;
        let Some(reply) = rpc.message.decode_reply(reply) else { return Ok(()) };
        let reply = Arc::new(reply);
        if self.shadows[rpc.from].instance == Some(rpc.instance) {
            self.note_talk(&rpc, &reply);
            self.wire.received(&rpc, &reply)?;
        }
        let shadow = &self.shadows[rpc.to];
        // Of one that shows itself, and has not crashed since.
        let counts = shadow.seen && reached.is_some() && reached == shadow.instance;
        // It may have answered in the middle of a critical section.
        if counts && self.check_reply(&rpc, &reply).is_err() {
            self.pend(rpc.to, Pending::Answer(rpc.clone(), reply.clone()));
        }
        let from = rpc.from;
        self.last_heard[from] = Some(Heard { at: self.now, rpc, reply: Some(reply) });
        Ok(())
    }
}
