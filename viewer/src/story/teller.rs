//! Each event in words, with where it stands and what every server is like then.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::changes;
use super::part::{Arrow, Part, Tone, Topic};
use super::words;
use super::world::{Status, World};
use crate::trace::{Call, Event, Message, Record, ServerId, Trace};

/// An event in words.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its position among the trace's records.
    pub event: usize,
    /// Nanoseconds since the run began.
    pub at: u64,
    /// Its place: a server's column, or, without one, across all of them.
    pub server: Option<ServerId>,
    /// Which server the test does something with.
    pub concerns: Option<ServerId>,
    /// Of which call it is a step.
    pub call: Option<u64>,
    /// The term that it is about.
    pub term: Option<u64>,
    /// A request or a reply has come in: what follows is its handling.
    pub arrives: bool,
    /// The words.
    pub parts: Vec<Part>,
    /// All servers, when it has happened.
    pub servers: Rc<[Status]>,
}

impl Told {
    /// The words, in a line.
    #[must_use]
    pub fn words(&self) -> String {
        let parts: Vec<_> = self.parts.iter().map(Part::shown).collect();
        parts.join(", ")
    }
}

/// The server whose thread this is: `raft-2 ticker`, `Raft.RequestVote at server-2`.
#[must_use]
pub fn server_of_thread(thread: &str) -> Option<ServerId> {
    let after = ["server-", "server ", "raft-", "raft ", "service-"]
        .iter()
        .find_map(|word| thread.split_once(word).map(|(_, rest)| rest))?;
    let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..end].parse().ok()
}

/// The thread that goes on with what has happened: a request's is that of its handler, though the
/// network's brings it.
#[must_use]
pub fn thread_of(record: &Record) -> Cow<'_, str> {
    match &record.event {
        Event::Delivered(call) => format!("{} at server-{}", call.method, call.to).into(),
        _ => (&record.thread[..]).into(),
    }
}

/// All events in words. The verdict is left to [`Verdict`](super::Verdict).
#[must_use]
pub fn tell(trace: &Trace) -> Vec<Told> {
    let mut teller = Teller {
        world: World::new(trace.servers),
        statuses: vec![Status::default(); trace.servers].into(),
        calls: BTreeMap::new(),
        asked: vec![None; trace.servers],
        starting: vec![None; trace.servers],
    };
    trace.records.iter().enumerate().map(|(at, record)| teller.tell(at, record)).collect()
}

#[derive(Default)]
struct Known {
    request: Option<Message>,
    reply: Option<Message>,
}

struct Teller {
    world: World,
    statuses: Rc<[Status]>,
    /// What was said in each call.
    calls: BTreeMap<u64, Known>,
    /// For each server, who has last asked for its vote, and in which term.
    asked: Vec<Option<(ServerId, u64)>>,
    /// For each server that has not shown itself since it was started: by which thread.
    starting: Vec<Option<String>>,
}

impl Teller {
    fn tell(&mut self, position: usize, record: &Record) -> Told {
        let Record { at, thread, event } = record;
        let log = matches!(event, Event::Log { .. });
        let of_thread = server_of_thread(thread).filter(|&s| log && s < self.statuses.len());
        let server = event.server().or(of_thread);
        let (parts, term) = match event.call() {
            Some(call) => self.step(event, call),
            None => (self.other(thread, event), None),
        };
        if self.world.apply(event) {
            self.statuses = self.world.servers.iter().map(super::Server::status).collect();
        }
        Told {
            event: position,
            at: *at,
            server,
            concerns: event.concerns(),
            call: event.call().map(|call| call.call),
            term: term.or(server.map(|server| self.statuses[server].term)),
            arrives: matches!(event, Event::Delivered(_) | Event::Received(_)),
            parts,
            servers: self.statuses.clone(),
        }
    }

    fn step(&mut self, event: &Event, call: &Call) -> (Vec<Part>, Option<u64>) {
        let method = call.method.strip_prefix("Raft.").unwrap_or(&call.method);
        let known = self.calls.entry(call.call).or_default();
        let (part, message) = match event {
            Event::Sent { args, .. } => {
                let message = known.request.insert(Message::request(method, args.as_ref()));
                let part = words::request(method, message).message(Arrow::Out, call.to);
                (part, Some(&*message))
            }
            Event::Delivered(_) => {
                let message = known.request.as_ref();
                if let Some(Message::RequestVote(args)) = message {
                    self.asked[call.to] = Some((call.from, args.term));
                }
                let unknown = || Part::new(Topic::Test, method);
                let part = message.map_or_else(unknown, |message| words::request(method, message));
                (part.message(Arrow::In, call.from), message)
            }
            Event::Answered { reply, .. } => {
                let message = known.reply.insert(Message::reply(method, reply.as_ref()));
                let part = words::reply(method, known.request.as_ref(), message);
                (part.message(Arrow::Out, call.from), Some(&*message))
            }
            Event::Received(_) => {
                let message = known.reply.as_ref();
                let unknown = || Part::new(Topic::Test, format!("{method} reply"));
                let part = message.map_or_else(unknown, |message| {
                    words::reply(method, known.request.as_ref(), message)
                });
                (part.message(Arrow::In, call.to), message)
            }
            _ => {
                let why = if let Event::Lost { why, .. } = event { why } else { "" };
                let name = words::name_of(method, known.request.as_ref());
                let part = Part::new(Topic::Lost, format!("{name} lost: {why}"));
                (part.message(Arrow::Lost, call.to), known.request.as_ref())
            }
        };
        (vec![part], message.and_then(Message::term))
    }

    fn other(&mut self, thread: &str, event: &Event) -> Vec<Part> {
        let part = match event {
            Event::State { server, changes } => {
                let starter = self.starting[*server].take();
                if starter.is_some_and(|starter| starter == thread) {
                    return changes::restored(changes);
                }
                let before = &self.world.servers[*server];
                return changes::parts(*server, before, changes, self.asked[*server]);
            }
            Event::Saved { snapshot_size: 0, .. } => Part::new(Topic::Save, "saves"),
            Event::Saved { .. } => Part::new(Topic::Save, "saves with snapshot"),
            Event::Applied { index, command, .. } => {
                Part::new(Topic::Commit, format!("service gets {index} {}", words::short(command)))
                    .entries(*index, *index)
            }
            Event::Installed { index, term, .. } => {
                let text = format!("service gets snapshot to {index}@{term}");
                Part::new(Topic::Snapshot, text).entries(*index, *index)
            }
            Event::Log { level, text } => {
                let tone = if level == "error" { Tone::Wrong } else { Tone::Plain };
                let mark = if matches!(&level[..], "error" | "warn") { "! " } else { "" };
                Part::new(Topic::Log, format!("{mark}\"{}\"", text.trim_end())).tone(tone)
            }
            Event::Verdict { failure: None } => Part::new(Topic::Test, "PASSED"),
            Event::Verdict { .. } => Part::new(Topic::Test, "FAILED").tone(Tone::Wrong),
            _ => {
                if let Event::Start { server, .. } = event {
                    self.starting[*server] = Some(thread.to_string());
                    self.asked[*server] = None;
                }
                test_step(event)
            }
        };
        vec![part]
    }
}

fn test_step(event: &Event) -> Part {
    let text = match event {
        Event::Cluster { servers, unreliable, snapshot } => {
            let network = if *unreliable { "an unreliable" } else { "a reliable" };
            let snapshots = if *snapshot { ", with snapshots" } else { "" };
            format!("{servers} servers on {network} network{snapshots}")
        }
        Event::Begin { text } => text.clone(),
        Event::End {} => "the test has done all its steps".to_string(),
        Event::Start { server, starts: 1 } => format!("starts server {server}"),
        Event::Start { server, starts } => format!("starts server {server} again ({starts})"),
        Event::Crash { server } => format!("CRASHES server {server}"),
        Event::Connect { server } => format!("connects server {server}"),
        Event::Disconnect { server } => format!("CUTS OFF server {server}"),
        Event::Unreliable { on: true } => "makes the network unreliable".to_string(),
        Event::Unreliable { on: false } => "makes the network reliable".to_string(),
        Event::LongReordering { on: true } => "holds most replies back".to_string(),
        Event::LongReordering { on: false } => "holds no replies back any more".to_string(),
        Event::Command { server, command, index, term, taken: true } => {
            let command = words::short(command);
            format!("gives server {server} {command}: taken as {index}@{term}")
        }
        Event::Command { server, command, term, .. } => {
            let command = words::short(command);
            format!("gives server {server} {command}: no leader (t{term})")
        }
        Event::OneLeader { server } => format!("sees one leader: server {server}"),
        Event::OneBegins { command, expected, .. } => {
            format!("wants {} agreed by {expected}", words::short(command))
        }
        Event::OneAgreed { index } => format!("sees agreement at {index}"),
        Event::Warning { text } => format!("warns: {text}"),
        _ => String::new(),
    };
    let part = Part::new(Topic::Test, text);
    match event {
        Event::Command { index, taken: true, .. } | Event::OneAgreed { index } => {
            part.entries(*index, *index)
        }
        Event::Crash { .. } | Event::Disconnect { .. } => part.tone(Tone::Strong),
        _ => part,
    }
}
