//! The frame: what stands before a payload, its type's fingerprint and its length.
//!
//! The length is written seven bits a byte, low bits first; the top bit says that another
//! byte follows. Nine bytes hold every length below 2^63, and each length has one encoding.

use std::any::type_name;

use super::error::DecodeError;
use super::types;

const FINGERPRINT_SIZE: usize = 4;
/// The largest frame.
const MAX_SIZE: usize = FINGERPRINT_SIZE + 9;

/// How many bytes the frame of such a payload takes.
pub(super) fn size(length: usize) -> usize {
    let bits = (usize::BITS - length.leading_zeros()).max(1);
    FINGERPRINT_SIZE + bits.div_ceil(7) as usize
}

/// The frame of a `T` with a payload of this length.
pub(super) fn of<T: ?Sized>(length: usize) -> impl ExactSizeIterator<Item = u8> {
    let fingerprint = types::fingerprint::<T>().to_le_bytes();
    let (size, last) = (size(length), size(length) - 1);
    (0..size).map(move |at| match at.checked_sub(FINGERPRINT_SIZE) {
        None => fingerprint[at],
        Some(group) => {
            let more = if at < last { 0x80 } else { 0 };
            ((length >> (7 * group)) & 0x7F) as u8 | more
        }
    })
}

/// The payload of the `T` with which `input` begins, and where it ends. The input itself begins
/// at `offset`.
pub(super) fn read<T>(input: &[u8], offset: usize) -> Result<(&[u8], usize), DecodeError> {
    let expected = type_name::<T>();
    let cut = |needed| DecodeError::Truncated { expected, offset, needed, found: input.len() };
    if input.is_empty() {
        return Err(DecodeError::EndOfInput { expected, offset });
    }
    // The smallest frame has a length of one byte.
    let fingerprint = *input.first_chunk().ok_or_else(|| cut(FINGERPRINT_SIZE + 1))?;
    let (mut length, mut size) = (0, FINGERPRINT_SIZE);
    loop {
        if size == MAX_SIZE {
            return Err(DecodeError::BadLength { expected, offset });
        }
        let byte = *input.get(size).ok_or_else(|| cut(size + 1))?;
        // A last byte of zero adds nothing: there is a shorter form, and an encoder takes it.
        if byte == 0 && size > FINGERPRINT_SIZE {
            return Err(DecodeError::BadLength { expected, offset });
        }
        length |= usize::from(byte & 0x7F) << (7 * (size - FINGERPRINT_SIZE));
        size += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    types::check::<T>(u32::from_le_bytes(fingerprint), offset)?;
    // The claimed length is compared before it is used for anything.
    let end = size.saturating_add(length);
    Ok((input.get(size..end).ok_or_else(|| cut(end))?, end))
}
