//! Files that are no trace, or not a whole one: each is told what it is, and what to do.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the viewer is run as a user runs it"
)]

mod kit;

use std::path::Path;

use kit::{Script, double_vote, log, write};
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

/// What `log` says of a file, which is what `view` says as well.
fn refused(path: &Path) -> String {
    let said = kit::refused(path, &[], 1);
    let page = path.with_extension("html");
    let output = kit::viewer(&["view", path.to_str().expect("the path is text")]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), said);
    assert!(!page.exists(), "there is no page of it");
    said
}

#[test]
fn what_cannot_be_read_says_why_and_what_next() {
    let said = refused(Path::new("no/such.trace"));
    assert!(said.starts_with("no/such.trace: there is no such file."), "{said}");
    assert!(said.contains("make log T="), "{said}");
    for (name, bytes) in [("text", &b"hello\n"[..]), ("binary", b"\x89\0\xff\n"), ("json", b"{}\n")]
    {
        let said = refused(&write(&format!("{name}.trace"), bytes));
        assert!(said.contains("it is not a trace"), "{name}: {said}");
        assert!(said.contains("TRACE=x.trace"), "{name}: {said}");
    }
    let said = refused(&write("empty.trace", b""));
    assert!(said.contains("it is empty") && said.contains("again"), "{said}");
    let said = refused(Path::new(env!("CARGO_TARGET_TMPDIR")));
    assert!(said.contains("it is a directory: name one of the traces"), "{said}");
    let said = refused(&write("report.trace", (report_line(1) + "\n").as_bytes()));
    assert!(said.contains("make report F="), "{said}");
    let newer = double_vote().text().replacen(r#""trace":2"#, r#""trace":3"#, 1);
    let said = refused(&write("newer.trace", newer.as_bytes()));
    assert!(said.contains("newer version of the lab has written it (format 3"), "{said}");
    assert!(said.contains("this one reads 2): update the lab"), "{said}");
    let older = double_vote().text().replacen(r#""trace":2"#, r#""trace":1"#, 1);
    let said = refused(&write("older.trace", older.as_bytes()));
    assert!(said.contains("old format (1"), "{said}");
    let corrupt = double_vote().text().replacen(r#""event":"start""#, "\u{7f}", 1);
    let said = refused(&write("corrupt.trace", corrupt.as_bytes()));
    assert!(said.contains("line 3 is damaged") && said.contains("head -n 2"), "{said}");
}

fn report_line(seed: u64) -> String {
    format!(
        r#"{{"suite":"raft","test":"test_x_2a","follows":null,"seed":{seed},"virtual_s":1.0,"cpu_s":0.1,"trace_hash":7,"failure":null}}"#
    )
}

/// Its status, what it prints, and what it says beside.
fn report(files: &[&Path]) -> (Option<i32>, String, String) {
    let files = files.iter().map(|file| file.to_str().expect("the path is text"));
    let output = kit::viewer(&["report"].into_iter().chain(files).collect::<Vec<_>>());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it says UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_wrong_line_between_reports_is_named_and_nothing_else_is_lost() {
    let good = write("good.jsonl", format!("{}\n{}\n", report_line(1), report_line(2)).as_bytes());
    let middle = format!("{}\nwhat is this\n{}\n", report_line(3), report_line(4));
    let middle = write("middle.jsonl", middle.as_bytes());
    let cut = write("cut.jsonl", format!("{}\n{{\"suite\":\"ra", report_line(5)).as_bytes());
    let (status, table, said) = report(&[&good, &middle, &cut]);
    assert_eq!(status, Some(1), "{said}");
    assert!(table.contains("5 runs, 0 failed"), "{table}");
    assert!(said.contains("middle.jsonl:2: no line of a report"), "{said}");
    assert!(said.contains("cut.jsonl:2: cut off"), "{said}");
    // That a sweep was killed is no fault of its report.
    let (status, table, said) = report(&[&good, &cut]);
    assert!(status == Some(0) && table.contains("3 runs, 0 failed"), "{said}");
}

#[test]
fn what_is_no_report_says_why_and_what_next() {
    let newer = format!("{{\"report\":2}}\n{}\n", report_line(1));
    for (name, bytes, expected) in [
        (
            "newer",
            newer.as_bytes(),
            "newer version of the lab has written it (report 2; this one reads 1)",
        ),
        ("empty", b"", "it is empty"),
        ("binary", b"\x89\0\xff\n", "It is no report. make sim REPORT="),
        ("trace", double_vote().text().as_bytes(), "it is the trace of one run: make log F="),
    ] {
        let (status, table, said) = report(&[&write(&format!("{name}.jsonl"), bytes)]);
        assert!(status == Some(1) && table.is_empty(), "{name}: {table}");
        assert!(said.contains(expected) && said.lines().count() == 1, "{name}: {said}");
    }
    let (status, _, said) = report(&[Path::new("no/such.jsonl")]);
    assert!(status == Some(1) && said.contains("there is no such file. make sim"), "{said}");
    let (status, _, said) = report(&[Path::new(env!("CARGO_TARGET_TMPDIR"))]);
    assert!(status == Some(1) && said.contains("it is a directory"), "{said}");
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
                let path = Path::new("x.trace");
                let (choice, look) = Default::default();
                let _ = viewer::log::print(&mut out, path, &trace, &choice, &look, (80, 24));
            }
        }
    }
    assert!(shown > 50, "only {shown} damaged traces could be read");
}
