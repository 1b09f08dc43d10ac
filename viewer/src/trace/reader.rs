//! From a file to the events of a run; or to what is wrong with the file, and what to do.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::path::Path;

use serde::Deserialize;

use super::{Event, Failure, Header, MOST_SERVERS, VERSION};

/// An event, when it happened, and in which thread.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// Nanoseconds since the run began.
    pub at: u64,
    /// The thread.
    pub thread: String,
    /// What happened.
    pub event: Event,
}

/// A recorded run.
#[derive(Clone, PartialEq, Debug)]
pub struct Trace {
    /// Which run it was.
    pub header: Header,
    /// What happened, in order. Event `n` is in line `n + 1`, behind the header: see
    /// [`Trace::number`].
    pub records: Vec<Record>,
    /// How many servers it had.
    pub servers: usize,
    /// What is missing, if the file ends before its verdict.
    pub note: Option<String>,
}

/// Why a file could not be read.
#[derive(Debug)]
pub enum TraceError {
    /// It is not there, or cannot be read.
    Io(io::Error),
    /// It is something else.
    NotATrace,
    /// There is nothing in it.
    Empty,
    /// It is a report of many runs.
    Report,
    /// It has a format that is not known here.
    Version(u32),
    /// A line says what cannot be.
    Damaged {
        /// Which, from 1.
        line: usize,
        /// Why.
        what: String,
    },
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Io(error) if error.kind() == ErrorKind::NotFound => write!(
                f,
                "there is no such file. Failed simulated runs are in target/traces; record one: \
                 make log T=initial_election_2a SEED=1"
            ),
            TraceError::Io(error) if error.kind() == ErrorKind::IsADirectory => {
                write!(f, "it is a directory: name one of the traces in it")
            }
            TraceError::Io(error) => write!(f, "it cannot be read: {error}"),
            TraceError::Empty => write!(
                f,
                "it is empty: its run has been ended before anything was written, or has just \
                 begun. Record it again"
            ),
            TraceError::Report => write!(
                f,
                "it is a report of many runs: make report F=... shows it. The traces of failed \
                 simulated runs are in target/traces"
            ),
            TraceError::NotATrace => write!(
                f,
                "it is not a trace. A run writes one with TRACE=FILE: make replay \
                 T=initial_election_2a SEED=1 TRACE=x.trace"
            ),
            TraceError::Version(found) if *found > VERSION => write!(
                f,
                "a newer version of the lab has written it (format {found}; this one reads \
                 {VERSION}): update the lab, or record the run again"
            ),
            TraceError::Version(found) => write!(
                f,
                "it is of an old format ({found}; this one reads {VERSION}): record the run again"
            ),
            TraceError::Damaged { line, what } => write!(
                f,
                "line {line} is damaged: {what}. The {} lines before it are good: to see those, \
                 take a copy with `head -n {}`; better record the run again",
                line - 1,
                line - 1
            ),
        }
    }
}

impl std::error::Error for TraceError {}

#[derive(Deserialize)]
struct Version {
    trace: u32,
}

/// What the lines of a report begin with.
#[derive(Deserialize)]
struct ReportLine {
    #[serde(rename = "suite")]
    _suite: String,
    #[serde(rename = "virtual_s")]
    _seconds: f64,
}

#[derive(Deserialize)]
struct Line {
    at: u64,
    thread: String,
    #[serde(flatten)]
    event: Event,
}

impl Trace {
    /// Reads the whole file.
    ///
    /// # Errors
    /// If it is missing, no trace, damaged, or of another version.
    pub fn open(path: &Path) -> Result<Trace, TraceError> {
        Trace::read(BufReader::new(File::open(path).map_err(TraceError::Io)?))
    }

    /// The same of what is in memory, or comes in.
    ///
    /// # Errors
    /// As [`open`](Trace::open).
    pub fn read(mut input: impl BufRead) -> Result<Trace, TraceError> {
        let mut line = Vec::new();
        input.read_until(b'\n', &mut line).map_err(TraceError::Io)?;
        if line.is_empty() {
            return Err(TraceError::Empty);
        }
        let version: Version = serde_json::from_slice(&line).map_err(|_| {
            match serde_json::from_slice::<ReportLine>(&line) {
                Ok(_) => TraceError::Report,
                Err(_) => TraceError::NotATrace,
            }
        })?;
        if version.trace != VERSION {
            return Err(TraceError::Version(version.trace));
        }
        let header = serde_json::from_slice(&line).map_err(|error| damaged(1, &error))?;
        let mut trace = Trace { header, records: Vec::new(), servers: 0, note: None };
        while trace.read_line(&mut input)? {}
        if trace.verdict().is_none() && trace.note.is_none() {
            trace.note = Some(format!(
                "cut off after line {}: the run was ended from outside, or is still going on",
                trace.records.len() + 1
            ));
        }
        Ok(trace)
    }

    /// Whether there was one.
    fn read_line(&mut self, input: &mut impl BufRead) -> Result<bool, TraceError> {
        let number = self.records.len() + 2;
        let mut line = Vec::new();
        input.read_until(b'\n', &mut line).map_err(TraceError::Io)?;
        if line.is_empty() {
            return Ok(false);
        }
        if self.verdict().is_some() {
            let what = "nothing may follow the verdict".to_string();
            return Err(TraceError::Damaged { line: number, what });
        }
        let record = match serde_json::from_slice::<Line>(&line) {
            Ok(Line { at, thread, event }) => Record { at, thread, event },
            Err(_) if !line.ends_with(b"\n") => {
                self.note = Some(format!(
                    "cut off in line {number}, which is left out: the run was ended from outside"
                ));
                return Ok(false);
            }
            Err(error) => return Err(damaged(number, &error)),
        };
        self.check(&record, number)?;
        self.records.push(record);
        Ok(true)
    }

    fn check(&mut self, record: &Record, line: usize) -> Result<(), TraceError> {
        let named = record.event.largest_server().map_or(0, |server| server.saturating_add(1));
        let count = match record.event {
            Event::Cluster { servers, .. } => servers.max(named),
            _ => named,
        };
        if count > MOST_SERVERS {
            let what = format!("it tells of more than {MOST_SERVERS} servers");
            return Err(TraceError::Damaged { line, what });
        }
        self.servers = self.servers.max(count);
        let before = self.records.last().map_or(0, |record| record.at);
        if record.at < before {
            let what = format!("its time, {}, is before that of the line above", record.at);
            return Err(TraceError::Damaged { line, what });
        }
        Ok(())
    }

    /// How the run ended, if the trace says so: why it failed, or `None` if it passed.
    #[must_use]
    pub fn verdict(&self) -> Option<Option<&Failure>> {
        match self.records.last() {
            Some(Record { event: Event::Verdict { failure }, .. }) => Some(failure.as_ref()),
            _ => None,
        }
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.verdict().flatten()
    }

    /// The number by which people know the event at this position: its line in the file.
    #[must_use]
    pub fn number(position: usize) -> usize {
        position + 2
    }
}

fn damaged(line: usize, error: &serde_json::Error) -> TraceError {
    // The error's own place is that in the line, which is long.
    let what = error.to_string();
    let what = what.split(" at line ").next().unwrap_or_default().to_string();
    TraceError::Damaged { line, what }
}
