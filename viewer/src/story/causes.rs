//! What could have led to an event: all that happened before it on its own server, and on each
//! server from which a message has come since (Lamport's "happened before").

use std::collections::BTreeSet;

use super::teller::server_of_thread;
use super::verdict::Verdict;
use crate::trace::{Event, ServerId, Trace};

/// For each event whether it could have influenced the one at `target`, itself included. What the
/// test does counts where it does it: to a server, or to the whole network. Of the verdict, it is
/// what could have influenced the server that it blames.
#[must_use]
pub fn past_of(trace: &Trace, target: usize) -> Vec<bool> {
    let mut past = Past {
        reached: vec![false; trace.servers],
        sent: BTreeSet::new(),
        answered: BTreeSet::new(),
    };
    let mut found = vec![false; trace.records.len()];
    for (position, record) in trace.records.iter().enumerate().take(target + 1).rev() {
        let server = place_of(trace, position);
        if position == target {
            let guilty = || Verdict::of(trace).and_then(|verdict| verdict.guilty);
            match server.or(record.event.concerns()).or_else(guilty) {
                Some(server) => past.reached[server] = true,
                None => past.reached.fill(true),
            }
            past.follow(&record.event);
            found[position] = true;
        } else {
            found[position] = past.reaches(&record.event, server);
        }
    }
    found
}

/// The server at which an event is.
fn place_of(trace: &Trace, position: usize) -> Option<ServerId> {
    let record = &trace.records[position];
    let log = matches!(record.event, Event::Log { .. });
    let of_thread = || server_of_thread(&record.thread).filter(|&s| log && s < trace.servers);
    record.event.server().or_else(of_thread)
}

struct Past {
    /// The servers of which something later is in the past already.
    reached: Vec<bool>,
    /// Calls that have arrived in it.
    sent: BTreeSet<u64>,
    /// Calls whose reply has arrived in it.
    answered: BTreeSet<u64>,
}

impl Past {
    fn reaches(&mut self, event: &Event, server: Option<ServerId>) -> bool {
        let carried = match event {
            Event::Sent { call, .. } => self.sent.remove(&call.call),
            Event::Answered { call, .. } => self.answered.remove(&call.call),
            _ => false,
        };
        let reached = match server.or(event.concerns()) {
            Some(server) => self.reached[server],
            None => !matches!(event, Event::Log { .. }),
        };
        if carried || reached {
            if let Some(server) = server {
                self.reached[server] = true;
            }
            self.follow(event);
        }
        carried || reached
    }

    fn follow(&mut self, event: &Event) {
        match event {
            Event::Delivered(call) => self.sent.insert(call.call),
            Event::Received(call) => self.answered.insert(call.call),
            _ => false,
        };
    }
}
