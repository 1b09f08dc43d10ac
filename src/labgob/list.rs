//! [`EncodedVec`]: a list that keeps its encoding.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{DeserializeOwned, Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::binary;

/// A list whose elements are encoded once, as they come: to encode the list is then to copy one
/// block. For a log, all of which is saved whenever an entry comes.
///
/// It is read as a slice. On the wire it is a [block of bytes](super::Bytes), and no `Vec<T>`.
#[derive(Clone)]
pub struct EncodedVec<T> {
    elements: Vec<T>,
    /// The encodings of all elements, one after another.
    block: Vec<u8>,
    /// How many bytes of the block are each element's.
    sizes: Vec<usize>,
}

impl<T: Serialize> EncodedVec<T> {
    /// Adds an element at the end.
    ///
    /// # Panics
    /// If it cannot be encoded, or takes no byte, as `()` does: then nobody could count it.
    #[track_caller]
    pub fn push(&mut self, element: T) {
        let start = self.block.len();
        if let Err(error) = binary::encode(&element, &mut self.block) {
            panic!("EncodedVec::push: {error}");
        }
        let size = self.block.len() - start;
        assert!(size > 0, "EncodedVec::push: a {} takes no byte", type_name::<T>());
        self.sizes.push(size);
        self.elements.push(element);
    }
}

impl<T> EncodedVec<T> {
    /// Keeps the first `count` elements; all, if there are no more.
    pub fn truncate(&mut self, count: usize) {
        let dropped: usize = self.sizes.iter().skip(count).sum();
        self.block.truncate(self.block.len() - dropped);
        self.sizes.truncate(count);
        self.elements.truncate(count);
    }

    /// Drops the first `count` elements.
    ///
    /// # Panics
    /// If there are fewer.
    #[track_caller]
    pub fn drop_first(&mut self, count: usize) {
        self.elements.drain(..count);
        let dropped: usize = self.sizes.drain(..count).sum();
        self.block.drain(..dropped);
    }

    /// The elements alone.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.elements
    }
}

impl<T> Deref for EncodedVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.elements
    }
}

impl<T> Default for EncodedVec<T> {
    fn default() -> Self {
        EncodedVec { elements: Vec::new(), block: Vec::new(), sizes: Vec::new() }
    }
}

impl<T: fmt::Debug> fmt::Debug for EncodedVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.elements.fmt(f)
    }
}

impl<T> Serialize for EncodedVec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.block)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for EncodedVec<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Block(PhantomData))
    }
}

struct Block<T>(PhantomData<T>);

impl<T: DeserializeOwned> Visitor<'_> for Block<T> {
    type Value = EncodedVec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a block of encoded elements")
    }

    fn visit_bytes<E: Error>(self, block: &[u8]) -> Result<EncodedVec<T>, E> {
        let mut list = EncodedVec { block: block.to_vec(), ..EncodedVec::default() };
        let mut rest = block;
        while !rest.is_empty() {
            let (element, size) = binary::decode_first(rest).map_err(E::custom)?;
            if size == 0 {
                return Err(E::custom("an element takes no byte"));
            }
            list.elements.push(element);
            list.sizes.push(size);
            rest = &rest[size..];
        }
        Ok(list)
    }
}
