//! A trace as text, and what is said of files that are none, damaged, or cut off.

use raftlab::runner::LabTest;
use raftlab::{lab_tests, trace};

use crate::kit::small_trace;

pub const TESTS: &[LabTest] = lab_tests![
    test_each_event_is_a_line_of_text,
    test_each_cut_is_said,
    test_a_damaged_line_is_named,
    test_other_files_are_refused,
];

const HEADER: &str = r#"{"trace":2,"test":"a","seed":1,"simulated":true,"version":"0.1.0"}"#;
const SENT: &str = concat!(
    r#"{"at":1500000,"thread":"raft 1","event":"sent","call":7,"#,
    r#""args":{"term":3,"entries":[{"index":1,"command":"x"}]}}"#,
);
const VERDICT: &str = r#"{"at":2000000000,"thread":"a","event":"verdict","failure":"a \"b\""}"#;

/// The text, or, if there was an error, what it says.
fn shown(trace: impl AsRef<[u8]>) -> Result<String, String> {
    let mut text = Vec::new();
    trace::show(trace.as_ref(), &mut text).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(text).expect("text"))
}

fn test_each_event_is_a_line_of_text() {
    let text = shown(format!("{HEADER}\n{SENT}\n{VERDICT}\n")).unwrap();
    let expected = [
        "trace=2 test=a seed=1 simulated=true version=0.1.0",
        "   0.001500  sent      call=7 args={term=3 entries=[{index=1 command=x}]}  (raft 1)",
        "   2.000000  verdict   failure=\"a \\\"b\\\"\"  (a)",
        "",
    ];
    assert_eq!(text, expected.join("\n"));
    let trace = small_trace();
    let lines = trace.split(|&byte| byte == b'\n').count() - 1;
    assert_eq!(shown(&trace).unwrap().lines().count(), lines);
}

/// A run that is killed leaves whole lines, and perhaps a piece of one.
fn test_each_cut_is_said() {
    let whole = format!("{HEADER}\n{SENT}\n{VERDICT}\n");
    for cut in 10..whole.len() {
        let text = shown(&whole[..cut]).unwrap();
        let lines = whole[..cut].matches('\n').count();
        assert!(text.ends_with(&format!("cut off after line {lines}\n")), "{cut}: {text}");
        assert_eq!(text.lines().count(), lines + 1);
    }
}

fn test_a_damaged_line_is_named() {
    let event = r#"{"at":1,"thread":"a","event":"end"}"#;
    for (bad, why) in [
        ("{\"at\":1,\"thread\":\"a\",\"eve", "EOF"),
        ("", "EOF"),
        ("[]", "invalid length"),
        (r#"{"at":1,"thread":"a"}"#, "missing field `event`"),
        (r#"{"at":-1,"thread":"a","event":"end"}"#, "invalid value"),
    ] {
        let text = shown(format!("{HEADER}\n{event}\n{bad}\n{VERDICT}\n")).unwrap_err();
        assert!(text.starts_with("line 3 is damaged: "), "{text}");
        assert!(text.contains(why) && text.ends_with("Record it again"), "{text}");
    }
    let behind = shown(format!("{HEADER}\n{VERDICT}\n{event}")).unwrap_err();
    assert!(behind.contains("line 3 is damaged: nothing follows the verdict"), "{behind}");
    // Whatever a byte is changed to, it ends.
    let good = small_trace();
    for at in (0..good.len()).step_by(37) {
        let mut bad = good.clone();
        bad[at] = 0xFF;
        let _ = shown(bad);
    }
}

fn test_other_files_are_refused() {
    for other in ["", "[package]\n", "{\"suite\":\"raft\"}\n", "\u{89}raft\r\n"] {
        let text = shown(other).unwrap_err();
        assert!(text.contains("it is not a trace") && text.contains("TRACE=FILE"), "{text}");
    }
    let newer = shown("{\"trace\":3,\"events\":[]}\n").unwrap_err();
    assert!(newer.contains("newer version") && newer.contains("update"), "{newer}");
    let older = shown("{\"trace\":1}\n").unwrap_err();
    assert!(older.contains("old format 1"), "{older}");
}
