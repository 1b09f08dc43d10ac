//! Lengths and counts that are not true, and input at random: no memory, no time, no panic.

use std::any::type_name;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, LinkedList, VecDeque};
use std::fmt::Debug;

use raftlab::lab_tests;
use raftlab::labgob::{Bytes, DecodeError, LabDecoder, from_bytes, to_bytes};
use raftlab::labsync::rng::{random, random_range};
use raftlab::runner::LabTest;
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::kit::{Command, Trickle, entry, framed_like, length_bytes, payload_of, state};

pub const TESTS: &[LabTest] = lab_tests![
    test_hostile_lengths_allocate_nothing,
    test_room_follows_the_input,
    test_empty_elements,
    test_depth_is_bounded,
    test_random_input,
];

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
            let error = LabDecoder::new(&claim[..]).decode::<T>().unwrap_err();
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
        refused(vec![()]);
        refused(LinkedList::from([()]));
    });
    // The smallest claim alone is a thousand times that.
    let bytes = allocated.bytes_max;
    assert!(bytes < 1 << 20, "{bytes} bytes were allocated at a time for what was refused");
}

/// A sequence that remembers how many elements it was told to make room for.
#[derive(Debug, Serialize)]
struct Roomy(Vec<u8>);

thread_local! {
    static ROOM: Cell<Option<usize>> = const { Cell::new(None) };
}

impl<'de> Deserialize<'de> for Roomy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements;
        impl<'de> Visitor<'de> for Elements {
            type Value = Roomy;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a sequence")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Roomy, A::Error> {
                ROOM.set(seq.size_hint());
                let mut elements = vec![];
                // Stops at three: what a type leaves over must not be read as something else.
                while elements.len() < 3
                    && let Some(element) = seq.next_element()?
                {
                    elements.push(element);
                }
                Ok(Roomy(elements))
            }
        }
        deserializer.deserialize_seq(Elements)
    }
}

/// Memory is reserved for the elements that can be there, not for those that are claimed.
fn test_room_follows_the_input() {
    let bytes = to_bytes(&Roomy(vec![1, 2]));
    from_bytes::<Roomy>(&bytes).unwrap();
    assert_eq!(ROOM.take(), Some(2));
    // 60 000 elements in ten bytes: within the limit for elements without bytes.
    let claim = framed_like(&bytes, &[251, 0x60, 0xEA, 1, 1, 1, 1, 1, 1, 1]);
    from_bytes::<Roomy>(&claim).unwrap_err();
    assert_eq!(ROOM.take(), Some(10));
    // does a sequence within another leave it its room?
    let outer = to_bytes(&vec![Roomy(vec![1, 2])]);
    let claim = framed_like(&outer, &[4, 251, 0x60, 0xEA, 1, 1, 1, 1, 1, 1]);
    from_bytes::<Vec<Roomy>>(&claim).unwrap_err();
    assert_eq!(ROOM.take(), Some(6));
    // are elements that the type does not want an error?
    let error =
        from_bytes::<Roomy>(&framed_like(&bytes, &[4, 0, 0, 0, 0])).unwrap_err().to_string();
    assert!(error.contains("1 of 4 elements are not wanted"), "{error}");
}

/// Elements that need no byte: some are fine, but the input does not say how many there are to
/// be, so there is a limit, for all of a value together.
fn test_empty_elements() {
    let many = vec![(); 65_536];
    assert_eq!(from_bytes::<Vec<()>>(&to_bytes(&many)).unwrap(), many);
    let nested = vec![vec![(); 30_000]; 2];
    assert_eq!(from_bytes::<Vec<Vec<()>>>(&to_bytes(&nested)).unwrap(), nested);

    let too_many = to_bytes(&vec![(); 65_537]);
    let error = from_bytes::<Vec<()>>(&too_many).unwrap_err().to_string();
    assert!(error.contains("65537 elements are too many for 0 bytes"), "{error}");
    // a million lists of 60 000 nodes each, in three megabytes?
    let payload = [&[252, 64, 66, 15, 0], [251, 0x60, 0xEA].repeat(1_000_000).as_slice()].concat();
    let bytes = framed_like(&to_bytes::<Vec<LinkedList<()>>>(&vec![]), &payload);
    let error = from_bytes::<Vec<LinkedList<()>>>(&bytes).unwrap_err().to_string();
    assert!(error.contains("more than 65536 elements without a byte"), "{error}");
    // fields without a byte are not elements, whatever their number?
    let fields = vec![((), 1_u8, ()); 100_000];
    assert_eq!(from_bytes::<Vec<((), u8, ())>>(&to_bytes(&fields)).unwrap(), fields);
}

/// A recursive type takes its depth from the input; the stack does not.
fn test_depth_is_bounded() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Chain(Option<Box<Chain>>);
    let chain = |length| (1..length).fold(Chain(None), |chain, _| Chain(Some(Box::new(chain))));
    // Two levels a link, of 128; the last link has no second one.
    from_bytes::<Chain>(&to_bytes(&chain(64))).unwrap();
    let error = from_bytes::<Chain>(&to_bytes(&chain(66))).unwrap_err().to_string();
    assert!(error.contains("nested more than 128 deep"), "{error}");

    let long = framed_like(&to_bytes(&chain(1)), &[1; 1_000_000]);
    from_bytes::<Chain>(&long).unwrap_err();
    // through sequences and enums?
    let command = framed_like(&to_bytes(&Command::Nop), &[3, 1].repeat(500_000));
    from_bytes::<Command>(&command).unwrap_err();
    // does width cost no depth?
    let wide = Command::Batch(vec![Command::Batch(vec![]); 1000]);
    assert_eq!(from_bytes::<Command>(&to_bytes(&wide)).unwrap(), wide);
}

const RANDOM_INPUTS: usize = 100_000;

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
        accepted += usize::from(survives(&(vec![(); 3], vec![vec![1_u8, 2]], [7_u16; 4])));
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
    let streamed = LabDecoder::new(Trickle(&input)).decode::<T>();
    match from_bytes::<T>(&input) {
        Ok(value) => {
            let again = to_bytes(&value);
            let twice = from_bytes::<T>(&again).expect("what was decoded can be encoded");
            assert_eq!(to_bytes(&twice), again);
            assert_eq!(to_bytes(&streamed.expect("a stream decodes like a slice")), again);
            true
        }
        Err(error) => {
            assert!(error.to_string().contains(type_name::<T>()), "{error}");
            let trailing = matches!(error, DecodeError::Trailing { .. });
            assert_eq!(streamed.is_ok(), trailing, "a stream decodes like a slice: {error}");
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
