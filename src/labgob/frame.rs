//! The frame: what stands before a payload, its type's fingerprint and its length.
//!
//! The length is written seven bits a byte, low bits first; the top bit says that another
//! byte follows. Nine bytes hold every length below 2^63, and each length has one encoding.

use std::any::type_name;
use std::io::{self, Read};

use super::error::DecodeError;
use super::types;

const FINGERPRINT_SIZE: usize = 4;
const MAX_LENGTH_SIZE: usize = 9;

/// The smallest frame: a fingerprint and a length below 128.
const MIN_SIZE: usize = FINGERPRINT_SIZE + 1;

/// A frame ready to be written.
pub(super) struct Written {
    buffer: [u8; FINGERPRINT_SIZE + MAX_LENGTH_SIZE],
    size: usize,
}

impl Written {
    /// The frame for a `T` whose payload has `length` bytes.
    pub(super) fn new<T: ?Sized>(length: usize) -> Written {
        let mut buffer = [0; FINGERPRINT_SIZE + MAX_LENGTH_SIZE];
        buffer[..FINGERPRINT_SIZE].copy_from_slice(&types::fingerprint::<T>().to_le_bytes());
        let mut size = FINGERPRINT_SIZE;
        // No object in memory has 2^63 bytes, so the nine bytes suffice.
        let mut left = length as u64;
        while left >= 0x80 {
            buffer[size] = 0x80 | (left & 0x7F) as u8;
            left >>= 7;
            size += 1;
        }
        buffer[size] = left as u8;
        Written { buffer, size: size + 1 }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.size]
    }
}

/// A frame that was read, with the place where it stood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    fingerprint: u32,
    /// The length of the payload, as claimed: not to be trusted before the bytes are there.
    pub(super) length: u64,
    /// Where the frame begins.
    pub(super) offset: u64,
    /// How many bytes the frame itself took.
    pub(super) size: u64,
}

impl Frame {
    /// Reads the frame of a value, which should be an `expected`, at `offset`.
    pub(super) fn read(
        reader: &mut impl Read,
        offset: u64,
        expected: &'static str,
    ) -> Result<Frame, DecodeError> {
        let mut fixed = [0; MIN_SIZE];
        let found = fill(reader, &mut fixed).map_err(DecodeError::Io)?;
        if found == 0 {
            return Err(DecodeError::EndOfInput { expected, offset });
        }
        if found < MIN_SIZE {
            let (needed, found) = (MIN_SIZE as u64, found as u64);
            return Err(DecodeError::Truncated { expected, offset, needed, found });
        }
        let [a, b, c, d, mut byte] = fixed;
        let mut length = u64::from(byte & 0x7F);
        let mut size = MIN_SIZE;
        while byte & 0x80 != 0 {
            // Bytes beyond the ninth would shift out of the number.
            if size == FINGERPRINT_SIZE + MAX_LENGTH_SIZE {
                return Err(DecodeError::BadLength { expected, offset });
            }
            let mut next = [0];
            if fill(reader, &mut next).map_err(DecodeError::Io)? == 0 {
                let (needed, found) = (size as u64 + 1, size as u64);
                return Err(DecodeError::Truncated { expected, offset, needed, found });
            }
            byte = next[0];
            length |= u64::from(byte & 0x7F) << (7 * (size - FINGERPRINT_SIZE));
            size += 1;
            // A last byte of zero adds nothing: there is a shorter form, and an encoder takes it.
            if byte == 0 {
                return Err(DecodeError::BadLength { expected, offset });
            }
        }
        let fingerprint = u32::from_le_bytes([a, b, c, d]);
        Ok(Frame { fingerprint, length, offset, size: size as u64 })
    }

    /// Is this the frame of a `T`?
    pub(super) fn check_type<T>(&self) -> Result<(), DecodeError> {
        if self.fingerprint == types::fingerprint::<T>() {
            return Ok(());
        }
        Err(DecodeError::WrongType {
            expected: type_name::<T>(),
            found: types::name_of(self.fingerprint),
            fingerprint: self.fingerprint,
            offset: self.offset,
        })
    }

    /// The error for an input that has only `found` of the payload's bytes.
    pub(super) fn truncated<T>(&self, found: u64) -> DecodeError {
        DecodeError::Truncated {
            expected: type_name::<T>(),
            offset: self.offset,
            needed: self.size.saturating_add(self.length),
            found: self.size + found,
        }
    }
}

/// Reads until `buffer` is full or the input ends; answers how many bytes were read.
pub(super) fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
