//! Which events are shown: what the options say.

use std::collections::BTreeSet;
use std::str::FromStr;

use clap::Args;

use crate::story::{Told, Topic, Verdict, past_of, thread_of};
use crate::trace::{Event, ServerId, Trace};

/// The options that choose.
#[derive(Args, Clone, Default, Debug)]
#[command(next_help_heading = "Choose")]
pub struct Choice {
    /// Only these servers' columns: 3, or 0,2
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub server: Vec<ServerId>,
    /// Only what is about this
    #[arg(long, value_name = "TOPIC", value_delimiter = ',')]
    pub topic: Vec<Topic>,
    /// Only these terms: 8, or 7-9
    #[arg(long, value_name = "A-B")]
    pub term: Option<Span>,
    /// Only what touches the log's entries at these indices: 7, or 5-9
    #[arg(long, value_name = "A-B")]
    pub index: Option<Span>,
    /// Only this call, from its sending to its reply, with what its handler does
    #[arg(long, value_name = "NUMBER")]
    pub call: Option<u64>,
    /// Only these seconds: 4.4-4.5; an open end is one of the run's: 4.4-
    #[arg(long, value_name = "A-B")]
    pub time: Option<Seconds>,
    /// What is beside an event (its line in the trace, as --numbers shows), or a moment: 4.45s
    #[arg(long, value_name = "EVENT|TIME")]
    pub around: Option<Moment>,
    /// Only what could have influenced the verdict, or this event
    #[arg(long, value_name = "EVENT", num_args = 0..=1)]
    pub causes: Option<Option<usize>>,
}

/// Whole numbers from the first to the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span(pub u64, pub u64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        match (from.parse(), to.parse()) {
            (Ok(from), Ok(to)) if from <= to => Ok(Span(from, to)),
            _ => Err("a number, as 7, or two, the smaller first, as 5-9".to_string()),
        }
    }
}

/// A part of the run, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seconds(pub u64, pub u64);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        let end = |text: &str, open: u64| match text {
            "" => Some(open),
            text => nanoseconds(text),
        };
        let ends = text.split_once('-').map(|(from, to)| (end(from, 0), end(to, u64::MAX)));
        match ends {
            Some((Some(from), Some(to))) if from <= to => Ok(Seconds(from, to)),
            _ => Err("two moments in seconds, the earlier first, as 4.4-4.5 or 4.4-".to_string()),
        }
    }
}

/// An event, or a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Moment {
    /// The event in this line of the trace.
    Event(usize),
    /// Nanoseconds since the run began.
    At(u64),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Moment, String> {
        if let Ok(event) = text.parse() {
            return Ok(Moment::Event(event));
        }
        let at = nanoseconds(text).map(Moment::At);
        at.ok_or_else(|| "an event's number, as 123, or a moment, as 4.45s".to_string())
    }
}

fn nanoseconds(text: &str) -> Option<u64> {
    let seconds: f64 = text.strip_suffix('s').unwrap_or(text).parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then(|| (seconds * 1e9).round() as u64)
}

impl Choice {
    /// Whether anything is chosen at all.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.server.is_empty()
            && self.topic.is_empty()
            && (self.term, self.index) == (None, None)
            && (self.call, self.time, self.around) == (None, None, None)
            && self.causes.is_none()
    }

    /// The events that are chosen, and of those the pieces.
    ///
    /// # Errors
    /// If the trace has no such server, call or event.
    pub fn apply(&self, trace: &Trace, mut told: Vec<Told>) -> Result<Vec<Told>, String> {
        self.check(trace)?;
        if let Some(event) = self.causes {
            let last = trace.records.len().checked_sub(1).ok_or("the trace has no events")?;
            let past = past_of(trace, event.map_or(last, |event| event - 2));
            told.retain(|told| past[told.event]);
        }
        if let Some(Seconds(from, to)) = self.time {
            told.retain(|told| (from..=to).contains(&told.at));
        }
        if let Some(call) = self.call {
            let steps = steps_of(trace, call);
            told.retain(|told| steps.contains(&told.event));
        }
        for told in &mut told {
            told.parts.retain(|part| {
                let topic = self.topic.is_empty() || self.topic.contains(&part.topic);
                let index = self.index.is_none_or(|Span(from, to)| {
                    part.entries.is_some_and(|(first, last)| first <= to && from <= last)
                });
                topic && index
            });
        }
        let of_term = |told: &Told| {
            self.term.is_none_or(|Span(from, to)| {
                told.term.is_some_and(|term| (from..=to).contains(&term))
            })
        };
        // Of what the test does, all between the first and the last that is chosen by its term.
        let fits = |told: &&Told| told.server.is_some() && of_term(told);
        let first = told.iter().find(fits).map_or(usize::MAX, |told| told.event);
        let last = told.iter().rev().find(fits).map_or(0, |told| told.event);
        told.retain(|told| {
            let server = match told.server.or(told.concerns) {
                Some(server) => self.server.is_empty() || self.server.contains(&server),
                None => true,
            };
            let term = match told.server {
                Some(_) => of_term(told),
                None => self.term.is_none() || (first..=last).contains(&told.event),
            };
            server && term && !told.parts.is_empty()
        });
        Ok(told)
    }

    fn check(&self, trace: &Trace) -> Result<(), String> {
        if let Some(server) = self.server.iter().find(|&&server| server >= trace.servers) {
            return Err(match trace.servers {
                0 => format!("there is no server {server}: this run has no cluster"),
                servers => {
                    format!("there is no server {server}: this run has 0 to {}", servers - 1)
                }
            });
        }
        let lines = trace.records.len() + 1;
        let around = match self.around {
            Some(Moment::Event(event)) => Some(event),
            _ => None,
        };
        for event in [self.causes.flatten(), around].into_iter().flatten() {
            if !(2..=lines).contains(&event) {
                return Err(format!("there is no event {event}: this run has 2 to {lines}"));
            }
        }
        if let Some(call) = self.call
            && steps_of(trace, call).is_empty()
        {
            let calls = trace.records.iter().filter_map(|record| record.event.call());
            let last = calls.map(|call| call.call).max();
            let last = last.map_or("it has none".to_string(), |last| format!("the last is {last}"));
            return Err(format!("there is no call {call} in this run: {last}"));
        }
        if self.causes == Some(None) && Verdict::of(trace).is_none() {
            let what = "--causes needs an event's number (--numbers shows them)";
            return Err(format!("the run has not failed, so {what}"));
        }
        Ok(())
    }
}

/// The steps of a call, and what the thread of its handler does in between.
fn steps_of(trace: &Trace, call: u64) -> BTreeSet<usize> {
    let mut steps = BTreeSet::new();
    let mut handler = None;
    for (position, record) in trace.records.iter().enumerate() {
        let own = record.event.call().is_some_and(|step| step.call == call);
        if own {
            steps.insert(position);
        }
        match &record.event {
            Event::Delivered(_) if own => handler = Some(thread_of(record)),
            Event::Answered { .. } if own => handler = None,
            Event::State { .. } | Event::Saved { .. } | Event::Log { .. }
                if handler.as_deref() == Some(&record.thread) =>
            {
                steps.insert(position);
            }
            _ => (),
        }
    }
    steps
}
