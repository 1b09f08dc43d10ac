//! Encoding: [`to_bytes`] for one value, [`LabEncoder`] for several.

use std::any::type_name;
use std::io::Write;

use serde::Serialize;

use super::error::EncodeError;
use super::{binary, frame};

/// Encodes one value.
///
/// # Panics
///
/// If the type cannot be encoded, which is a programming error: a `Serialize` that fails, or a
/// sequence or map whose length is not known beforehand (`#[serde(flatten)]` makes one). The
/// message names the type. Use [`LabEncoder::encode`] where this should be an error instead.
#[must_use]
#[track_caller]
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    match encode_one(value) {
        Ok(bytes) => bytes,
        Err(error) => panic!("to_bytes::<{}>: {error}", type_name::<T>()),
    }
}

fn encode_one<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let length = binary::measure(value)?;
    let frame = frame::Written::new::<T>(length);
    // The one allocation: the payload is written to where it stays.
    let mut bytes = Vec::with_capacity(frame.as_bytes().len() + length);
    bytes.extend_from_slice(frame.as_bytes());
    binary::write(value, length, &mut bytes)?;
    Ok(bytes)
}

/// Encodes values one after another into a writer; a [`LabDecoder`](super::LabDecoder) gives
/// them back in the same order.
///
/// Each number of a value is a write of its own: put a [`std::io::BufWriter`] around a file or
/// a socket.
#[derive(Debug)]
pub struct LabEncoder<W> {
    writer: W,
}

impl<W: Write> LabEncoder<W> {
    /// An encoder that appends to `writer`, often a `Vec<u8>` or a reference to one.
    pub fn new(writer: W) -> Self {
        LabEncoder { writer }
    }

    /// Appends one value.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Unsupported`] if the type cannot be encoded; nothing was written then.
    /// [`EncodeError::Io`] if the writer fails and [`EncodeError::Changed`] if the value did
    /// not hold still; part of it may have been written then, and the output is of no use.
    pub fn encode<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let length = binary::measure(value)?;
        let frame = frame::Written::new::<T>(length);
        self.writer.write_all(frame.as_bytes()).map_err(EncodeError::Io)?;
        binary::write(value, length, &mut self.writer)
    }

    /// Gives the writer back.
    pub fn into_inner(self) -> W {
        self.writer
    }
}
