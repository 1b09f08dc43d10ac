//! The file: what stands around the encoded events, and how damage is found.
//!
//! ```text
//! magic (8 bytes)   version (u32, little-endian)
//! Header | check                    each value encoded with labgob, then 4 bytes of check
//! Item | check, Item | check, ...
//! trailer (8 bytes), if the run came to its end
//! ```
//!
//! A check covers its value and all that stands before it: a byte that was changed, a piece that
//! is missing or was moved is found at that place.

use serde::Serialize;

use crate::labgob::LabEncoder;

/// What a trace begins with. The first byte is in no text; the line ends are there to be spoilt
/// by whoever copies the file as text.
pub(super) const MAGIC: [u8; 8] = *b"\x89raft\r\n\n";
/// What a complete trace ends with.
pub(super) const TRAILER: [u8; 8] = *b"\x89ends\r\n\n";
/// The version of the format; one more with each change of what is written.
pub const VERSION: u32 = 1;
/// The bytes before the header.
pub(super) const PREAMBLE: usize = MAGIC.len() + 4;
/// The bytes of a check.
pub(super) const CHECK: usize = 4;

/// The running check over all that was written or read so far.
#[derive(Clone, Copy)]
pub(super) struct Check(u64);

impl Check {
    /// Nothing so far.
    pub fn new() -> Check {
        Check(u64::from(VERSION))
    }

    /// Takes in the bytes of a value. Each step is invertible, so a change cannot vanish in the
    /// next one.
    pub fn take(&mut self, bytes: &[u8]) {
        const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15; // odd
        let mut step = |word: u64| {
            self.0 = (self.0 ^ word).wrapping_mul(FACTOR);
            self.0 ^= self.0 >> 29;
        };
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|&word| step(u64::from_le_bytes(word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        step(u64::from_le_bytes(last));
        step(bytes.len() as u64);
    }

    /// What is written behind the value.
    pub fn bytes(self) -> [u8; CHECK] {
        ((self.0 >> 32) as u32).to_le_bytes()
    }
}

/// A trace that grows in memory; whoever has it takes the bytes from the front and stores them.
pub(super) struct Encoded {
    pub bytes: Vec<u8>,
    check: Check,
}

impl Encoded {
    /// Magic and version.
    pub fn new() -> Encoded {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        Encoded { bytes, check: Check::new() }
    }

    /// Adds a value.
    pub fn push<T: Serialize>(&mut self, value: &T) {
        let start = self.bytes.len();
        let encoded = LabEncoder::new(&mut self.bytes).encode(value);
        encoded.expect("plain data can be encoded into memory");
        self.check.take(&self.bytes[start..]);
        self.bytes.extend_from_slice(&self.check.bytes());
    }

    /// Adds the trailer.
    pub fn end(&mut self) {
        self.bytes.extend_from_slice(&TRAILER);
    }
}
