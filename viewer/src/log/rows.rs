//! From events to rows: what one thread does at one server in one go is one row, as the arrival of
//! a message with all that its handler does. A row never jumps over another one in its column, so
//! that a column can be read from top to bottom.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use crate::story::{Arrow, Part, Status, Told, thread_of};
use crate::trace::{Event, ServerId, Trace};

/// What belongs together happens within so many nanoseconds.
const TOGETHER_NS: u64 = 5_000_000;

/// A row: one or more events.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its first event's position in the trace.
    pub event: usize,
    /// When it begins.
    pub at: u64,
    /// When its last event happened.
    pub until: u64,
    /// The words, by server; without any, it goes across all columns.
    pub cells: BTreeMap<ServerId, Vec<Part>>,
    /// The words of a row across all columns.
    pub band: Vec<Part>,
    /// The servers that the test does something with.
    pub concerns: Vec<ServerId>,
    /// All servers, when it begins: what the columns beside it show.
    pub servers: Rc<[Status]>,
    /// All servers, when it is over.
    pub after: Rc<[Status]>,
    /// It stands for a block of so many rows that came so many times.
    pub repeated: Option<(usize, usize)>,
}

impl Row {
    fn new(told: &Told) -> Row {
        let cells = told.server.map(|server| (server, told.parts.clone()));
        let band = if told.server.is_none() { told.parts.clone() } else { Vec::new() };
        Row {
            event: told.event,
            at: told.at,
            until: told.at,
            cells: cells.into_iter().collect(),
            band,
            concerns: told.concerns.into_iter().collect(),
            servers: told.servers.clone(),
            after: told.servers.clone(),
            repeated: None,
        }
    }

    fn add(&mut self, told: &Told) {
        self.until = told.at;
        self.after = told.servers.clone();
        self.concerns.extend(told.concerns);
        let parts = match told.server {
            Some(server) => self.cells.entry(server).or_default(),
            None => &mut self.band,
        };
        for part in &told.parts {
            if !parts.last_mut().is_some_and(|last| last.join(part) || follows(last, part)) {
                parts.push(part.clone());
            }
        }
    }

    /// The servers with words, or that the test does something with.
    #[must_use]
    pub fn touches(&self, server: ServerId) -> bool {
        let sent = self.cells.values().flatten().any(
            |part| matches!(&part.peers, Some((Arrow::Out, peers)) if peers.contains(&server)),
        );
        sent || self.cells.contains_key(&server)
            || self.concerns.contains(&server)
            || self.cells.is_empty() && self.concerns.is_empty()
    }
}

/// Joins events to rows; or makes a row of each.
#[must_use]
pub fn rows(trace: &Trace, told: &[Told], joining: bool) -> Vec<Row> {
    let mut joiner =
        Joiner { trace, rows: Vec::new(), last: BTreeMap::new(), handling: BTreeMap::new() };
    for told in told {
        joiner.take(told, joining);
    }
    joiner.rows
}

struct Joiner<'a> {
    trace: &'a Trace,
    rows: Vec<Row>,
    /// The last row of each column, and its thread.
    last: BTreeMap<ServerId, (usize, Cow<'a, str>)>,
    /// The request that a thread handles.
    handling: BTreeMap<(ServerId, Cow<'a, str>), Part>,
}

impl<'a> Joiner<'a> {
    fn take(&mut self, told: &Told, joining: bool) {
        let record = &self.trace.records[told.event];
        let thread = thread_of(record);
        match told.server {
            _ if !joining => self.rows.push(Row::new(told)),
            Some(server) if self.joins(server, &thread, told) => {
                let row = self.last[&server].0;
                self.rows[row].add(told);
            }
            Some(server) => {
                let mut row = Row::new(told);
                let handled = self.handling.get(&(server, thread.clone()));
                let begins = told.arrives || matches!(record.event, Event::Sent { .. });
                if let (Some(part), false) = (handled, begins) {
                    row.cells.entry(server).or_default().insert(0, part.clone());
                }
                self.last.insert(server, (self.rows.len(), thread.clone()));
                self.rows.push(row);
            }
            None => self.take_band(told),
        }
        if let Some(server) = told.server {
            self.note_handler(server, thread, told, &record.event);
        }
    }

    fn joins(&self, server: ServerId, thread: &str, told: &Told) -> bool {
        let Some((row, its_thread)) = self.last.get(&server) else { return false };
        let row = &self.rows[*row];
        if told.arrives || told.at - row.at > TOGETHER_NS {
            return false;
        }
        // The same message to several servers, by a thread each.
        let mut end = row.cells.get(&server).and_then(|parts| parts.last().cloned());
        its_thread == thread
            || told.parts.first().is_some_and(|part| end.as_mut().is_some_and(|end| end.join(part)))
    }

    /// A thread whose row was interrupted says again what it handles.
    fn note_handler(&mut self, server: ServerId, thread: Cow<'a, str>, told: &Told, event: &Event) {
        match (event, told.parts.first()) {
            (Event::Delivered(_) | Event::Received(_), Some(part)) => {
                let text = match event {
                    Event::Delivered(call) => {
                        format!(
                            "{} (on)",
                            call.method.strip_prefix("Raft.").unwrap_or(&call.method)
                        )
                    }
                    _ => format!("{} (on)", part.text),
                };
                self.handling.insert((server, thread), Part { text, ..part.clone() });
            }
            (Event::Answered { .. } | Event::Sent { .. }, _) => {
                self.handling.remove(&(server, thread));
            }
            _ => (),
        }
    }

    /// What the test does in one go.
    fn take_band(&mut self, told: &Told) {
        match self.rows.last_mut() {
            Some(row) if row.cells.is_empty() && told.at - row.until < TOGETHER_NS => {
                let joined = match (row.band.last_mut(), &told.parts[..]) {
                    (Some(last), [part]) => join_servers(last, part),
                    _ => false,
                };
                let parts = if joined { Vec::new() } else { told.parts.clone() };
                row.add(&Told { parts, ..told.clone() });
            }
            _ => self.rows.push(Row::new(told)),
        }
    }
}

/// `service gets 1 x` and `service gets 2 y` are `service gets 1..2`; of `applied 1`, `applied 2` the
/// last is enough; what is said twice is counted.
fn follows(last: &mut Part, part: &Part) -> bool {
    let (Some((from, to)), Some((first, end))) = (last.entries, part.entries) else {
        let (text, count) = last.text.split_once(" ×").unwrap_or((&last.text, "1"));
        let same = text == part.text && last.peers.is_none() && last.topic == part.topic;
        if let (true, Ok(count)) = (same, count.parse::<usize>()) {
            last.text = format!("{text} ×{}", count + 1);
        }
        return same;
    };
    let both = |words: &str| last.text.starts_with(words) && part.text.starts_with(words);
    if !(both("service gets ") || both("applied ")) || first != to + 1 {
        return false;
    }
    last.entries = Some((from, end));
    last.text = match both("applied ") {
        true => part.text.clone(),
        false => format!("service gets {from}..{end}"),
    };
    true
}

/// `starts server 0` and `starts server 1` are `starts server 0, 1`.
fn join_servers(last: &mut Part, part: &Part) -> bool {
    let Some((what, server)) = part.text.rsplit_once(' ') else { return false };
    let same = last.text.strip_prefix(what).is_some_and(|servers| {
        servers.starts_with(' ') && servers.chars().all(|c| c.is_ascii_digit() || " ,".contains(c))
    });
    let joins = same && server.chars().all(|c| c.is_ascii_digit());
    if joins && last.text != part.text {
        last.text = format!("{}, {server}", last.text);
    }
    joins
}
