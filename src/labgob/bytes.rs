//! [`Bytes`]: raw bytes that are encoded as one block.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many bytes `Debug` shows before it stops.
const SHOWN: usize = 32;

/// Immutable raw bytes, for the commands in a log and for snapshots.
///
/// A clone shares the content instead of copying it, so entries can be copied out of the log
/// under the lock at little cost. Encoding and decoding copy the content in one piece, where a
/// `Vec<u8>` goes byte by byte. Made from a `Vec<u8>`, it takes that over without a copy.
#[derive(Clone)]
pub struct Bytes(Content);

#[derive(Clone)]
enum Content {
    /// A copy, in one block with its count of owners.
    Copied(Arc<[u8]>),
    /// A vector that somebody has filled: what is saved may be megabytes.
    Moved(Arc<Vec<u8>>),
}

impl Default for Bytes {
    fn default() -> Self {
        Bytes::from(&[])
    }
}

impl PartialEq for Bytes {
    /// Clones are equal without a look at the content: logs are compared often, and share it.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(&**self, &**other) || **self == **other
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes(Content::Moved(Arc::new(bytes)))
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Bytes(Content::Copied(Arc::from(bytes)))
    }
}

impl<const N: usize> From<&[u8; N]> for Bytes {
    fn from(bytes: &[u8; N]) -> Self {
        Bytes::from(&bytes[..])
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Content::Copied(bytes) => bytes,
            Content::Moved(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// Shows the bytes as a byte string, `b"put x 1\n"`, and long content by its first bytes and
/// its length, so that a log of 5000-byte commands can be printed.
impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.len() <= SHOWN {
            write!(f, "b\"{}\"", self.escape_ascii())
        } else {
            write!(f, "b\"{}…\" ({} bytes)", self[..SHOWN].escape_ascii(), self.len())
        }
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not `deserialize_byte_buf`: the block is copied straight from the input into the
        // shared allocation, with no vector in between.
        deserializer.deserialize_bytes(Block)
    }
}

struct Block;

impl Visitor<'_> for Block {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block of bytes")
    }

    fn visit_bytes<E: Error>(self, block: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes::from(block))
    }

    fn visit_byte_buf<E: Error>(self, block: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes::from(block))
    }
}
