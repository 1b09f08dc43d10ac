//! What the page knows of a run: columns of numbers, since there may be many events, and the texts
//! once each.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use crate::story::{Told, Verdict, tell};
use crate::trace::{Changes, Event, ServerId, Trace};

/// Longer details are not shown.
const LONGEST_DETAIL: usize = 400;

#[derive(Serialize)]
pub(super) struct Run<'a> {
    title: String,
    passed: bool,
    verdict: Option<Said>,
    note: Option<&'a str>,
    servers: usize,
    at: Vec<u64>,
    /// Where it is: a server, or -1 for the test.
    server: Vec<i32>,
    /// The server with which the test does something, or -1.
    concerns: Vec<i32>,
    topic: Vec<usize>,
    tone: Vec<usize>,
    kind: Vec<usize>,
    /// Of which call it is a step, as a position in `calls`, or -1.
    call: Vec<i64>,
    /// The words, as a position in `texts`.
    text: Vec<usize>,
    thread: Vec<usize>,
    texts: Vec<String>,
    threads: Vec<String>,
    calls: Vec<CallSteps>,
    /// Events that change a server: which event, which server, and what.
    changes: Vec<(usize, ServerId, Value)>,
    /// Messages in full.
    details: Vec<(usize, String)>,
}

#[derive(Serialize)]
struct Said {
    sentence: String,
    rest: Vec<String>,
    place: String,
    guilty: Option<ServerId>,
}

/// A call, and which events its steps are.
#[derive(Default, Serialize)]
struct CallSteps {
    number: u64,
    from: ServerId,
    to: ServerId,
    method: String,
    sent: Option<usize>,
    delivered: Option<usize>,
    answered: Option<usize>,
    received: Option<usize>,
    lost: Option<usize>,
    why: Option<String>,
}

/// Texts, each with its number.
#[derive(Default)]
struct Texts {
    numbers: BTreeMap<String, usize>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        self.texts.push(text.to_string());
        self.numbers.insert(text.to_string(), self.texts.len() - 1);
        self.texts.len() - 1
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(trace: &'a Trace) -> Run<'a> {
        let verdict = Verdict::of(trace);
        let mut run = Run {
            title: trace.header.title(),
            passed: trace.verdict() == Some(None),
            verdict: verdict.map(|Verdict { sentence, rest, place, guilty, .. }| Said {
                sentence,
                rest,
                place,
                guilty,
            }),
            note: trace.note.as_deref(),
            servers: trace.servers,
            at: Vec::new(),
            server: Vec::new(),
            concerns: Vec::new(),
            topic: Vec::new(),
            tone: Vec::new(),
            kind: Vec::new(),
            call: Vec::new(),
            text: Vec::new(),
            thread: Vec::new(),
            texts: Vec::new(),
            threads: Vec::new(),
            calls: Vec::new(),
            changes: Vec::new(),
            details: Vec::new(),
        };
        let (mut texts, mut threads) = (Texts::default(), Texts::default());
        let mut calls = BTreeMap::new();
        for told in tell(trace) {
            let record = &trace.records[told.event];
            run.add(&told, &record.event, &mut calls);
            run.text.push(texts.number(&told.words()));
            run.thread.push(threads.number(&record.thread));
        }
        run.texts = texts.texts;
        run.threads = threads.texts;
        run
    }

    fn add(&mut self, told: &Told, event: &Event, calls: &mut BTreeMap<u64, usize>) {
        // A server's number is below 64.
        let number = |server: Option<ServerId>| server.map_or(-1, |server| server as i32);
        self.at.push(told.at);
        self.server.push(number(told.server));
        self.concerns.push(number(told.concerns));
        let tone = told.parts.iter().map(|part| part.tone).max();
        let topic = told.parts.iter().max_by_key(|part| part.tone).map(|part| part.topic);
        self.topic.push(topic.map_or(0, |topic| topic as usize));
        self.tone.push(tone.map_or(0, |tone| tone as usize));
        self.kind.push(kind_of(event));
        let call = self.step(told.event, event, calls);
        self.call.push(call.map_or(-1, |call| call as i64));
        if let Some((server, change)) = change_of(event) {
            self.changes.push((told.event, server, change));
        }
        let detail = match event {
            Event::Sent { args, .. } => args.as_ref(),
            Event::Answered { reply, .. } => reply.as_ref(),
            _ => None,
        };
        self.details.extend(detail.and_then(detail_of).map(|detail| (told.event, detail)));
    }

    /// The position of the call of which the event is a step.
    fn step(
        &mut self,
        position: usize,
        event: &Event,
        calls: &mut BTreeMap<u64, usize>,
    ) -> Option<usize> {
        let call = event.call()?;
        let at = *calls.entry(call.call).or_insert_with(|| {
            let (number, from, to) = (call.call, call.from, call.to);
            let method = call.method.clone();
            self.calls.push(CallSteps { number, from, to, method, ..CallSteps::default() });
            self.calls.len() - 1
        });
        let steps = &mut self.calls[at];
        let step = match event {
            Event::Sent { .. } => &mut steps.sent,
            Event::Delivered(_) => &mut steps.delivered,
            Event::Answered { .. } => &mut steps.answered,
            Event::Received(_) => &mut steps.received,
            _ => &mut steps.lost,
        };
        // A request may arrive twice: the first time counts.
        step.get_or_insert(position);
        if let Event::Lost { why, .. } = event {
            steps.why = Some(why.clone());
        }
        Some(at)
    }
}

/// A message in full, unless it is long: then no more of it is written than that takes to see.
fn detail_of(message: &Value) -> Option<String> {
    struct Short(String);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.push_str(text);
            if self.0.len() <= LONGEST_DETAIL { Ok(()) } else { Err(fmt::Error) }
        }
    }
    let mut short = Short(String::new());
    write!(short, "{message}").ok().map(|()| short.0)
}

/// As `KINDS` in `model.js`.
fn kind_of(event: &Event) -> usize {
    match event {
        Event::Sent { .. } => 0,
        Event::Delivered(_) => 1,
        Event::Answered { .. } => 2,
        Event::Received(_) => 3,
        Event::Lost { .. } => 4,
        Event::State { .. } => 5,
        Event::Saved { .. } => 6,
        Event::Applied { .. } => 7,
        Event::Installed { .. } => 8,
        Event::Log { .. } => 9,
        Event::Verdict { .. } => 11,
        _ => 10,
    }
}

/// Of which server it changes what is seen, and how.
fn change_of(event: &Event) -> Option<(ServerId, Value)> {
    match event {
        Event::Start { server, starts } => Some((*server, json!({ "starts": starts }))),
        Event::Crash { server } => Some((*server, json!({ "up": false }))),
        Event::Connect { server } => Some((*server, json!({ "connected": true }))),
        Event::Disconnect { server } => Some((*server, json!({ "connected": false }))),
        Event::State { server, changes } => Some((*server, state_change(changes))),
        _ => None,
    }
}

fn state_change(changes: &Changes) -> Value {
    serde_json::to_value(changes).expect("numbers and texts can be written")
}
