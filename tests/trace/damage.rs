//! No file, however spoilt, does more than give an error, and each damage is seen.

use raftlab::lab_tests;
use raftlab::labsync::rng;
use raftlab::runner::LabTest;
use raftlab::trace::{Text, Trace, TraceError, VERSION};

use crate::kit::small_trace;

pub const TESTS: &[LabTest] = lab_tests![
    test_each_changed_byte_is_found,
    test_each_cut_is_found,
    test_random_damage_is_found,
    test_other_files_are_refused,
];

fn test_each_changed_byte_is_found() {
    let good = small_trace();
    for at in 0..good.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            match Trace::from_bytes(&bad) {
                Err(error) => check_error(&error, at),
                // The end mark is all that may be missing, of a file that is otherwise whole.
                Ok(trace) => {
                    let byte = trace.cut().expect("a changed byte is seen").byte;
                    assert!(byte <= at, "byte {at} ^ {flip:#x}: cut at {byte}");
                }
            }
        }
    }
}

/// The error must say something of use, and not blame a byte behind the damage.
fn check_error(error: &TraceError, at: usize) {
    let text = error.to_string();
    match error {
        TraceError::Foreign => assert!(at < 8, "byte {at}: {text}"),
        TraceError::Version(_) => assert!((8..12).contains(&at), "byte {at}: {text}"),
        TraceError::Damaged { byte, .. } => assert!(*byte <= at, "byte {at}: {text}"),
        TraceError::Io(_) | TraceError::Empty(_) => panic!("byte {at}: {text}"),
    }
    assert!(text.contains("TRACE=") || text.contains("record it again"), "{text}");
}

fn test_each_cut_is_found() {
    let good = small_trace();
    let whole = Trace::from_bytes(&good).unwrap();
    let mut last = 0;
    for length in 0..good.len() {
        match Trace::from_bytes(&good[..length]) {
            Err(TraceError::Empty(found)) => {
                assert_eq!(found, length);
                assert!(length < 100, "cut to {length}: the header is there");
            }
            Err(error) => panic!("cut to {length}: {error}"),
            Ok(trace) => {
                let cut = trace.cut().unwrap_or_else(|| panic!("cut to {length}: not seen"));
                let (events, left) = (trace.records().len(), length - cut.byte);
                assert_eq!((cut.events, cut.left), (events, left), "cut to {length}");
                assert!(events >= last, "cut to {length}: more bytes, fewer events");
                assert!(trace.records() == &whole.records()[..events], "cut to {length}");
                last = events;
            }
        }
    }
    assert_eq!(last, whole.records().len(), "without its end mark all events are there");
}

/// Many bytes at once, pieces moved and missing, numbers that claim a lot: seen, and read without
/// asking for much memory. `FUZZ=100000 make test-trace`: so many files.
fn test_random_damage_is_found() {
    let good = small_trace();
    let random = |below: usize| rng::random_range(0..below);
    let number = std::env::var("FUZZ").map_or(20_000, |number| number.parse().expect("a number"));
    for _ in 0..number {
        let mut bad = good.clone();
        let at = 12 + random(good.len() - 12);
        match random(4) {
            0 => bad[at..].iter_mut().take(9).for_each(|byte| *byte = 0xFF),
            1 => bad[at..].iter_mut().for_each(|byte| *byte = random(256) as u8),
            2 => drop(bad.drain(at..(at + 1 + random(200)).min(good.len()))),
            _ => bad[12..].rotate_left(at - 12),
        }
        if bad == good {
            continue;
        }
        let mut read = None;
        let held = allocation_counter::measure(|| read = Some(Trace::from_bytes(&bad))).bytes_max;
        assert!(held < 1 << 20, "{held} bytes to read a file of {}", bad.len());
        if let Some(Ok(trace)) = read {
            let text = Text::new(&trace);
            trace.records().last().iter().for_each(|record| drop(text.line(record)));
            let cut = trace.cut().expect("the damage is seen");
            assert!(cut.byte <= at, "damaged at {at}, cut at {}", cut.byte);
        }
    }
}

fn test_other_files_are_refused() {
    let refused = |bytes: &[u8]| Trace::from_bytes(bytes).unwrap_err().to_string();
    assert!(refused(b"[package]\nname = \"raft-lab\"\n").contains("not a trace"));
    assert!(refused(b"").contains("ends after 0 bytes"));
    let mut newer = small_trace();
    newer[8..12].copy_from_slice(&(VERSION + 1).to_le_bytes());
    let text = refused(&newer);
    assert!(text.contains("newer version") && text.contains("format 2"), "{text}");
    assert!(Trace::open("/").unwrap_err().to_string().contains("not a trace"));
    let missing = Trace::open("no-such.trace").unwrap_err().to_string();
    assert!(missing.contains("cannot read it"), "{missing}");
}
