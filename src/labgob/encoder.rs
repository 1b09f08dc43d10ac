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
    let mut bytes = Vec::with_capacity(64);
    // The frame stands before the payload, and tells its length: its place is kept free, as much as
    // it takes for a short one. A longer payload makes room for its frame.
    let kept = frame::size(0);
    bytes.resize(kept, 0);
    binary::encode(value, &mut bytes)?;
    let frame = frame::of::<T>(bytes.len() - kept);
    bytes.splice(..kept, frame);
    Ok(bytes)
}

/// Encodes values one after another into a writer; a [`LabDecoder`](super::LabDecoder) gives
/// them back in the same order.
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
    /// [`EncodeError::Io`] if the writer fails.
    pub fn encode<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.writer.write_all(&encode_one(value)?).map_err(EncodeError::Io)
    }

    /// Gives the writer back.
    pub fn into_inner(self) -> W {
        self.writer
    }
}
