//! Lengths that are not true, and input at random: no memory, no panic.

use std::any::type_name;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;

use raftlab::lab_tests;
use raftlab::labgob::{Bytes, DecodeError, LabDecoder, from_bytes, to_bytes};
use raftlab::labsync::rng::{random, random_range};
use raftlab::runner::LabTest;
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::kit::{entry, framed_like, length_bytes, payload_of, state};

pub const TESTS: &[LabTest] = lab_tests![test_hostile_lengths_allocate_nothing, test_random_input,];

/// Bytes that ask to be owned: the path on which a decoder allocates.
#[derive(Debug, Serialize)]
struct Owned(Bytes);

impl<'de> Deserialize<'de> for Owned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Buffer;
        impl Visitor<'_> for Buffer {
            type Value = Owned;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a byte buffer")
            }
            fn visit_byte_buf<E>(self, buffer: Vec<u8>) -> Result<Owned, E> {
                Ok(Owned(buffer.into()))
            }
        }
        deserializer.deserialize_byte_buf(Buffer)
    }
}

/// A length beyond the input is refused before memory is reserved for it. (A claim of 2^60 bytes
/// that is taken seriously ends the process.)
fn test_hostile_lengths_allocate_nothing() {
    fn refused<T: Serialize + DeserializeOwned + Debug>(like: T) {
        let bytes = to_bytes(&like);
        for power in 30..64 {
            let claim = [&[253], &(1_u64 << power).to_le_bytes()[..], &[1; 16]].concat();
            let error = from_bytes::<T>(&framed_like(&bytes, &claim)).unwrap_err();
            assert!(matches!(error, DecodeError::BadPayload { .. }), "2^{power}: {error}");
        }
        // the same for the length of the payload itself?
        for power in 30..63 {
            let claim = [&bytes[..4], &length_bytes(1 << power), &[1; 16]].concat();
            let error = from_bytes::<T>(&claim).unwrap_err();
            assert!(matches!(error, DecodeError::Truncated { .. }), "2^{power}: {error}");
        }
    }
    // Counted is what this thread holds at a time: other threads' memory is none of its business.
    let allocated = allocation_counter::measure(|| {
        refused("x".to_string());
        refused(Bytes::default());
        refused(Owned(Bytes::default()));
        refused(vec![1_u8]);
        refused(vec![[0_u64; 32]]);
        refused(vec![vec![vec!["x".to_string()]]]);
        refused(VecDeque::from([1_u128]));
        refused(BTreeMap::from([(1_u64, 2_u64)]));
        refused(BTreeSet::from(["x".to_string()]));
    });
    // The smallest claim alone is hundreds of times that. serde reserves up to a megabyte.
    let bytes = allocated.bytes_max;
    assert!(bytes < 1 << 22, "{bytes} bytes were allocated at a time for what was refused");
}

const RANDOM_INPUTS: usize = 20_000;

/// Whatever comes in, what comes out is a value or an error.
fn test_random_input() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Tree(u8, Vec<Tree>);

    let mut accepted = 0;
    for _ in 0..RANDOM_INPUTS / 10 {
        accepted += usize::from(survives(&(300_u16, -1_i64, 1_u128 << 100, 'é', true, 1.5_f64)));
        accepted += usize::from(survives(&"hello, world".to_string()));
        accepted += usize::from(survives(&vec![Some(70_000_u32), None, Some(1)]));
        accepted += usize::from(survives(&state()));
        accepted += usize::from(survives(&[entry(1, b"put"), entry(300, &[0; 40])].to_vec()));
        accepted += usize::from(survives(&state().sessions));
        accepted += usize::from(survives(&(vec![vec![1_u8, 2]], [7_u16; 4])));
        accepted += usize::from(survives(&Tree(1, vec![Tree(2, vec![Tree(3, vec![])])])));
        accepted += usize::from(survives(&VecDeque::from([Bytes::from(b"ab"), Bytes::default()])));
        accepted += usize::from(survives(&(BTreeSet::from(['a', 'é']), Ok::<u8, String>(3))));
    }
    // Mutations that leave a value intact, or make another one, must be among them.
    assert!(accepted > RANDOM_INPUTS / 100, "only {accepted} inputs were accepted");
    assert!(accepted < RANDOM_INPUTS * 9 / 10, "{accepted} inputs were accepted");
}

/// Decodes something made from `sample`'s encoding; answers whether it was accepted.
fn survives<T: Serialize + DeserializeOwned>(sample: &T) -> bool {
    let bytes = to_bytes(sample);
    let input = match random_range(0..10) {
        0 => random_bytes(40),
        1 => framed_like(&bytes, &random_bytes(60)),
        2 | 3 => mutated(&bytes),
        _ => framed_like(&bytes, &mutated(payload_of(&bytes))),
    };
    let _shown = ShowInput(type_name::<T>(), &input);
    let first = LabDecoder::new(&input).decode::<T>();
    match from_bytes::<T>(&input) {
        Ok(value) => {
            let again = to_bytes(&value);
            let twice = from_bytes::<T>(&again).expect("what was decoded can be encoded");
            assert_eq!(to_bytes(&twice), again);
            assert_eq!(to_bytes(&first.expect("one of several decodes like one alone")), again);
            true
        }
        Err(error) => {
            assert!(error.to_string().contains(type_name::<T>()), "{error}");
            let trailing = matches!(error, DecodeError::Trailing { .. });
            assert_eq!(first.is_ok(), trailing, "one of several decodes like one alone: {error}");
            false
        }
    }
}

/// Says which input a failure came from, since it cannot be replayed otherwise.
struct ShowInput<'a>(&'static str, &'a [u8]);

impl Drop for ShowInput<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("while decoding {} from {:?}", self.0, self.1);
        }
    }
}

fn random_bytes(limit: usize) -> Vec<u8> {
    (0..random_range(0..limit)).map(|_| random()).collect()
}

/// One to four changes: bits, bytes, and numbers that are too large.
fn mutated(original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..random_range(1..5) {
        let at = random_range(0..bytes.len() + 1);
        let rest = bytes.split_off(at);
        let skip = random_range(0..rest.len().min(3) + 1);
        match random_range(0..7) {
            0 if !rest.is_empty() => {
                bytes.push(rest[0] ^ (1 << random_range(0..8)));
                bytes.extend(&rest[1..]);
            }
            1 if !rest.is_empty() => {
                bytes.push(random());
                bytes.extend(&rest[1..]);
            }
            2 => bytes.extend(&rest[skip..]),
            3 => bytes.extend([&rest[..skip], &rest].concat()),
            4 => {
                let huge = (u64::MAX >> random_range(0..64)).to_le_bytes();
                bytes.extend([&[253], &huge[..], &rest[skip..]].concat());
            }
            5 => bytes.extend([&random_bytes(5), &rest[..]].concat()),
            _ => bytes.extend(&rest),
        }
    }
    bytes
}
