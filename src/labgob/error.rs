//! What can go wrong, in words that name the type and the place.

use std::error::Error;
use std::fmt;
use std::io;

/// Why a value could not be encoded.
#[derive(Debug)]
pub enum EncodeError {
    /// The writer failed.
    Io(io::Error),
    /// The type cannot be encoded at all, for instance a sequence of unknown length. Nothing
    /// was written.
    Unsupported {
        /// The type of the value.
        type_name: &'static str,
        /// What serde or bincode said.
        reason: String,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::Io(error) => write!(f, "cannot write: {error}"),
            EncodeError::Unsupported { type_name, reason } => {
                write!(f, "{type_name} cannot be encoded: {reason}")
            }
        }
    }
}

impl Error for EncodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            EncodeError::Io(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a value could not be decoded. Offsets count from the first byte of the input.
#[derive(Debug)]
pub enum DecodeError {
    /// The input ended where a value should begin.
    EndOfInput {
        /// The type that was asked for.
        expected: &'static str,
        /// Where the input ended.
        offset: usize,
    },
    /// A value of another type stands here. It was not consumed.
    WrongType {
        /// The type that was asked for.
        expected: &'static str,
        /// The type that was encoded, if this process has encoded or decoded one before.
        found: Option<&'static str>,
        /// The fingerprint that was found.
        fingerprint: u32,
        /// Where the value begins.
        offset: usize,
    },
    /// The input ended within a value.
    Truncated {
        /// The type that was asked for.
        expected: &'static str,
        /// Where the value begins.
        offset: usize,
        /// How many bytes the value needs, as far as can be told.
        needed: usize,
        /// How many bytes there were.
        found: usize,
    },
    /// The length of the payload is not a number that an encoder writes.
    BadLength {
        /// The type that was asked for.
        expected: &'static str,
        /// Where the value begins.
        offset: usize,
    },
    /// The payload is not an encoding of the type.
    BadPayload {
        /// The type that was asked for.
        expected: &'static str,
        /// Where the value begins.
        offset: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The value ended before its payload did.
    Unconsumed {
        /// The type that was asked for.
        expected: &'static str,
        /// How many bytes the payload has.
        length: usize,
        /// How many of them the value took.
        used: usize,
    },
    /// Bytes follow where nothing may follow.
    Trailing {
        /// The type of the last value decoded, if there was one.
        last: Option<&'static str>,
        /// Where the input should have ended.
        offset: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DecodeError::*;
        match self {
            EndOfInput { expected, offset } => {
                write!(f, "expected {expected}, found the end of the input at byte {offset}")
            }
            WrongType { expected, found: Some(found), offset, .. } => {
                write!(f, "expected {expected}, found {found} at byte {offset}")
            }
            WrongType { expected, found: None, fingerprint, offset } => write!(
                f,
                "expected {expected}, found an unknown type (fingerprint {fingerprint:#010x}) \
                 at byte {offset}"
            ),
            Truncated { expected, offset, needed, found } => write!(
                f,
                "the {expected} at byte {offset} is cut short: {needed} bytes needed, \
                 {found} found"
            ),
            BadLength { expected, offset } => {
                write!(f, "the {expected} at byte {offset} has a malformed length")
            }
            BadPayload { expected, offset, reason } => {
                write!(f, "cannot decode the {expected} at byte {offset}: {reason}")
            }
            Unconsumed { expected, length, used } => write!(
                f,
                "expected {expected} in {length} bytes, found one that takes only {used} of them"
            ),
            Trailing { last: Some(last), offset } => {
                write!(f, "nothing may follow the {last}, but there is more at byte {offset}")
            }
            Trailing { last: None, offset } => {
                write!(f, "expected no value at all, but there is one at byte {offset}")
            }
        }
    }
}

impl Error for DecodeError {}
