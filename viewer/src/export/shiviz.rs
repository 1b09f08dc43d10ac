//! ShiViz's log: the first line is the regular expression by which it is read, the second would
//! separate several runs, then an event a line, with its host and its vector clock. A host's own
//! clock counts its events; what a message has brought raises the clocks of the others.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::story::{Told, Verdict};
use crate::trace::{Event, ServerId, Trace};

/// By which ShiViz reads the lines.
const PARSER: &str = r"(?<host>\S+) (?<clock>\{[^}]*\}) (?<time>\S+) (?<event>.*)";

/// How many events each host has had, as far as is known somewhere.
type Clock = Vec<u64>;

/// Writes the events that are told. Those that are not are no steps of their host's clock, but what
/// they carry is carried.
///
/// # Errors
/// If it cannot be written.
pub fn shiviz(out: &mut impl Write, trace: &Trace, told: &[Told]) -> io::Result<()> {
    writeln!(out, "{PARSER}\n")?;
    let guilty = Verdict::of(trace).and_then(|verdict| verdict.guilty);
    let mut clocks = Clocks::new(trace.servers, guilty);
    let mut told = told.iter().peekable();
    for (position, record) in trace.records.iter().enumerate() {
        let Some(told) = told.next_if(|told| told.event == position) else {
            clocks.step(&record.event, record.event.server(), false);
            continue;
        };
        let host = clocks.step(&record.event, told.server, true);
        let (name, clock) = (name_of(trace, host), clocks.shown(trace, host));
        let at = super::seconds(told.at);
        writeln!(out, "{name} {clock} {at}s {}", on_one_line(&told.words()))?;
    }
    out.flush()
}

fn name_of(trace: &Trace, host: usize) -> String {
    if host == trace.servers { "test".to_string() } else { format!("server{host}") }
}

/// Neither an end of a line, nor what a script takes for one.
fn on_one_line(text: &str) -> String {
    let ends = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if ends(c) { ' ' } else { c }).collect()
}

struct Clocks {
    /// By host; the test comes behind the servers.
    now: Vec<Clock>,
    /// What requests and replies carry.
    sent: BTreeMap<u64, Clock>,
    answered: BTreeMap<u64, Clock>,
    guilty: Option<ServerId>,
}

impl Clocks {
    fn new(servers: usize, guilty: Option<ServerId>) -> Clocks {
        Clocks {
            now: vec![vec![0; servers + 1]; servers + 1],
            sent: BTreeMap::new(),
            answered: BTreeMap::new(),
            guilty,
        }
    }

    /// Something happens; at which host.
    fn step(&mut self, event: &Event, server: Option<ServerId>, counts: bool) -> usize {
        let test = self.now.len() - 1;
        let host = server.unwrap_or(test);
        let brought = match event {
            Event::Delivered(call) => self.sent.get(&call.call),
            Event::Received(call) => self.answered.get(&call.call),
            // What the test learns of a server.
            Event::Command { server, .. } | Event::OneLeader { server } => self.now.get(*server),
            Event::Verdict { .. } => self.guilty.map(|guilty| &self.now[guilty]),
            _ => None,
        };
        if let Some(brought) = brought.cloned() {
            join(&mut self.now[host], &brought);
        }
        if counts {
            self.now[host][host] += 1;
        }
        let now = self.now[host].clone();
        match event {
            Event::Sent { call, .. } => {
                self.sent.insert(call.call, now);
            }
            Event::Answered { call, .. } => {
                self.answered.insert(call.call, now);
            }
            // What the test does to a server.
            Event::Start { server, .. }
            | Event::Crash { server }
            | Event::Connect { server }
            | Event::Disconnect { server } => join(&mut self.now[*server], &now),
            _ => (),
        }
        host
    }

    fn shown(&self, trace: &Trace, host: usize) -> Value {
        let known = self.now[host].iter().enumerate().filter(|(_, count)| **count > 0);
        let known = known.map(|(host, &count)| (name_of(trace, host), Value::from(count)));
        Value::Object(known.collect::<Map<_, _>>())
    }
}

/// The later of both, host by host.
fn join(clock: &mut Clock, other: &Clock) {
    for (mine, theirs) in clock.iter_mut().zip(other) {
        *mine = (*mine).max(*theirs);
    }
}
