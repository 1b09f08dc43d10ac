//! Chrome's trace events in JSON, which Perfetto shows: a process for each server, in it a track with
//! its roles, tracks with its calls, and tracks with its handlers. A request is an arrow from a call
//! to a handler, a reply one from there back to the call.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::lanes::Lanes;
use crate::story::{Status, Told, Topic};
use crate::trace::{Call, Event, ServerId, Trace};

/// A slice lasts a moment longer than what it is about, so that an arrow at its end lies in it.
const MOMENT_NS: u64 = 1000;
/// The test's process; those of the servers follow. 0 is the idle process of a system.
const TEST: usize = 1;
/// Tracks of a process: roles first, then calls, then handlers.
const TRACKS: usize = 100_000;
const HANDLERS: usize = TRACKS / 2;

/// Writes the events that are told; roles are always there.
///
/// # Errors
/// If it cannot be written.
pub fn perfetto(out: &mut impl Write, trace: &Trace, told: &[Told]) -> io::Result<()> {
    let mut made = Made { events: Vec::new() };
    made.metadata(TEST, 0, ("test", "steps"));
    for server in 0..trace.servers {
        made.metadata(process(server), 0, (&format!("server {server}"), "role, term"));
    }
    made.roles(trace);
    made.instants(trace, told);
    made.calls(trace, told);
    // Slices begin before the arrows that begin in them.
    made.events.sort_by_key(|(at, kind, _)| (*at, *kind));
    writeln!(out, "{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
    for (number, (_, _, event)) in made.events.iter().enumerate() {
        let comma = if number + 1 < made.events.len() { "," } else { "" };
        writeln!(out, "{event}{comma}")?;
    }
    writeln!(out, "]}}")?;
    out.flush()
}

fn process(server: ServerId) -> usize {
    TEST + 1 + server
}

/// Microseconds.
fn ts(at: u64) -> f64 {
    at as f64 / 1000.0
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Name,
    Slice,
    Other,
}

/// The events with their times, as they are made.
struct Made {
    events: Vec<(u64, Kind, Value)>,
}

/// A call as it goes on.
struct Going<'a> {
    call: &'a Call,
    words: String,
    sent: u64,
    delivered: Option<u64>,
    answered: Option<u64>,
    received: Option<u64>,
    lost: Option<(u64, &'a str)>,
}

impl Made {
    fn metadata(&mut self, pid: usize, track: usize, (process, thread): (&str, &str)) {
        let tid = pid * TRACKS + track;
        let name = |what: &str, args: Value| {
            let event = json!({"ph": "M", "name": what, "pid": pid, "tid": tid, "args": args});
            (0, Kind::Name, event)
        };
        if track == 0 {
            self.events.push(name("process_name", json!({ "name": process })));
            self.events.push(name("process_sort_index", json!({ "sort_index": pid })));
        }
        self.events.push(name("thread_name", json!({ "name": thread })));
        self.events.push(name("thread_sort_index", json!({ "sort_index": track })));
    }

    fn slice(&mut self, name: &str, from: u64, to: u64, (pid, track): (usize, usize), args: Value) {
        let (ts, dur, tid) = (ts(from), ts(to) - ts(from), pid * TRACKS + track);
        let event = json!({
            "ph": "X", "name": name, "ts": ts, "dur": dur, "pid": pid, "tid": tid, "args": args,
        });
        self.events.push((from, Kind::Slice, event));
    }

    /// An arrow, from a track to another.
    fn flow(&mut self, id: u64, from: (u64, usize, usize), to: (u64, usize, usize), name: &str) {
        for (ph, (at, pid, track)) in [("s", from), ("f", to)] {
            let mut event = json!({
                "ph": ph, "name": name, "cat": "rpc", "id": id, "ts": ts(at), "pid": pid,
                "tid": pid * TRACKS + track,
            });
            if ph == "f" {
                event["bp"] = "e".into(); // it ends at the slice around it, not at the next one
            }
            self.events.push((at, Kind::Other, event));
        }
    }

    /// For each server its stretches of the same role, term and reach.
    fn roles(&mut self, trace: &Trace) {
        let mut since: Vec<Option<(u64, Status)>> = vec![None; trace.servers];
        let mut world = crate::story::World::new(trace.servers);
        let end = trace.records.last().map_or(0, |record| record.at);
        for record in &trace.records {
            if !world.apply(&record.event) {
                continue;
            }
            for (server, since) in since.iter_mut().enumerate() {
                let now = world.servers[server].status();
                match since {
                    Some((_, before)) if role_of(before) == role_of(&now) => *before = now,
                    None if !now.up => (),
                    _ => {
                        let before = since.replace((record.at, now));
                        self.role(server, before, record.at);
                    }
                }
            }
        }
        for (server, since) in since.into_iter().enumerate() {
            self.role(server, since, end);
        }
    }

    fn role(&mut self, server: ServerId, since: Option<(u64, Status)>, until: u64) {
        let Some((from, status)) = since else { return };
        let (index, term) = status.last;
        let args = json!({
            "voted_for": status.vote, "last_entry": format!("{index}@{term}"),
            "commit_index": status.commit,
        });
        self.slice(&role_of(&status), from, until, (process(server), 0), args);
    }

    /// What is no message.
    fn instants(&mut self, trace: &Trace, told: &[Told]) {
        for told in told {
            let event = &trace.records[told.event].event;
            let (pid, scope) = match (event, told.server) {
                (Event::Verdict { .. }, _) => (TEST, "g"),
                (Event::Crash { server } | Event::Start { server, .. }, _) => {
                    (process(*server), "p")
                }
                (_, None) => (TEST, "t"),
                (_, Some(_)) if event.call().is_some() => continue,
                (_, Some(server)) => (process(server), "t"),
            };
            let topic = told.parts.first().map_or("test", |part: &_| Topic::name(part.topic));
            let event = json!({
                "ph": "i", "name": told.words(), "cat": topic, "ts": ts(told.at), "pid": pid,
                "tid": pid * TRACKS, "s": scope,
                "args": {"event": Trace::number(told.event)},
            });
            self.events.push((told.at, Kind::Other, event));
        }
    }

    fn calls(&mut self, trace: &Trace, told: &[Told]) {
        let end = trace.records.last().map_or(0, |record| record.at);
        let going = calls_of(trace, told);
        let mut calling: Vec<Lanes> = (0..trace.servers).map(|_| Lanes::default()).collect();
        // Handlers begin in another order than the calls.
        let mut handlers = Vec::new();
        for going in &going {
            let (from, call) = (going.sent, going.call);
            let last = going.received.or(going.lost.map(|(at, _)| at)).unwrap_or(end);
            let to = last.max(from) + MOMENT_NS;
            let track = 1 + calling[call.from].take(from, to);
            let lost = going.lost.map(|(_, why)| why);
            let args = json!({"call": call.call, "to": call.to, "lost": lost});
            let name = format!("→{} {}", call.to, going.words);
            self.slice(&name, from, to, (process(call.from), track), args);
            handlers.extend(going.delivered.map(|at| (at, from, track, going)));
        }
        handlers.sort_by_key(|(at, ..)| *at);
        let mut handling: Vec<Lanes> = (0..trace.servers).map(|_| Lanes::default()).collect();
        for (begin, sent, caller, going) in handlers {
            let call = going.call;
            let to = going.answered.unwrap_or(begin).max(begin) + MOMENT_NS;
            let track = HANDLERS + handling[call.to].take(begin, to);
            let name = format!("←{} {}", call.from, going.words);
            let args = json!({ "call": call.call, "from": call.from });
            self.slice(&name, begin, to, (process(call.to), track), args);
            let at_caller = |at| (at, process(call.from), caller);
            let at_handler = |at| (at, process(call.to), track);
            self.flow(call.call * 2, at_caller(sent), at_handler(begin), &call.method);
            if let (Some(answered), Some(received)) = (going.answered, going.received) {
                let reply = format!("{} reply", call.method);
                self.flow(call.call * 2 + 1, at_handler(answered), at_caller(received), &reply);
            }
        }
        for (server, (calling, handling)) in calling.iter().zip(&handling).enumerate() {
            for lane in 0..calling.count() {
                self.metadata(process(server), 1 + lane, ("", "calls"));
            }
            for lane in 0..handling.count() {
                self.metadata(process(server), HANDLERS + lane, ("", "handlers"));
            }
        }
    }
}

fn role_of(status: &Status) -> String {
    if !status.up {
        return "down".to_string();
    }
    let cut = if status.connected { "" } else { ", cut off" };
    format!("{} t{}{cut}", status.role.name(), status.term)
}

/// The calls whose sending is told, in that order, with when their steps were. Of what happens
/// twice the first time counts.
fn calls_of<'a>(trace: &'a Trace, told: &[Told]) -> Vec<Going<'a>> {
    let mut calls: Vec<Going> = Vec::new();
    let mut at_call = BTreeMap::new();
    for told in told {
        if let Event::Sent { call, .. } = &trace.records[told.event].event {
            let words = told.parts.first().map_or(String::new(), |part| part.text.clone());
            let (delivered, answered, received, lost) = (None, None, None, None);
            at_call.insert(call.call, calls.len());
            let sent = told.at;
            calls.push(Going { call, words, sent, delivered, answered, received, lost });
        }
    }
    for record in &trace.records {
        let Some(number) = record.event.call().and_then(|call| at_call.get(&call.call)) else {
            continue;
        };
        let going = &mut calls[*number];
        match &record.event {
            Event::Delivered(_) => _ = going.delivered.get_or_insert(record.at),
            Event::Answered { .. } => _ = going.answered.get_or_insert(record.at),
            Event::Received(_) => _ = going.received.get_or_insert(record.at),
            Event::Lost { why, .. } => _ = going.lost.get_or_insert((record.at, why)),
            _ => (),
        }
    }
    calls
}
