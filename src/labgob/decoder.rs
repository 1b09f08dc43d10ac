//! Decoding: [`from_bytes`] for one value, [`LabDecoder`] for several.

use std::any::type_name;

use serde::de::DeserializeOwned;

use super::error::DecodeError;
use super::{binary, frame};

/// Decodes the one value that `bytes` holds.
///
/// # Errors
///
/// A [`DecodeError`] that says what was expected and what was found, also if anything follows
/// the value.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut decoder = LabDecoder::new(bytes);
    let value = decoder.decode()?;
    decoder.finish()?;
    Ok(value)
}

/// Decodes the values that a [`LabEncoder`](super::LabEncoder) wrote, in the same order.
#[derive(Debug)]
pub struct LabDecoder<'a> {
    bytes: &'a [u8],
    /// How many bytes have been read.
    offset: usize,
    /// The type of the last value decoded.
    last: Option<&'static str>,
}

impl<'a> LabDecoder<'a> {
    /// A decoder of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        LabDecoder { bytes, offset: 0, last: None }
    }

    /// Decodes the next value. It is always a fresh one: there is no old value whose fields
    /// could shine through.
    ///
    /// # Errors
    ///
    /// [`DecodeError::BadPayload`] and [`DecodeError::Unconsumed`] skip the value. Any other
    /// error leaves it where it is, to be decoded as what it is.
    pub fn decode<T: DeserializeOwned>(&mut self) -> Result<T, DecodeError> {
        let offset = self.offset;
        let (payload, end) = frame::read::<T>(&self.bytes[offset..], offset)?;
        self.offset += end;
        let value = binary::decode(payload, offset)?;
        self.last = Some(type_name::<T>());
        Ok(value)
    }

    /// Says that nothing may follow.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Trailing`] if there is another byte.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.offset == self.bytes.len() {
            return Ok(());
        }
        Err(DecodeError::Trailing { last: self.last, offset: self.offset })
    }
}
