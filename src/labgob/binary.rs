//! The only file that knows bincode: payloads, and in words what is wrong with one.

use std::any::type_name;

use bincode::config::standard;
use bincode::enc::write::Writer;
use bincode::error::{DecodeError as BincodeDecodeError, EncodeError as BincodeEncodeError};
use bincode::serde::{
    DecodeError as SerdeDecodeError, EncodeError as SerdeEncodeError, borrow_decode_from_slice,
    encode_into_writer,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{DecodeError, EncodeError};

/// How much a payload may claim, in bytes of memory: a length that is not true is refused before
/// anything is reserved for it.
const MOST: usize = 1 << 30;

/// Appends the payload of `value`.
pub(super) fn encode<T: Serialize + ?Sized>(
    value: &T,
    bytes: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let unsupported = |error| EncodeError::Unsupported {
        type_name: type_name::<T>(),
        reason: match error {
            BincodeEncodeError::OtherString(message) => message,
            BincodeEncodeError::Serde(SerdeEncodeError::SequenceMustHaveLength) => {
                "it has a sequence or map of unknown length".to_string()
            }
            other => other.to_string(),
        },
    };
    encode_into_writer(value, Appender(bytes), standard()).map_err(unsupported)
}

/// Appends to a vector. Most numbers take one byte, which needs no copy of a block: bincode's own
/// writer makes a fifth of a simulated run out of such copies.
struct Appender<'a>(&'a mut Vec<u8>);

impl Writer for Appender<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), BincodeEncodeError> {
        match bytes {
            [byte] => self.0.push(*byte),
            _ => {
                make_room(self.0, bytes.len());
                self.0.extend_from_slice(bytes);
            }
        }
        Ok(())
    }
}

/// Makes the vector's size a power of two. A log that is saved with each entry would otherwise ask
/// for a little more each time, and of megabytes that means fresh pages of the system each time,
/// which cost more than the copy that goes into them.
fn make_room(bytes: &mut Vec<u8>, more: usize) {
    if bytes.capacity() - bytes.len() < more {
        let size = (bytes.len() + more).next_power_of_two();
        bytes.reserve_exact(size - bytes.len());
    }
}

/// The value that the payload at `offset` encodes; all of it must be that value's.
pub(super) fn decode<T: DeserializeOwned>(payload: &[u8], offset: usize) -> Result<T, DecodeError> {
    let expected = type_name::<T>();
    match borrow_decode_from_slice(payload, standard().with_limit::<MOST>()) {
        Ok((value, used)) if used == payload.len() => Ok(value),
        Ok((_, used)) => Err(DecodeError::Unconsumed { expected, length: payload.len(), used }),
        Err(error) => Err(DecodeError::BadPayload { expected, offset, reason: explain(error) }),
    }
}

/// The value with which `payload` begins, and how many bytes it takes.
pub(super) fn decode_first<T: DeserializeOwned>(payload: &[u8]) -> Result<(T, usize), String> {
    borrow_decode_from_slice(payload, standard().with_limit::<MOST>()).map_err(explain)
}

#[cold]
fn explain(error: BincodeDecodeError) -> String {
    use BincodeDecodeError::*;
    match error {
        UnexpectedEnd { additional } => format!("the payload lacks {additional} bytes"),
        LimitExceeded => format!("it claims more than {MOST} bytes"),
        InvalidBooleanValue(byte) => format!("a bool is 0 or 1, not {byte}"),
        UnexpectedVariant { type_name: "Option<T>", found, .. } => {
            format!("an option is 0 or 1, not {found}")
        }
        InvalidCharEncoding(_) => "not a char".to_string(),
        InvalidIntegerType { expected, found } => {
            format!("expected an integer of type {expected:?}, found {found:?}")
        }
        Utf8 { inner } => inner.to_string(),
        OtherString(message) => message,
        Serde(SerdeDecodeError::AnyNotSupported)
        | Serde(SerdeDecodeError::IdentifierNotSupported)
        | Serde(SerdeDecodeError::IgnoredAnyNotSupported) => {
            "it asks what the bytes mean (flatten, untagged or tag), and they do not say"
                .to_string()
        }
        other => other.to_string(),
    }
}
