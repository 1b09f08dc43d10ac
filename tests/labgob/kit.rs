//! The types that are sent, and the frame as the tests know it.

use std::collections::BTreeMap;

use raftlab::labgob::Bytes;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FourIntegers {
    pub term: u64,
    pub candidate_id: usize,
    pub last_log_index: u64,
    pub last_log_term: u64,
}

pub const FOUR: FourIntegers =
    FourIntegers { term: 7, candidate_id: 2, last_log_index: 100, last_log_term: 6 };

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub term: u64,
    pub command: Bytes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Nop,
    Put { key: String, value: Bytes },
    Append(String, u32),
    Batch(Vec<Command>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub voted_for: Option<usize>,
    pub log: Vec<Entry>,
    pub sessions: BTreeMap<String, (i64, Vec<Command>)>,
    pub flags: [bool; 3],
    pub ratio: f64,
}

pub fn entry(term: u64, command: &[u8]) -> Entry {
    Entry { term, command: command.into() }
}

pub fn state() -> State {
    let put = Command::Put { key: "x".into(), value: Bytes::from(&[0, 255]) };
    let batch = Command::Batch(vec![Command::Nop, Command::Append("y".into(), 70_000), put]);
    State {
        voted_for: Some(300),
        log: vec![entry(1, b""), entry(u64::MAX, &[7; 200])],
        sessions: BTreeMap::from([
            ("a".into(), (-1, vec![])),
            ("é".into(), (1 << 40, vec![batch])),
        ]),
        flags: [true, false, true],
        ratio: -0.5,
    }
}

pub fn fnv_1a(name: &str) -> u32 {
    name.bytes().fold(2_166_136_261, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

/// A frame's length: seven bits a byte, low bits first.
pub fn length_bytes(mut length: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while length > 127 {
        bytes.push(length as u8 | 128);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes
}

/// `payload` in a right frame of the type that `bytes` holds.
pub fn framed_like(bytes: &[u8], payload: &[u8]) -> Vec<u8> {
    [&bytes[..4], &length_bytes(payload.len() as u64), payload].concat()
}

pub fn payload_of(bytes: &[u8]) -> &[u8] {
    let digits = bytes[4..].iter().take_while(|byte| **byte > 127).count() + 1;
    &bytes[4 + digits..]
}
