//! The tests of labgob: the lab's three, what it promises beyond Go's gob, and hostile input.

use std::any::type_name;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet, LinkedList, VecDeque};
use std::fmt::Debug;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use raftlab::labgob::{
    Bytes, DecodeError, EncodeError, LabDecoder, LabEncoder, from_bytes, to_bytes,
};
use raftlab::labsync::rng::{random, random_range};
use raftlab::labsync::{self, RunOptions};
use serde::de::value::{BytesDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct FourIntegers {
    term: u64,
    candidate_id: usize,
    last_log_index: u64,
    last_log_term: u64,
}

const FOUR: FourIntegers =
    FourIntegers { term: 7, candidate_id: 2, last_log_index: 100, last_log_term: 6 };

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    term: u64,
    command: Bytes,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Command {
    Nop,
    Put { key: String, value: Bytes },
    Append(String, u32),
    Batch(Vec<Command>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct State {
    voted_for: Option<usize>,
    log: Vec<Entry>,
    sessions: BTreeMap<String, (i64, Vec<Command>)>,
    flags: [bool; 3],
    ratio: f64,
}

fn entry(term: u64, command: &[u8]) -> Entry {
    Entry { term, command: command.into() }
}

fn state() -> State {
    let put = Command::Put { key: "x".into(), value: Bytes::from(&[0, 255]) };
    let batch = Command::Batch(vec![Command::Nop, Command::Append("y".into(), 70_000), put]);
    State {
        voted_for: Some(300),
        log: vec![entry(1, b""), entry(u64::MAX, &[7; 200])],
        sessions: BTreeMap::from([
            ("a".into(), (-1, vec![])),
            ("é".into(), (1 << 40, vec![batch])),
        ]),
        flags: [true, false, true],
        ratio: -0.5,
    }
}

// ---- The lab's tests ----

/// TestGOB: values of many types, one after another into one buffer, come back in that order.
pub fn test_gob() {
    let mut buffer = Vec::new();
    let mut encoder = LabEncoder::new(&mut buffer);
    encoder.encode(&state()).unwrap();
    encoder.encode(&(i128::MIN, 'é', u128::MAX, -5_i8)).unwrap();
    encoder.encode(&BTreeMap::from([(1_u16, "one"), (300, "three hundred")])).unwrap();
    encoder.encode(&[1.5_f32, f32::INFINITY][..]).unwrap();
    encoder.encode(&()).unwrap();
    encoder.encode("the end").unwrap();

    let mut decoder = LabDecoder::new(&buffer[..]);
    assert_eq!(decoder.decode::<State>().unwrap(), state());
    let numbers = decoder.decode::<(i128, char, u128, i8)>().unwrap();
    assert_eq!(numbers, (i128::MIN, 'é', u128::MAX, -5));
    let map = decoder.decode::<BTreeMap<u16, String>>().unwrap();
    assert_eq!(map, BTreeMap::from([(1, "one".into()), (300, "three hundred".into())]));
    assert_eq!(decoder.decode::<Vec<f32>>().unwrap(), [1.5, f32::INFINITY]);
    decoder.decode::<()>().unwrap();
    assert_eq!(decoder.decode::<String>().unwrap(), "the end");
    decoder.finish().unwrap();
}

mod elsewhere {
    use super::*;

    /// A type whose fields this file cannot see.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Hidden {
        yes: u64,
        no: String,
    }

    pub fn hidden() -> Hidden {
        Hidden { yes: 1, no: "lower case".into() }
    }
}

/// TestCapital: gob leaves out fields in lower case. Here all fields travel, private or not:
/// `derive` writes its code where the fields can be seen.
pub fn test_capital() {
    let hidden = elsewhere::hidden();
    assert_eq!(from_bytes::<elsewhere::Hidden>(&to_bytes(&hidden)).unwrap(), hidden);
}

/// TestDefault: gob does not send default values, and decoding into a used variable leaves the
/// old ones there. Here `decode` makes the value: there is no old one.
pub fn test_default() {
    let mut encoder = LabEncoder::new(Vec::new());
    encoder.encode(&state()).unwrap();
    let blank = State {
        voted_for: None,
        log: vec![],
        sessions: BTreeMap::new(),
        flags: [false; 3],
        ratio: 0.0,
    };
    encoder.encode(&blank).unwrap();
    let buffer = encoder.into_inner();

    let mut decoder = LabDecoder::new(&buffer[..]);
    let mut reply = decoder.decode::<State>().unwrap();
    assert_eq!(reply, state());
    reply = decoder.decode().unwrap();
    assert_eq!(reply, blank);
}

// ---- Types and sizes ----

/// What is sent by reference arrives as the type that owns it.
pub fn test_references_arrive_as_values() {
    fn arrives_as<T: DeserializeOwned + PartialEq + Debug>(sent: &[u8], expected: T) {
        assert_eq!(from_bytes::<T>(sent).unwrap(), expected);
    }
    let log = [entry(1, b"a"), entry(2, b"b")];
    arrives_as(&to_bytes("abc"), "abc".to_string());
    arrives_as(&to_bytes(&"abc"), "abc".to_string());
    arrives_as(&to_bytes(&&mut 5_u8), 5_u8);
    arrives_as(&to_bytes(&log[..]), log.to_vec());
    arrives_as(&to_bytes(&(&log[1..], 7)), (log[1..].to_vec(), 7));
    arrives_as(
        &to_bytes(&Some(vec![("k", &[1_u16, 2][..])])),
        Some(vec![("k".to_string(), vec![1_u16, 2])]),
    );
    arrives_as(&to_bytes(&[["x"; 2]; 1][..]), vec![["x".to_string(), "x".to_string()]]);

    // Only a whole word is a `str`.
    #[derive(Serialize)]
    struct Distr;
    assert_eq!(to_bytes(&Distr)[..4], fnv_1a(type_name::<Distr>()).to_le_bytes());

    // An array says nothing about its length on the wire, so it must not pass for a vector.
    let error = from_bytes::<Vec<u8>>(&to_bytes(&[1_u8, 2])).unwrap_err().to_string();
    assert!(error.contains("expected alloc::vec::Vec<u8>, found [u8; 2]"), "{error}");
}

/// The bytes are those that the module's page describes.
pub fn test_wire() {
    let bytes = to_bytes(&(1_u8, 300_u16, -1_i32, "hé", Some(true), None::<u8>, Bytes::from(&[9])));
    let payload: [u8; 13] = [1, 251, 44, 1, 1, 3, b'h', 0xC3, 0xA9, 1, 1, 0, 1];
    assert_eq!(bytes[4], 14);
    assert_eq!(&bytes[5..18], &payload);
    assert_eq!(&bytes[18..], &[9]);
    // The fingerprint is the hash of "u8", low byte first.
    assert_eq!(to_bytes(&5_u8), [0xF8, 0xB2, 0x42, 0x0B, 1, 5]);
    assert_eq!(fnv_1a("u8"), 0x0B42_B2F8);
}

/// RPC sizes are counted, so a frame must stay small.
pub fn test_sizes() {
    assert_eq!(to_bytes(&FOUR).len(), 5 + 4);
    for (payload, frame) in [(0, 5), (127, 5), (128, 6), (16_383, 6), (16_384, 7), (1 << 21, 8)] {
        // A block's own length takes 1, 3 or 5 bytes, as bincode writes it.
        let own = match payload {
            0..251 => 1,
            251..65_536 => 3,
            _ => 5,
        };
        let block = Bytes::from(vec![1; usize::saturating_sub(payload, own)]);
        let bytes = to_bytes(&block);
        assert_eq!(bytes.len(), frame + payload.max(1), "payload of {payload} bytes");
        assert_eq!(from_bytes::<Bytes>(&bytes).unwrap(), block);
    }
}

// ---- Wrong type, wrong order, cut short, too long ----

pub fn test_wrong_type() {
    let bytes = to_bytes(&FOUR);
    let error = from_bytes::<Entry>(&bytes).unwrap_err();
    let (wanted, sent) = (type_name::<Entry>(), type_name::<FourIntegers>());
    assert_eq!(error.to_string(), format!("expected {wanted}, found {sent} at byte 0"));

    // Integers of other sizes and signs are other types, too.
    assert!(matches!(from_bytes::<u64>(&to_bytes(&1_u32)), Err(DecodeError::WrongType { .. })));
    assert!(matches!(from_bytes::<u32>(&to_bytes(&1_i32)), Err(DecodeError::WrongType { .. })));

    // a type that nobody has encoded?
    let error = from_bytes::<u64>(&[0xEF, 0xBE, 0xAD, 0xDE, 0]).unwrap_err().to_string();
    assert_eq!(error, "expected u64, found an unknown type (fingerprint 0xdeadbeef) at byte 0");
}

pub fn test_wrong_order() {
    let mut encoder = LabEncoder::new(Vec::new());
    encoder.encode(&3_u64).unwrap();
    encoder.encode(&Some(1_usize)).unwrap();
    let buffer = encoder.into_inner();

    let mut decoder = LabDecoder::new(&buffer[..]);
    let error = decoder.decode::<Option<usize>>().unwrap_err().to_string();
    assert_eq!(error, "expected core::option::Option<usize>, found u64 at byte 0");
    // is the value still there for whoever asks rightly?
    assert_eq!(decoder.decode::<u64>().unwrap(), 3);
    let error = decoder.decode::<u64>().unwrap_err().to_string();
    assert_eq!(error, "expected u64, found core::option::Option<usize> at byte 6");
    // a value that was refused is still a value that follows.
    let error = decoder.finish().unwrap_err().to_string();
    assert_eq!(error, "nothing may follow the u64, but there is more at byte 6");
    // also a value that consists of its frame alone?
    let buffer = to_bytes(&());
    let mut decoder = LabDecoder::new(&buffer[..]);
    decoder.decode::<u64>().unwrap_err();
    decoder.finish().unwrap_err();
}

pub fn test_empty_input() {
    let error = from_bytes::<State>(&[]).unwrap_err();
    assert!(matches!(error, DecodeError::EndOfInput { .. }));
    let expected =
        format!("expected {}, found the end of the input at byte 0", type_name::<State>());
    assert_eq!(error.to_string(), expected);

    let buffer = to_bytes(&1_u8);
    let mut decoder = LabDecoder::new(&buffer[..]);
    decoder.decode::<u8>().unwrap();
    let error = decoder.decode::<u8>().unwrap_err().to_string();
    assert_eq!(error, "expected u8, found the end of the input at byte 6");
    decoder.finish().unwrap();
    LabDecoder::new(io::empty()).finish().unwrap();
}

/// Input that ends at any byte is refused, whether the frame ends there or the payload does.
pub fn test_truncated() {
    fn cut<T: Serialize + DeserializeOwned + Debug>(value: &T) {
        let bytes = to_bytes(value);
        for end in 1..bytes.len() {
            let error = from_bytes::<T>(&bytes[..end]).unwrap_err();
            assert!(matches!(error, DecodeError::Truncated { .. }), "{end}: {error}");
            assert!(error.to_string().contains(type_name::<T>()), "{error}");
            let error = LabDecoder::new(&bytes[..end]).decode::<T>().unwrap_err();
            assert!(matches!(error, DecodeError::Truncated { .. }), "{end}: {error}");
        }
        let payload = payload_of(&bytes);
        for end in 0..payload.len() {
            let error = from_bytes::<T>(&framed_like(&bytes, &payload[..end])).unwrap_err();
            assert!(matches!(error, DecodeError::BadPayload { .. }), "{end}: {error}");
        }
    }
    cut(&state());
    cut(&FOUR);
    cut(&(u128::MAX, 'é', i64::MIN, 1.5_f32, -1_i8));
    cut(&BTreeMap::from([("a".to_string(), Some(300_u16)), ("b".to_string(), None)]));

    let error = from_bytes::<FourIntegers>(&to_bytes(&FOUR)[..7]).unwrap_err().to_string();
    assert!(error.ends_with("at byte 0 is cut short: 9 bytes needed, 7 found"), "{error}");
}

pub fn test_trailing() {
    let mut bytes = to_bytes(&FOUR);
    bytes.push(0);
    let error = from_bytes::<FourIntegers>(&bytes).unwrap_err().to_string();
    let name = type_name::<FourIntegers>();
    assert_eq!(error, format!("nothing may follow the {name}, but there is more at byte 9"));

    let mut decoder = LabDecoder::new(&bytes[..]);
    decoder.decode::<FourIntegers>().unwrap();
    assert!(matches!(decoder.finish(), Err(DecodeError::Trailing { offset: 9, .. })));
    let error = LabDecoder::new(&bytes[..]).finish().unwrap_err().to_string();
    assert_eq!(error, "expected no value at all, but there is one at byte 0");
}

/// A payload that is longer than its value is as wrong as one that is shorter.
pub fn test_payload_is_consumed() {
    let bytes = to_bytes(&FOUR);
    let padded = framed_like(&bytes, &[payload_of(&bytes), &[0]].concat());
    let error = from_bytes::<FourIntegers>(&padded).unwrap_err();
    assert!(matches!(error, DecodeError::Unconsumed { length: 5, used: 4, .. }), "{error}");
    assert!(error.to_string().contains(type_name::<FourIntegers>()), "{error}");

    // the decoder goes on with the value behind it?
    let buffer = [padded, to_bytes("next")].concat();
    let mut decoder = LabDecoder::new(&buffer[..]);
    decoder.decode::<FourIntegers>().unwrap_err();
    assert_eq!(decoder.decode::<String>().unwrap(), "next");
}

/// Payloads that no value has, each with its message.
pub fn test_bad_payloads() {
    fn refused<T: Serialize + DeserializeOwned + Debug>(like: T, payload: &[u8], reason: &str) {
        let error = from_bytes::<T>(&framed_like(&to_bytes(&like), payload)).unwrap_err();
        assert!(matches!(error, DecodeError::BadPayload { .. }), "{error}");
        let start = format!("cannot decode {}: {reason}", type_name::<T>());
        assert!(error.to_string().starts_with(&start), "{error}\nshould begin with\n{start}");
    }
    refused(true, &[2], "a bool is 0 or 1, not 2 (at byte 6)");
    refused(Some(1_u8), &[7, 1], "an option is 0 or 1, not 7 (at byte 6)");
    refused('x', &[0xFF], "not a char");
    refused('x', &[0xED, 0xA0, 0x80], "not a char");
    refused("x".to_string(), &[2, 0xC3, 0x28], "invalid utf-8 sequence of 1 bytes");
    refused(1_u16, &[252, 0, 0, 1, 0], "expected an integer of type U16, found U32");
    refused(1_u64, &[255], "expected an integer of type U64, found Reserved");
    refused(1_u64, &[], "the payload lacks 1 bytes (at byte 5)");
    refused(Command::Nop, &[4], "invalid value: integer `4`, expected variant index 0 <= i < 4");
    refused(std::num::NonZeroU8::MIN, &[0], "invalid value: integer `0`, expected a nonzero u8");
}

/// Each length has one form, and no form overflows.
pub fn test_bad_length() {
    let fingerprint = &to_bytes(&())[..4];
    let refused = |length: &[u8]| {
        let error = from_bytes::<()>(&[fingerprint, length].concat()).unwrap_err();
        assert!(matches!(error, DecodeError::BadLength { .. }), "{length:?}: {error}");
        assert_eq!(error.to_string(), "the () at byte 0 has a malformed length");
    };
    refused(&[0x80, 0]);
    refused(&[0xFF, 0x80, 0]);
    refused(&[0xFF; 10]);
    refused(&[[0xFF; 9].as_slice(), &[1]].concat());
}

// ---- Hostile lengths and counts ----

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
pub fn test_hostile_lengths_allocate_nothing() {
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
pub fn test_room_follows_the_input() {
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
pub fn test_empty_elements() {
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
pub fn test_depth_is_bounded() {
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

// ---- Random and mutated input ----

const RANDOM_INPUTS: usize = 100_000;

/// Whatever comes in, what comes out is a value or an error.
pub fn test_random_input() {
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

// ---- Bytes ----

/// A block travels in one piece. Counted in writes, since a clock would prove nothing.
pub fn test_bytes_is_one_block() {
    struct CountWrites(usize);
    impl Write for CountWrites {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let content = vec![200_u8; 1_000_000];
    let mut encoder = LabEncoder::new(CountWrites(0));
    encoder.encode(&Bytes::from(&content[..])).unwrap();
    assert!(encoder.into_inner().0 <= 5, "frame, marker and digits of the length, block");
    let mut encoder = LabEncoder::new(CountWrites(0));
    encoder.encode(&content).unwrap();
    assert!(encoder.into_inner().0 > 1_000_000, "a vector goes element by element");

    // decoding takes a block, and nothing but a block?
    let whole = BytesDeserializer::<serde::de::value::Error>::new(&content);
    assert_eq!(*Bytes::deserialize(whole).unwrap(), content[..]);
    let elements = SeqDeserializer::<_, serde::de::value::Error>::new(content.iter().copied());
    let error = Bytes::deserialize(elements).unwrap_err().to_string();
    assert!(error.contains("expected a block of bytes"), "{error}");

    // the content costs its size and nothing else?
    assert_eq!(to_bytes(&Bytes::from(content)).len(), 4 + 3 + 5 + 1_000_000);
}

pub fn test_bytes() {
    let bytes = Bytes::from(b"put x \"1\"\n\xFF".to_vec());
    assert_eq!(format!("{bytes:?}"), r#"b"put x \"1\"\n\xff""#);
    let long = Bytes::from(vec![b'a'; 5000]);
    assert_eq!(format!("{long:?}"), format!("b\"{}…\" (5000 bytes)", "a".repeat(32)));
    assert_eq!(Bytes::default(), Bytes::from(&[]));
    assert_eq!(format!("{:?}", Bytes::default()), "b\"\"");

    // does a clone share the content?
    assert_eq!(long.clone().as_ptr(), long.as_ptr());
    assert!(Bytes::from(b"a") < Bytes::from(b"b"));
    assert_eq!(&bytes[..3], b"put");
    let set = BTreeSet::from([Bytes::from(b"k"), Bytes::from(b"k".to_vec())]);
    assert_eq!(set.len(), 1);
}

// ---- Types that cannot be encoded, and streams that fail ----

/// A sequence that does not know its length.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde::ser::SerializeSeq::end(serializer.serialize_seq(None)?)
    }
}

/// A type that cannot be encoded is an error of the encoder, and a panic of `to_bytes`, since
/// its callers have no use for an error; both name the type.
pub fn test_types_that_cannot_be_encoded() {
    let mut encoder = LabEncoder::new(Vec::new());
    let error = encoder.encode(&(1_u64, Endless)).unwrap_err();
    let name = type_name::<(u64, Endless)>();
    let expected = format!("{name} cannot be encoded: it has a sequence or map of unknown length");
    assert_eq!(error.to_string(), expected);
    assert!(encoder.into_inner().is_empty(), "a value is written whole or not at all");

    // A run of its own keeps the panic, which is meant, from failing this one.
    let limit = Duration::from_secs(10);
    let options = RunOptions { name: "a panic that is meant".into(), seed: 0, limit };
    let failure = labsync::run(options, || drop(to_bytes(&Endless))).unwrap_err();
    let start = format!("to_bytes::<{}>: ", type_name::<Endless>());
    assert!(failure.message.starts_with(&start), "{failure}");
    // does it point at the caller?
    assert!(failure.at.as_ref().is_some_and(|at| at.starts_with(file!())), "{failure}");

    // a type that wants to see field names, which are not sent?
    #[derive(Debug)]
    struct Guess;
    impl<'de> Deserialize<'de> for Guess {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(IgnoredAny).map(|_| Guess)
        }
    }
    impl Serialize for Guess {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u8(0)
        }
    }
    let error = from_bytes::<Guess>(&to_bytes(&Guess)).unwrap_err().to_string();
    assert!(error.contains("flatten, untagged or tag"), "{error}");
}

/// A value that does not hold still while it is encoded is an error, not a broken stream.
pub fn test_value_that_changes() {
    struct Growing(Cell<usize>, fn(usize) -> usize);
    impl Serialize for Growing {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let length = self.0.get();
            self.0.set(self.1(length));
            serializer.serialize_bytes(&vec![0; length])
        }
    }
    for change in [|length| length + 1, |length| length - 1] {
        let mut encoder = LabEncoder::new(Vec::new());
        let error = encoder.encode(&Growing(Cell::new(10), change)).unwrap_err();
        assert!(matches!(error, EncodeError::Changed { measured: 11, .. }), "{error}");
        assert!(error.to_string().contains("Growing changed while it was encoded"), "{error}");
    }
}

/// A reader that gives a byte or two at a time, and is interrupted in between.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match random_range(0..4) {
            0 => Err(ErrorKind::Interrupted.into()),
            count => self.0.read(&mut buffer[..count.min(1)]),
        }
    }
}

/// A writer or reader that gives up after so many bytes.
struct Fails(usize);

impl Write for Fails {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Fails {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::ConnectionReset.into())
    }
}

pub fn test_streams() {
    // a value larger than a step of reading, in crumbs, with another one behind it?
    let long = Bytes::from((0..200_000_u32).map(|i| i as u8).collect::<Vec<u8>>());
    let buffer = [to_bytes(&long), to_bytes(&7_u8)].concat();
    let mut decoder = LabDecoder::new(Trickle(&buffer));
    assert_eq!(decoder.decode::<Bytes>().unwrap(), long);
    assert_eq!(decoder.decode::<u8>().unwrap(), 7);
    decoder.finish().unwrap();

    // are failures of the stream handed on?
    for room in 0..to_bytes(&state()).len() {
        let error = LabEncoder::new(Fails(room)).encode(&state()).unwrap_err();
        assert!(matches!(&error, EncodeError::Io(_)), "{room}: {error}");
        assert!(std::error::Error::source(&error).is_some());
    }
    let error = LabDecoder::new((&buffer[..50]).chain(Fails(0))).decode::<Bytes>().unwrap_err();
    assert!(matches!(&error, DecodeError::Io(_)), "{error}");
    let error = LabDecoder::new(Fails(0)).decode::<Bytes>().unwrap_err();
    assert_eq!(error.to_string(), "cannot read: connection reset");
    let error = LabDecoder::new(Fails(0)).finish().unwrap_err();
    assert!(std::error::Error::source(&error).is_some());
}

// ---- The frame, as the tests know it ----

fn fnv_1a(name: &str) -> u32 {
    name.bytes().fold(2_166_136_261, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
}

/// A frame's length: seven bits a byte, low bits first.
fn length_bytes(mut length: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while length > 127 {
        bytes.push(length as u8 | 128);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes
}

/// `payload` in a right frame of the type that `bytes` holds.
fn framed_like(bytes: &[u8], payload: &[u8]) -> Vec<u8> {
    [&bytes[..4], &length_bytes(payload.len() as u64), payload].concat()
}

fn payload_of(bytes: &[u8]) -> &[u8] {
    let digits = bytes[4..].iter().take_while(|byte| **byte > 127).count() + 1;
    &bytes[4 + digits..]
}

fn main() -> std::process::ExitCode {
    raftlab::tester::runner::main(
        "labgob",
        &[raftlab::lab_tests![
            test_gob,
            test_capital,
            test_default,
            test_references_arrive_as_values,
            test_wire,
            test_sizes,
            test_wrong_type,
            test_wrong_order,
            test_empty_input,
            test_truncated,
            test_trailing,
            test_payload_is_consumed,
            test_bad_payloads,
            test_bad_length,
            test_hostile_lengths_allocate_nothing,
            test_room_follows_the_input,
            test_empty_elements,
            test_depth_is_bounded,
            test_random_input,
            test_bytes_is_one_block,
            test_bytes,
            test_types_that_cannot_be_encoded,
            test_value_that_changes,
            test_streams,
        ]],
    )
}
