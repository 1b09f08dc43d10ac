//! What the runner and the process that runs a test for it say to each other, over a socket of
//! their own: standard output belongs to the code under test, and an exit status proves nothing.
//!
//! The runner gives an [`Order`] with a nonce, a number that nobody can guess. An [`Answer`] counts
//! only if it comes back with the nonce of that order. On the wire each is a line of JSON.

use std::io::{BufRead, Error, ErrorKind, Read, Result, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::record::Record;
use crate::labsync::{Event, rng};

/// The longest that a message may be.
const MOST_BYTES: usize = 64 << 20;

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
    // In one piece: another thread may send as well.
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    to.write_all(&line)
}

/// Waits for a message; `None` if there will be none.
pub(super) fn receive<T: DeserializeOwned>(mut from: impl BufRead) -> Result<Option<T>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") { Ok(Some(serde_json::from_slice(&line)?)) } else { Ok(None) }
}

/// What has come, until it makes a message.
#[derive(Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    /// So many of them end no message.
    searched: usize,
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

    /// The next message, if all of it has come.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let end = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n');
        let Some(end) = end.map(|end| self.searched + end) else {
            self.searched = self.bytes.len();
            let much = format!("more than {MOST_BYTES} bytes that are no message");
            let is_much = self.searched > MOST_BYTES;
            return if is_much { Err(Error::new(ErrorKind::InvalidData, much)) } else { Ok(None) };
        };
        let message = serde_json::from_slice(&self.bytes[..end])?;
        self.bytes.drain(..=end);
        self.searched = 0;
        Ok(Some(message))
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
        for bytes in [&b"\n"[..], b"\xFF\xFF\n", b"{\"Run\":[]}\n", b"[[[[\n"] {
            let mut inbox = Inbox::default();
            inbox.fill(bytes, bytes.len()).unwrap();
            assert!(inbox.take::<Order>().is_err(), "{bytes:?}");
            assert!(receive::<Order>(bytes).is_err(), "{bytes:?}");
        }
        let mut inbox = Inbox { bytes: vec![b' '; MOST_BYTES + 1], searched: 0 };
        assert!(inbox.take::<Order>().unwrap_err().to_string().contains("bytes that are no"));
        assert_ne!(Nonce::fresh(), Nonce::fresh());
    }
}
