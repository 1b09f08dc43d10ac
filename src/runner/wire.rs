//! What the runner and the process that runs a test for it say to each other, over a socket of
//! their own: standard output belongs to the code under test, and an exit status proves nothing.
//!
//! The runner gives an [`Order`] with a nonce, a number that nobody can guess. An [`Answer`] counts
//! only if it comes back with the nonce of that order. On the wire each is four bytes of
//! length, and then that many bytes of labgob.

use std::io::{Error, ErrorKind, Read, Result, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::record::Record;
use crate::labgob::{from_bytes, to_bytes};
use crate::labsync::{Event, rng};

/// The longest that a message may be.
const MOST_BYTES: usize = 64 << 20;
const LENGTH: usize = 4;

/// Made for one order, and never again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Nonce(u64, u64);

impl Nonce {
    pub fn fresh() -> Nonce {
        Nonce(rng::fresh_seed(), rng::fresh_seed())
    }
}

/// What the runner wants.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Run the test once.
    Run(Nonce, RunOrder),
    /// Say more of the run that has just failed.
    Explain(Nonce),
    /// There is nothing left to do.
    End,
}

/// Which run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct RunOrder {
    pub seed: u64,
    /// Record it in this file.
    pub trace: Option<TraceOrder>,
    /// Tell each event of a simulated run.
    pub events: bool,
}

/// Where and how a run is recorded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct TraceOrder {
    pub file: String,
    /// Write each event at once, so that not even an abort of the process loses any.
    pub at_once: bool,
}

/// What the process tells, and of which order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub nonce: Nonce,
    pub answer: Answer,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The run has come to its end, and its checks have run.
    Ended(Record),
    /// The run has failed, and nothing but the process's end can stop it.
    Dying(Record),
    /// The run was not begun: its trace cannot be written.
    NotBegun(String),
    /// Some of a run's events; more, or its end, will follow.
    Events(Vec<Event>),
    /// What is to be said of a failed run.
    Explained(String),
}

/// Sends a message.
pub(super) fn send<T: Serialize>(mut to: impl Write, message: &T) -> Result<()> {
    let content = to_bytes(message);
    let length = u32::try_from(content.len()).map_err(|_| Error::from(ErrorKind::InvalidInput))?;
    // In one piece: another thread may send as well.
    let mut bytes = length.to_le_bytes().to_vec();
    bytes.extend(content);
    to.write_all(&bytes)
}

/// Waits for a message; `None` if there will be none.
pub(super) fn receive<T: DeserializeOwned>(mut from: impl Read) -> Result<Option<T>> {
    let mut inbox = Inbox::default();
    loop {
        if let Some(message) = inbox.take()? {
            return Ok(Some(message));
        }
        let missing = inbox.missing();
        if inbox.fill(&mut from, missing)? == 0 {
            return Ok(None);
        }
    }
}

/// What has come, until it makes a message.
#[derive(Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
}

impl Inbox {
    /// Reads once, at most `most` bytes; how many there were.
    pub fn fill(&mut self, mut from: impl Read, most: usize) -> Result<usize> {
        let before = self.bytes.len();
        self.bytes.resize(before + most, 0);
        let read = from.read(&mut self.bytes[before..]);
        self.bytes.truncate(before + *read.as_ref().unwrap_or(&0));
        read
    }

    fn length(&self) -> Option<usize> {
        let length = self.bytes.first_chunk::<LENGTH>()?;
        Some(u32::from_le_bytes(*length) as usize)
    }

    /// How many bytes the next message lacks, as far as is known.
    fn missing(&self) -> usize {
        LENGTH + self.length().unwrap_or(0).min(MOST_BYTES) - self.bytes.len()
    }

    /// The next message, if all of it has come.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let malformed = |what: String| Error::new(ErrorKind::InvalidData, what);
        let Some(length) = self.length() else { return Ok(None) };
        if length > MOST_BYTES {
            return Err(malformed(format!("a message of {length} bytes")));
        }
        if self.bytes.len() < LENGTH + length {
            return Ok(None);
        }
        let rest = self.bytes.split_off(LENGTH + length);
        let message = std::mem::replace(&mut self.bytes, rest);
        from_bytes(&message[LENGTH..]).map(Some).map_err(|error| malformed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_however_the_bytes_are_cut() {
        let order = |seed| Order::Run(Nonce::fresh(), RunOrder { seed, trace: None, events: true });
        let orders = [order(1), Order::End, order(2)];
        let mut bytes = Vec::new();
        orders.iter().for_each(|order| send(&mut bytes, order).unwrap());
        for piece in [1, 3, 1000] {
            let (mut inbox, mut come) = (Inbox::default(), Vec::new());
            for chunk in bytes.chunks(piece) {
                inbox.fill(chunk, piece).unwrap();
                while let Some(order) = inbox.take::<Order>().unwrap() {
                    come.push(order);
                }
            }
            assert_eq!(come, orders, "in pieces of {piece}");
        }
        let mut from = &bytes[..];
        for order in orders {
            assert_eq!(receive(&mut from).unwrap(), Some(order));
        }
        assert_eq!(receive::<Order>(&mut from).unwrap(), None);
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let refused = |bytes: &[u8]| receive::<Order>(bytes).unwrap_err().to_string();
        assert!(refused(&[0xFF; 9]).contains("4294967295 bytes"));
        assert!(!refused(&[5, 0, 0, 0, 1, 2, 3, 4, 5]).is_empty());
        assert_ne!(Nonce::fresh(), Nonce::fresh());
    }
}
