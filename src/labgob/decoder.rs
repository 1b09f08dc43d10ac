//! Decoding: [`from_bytes`] for one value, [`LabDecoder`] for several.

use std::any::type_name;
use std::io::Read;

use serde::de::DeserializeOwned;

use super::error::DecodeError;
use super::frame::{self, Frame};
use super::payload;

/// How much of a payload is read from a stream at a time, at most. Memory is reserved for one
/// step, so this is what a claimed length can cost before any of it has arrived.
const STEP: u64 = 64 * 1024;

/// Decodes the one value that `bytes` holds. The payload is decoded where it is, not copied.
///
/// # Errors
///
/// A [`DecodeError`] that says what was expected and what was found, also if anything follows
/// the value.
pub fn from_bytes<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    let mut rest = bytes;
    let frame = Frame::read(&mut rest, 0, type_name::<T>())?;
    frame.check_type::<T>()?;
    // The claimed length is compared before it is used for anything.
    let split = usize::try_from(frame.length).ok().and_then(|length| rest.split_at_checked(length));
    let Some((payload, after)) = split else {
        return Err(frame.truncated::<T>(rest.len() as u64));
    };
    let value = payload::decode(payload, &frame)?;
    if !after.is_empty() {
        let offset = (bytes.len() - after.len()) as u64;
        return Err(DecodeError::Trailing { last: Some(type_name::<T>()), offset });
    }
    Ok(value)
}

/// Decodes the values that a [`LabEncoder`](super::LabEncoder) wrote, in the same order.
///
/// Give it a [`std::io::BufReader`] around a file or a socket: it reads in small pieces.
#[derive(Debug)]
pub struct LabDecoder<R> {
    reader: R,
    /// How many bytes have been read.
    offset: u64,
    /// The frame of the next value, if it has been read and turned out to be of another type.
    next: Option<Frame>,
    /// The type of the last value decoded.
    last: Option<&'static str>,
    /// The payload at hand; kept from value to value to save allocations.
    payload: Vec<u8>,
}

impl<R: Read> LabDecoder<R> {
    /// A decoder that reads from `reader`, often a `&[u8]`.
    pub fn new(reader: R) -> Self {
        LabDecoder { reader, offset: 0, next: None, last: None, payload: Vec::new() }
    }

    /// Decodes the next value. It is always a fresh one: there is no old value whose fields
    /// could shine through.
    ///
    /// # Errors
    ///
    /// [`DecodeError::WrongType`] leaves the value where it is, to be decoded as what it is.
    /// [`DecodeError::BadPayload`] and [`DecodeError::Unconsumed`] skip it. After any other
    /// error the input is at its end or of no use.
    pub fn decode<T: DeserializeOwned>(&mut self) -> Result<T, DecodeError> {
        let frame = match self.next.take() {
            Some(frame) => frame,
            None => self.read_frame::<T>()?,
        };
        if let Err(wrong_type) = frame.check_type::<T>() {
            self.next = Some(frame);
            return Err(wrong_type);
        }
        self.read_payload::<T>(&frame)?;
        let value = payload::decode(&self.payload, &frame)?;
        self.last = Some(type_name::<T>());
        Ok(value)
    }

    /// Says that nothing may follow.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Trailing`] if there is another byte, [`DecodeError::Io`] if the reader
    /// fails.
    pub fn finish(mut self) -> Result<(), DecodeError> {
        let offset = self.next.map_or(self.offset, |frame| frame.offset);
        let more = self.next.is_some()
            || frame::fill(&mut self.reader, &mut [0]).map_err(DecodeError::Io)? > 0;
        if more {
            return Err(DecodeError::Trailing { last: self.last, offset });
        }
        Ok(())
    }

    fn read_frame<T>(&mut self) -> Result<Frame, DecodeError> {
        let frame = Frame::read(&mut self.reader, self.offset, type_name::<T>())?;
        self.offset += frame.size;
        Ok(frame)
    }

    /// Reads the payload that `frame` announces, in steps: a claim of 2^60 bytes costs one step,
    /// and the next one only if the first has come.
    fn read_payload<T>(&mut self, frame: &Frame) -> Result<(), DecodeError> {
        self.payload.clear();
        let mut left = frame.length;
        while left > 0 {
            let step = left.min(STEP);
            self.payload.reserve(step as usize);
            let limited = &mut self.reader.by_ref().take(step);
            let found = limited.read_to_end(&mut self.payload).map_err(DecodeError::Io)?;
            self.offset += found as u64;
            if (found as u64) < step {
                return Err(frame.truncated::<T>(self.payload.len() as u64));
            }
            left -= step;
        }
        Ok(())
    }
}
