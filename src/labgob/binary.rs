//! The only file that knows bincode: whole values out, single numbers and blocks in.
//!
//! Encoding is bincode's own. Decoding takes only the parts of bincode that cannot allocate.
//! Its serde decoders make a `String` or a byte buffer as long as the input claims before they
//! look whether so many bytes are there, hand the claimed length of a sequence on as its size,
//! and go through a sequence of a claimed 2^60 empty elements one by one. The limit that
//! bincode offers against the first is a constant, not the length of the input, and does
//! nothing about the others. So the walk over a value is in `payload` and `walk`, which ask
//! here for what stands at the leaves.

use std::any::type_name;
use std::fmt;
use std::io::Write;

use bincode::config::{Configuration, standard};
use bincode::de::read::{BorrowReader, Reader};
use bincode::de::{BorrowDecode, Decode, Decoder, DecoderImpl};
use bincode::enc::write::{SizeWriter, Writer};
use bincode::error::{DecodeError as BincodeDecodeError, EncodeError as BincodeEncodeError};
use bincode::serde::encode_into_writer;
use serde::Serialize;

use super::error::EncodeError;

/// The length of `value`'s payload: the value is serialized into a counter.
pub(super) fn measure<T: Serialize + ?Sized>(value: &T) -> Result<usize, EncodeError> {
    let mut size = SizeWriter::default();
    match encode_into_writer(value, &mut size, standard()) {
        Ok(()) => Ok(size.bytes_written),
        Err(error) => {
            let (type_name, reason) = (type_name::<T>(), explain_encode(error));
            Err(EncodeError::Unsupported { type_name, reason })
        }
    }
}

/// Writes the payload of `value`, which must have the `measured` length: the length has been
/// written already, so that any other would spoil what follows.
pub(super) fn write<T: Serialize + ?Sized>(
    value: &T,
    measured: usize,
    writer: &mut impl Write,
) -> Result<(), EncodeError> {
    let mut writer = Measured { writer, left: measured };
    let result = encode_into_writer(value, &mut writer, standard());
    let left = writer.left;
    match result {
        Ok(()) if left == 0 => Ok(()),
        Err(BincodeEncodeError::Io { inner, .. }) => Err(EncodeError::Io(inner)),
        // It has been measured without an error, so any error now comes from a change.
        _ => Err(EncodeError::Changed { type_name: type_name::<T>(), measured }),
    }
}

/// A writer that takes no more than the measured number of bytes.
struct Measured<'a, W> {
    writer: &'a mut W,
    left: usize,
}

impl<W: Write> Writer for Measured<'_, W> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), BincodeEncodeError> {
        let left = self.left.checked_sub(bytes.len()).ok_or(BincodeEncodeError::UnexpectedEnd)?;
        let written = self.writer.write_all(bytes);
        written.map_err(|inner| BincodeEncodeError::Io { inner, index: 0 })?;
        self.left = left;
        Ok(())
    }
}

/// A payload that is being decoded.
pub(super) struct Source<'de> {
    decoder: DecoderImpl<Unread<'de>, Configuration, ()>,
}

impl<'de> Source<'de> {
    pub(super) fn new(payload: &'de [u8]) -> Self {
        Source { decoder: DecoderImpl::new(Unread(payload), standard(), ()) }
    }

    /// How many bytes have not been read yet.
    #[inline]
    pub(super) fn unread(&mut self) -> usize {
        self.decoder.reader().0.len()
    }

    /// Reads one number, `bool` or `char`. `Copy` keeps out what owns memory: a `String` asked
    /// for here would allocate before it looks.
    #[inline]
    pub(super) fn take<T: Decode<()> + Copy>(&mut self) -> Result<T, Failure> {
        T::decode(&mut self.decoder).map_err(explain_decode)
    }

    /// Reads a block of bytes without copying it.
    #[inline]
    pub(super) fn take_bytes(&mut self) -> Result<&'de [u8], Failure> {
        BorrowDecode::borrow_decode(&mut self.decoder).map_err(explain_decode)
    }

    /// Reads a string without copying it.
    #[inline]
    pub(super) fn take_str(&mut self) -> Result<&'de str, Failure> {
        BorrowDecode::borrow_decode(&mut self.decoder).map_err(explain_decode)
    }
}

/// The part of the payload that has not been read. bincode's own reader of slices does not tell
/// how much it has left.
struct Unread<'de>(&'de [u8]);

impl Reader for Unread<'_> {
    #[inline]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), BincodeDecodeError> {
        bytes.copy_from_slice(self.take_bytes(bytes.len())?);
        Ok(())
    }

    #[inline]
    fn peek_read(&mut self, count: usize) -> Option<&[u8]> {
        self.0.get(..count)
    }

    #[inline]
    fn consume(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }
}

impl<'de> BorrowReader<'de> for Unread<'de> {
    #[inline]
    fn take_bytes(&mut self, length: usize) -> Result<&'de [u8], BincodeDecodeError> {
        let Some((taken, rest)) = self.0.split_at_checked(length) else {
            let additional = length - self.0.len();
            return Err(BincodeDecodeError::UnexpectedEnd { additional });
        };
        self.0 = rest;
        Ok(taken)
    }
}

/// What is wrong with a payload, in words.
#[derive(Debug)]
pub(super) struct Failure(pub(super) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

impl serde::de::Error for Failure {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Failure(message.to_string())
    }
}

#[cold]
fn explain_decode(error: BincodeDecodeError) -> Failure {
    use BincodeDecodeError::*;
    Failure(match error {
        UnexpectedEnd { additional } => format!("the payload lacks {additional} bytes"),
        InvalidBooleanValue(byte) => format!("a bool is 0 or 1, not {byte}"),
        InvalidCharEncoding(_) => "not a char".to_string(),
        InvalidIntegerType { expected, found } => {
            format!("expected an integer of type {expected:?}, found {found:?}")
        }
        Utf8 { inner } => inner.to_string(),
        other => other.to_string(),
    })
}

#[cold]
fn explain_encode(error: BincodeEncodeError) -> String {
    match error {
        BincodeEncodeError::OtherString(message) => message,
        BincodeEncodeError::Serde(bincode::serde::EncodeError::SequenceMustHaveLength) => {
            "it has a sequence or map of unknown length".to_string()
        }
        other => other.to_string(),
    }
}
