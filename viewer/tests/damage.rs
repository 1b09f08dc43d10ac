//! Files that are no trace, or not a whole one: each is told what it is, and what to do.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the viewer is run as a user runs it"
)]

mod kit;

use kit::{Script, double_vote, log, refused, write};
use viewer::trace::{Trace, TraceError};

fn read(bytes: &[u8]) -> Result<Trace, TraceError> {
    Trace::read(bytes)
}

#[test]
fn a_whole_trace_is_read() {
    let trace = read(double_vote().text().as_bytes()).expect("it is whole");
    assert_eq!(trace.servers, 3);
    assert_eq!(trace.note, None);
    assert!(trace.failure().is_some());
    let mut passing = Script::new(5);
    passing.pass();
    let trace = read(passing.text().as_bytes()).expect("it is whole");
    assert_eq!((trace.servers, trace.verdict()), (5, Some(None)));
}

#[test]
fn what_cannot_be_read_says_why_and_what_next() {
    let missing = std::path::Path::new("no/such.trace");
    let said = refused(missing, &[], 1);
    assert!(said.starts_with("no/such.trace: there is no such file."), "{said}");
    assert!(said.contains("make log T="), "{said}");
    for (name, bytes) in
        [("empty", &b""[..]), ("text", b"hello\n"), ("binary", b"\x89\0\xff\n"), ("json", b"{}\n")]
    {
        let said = refused(&write(&format!("{name}.trace"), bytes), &[], 1);
        assert!(said.contains("it is not a trace"), "{name}: {said}");
        assert!(said.contains("TRACE=x.trace"), "{name}: {said}");
    }
    let said = refused(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")), &[], 1);
    assert!(said.contains("it cannot be read: "), "{said}");
    let newer = double_vote().text().replacen(r#""trace":2"#, r#""trace":3"#, 1);
    let said = refused(&write("newer.trace", newer.as_bytes()), &[], 1);
    assert!(said.contains("newer version of the lab has written it (format 3"), "{said}");
    let older = double_vote().text().replacen(r#""trace":2"#, r#""trace":1"#, 1);
    let said = refused(&write("older.trace", older.as_bytes()), &[], 1);
    assert!(said.contains("old format (1"), "{said}");
}

#[test]
fn a_damaged_line_is_named() {
    let damage = |line: usize, change: &dyn Fn(&str) -> String| {
        let text = double_vote().text();
        let mut lines: Vec<String> = text.lines().map(ToString::to_string).collect();
        lines[line - 1] = change(&lines[line - 1]);
        match read((lines.join("\n") + "\n").as_bytes()) {
            Err(TraceError::Damaged { line, what }) => (line, what),
            other => panic!("not found: {other:?}"),
        }
    };
    let (line, what) = damage(9, &|_| "not json".to_string());
    assert_eq!((line, what.is_empty()), (9, false));
    let (line, what) = damage(5, &|line| line.replace("start", "stort"));
    assert!(line == 5 && what.contains("unknown variant `stort`"), "{what}");
    let (line, what) = damage(3, &|line| line.replace(r#""server":0"#, r#""server":1000000000"#));
    assert!(line == 3 && what.contains("more than 64 servers"), "{what}");
    let (line, what) = damage(12, &|line| line.replacen(r#""at":"#, r#""at":0,"x":"#, 1));
    assert!(line == 12 && what.contains("before that of the line above"), "{what}");
    let mut behind = double_vote();
    let number = behind.test(r#""event":"end""#);
    let error = read(behind.text().as_bytes()).expect_err("it goes on behind its end");
    assert!(matches!(error, TraceError::Damaged { line, .. } if line == number), "{error}");
    assert!(error.to_string().contains(&format!("head -n {}", number - 1)), "{error}");
}

#[test]
fn what_is_whole_of_a_trace_that_was_cut_is_shown() {
    let text = double_vote().text();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let at_a_line = lines[..20].concat();
    let shown = log(&write("cut-at-a-line.trace", at_a_line.as_bytes()), &[]);
    assert!(shown.contains("no verdict"), "{shown}");
    assert!(shown.contains("cut off after line 20"), "{shown}");
    let within = format!("{at_a_line}{}", &lines[20][..30]);
    let shown = log(&write("cut-in-a-line.trace", within.as_bytes()), &[]);
    assert!(shown.contains("cut off in line 21, which is left out"), "{shown}");
    let header_only = log(&write("header.trace", lines[..3].concat().as_bytes()), &[]);
    assert!(header_only.contains("cut off after line 3"), "{header_only}");
}

/// Whatever is in a file, the reader and all that comes behind it says something and ends.
#[test]
fn no_damage_makes_it_panic() {
    let text = double_vote().text();
    let whole = read(text.as_bytes()).expect("it is whole").records.len();
    for end in (0..text.len()).step_by(61) {
        if let Ok(trace) = read(&text.as_bytes()[..end]) {
            assert!(trace.records.len() <= whole);
            assert_eq!(trace.note.is_some(), trace.verdict().is_none());
        }
    }
    let mut shown = 0;
    for at in (0..text.len()).step_by(97) {
        for byte in [b'9', b'"', b'0', b'\n', 0xFF] {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = byte;
            if let Ok(trace) = read(&bytes) {
                shown += 1;
                let told = viewer::story::tell(&trace);
                let last = trace.records.len().saturating_sub(1);
                assert_eq!(viewer::story::past_of(&trace, last).len(), told.len());
                let mut out = Vec::new();
                let path = std::path::Path::new("x.trace");
                let (choice, look) = Default::default();
                let _ = viewer::log::print(&mut out, path, &trace, &choice, &look, (80, 24));
            }
        }
    }
    assert!(shown > 50, "only {shown} damaged traces could be read");
}
