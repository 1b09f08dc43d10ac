//! Encoding: [`to_bytes`] for one value, [`LabEncoder`] for several.

use std::any::type_name;
use std::borrow::BorrowMut;

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
    append(value, &mut bytes)?;
    Ok(bytes)
}

/// Appends a value with its frame, or nothing if it cannot be encoded.
///
/// The frame stands before the payload and tells its length, so its place is kept free: as much as
/// it takes if the value fills what is reserved, or half of it. If that was wrong, the payload is
/// moved to where it belongs.
fn append<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = bytes.len();
    let payload = start + frame::size((bytes.capacity() - start).saturating_sub(1));
    bytes.resize(payload, 0);
    if let Err(error) = binary::encode(value, bytes) {
        bytes.truncate(start);
        return Err(error);
    }
    let frame = frame::of::<T>(bytes.len() - payload);
    bytes.splice(start..payload, frame);
    Ok(())
}

/// Encodes values one after another into a vector, or to the end of one that is lent; a
/// [`LabDecoder`](super::LabDecoder) gives them back in the same order.
#[derive(Debug)]
pub struct LabEncoder<W> {
    bytes: W,
}

impl LabEncoder<Vec<u8>> {
    /// An encoder into a vector of its own, with room for about so many bytes: what was needed the
    /// last time. A long value then is not moved while it is encoded.
    #[must_use]
    pub fn with_room(size: usize) -> Self {
        LabEncoder::new(Vec::with_capacity(size.next_power_of_two()))
    }
}

impl<W: BorrowMut<Vec<u8>>> LabEncoder<W> {
    /// An encoder that appends to `bytes`, a `Vec<u8>` or a `&mut Vec<u8>`.
    pub fn new(bytes: W) -> Self {
        LabEncoder { bytes }
    }

    /// Appends one value.
    ///
    /// # Errors
    ///
    /// If the type cannot be encoded; nothing was written then.
    pub fn encode<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        append(value, self.bytes.borrow_mut())
    }

    /// Gives the vector back.
    pub fn into_inner(self) -> W {
        self.bytes
    }
}
