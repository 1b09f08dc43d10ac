//! Blocks of bytes, types that cannot be encoded, and streams that fail.

use std::any::type_name;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labgob::{
    Bytes, DecodeError, EncodeError, LabDecoder, LabEncoder, from_bytes, to_bytes,
};
use raftlab::labsync::{self, RunOptions};
use raftlab::runner::LabTest;
use serde::de::IgnoredAny;
use serde::de::value::{BytesDeserializer, SeqDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kit::{Trickle, state};

pub const TESTS: &[LabTest] = lab_tests![
    test_bytes_is_one_block,
    test_bytes,
    test_types_that_cannot_be_encoded,
    test_value_that_changes,
    test_streams,
];

/// A block travels in one piece. Counted in writes, since a clock would prove nothing.
fn test_bytes_is_one_block() {
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

fn test_bytes() {
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

/// A sequence that does not know its length.
struct Endless;

impl Serialize for Endless {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde::ser::SerializeSeq::end(serializer.serialize_seq(None)?)
    }
}

/// A type that cannot be encoded is an error of the encoder, and a panic of `to_bytes`, since
/// its callers have no use for an error; both name the type.
fn test_types_that_cannot_be_encoded() {
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
fn test_value_that_changes() {
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

fn test_streams() {
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
