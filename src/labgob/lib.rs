//! Encoding: Rust values to bytes and back, for every RPC, for what Raft persists, and for
//! snapshots.
//!
//! The Go lab wraps `encoding/gob`; this is serde over bincode 2, with what gob has and bincode
//! lacks: a value knows its type.
//!
//! # Use
//!
//! ```
//! use labgob::{LabDecoder, LabEncoder, from_bytes, to_bytes};
//!
//! // One value: this is what crosses the network.
//! let bytes = to_bytes(&(7_u64, "seven"));
//! assert_eq!(from_bytes::<(u64, String)>(&bytes)?, (7, "seven".to_string()));
//!
//! // Several values, one after another: this is how Raft saves its state.
//! let mut encoder = LabEncoder::new(Vec::new());
//! encoder.encode(&3_u64)?;
//! encoder.encode(&Some(1_usize))?;
//! let saved = encoder.into_inner();
//!
//! let mut decoder = LabDecoder::new(&saved);
//! let current_term: u64 = decoder.decode()?;
//! let voted_for: Option<usize> = decoder.decode()?;
//! decoder.finish()?;
//! assert_eq!((current_term, voted_for), (3, Some(1)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # On the wire
//!
//! | bytes | what |
//! |---|---|
//! | 4 | fingerprint of the type, little-endian |
//! | 1 to 9 | length of the payload, seven bits a byte, low bits first |
//! | length | the payload: bincode 2, standard configuration |
//!
//! So a value costs five bytes more than its payload while that is shorter than 128 bytes.
//!
//! # What the fingerprint promises
//!
//! bincode bytes do not say what they are: a reply decoded as an argument, or a log decoded
//! before the vote, gives garbage that looks like a value. The fingerprint is a hash of the
//! type's name, so that this is an error that names both types. References do not count, a
//! `str` is a `String` and a slice is a `Vec`: what is sent as `&[LogEntry]` arrives as
//! `Vec<LogEntry>`. An array `[T; N]` is no `Vec<T>`, and a `Box<T>` is no `T`.
//!
//! The name is all that it looks at. Two types with one path (local types in two blocks of
//! one function) are taken for each other, and a type whose fields were changed keeps its
//! fingerprint. Names may also change with the compiler. Bytes are therefore for processes
//! built from the same source by the same compiler, not for an archive.
//!
//! # What decoding promises
//!
//! Another type, another order, input that is cut short or too long is an error that says so, and
//! no memory is reserved for a length that is merely claimed, beyond a gigabyte that nobody touches.
//!
//! It is not meant for bytes of an enemy: what a server decodes, a server of the same process has
//! encoded. bincode goes as deep as a recursive type is nested, and takes a claim of 2^60 elements
//! that need no byte, such as `()`, at its word.
//!
//! # Caveats
//!
//! - The bytes do not name fields. `#[serde(flatten)]`, `untagged` and `tag` fail, and
//!   `skip_serializing_if` shifts all that follows. Plain derives are right, and so is
//!   `#[serde(skip)]`: the field is not sent and arrives as its default.
//! - Use [`Bytes`] for raw bytes. `Vec<u8>` works, but goes element by element.
//! - A long list that is encoded again and again, such as a log, may be an [`EncodedVec`].
//!
//! # Layout
//!
//! `encoder` and `decoder` are the public face; `frame` is the five bytes before a payload;
//! `bytes` and `list` are what is encoded as a block; `types` makes fingerprints; `binary` is the
//! only file that knows bincode.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod binary;
mod bytes;
mod decoder;
mod encoder;
mod error;
mod frame;
mod list;
mod types;

pub use bytes::Bytes;
pub use decoder::{LabDecoder, from_bytes};
pub use encoder::{LabEncoder, to_bytes};
pub use error::{DecodeError, EncodeError};
pub use list::EncodedVec;
