//! The recorder: events in, lines out.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::changes::Shown;
use serde::Serialize;

use super::event::{Call, Changes, Event, Header, Line, START};
use super::message;
use crate::labrpc::{CallEvent, Step};
use crate::labsync::{Failure, Instant, thread};
use crate::raft::{OnDisk, ServerId, View};

/// How many bytes of a simulated run are kept before they are written.
const SIMULATED_BLOCK: usize = 64 * 1024;
/// The same of a real run, in which fewer things happen at a time.
const REAL_BLOCK: usize = 4 * 1024;

/// A server, and how often it had been started.
pub(super) type Instance = (ServerId, usize);

/// What a recording is to be.
pub struct Recording {
    /// The file; one that is there is replaced.
    pub path: PathBuf,
    /// Which run it is.
    pub header: Header,
    /// Write each event at once, so that not even an abort of the process loses any.
    pub at_once: bool,
}

/// A recording that is under way.
pub(super) struct Recorder {
    path: PathBuf,
    file: File,
    /// The first error of a write; nothing is written after it.
    problem: Option<String>,
    /// Whole lines that are yet to be written.
    lines: Vec<u8>,
    block: usize,
    pub simulated: bool,
    test: String,
    /// When the run began; a simulated one begins at 0.
    began_ns: u64,
    last_ns: u64,
    /// What each instance that is alive has shown last. Dead ones may go on for a while.
    living: BTreeMap<Instance, Shown>,
}

impl Recorder {
    pub fn new(recording: Recording) -> Result<Recorder, String> {
        let Recording { path, header, at_once } = recording;
        let file = create(&path)?;
        let began_ns = if header.simulated { 0 } else { now_ns() };
        let mut recorder = Recorder {
            path,
            file,
            problem: None,
            lines: Vec::new(),
            block: match (at_once, header.simulated) {
                (true, _) => 0,
                (false, true) => SIMULATED_BLOCK,
                (false, false) => REAL_BLOCK,
            },
            simulated: header.simulated,
            test: header.test.clone(),
            began_ns,
            last_ns: 0,
            living: BTreeMap::new(),
        };
        recorder.push(&header);
        recorder.write_out();
        Ok(recorder)
    }

    /// Records what the current thread does now.
    pub fn record(&mut self, event: &Event) {
        match *event {
            Event::Start { server, starts } => {
                self.living.insert((server, starts), Shown::default());
            }
            Event::Crash { server } => self.living.retain(|&(living, _), _| living != server),
            _ => {}
        }
        self.record_at(now_ns() - self.began_ns, &thread::current_name(), event);
    }

    fn record_at(&mut self, at_ns: u64, thread: &str, event: &Event) {
        // A real run's end is measured before the last threads have come to theirs.
        self.last_ns = self.last_ns.max(at_ns);
        self.push(&Line { at: self.last_ns, thread, event });
        if self.lines.len() >= self.block {
            self.write_out();
        }
    }

    fn push(&mut self, line: &impl Serialize) {
        serde_json::to_writer(&mut self.lines, line).expect("plain data is JSON, in memory");
        self.lines.push(b'\n');
    }

    /// A step of a call, which an instance of a server makes.
    pub fn call(&mut self, (from, starts): Instance, to: ServerId, event: &CallEvent<'_>) {
        let method = event.method.to_string();
        let call = Call { call: event.call, from, starts, to, method };
        self.record(&match event.step {
            Step::Sent { args } => Event::Sent { args: message::request(event.method, args), call },
            Step::Delivered { .. } => Event::Delivered(call),
            Step::Answered { reply, .. } => {
                Event::Answered { reply: message::reply(event.method, reply), call }
            }
            Step::Received { .. } => Event::Received(call),
            Step::Lost { why } => Event::Lost { call, why },
        });
    }

    /// An instance of a server shows itself.
    pub fn shown(&mut self, (server, starts): Instance, view: &View<'_>) {
        let Some(shown) = self.living.get_mut(&(server, starts)) else { return };
        let changes = shown.update(server, view);
        if changes != Changes::default() {
            self.record(&Event::State { server, changes });
        }
    }

    /// An instance of a server has saved.
    pub fn saved(&mut self, (server, starts): Instance, disk: &OnDisk) {
        if !self.living.contains_key(&(server, starts)) {
            return;
        }
        let (state_size, snapshot_size) = (disk.raft_state.len(), disk.snapshot.len());
        self.record(&Event::Saved { server, state_size, snapshot_size, writes: disk.writes });
    }

    /// Ends the recording with the run's verdict; where it is.
    pub fn finish(mut self, after: Duration, failure: Option<Failure>) -> Result<PathBuf, String> {
        let after_ns = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let thread = failure.as_ref().map_or(self.test.clone(), |failure| failure.thread.clone());
        self.record_at(after_ns, &thread, &Event::Verdict { failure });
        self.write_out();
        match self.problem {
            Some(error) => Err(format!("{}; it is cut there", problem(&self.path, &error))),
            None => Ok(self.path),
        }
    }

    /// Writes what is there. After an error the rest is dropped: the run is worth more than its
    /// trace.
    pub fn write_out(&mut self) {
        if self.problem.is_none()
            && let Err(error) = self.file.write_all(&self.lines)
        {
            self.problem = Some(error.to_string());
        }
        self.lines.clear();
    }
}

/// Makes an empty file for a trace, or says why not. Another trace may be there, but nothing
/// else: that would be lost.
///
/// # Errors
/// If the file cannot be made; the message names it.
pub fn create(path: &Path) -> Result<File, String> {
    check_place(path)?;
    File::create(path).map_err(|error| problem(path, &error))
}

/// Whether a trace may be put there: in place of another trace, or of nothing.
///
/// # Errors
/// If something else is there; the message names it.
pub fn check_place(path: &Path) -> Result<(), String> {
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if !metadata.is_file() {
        // To open a FIFO would wait for somebody who writes.
        let what = "what is there is no regular file (a FIFO, a device, a directory): a trace \
                    needs a file of its own";
        return Err(problem(path, &what));
    }
    let mut start = [0; START.len()];
    let read = File::open(path).and_then(|mut file| file.read(&mut start));
    match read.map_err(|error| problem(path, &error))? {
        0 => Ok(()),
        _ if start == START => Ok(()),
        _ => Err(problem(path, &"there is another file of that name, which is no trace")),
    }
}

fn problem(path: &Path, what: &dyn Display) -> String {
    format!("cannot write the trace {}: {what}", path.display())
}

fn now_ns() -> u64 {
    // 2^64 nanoseconds are 584 years.
    Instant::now().since_start().as_nanos() as u64
}
