//! The lab's three tests, and what is sent in which form.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt::Debug;

use raftlab::lab_tests;
use raftlab::labgob::{Bytes, LabDecoder, LabEncoder, from_bytes, to_bytes};
use raftlab::runner::LabTest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::kit::{FOUR, State, entry, fnv_1a, state};

pub const TESTS: &[LabTest] = lab_tests![
    test_gob,
    test_capital,
    test_default,
    test_references_arrive_as_values,
    test_wire,
    test_sizes,
];

/// TestGOB: values of many types, one after another into one buffer, come back in that order.
fn test_gob() {
    let mut buffer = Vec::new();
    let mut encoder = LabEncoder::new(&mut buffer);
    encoder.encode(&state()).unwrap();
    encoder.encode(&(i128::MIN, 'é', u128::MAX, -5_i8)).unwrap();
    encoder.encode(&BTreeMap::from([(1_u16, "one"), (300, "three hundred")])).unwrap();
    encoder.encode(&[1.5_f32, f32::INFINITY][..]).unwrap();
    encoder.encode(&()).unwrap();
    encoder.encode("the end").unwrap();

    let mut decoder = LabDecoder::new(&buffer);
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
fn test_capital() {
    let hidden = elsewhere::hidden();
    assert_eq!(from_bytes::<elsewhere::Hidden>(&to_bytes(&hidden)).unwrap(), hidden);
}

/// TestDefault: gob does not send default values, and decoding into a used variable leaves the
/// old ones there. Here `decode` makes the value: there is no old one.
fn test_default() {
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

    let mut decoder = LabDecoder::new(&buffer);
    let mut reply = decoder.decode::<State>().unwrap();
    assert_eq!(reply, state());
    reply = decoder.decode().unwrap();
    assert_eq!(reply, blank);
}

/// What is sent by reference arrives as the type that owns it.
fn test_references_arrive_as_values() {
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
fn test_wire() {
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
fn test_sizes() {
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
