//! Fingerprints: which type was encoded, in four bytes.
//!
//! A fingerprint is the FNV-1a hash of the type's name, after the name has been brought to
//! the form of the owned type: what is encoded through a reference is decoded as a value.

use std::any::type_name;
use std::sync::OnceLock;

use super::error::DecodeError;

/// The types met by this process. The table serves twice: a name need not be hashed again with
/// each value, and a fingerprint can be given its name back in an error message.
///
/// Slots are filled and never emptied, so readers need no lock. A table that is full, or
/// crowded at one place, only makes things slower and messages poorer.
static MET: [OnceLock<Met>; SLOTS] = [const { OnceLock::new() }; SLOTS];

const SLOTS: usize = 1024;

/// How many slots are tried for one name before the table counts as full.
const PROBES: usize = 8;

struct Met {
    name: &'static str,
    fingerprint: u32,
}

/// The fingerprint of `T`, the same for `T`, `&T` and `&mut T`.
pub(super) fn fingerprint<T: ?Sized>() -> u32 {
    let name = type_name::<T>();
    // The name's address stands for the name: comparing it is one instruction, and equal
    // address and length mean equal content. (Two copies of one name take two slots.)
    let first = name.as_ptr().addr().wrapping_mul(0x9E37_79B9) >> 12;
    for probe in 0..PROBES {
        let slot = &MET[(first + probe) % SLOTS];
        let met = match slot.get() {
            Some(met) => met,
            None => slot.get_or_init(|| Met { name, fingerprint: hash(&owned_form(name)) }),
        };
        if std::ptr::eq(met.name, name) {
            return met.fingerprint;
        }
    }
    hash(&owned_form(name))
}

/// Is this the fingerprint of `T`? It stands at `offset`.
pub(super) fn check<T>(fingerprint: u32, offset: usize) -> Result<(), DecodeError> {
    if fingerprint == self::fingerprint::<T>() {
        return Ok(());
    }
    let mut met = MET.iter().filter_map(OnceLock::get);
    let found = met.find(|met| met.fingerprint == fingerprint).map(|met| met.name);
    Err(DecodeError::WrongType { expected: type_name::<T>(), found, fingerprint, offset })
}

/// FNV-1a, 32 bits.
fn hash(name: &str) -> u32 {
    let step = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    name.as_bytes().iter().fold(0x811C_9DC5, step)
}

/// Rewrites a type's name to that of the type that owns what `name` may only borrow: `&` and
/// `&mut` are dropped, `str` becomes `String` and `[T]` becomes `Vec<T>`, at any depth.
///
/// An array `[T; N]` becomes `Vec<T; N>`. There is no such type, so it is taken for no other.
fn owned_form(name: &str) -> String {
    let mut form = String::with_capacity(2 * name.len());
    let mut rest = name;
    while let Some(next) = rest.chars().next() {
        // A token is a word or a single other character.
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (token, after) = rest.split_at(word.max(next.len_utf8()));
        rest = after;
        match token {
            "&" => rest = rest.trim_start_matches("mut "),
            "str" => form.push_str(type_name::<String>()),
            "[" => form.push_str("alloc::vec::Vec<"),
            "]" => form.push('>'),
            _ => form.push_str(token),
        }
    }
    form
}
