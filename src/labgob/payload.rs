//! Decoding a payload under limits: no number in it is trusted.
//!
//! A sequence or map says first how many elements follow. The number is compared with the
//! bytes that are left before memory is reserved or an element is read, since an honest
//! element needs a byte at least. Elements that need none (`()`, empty structs) are allowed a
//! fixed number beyond that. Each one read is counted, over the whole value: a short payload
//! could otherwise hold thousands of sequences of thousands of empty elements each. And memory
//! is reserved for as many elements as the payload has bytes, again over the whole value:
//! sequences nested in each other all claim the same bytes.
//!
//! Depth is counted, too: a `Box<List>` takes one level of the stack per byte of the input.

use std::any::type_name;

use serde::de::DeserializeOwned;

use super::binary::{Failure, Source};
use super::error::DecodeError;
use super::frame::Frame;

/// How many elements of sequences and maps in a value may take no byte of the input.
const EMPTY_ELEMENTS: usize = 65_536;

/// How deep options, sequences, structs and enums may be nested.
const MAX_DEPTH: usize = 128;

/// Decodes the payload that follows `frame`; it must be the encoding of one `T`, all of it.
pub(super) fn decode<T: DeserializeOwned>(payload: &[u8], frame: &Frame) -> Result<T, DecodeError> {
    let mut walk = Walk {
        source: Source::new(payload),
        empty_left: EMPTY_ELEMENTS,
        room_left: payload.len(),
        depth: 0,
    };
    let result = T::deserialize(&mut walk);
    let unread = walk.source.unread();
    let used = (payload.len() - unread) as u64;
    let expected = type_name::<T>();
    match result {
        Ok(_) if unread > 0 => {
            Err(DecodeError::Unconsumed { expected, length: payload.len() as u64, used })
        }
        Ok(value) => Ok(value),
        Err(Failure(reason)) => {
            let offset = frame.offset + frame.size + used;
            Err(DecodeError::BadPayload { expected, offset, reason })
        }
    }
}

/// A payload on its way through a type's `Deserialize`, which is in `walk`.
pub(super) struct Walk<'de> {
    pub(super) source: Source<'de>,
    /// How many more elements may take no byte.
    empty_left: usize,
    /// For how many more elements memory may be reserved before they are read.
    room_left: usize,
    /// How deep the walk is at the moment.
    depth: usize,
}

/// The elements of a sequence, the fields of a struct or the pairs of a map.
pub(super) struct Items<'a, 'de> {
    pub(super) walk: &'a mut Walk<'de>,
    pub(super) left: usize,
    /// Whether their number comes from the input, and not from the type.
    pub(super) claimed: bool,
    /// How many elements memory may be reserved for.
    pub(super) reserve: usize,
}

impl<'de> Walk<'de> {
    /// Reads how many elements a sequence or map claims to have.
    pub(super) fn take_count(&mut self) -> Result<usize, Failure> {
        let claimed: u64 = self.source.take()?;
        let unread = self.source.unread();
        let most = unread.saturating_add(self.empty_left);
        match usize::try_from(claimed) {
            Ok(count) if count <= most => Ok(count),
            _ => Err(Failure(format!("{claimed} elements are too many for {unread} bytes"))),
        }
    }

    /// Counts an element that took no byte.
    pub(super) fn count_empty(&mut self) -> Result<(), Failure> {
        let left = self.empty_left.checked_sub(1);
        let reason = || Failure(format!("more than {EMPTY_ELEMENTS} elements without a byte"));
        self.empty_left = left.ok_or_else(reason)?;
        Ok(())
    }

    /// Lets `visit` go one level down. All recursion of a type passes here.
    #[inline]
    pub(super) fn nested<V>(
        &mut self,
        visit: impl FnOnce(&mut Self) -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        if self.depth == MAX_DEPTH {
            return Err(Failure(format!("nested more than {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let result = visit(self);
        self.depth -= 1;
        result
    }

    /// Lets `visit` take `count` elements, fields or pairs, all of them: what it left unread
    /// would be read as the value behind it.
    #[inline]
    pub(super) fn items<V>(
        &mut self,
        count: usize,
        claimed: bool,
        visit: impl FnOnce(&mut Items<'_, 'de>) -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        self.nested(|walk| {
            let reserve = if claimed { count.min(walk.room_left) } else { 0 };
            walk.room_left -= reserve;
            let mut items = Items { walk, left: count, claimed, reserve };
            let value = visit(&mut items)?;
            match items.left {
                0 => Ok(value),
                left => Err(Failure(format!("{left} of {count} elements are not wanted"))),
            }
        })
    }
}
