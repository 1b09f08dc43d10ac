//! Blocks of bytes, types that cannot be encoded, and a writer that fails.

use std::any::type_name;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Write};
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labgob::{Bytes, EncodeError, LabEncoder, from_bytes, to_bytes};
use raftlab::labsync::{self, RunOptions};
use raftlab::runner::LabTest;
use serde::de::IgnoredAny;
use serde::de::value::{BytesDeserializer, SeqDeserializer};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kit::state;

pub const TESTS: &[LabTest] = lab_tests![
    test_bytes_is_one_block,
    test_bytes,
    test_types_that_cannot_be_encoded,
    test_a_writer_that_fails,
];

fn test_bytes_is_one_block() {
    let content = vec![200_u8; 1_000_000];
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

/// A writer that is full after so many bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn test_a_writer_that_fails() {
    for room in 0..to_bytes(&state()).len() {
        let error = LabEncoder::new(Full(room)).encode(&state()).unwrap_err();
        assert!(matches!(&error, EncodeError::Io(_)), "{room}: {error}");
        assert!(std::error::Error::source(&error).is_some());
    }
}
