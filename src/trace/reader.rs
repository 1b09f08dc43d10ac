//! Reading a trace: all of it is decoded and checked when it is opened.

use std::error::Error;
use std::fmt;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::event::{Event, Header, Item, Name, Record};
use super::format::{CHECK, Check, MAGIC, PREAMBLE, TRAILER, VERSION};
use crate::labgob::{DecodeError, LabDecoder};

/// A recorded run.
#[derive(Debug)]
pub struct Trace {
    header: Header,
    names: Vec<String>,
    records: Vec<Record>,
    cut: Option<Cut>,
}

/// Where a file ends that was not finished: its process was killed, or ended without a verdict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// How many events are complete.
    pub events: usize,
    /// The byte at which the first incomplete piece begins.
    pub byte: usize,
    /// How many bytes of that piece are there.
    pub left: usize,
}

/// Why a file cannot be read as a trace.
#[derive(Debug)]
pub enum TraceError {
    /// The file cannot be read at all.
    Io(std::io::Error),
    /// It is no trace.
    Foreign,
    /// It was written in another version of the format.
    Version(u32),
    /// It ends before its header does.
    Empty(usize),
    /// It was changed, or written by another build of the same version.
    Damaged {
        /// How many events before the damage are intact.
        events: usize,
        /// The byte at which the damaged piece begins.
        byte: usize,
        /// What is wrong with it.
        reason: String,
    },
}

impl Trace {
    /// Reads a whole trace. One whose end is missing is read as far as it goes:
    /// see [`Trace::cut`].
    ///
    /// # Errors
    /// If it is no trace, of another version, or damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Trace, TraceError> {
        let path = path.as_ref();
        let metadata = std::fs::metadata(path).map_err(TraceError::Io)?;
        if !metadata.is_file() {
            return Err(TraceError::Foreign);
        }
        Trace::from_bytes(&std::fs::read(path).map_err(TraceError::Io)?)
    }

    /// The same from the content of a file.
    ///
    /// # Errors
    /// As [`Trace::open`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Trace, TraceError> {
        let mut pieces = Pieces::new(bytes)?;
        let header = match pieces.next::<Header>() {
            Next::Value(header) => header,
            Next::Cut => return Err(TraceError::Empty(bytes.len())),
            Next::Damaged(reason) => return Err(pieces.damaged(0, reason)),
        };
        let mut trace = Trace { header, names: Vec::new(), records: Vec::new(), cut: None };
        while !trace.is_complete() {
            match pieces.next::<Item>() {
                Next::Value(item) => {
                    trace.add(item).map_err(|reason| pieces.damaged(trace.records.len(), reason))?
                }
                Next::Damaged(reason) => return Err(pieces.damaged(trace.records.len(), reason)),
                Next::Cut if bytes.ends_with(&TRAILER) => {
                    let reason = "its length is wrong".to_string();
                    return Err(pieces.damaged(trace.records.len(), reason));
                }
                Next::Cut => {
                    trace.cut = Some(pieces.cut(trace.records.len()));
                    return Ok(trace);
                }
            }
        }
        if pieces.rest == TRAILER {
            return Ok(trace);
        }
        if !TRAILER.starts_with(pieces.rest) {
            let reason = "nothing but the end mark may follow the verdict".to_string();
            return Err(pieces.damaged(trace.records.len(), reason));
        }
        trace.cut = Some(pieces.cut(trace.records.len()));
        Ok(trace)
    }

    /// Which run it was.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What happened, in order.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What a name stands for.
    ///
    /// # Panics
    /// If the name is from another trace.
    #[must_use]
    pub fn name(&self, name: Name) -> &str {
        &self.names[name.0 as usize]
    }

    /// Where the file ends, if it was not finished.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.cut
    }

    fn is_complete(&self) -> bool {
        self.records.last().is_some_and(|record| matches!(record.event, Event::Verdict(_)))
    }

    fn add(&mut self, item: Item) -> Result<(), String> {
        let (after_ns, thread, event) = match item {
            Item::Name(name) => {
                self.names.push(name);
                return Ok(());
            }
            Item::Happened { after_ns, thread, event } => (after_ns, thread, event),
        };
        self.check_name(thread)?;
        if let Event::Call { method, .. } = &event {
            self.check_name(*method)?;
        }
        let last_ns = self.records.last().map_or(0, |record| record.at_ns);
        let at_ns = last_ns.checked_add(after_ns).ok_or("its time is beyond the clock's end")?;
        self.records.push(Record { at_ns, thread, event });
        Ok(())
    }

    fn check_name(&self, name: Name) -> Result<(), String> {
        let (number, known) = (name.0, self.names.len());
        if (number as usize) < known {
            Ok(())
        } else {
            Err(format!("it uses name {number} of {known}"))
        }
    }
}

/// The values in a file, one after another.
struct Pieces<'a> {
    rest: &'a [u8],
    length: usize,
    check: Check,
}

enum Next<T> {
    Value(T),
    /// The file ends within the value.
    Cut,
    Damaged(String),
}

impl<'a> Pieces<'a> {
    fn new(bytes: &'a [u8]) -> Result<Pieces<'a>, TraceError> {
        let (preamble, rest) = bytes.split_at_checked(PREAMBLE).unwrap_or((bytes, &[]));
        let (magic, version) = preamble.split_at(preamble.len().min(MAGIC.len()));
        if !MAGIC.starts_with(magic) {
            return Err(TraceError::Foreign);
        }
        let Ok(version) = version.try_into() else { return Err(TraceError::Empty(bytes.len())) };
        match u32::from_le_bytes(version) {
            VERSION => Ok(Pieces { rest, length: bytes.len(), check: Check::new() }),
            other => Err(TraceError::Version(other)),
        }
    }

    /// The next value; if it is not good, `rest` stays where it begins.
    fn next<T: DeserializeOwned>(&mut self) -> Next<T> {
        let mut after = self.rest;
        let value = match LabDecoder::new(&mut after).decode::<T>() {
            Ok(value) => value,
            Err(DecodeError::EndOfInput { .. } | DecodeError::Truncated { .. }) => {
                return Next::Cut;
            }
            Err(error) => return Next::Damaged(explain(&error)),
        };
        let encoded = &self.rest[..self.rest.len() - after.len()];
        let Some((check, after)) = after.split_at_checked(CHECK) else { return Next::Cut };
        let mut expected = self.check;
        expected.take(encoded);
        if check != expected.bytes() {
            return Next::Damaged("its check is wrong".to_string());
        }
        (self.check, self.rest) = (expected, after);
        Next::Value(value)
    }

    fn byte(&self) -> usize {
        self.length - self.rest.len()
    }

    fn damaged(&self, events: usize, reason: String) -> TraceError {
        TraceError::Damaged { events, byte: self.byte(), reason }
    }

    fn cut(&self, events: usize) -> Cut {
        Cut { events, byte: self.byte(), left: self.rest.len() }
    }
}

/// Offsets in labgob's messages count from the value's own beginning.
fn explain(error: &DecodeError) -> String {
    match error {
        DecodeError::BadPayload { reason, .. } => reason.clone(),
        DecodeError::WrongType { .. } => "another type of value stands there".to_string(),
        DecodeError::BadLength { .. } => "its length is malformed".to_string(),
        DecodeError::Unconsumed { .. } => "it is longer than it should be".to_string(),
        other => other.to_string(),
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { events, byte, left } = self;
        write!(
            f,
            "the trace was not finished: it has {events} whole events and ends in the middle, \
             {left} bytes behind byte {byte} (its process was killed or died, or the file was cut)"
        )
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TraceError::Io(error) => write!(f, "cannot read it: {error}"),
            TraceError::Foreign => write!(
                f,
                "it is not a trace (a trace is what a run with TRACE=FILE writes: \
                 make replay T=figure_8_2c SEED=3 TRACE=FILE)"
            ),
            TraceError::Version(version) if *version > VERSION => write!(
                f,
                "it was written by a newer version of the lab (format {version}; this one reads \
                 {VERSION}): read it with that version, or record it again with this one"
            ),
            TraceError::Version(version) => write!(
                f,
                "there is no trace format {version} (this version of the lab reads {VERSION}): \
                 record it again"
            ),
            TraceError::Empty(length) => {
                write!(f, "it ends after {length} bytes, before the run began: record it again")
            }
            TraceError::Damaged { events, byte, reason } => write!(
                f,
                "it is damaged at byte {byte}, behind {events} good events: {reason} (the file \
                 was changed, or another build of the lab wrote it): record it again"
            ),
        }
    }
}

impl Error for TraceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TraceError::Io(error) => Some(error),
            _ => None,
        }
    }
}
