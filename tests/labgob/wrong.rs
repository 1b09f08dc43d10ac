//! Another type, another order, input that is cut short or too long: refused, with the words.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt::Debug;

use raftlab::lab_tests;
use raftlab::labgob::{DecodeError, LabDecoder, LabEncoder, from_bytes, to_bytes};
use raftlab::runner::LabTest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kit::{Command, Entry, FOUR, FourIntegers, State, framed_like, payload_of, state};

pub const TESTS: &[LabTest] = lab_tests![
    test_wrong_type,
    test_wrong_order,
    test_empty_input,
    test_truncated,
    test_trailing,
    test_payload_is_consumed,
    test_bad_payloads,
    test_bad_length,
];

fn test_wrong_type() {
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

fn test_wrong_order() {
    let mut encoder = LabEncoder::new(Vec::new());
    encoder.encode(&3_u64).unwrap();
    encoder.encode(&Some(1_usize)).unwrap();
    let buffer = encoder.into_inner();

    let mut decoder = LabDecoder::new(&buffer);
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
    let mut decoder = LabDecoder::new(&buffer);
    decoder.decode::<u64>().unwrap_err();
    decoder.finish().unwrap_err();
}

fn test_empty_input() {
    let error = from_bytes::<State>(&[]).unwrap_err();
    assert!(matches!(error, DecodeError::EndOfInput { .. }));
    let expected =
        format!("expected {}, found the end of the input at byte 0", type_name::<State>());
    assert_eq!(error.to_string(), expected);

    let buffer = to_bytes(&1_u8);
    let mut decoder = LabDecoder::new(&buffer);
    decoder.decode::<u8>().unwrap();
    let error = decoder.decode::<u8>().unwrap_err().to_string();
    assert_eq!(error, "expected u8, found the end of the input at byte 6");
    decoder.finish().unwrap();
    LabDecoder::new(&[]).finish().unwrap();
}

/// Input that ends at any byte is refused, whether the frame ends there or the payload does.
fn test_truncated() {
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

fn test_trailing() {
    let mut bytes = to_bytes(&FOUR);
    bytes.push(0);
    let error = from_bytes::<FourIntegers>(&bytes).unwrap_err().to_string();
    let name = type_name::<FourIntegers>();
    assert_eq!(error, format!("nothing may follow the {name}, but there is more at byte 9"));

    let mut decoder = LabDecoder::new(&bytes);
    decoder.decode::<FourIntegers>().unwrap();
    assert!(matches!(decoder.finish(), Err(DecodeError::Trailing { offset: 9, .. })));
    let error = LabDecoder::new(&bytes).finish().unwrap_err().to_string();
    assert_eq!(error, "expected no value at all, but there is one at byte 0");
}

/// A payload that is longer than its value is as wrong as one that is shorter.
fn test_payload_is_consumed() {
    let bytes = to_bytes(&FOUR);
    let padded = framed_like(&bytes, &[payload_of(&bytes), &[0]].concat());
    let error = from_bytes::<FourIntegers>(&padded).unwrap_err();
    assert!(matches!(error, DecodeError::Unconsumed { length: 5, used: 4, .. }), "{error}");
    assert!(error.to_string().contains(type_name::<FourIntegers>()), "{error}");

    // the decoder goes on with the value behind it?
    let buffer = [padded, to_bytes("next")].concat();
    let mut decoder = LabDecoder::new(&buffer);
    decoder.decode::<FourIntegers>().unwrap_err();
    assert_eq!(decoder.decode::<String>().unwrap(), "next");
}

/// Payloads that no value has, each with its message.
fn test_bad_payloads() {
    fn refused<T: Serialize + DeserializeOwned + Debug>(like: T, payload: &[u8], reason: &str) {
        let error = from_bytes::<T>(&framed_like(&to_bytes(&like), payload)).unwrap_err();
        assert!(matches!(error, DecodeError::BadPayload { .. }), "{error}");
        let start = format!("cannot decode the {} at byte 0: {reason}", type_name::<T>());
        assert!(error.to_string().starts_with(&start), "{error}\nshould begin with\n{start}");
    }
    refused(true, &[2], "a bool is 0 or 1, not 2");
    refused(Some(1_u8), &[7, 1], "an option is 0 or 1, not 7");
    refused('x', &[0xFF], "not a char");
    refused('x', &[0xED, 0xA0, 0x80], "not a char");
    refused("x".to_string(), &[2, 0xC3, 0x28], "invalid utf-8 sequence of 1 bytes");
    refused(1_u16, &[252, 0, 0, 1, 0], "expected an integer of type U16, found U32");
    refused(1_u64, &[255], "expected an integer of type U64, found Reserved");
    refused(1_u64, &[], "the payload lacks 1 bytes");
    refused(Command::Nop, &[4], "invalid value: integer `4`, expected variant index 0 <= i < 4");
    refused(std::num::NonZeroU8::MIN, &[0], "invalid value: integer `0`, expected a nonzero u8");
}

/// Each length has one form, and no form overflows.
fn test_bad_length() {
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
