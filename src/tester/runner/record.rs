//! What became of one run, and the line of JSON about it for whoever asked for a report.

use std::fmt::Write;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::labsync::{Failure, SimReport};

/// The longest that a failure's message may be; of a longer one the middle is left out.
const MOST_OF_MESSAGE: usize = 16 << 10;

/// What a process tells of one run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub seed: u64,
    /// Why it failed; `None` if it passed.
    pub failure: Option<String>,
    /// Real time, or the virtual time of a simulated run.
    pub elapsed: Duration,
    pub cpu: Duration,
    /// Of all that was decided in a simulated run.
    pub trace_hash: u64,
    /// What else is to be said below a failure.
    pub note: Option<String>,
    /// Whether all of the run was recorded, if it was to be.
    pub traced: Option<Result<(), String>>,
}

impl Record {
    pub fn of(seed: u64, report: &SimReport, cpu: Duration) -> Record {
        let failure = report.failure.as_ref().map(message_of);
        let (elapsed, trace_hash) = (report.elapsed, report.trace_hash);
        Record { seed, failure, elapsed, cpu, trace_hash, note: None, traced: None }
    }

    /// A run whose process died.
    pub fn of_death(seed: u64, why: String) -> Record {
        Record { seed, failure: Some(why), ..Record::default() }
    }

    /// Whether both tell of equal runs; what they cost is another matter.
    pub fn is_same_run(&self, other: &Record) -> bool {
        let of = |record: &Record| {
            (record.seed, record.failure.clone(), record.elapsed, record.trace_hash)
        };
        of(self) == of(other)
    }

    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }

    /// A line of JSON; the keys always come in this order.
    pub fn to_json(&self, suite: &str, test: &str) -> String {
        let failure = self.failure.as_ref().map_or("null".to_string(), |text| quoted(text));
        format!(
            "{{\"suite\":\"{suite}\",\"test\":\"{test}\",\"seed\":{},\"virtual_s\":{:.6},\
             \"cpu_s\":{:.6},\"failure\":{failure}}}\n",
            self.seed,
            self.elapsed.as_secs_f64(),
            self.cpu.as_secs_f64(),
        )
    }
}

/// A failure's text, without the middle if it is very long.
pub(super) fn message_of(failure: &Failure) -> String {
    let mut short = failure.clone();
    let (text, half) = (&failure.message, MOST_OF_MESSAGE / 2);
    if text.len() > MOST_OF_MESSAGE {
        let (end, start) = (text.floor_char_boundary(half), text.len() - half);
        let start = text.ceil_char_boundary(start);
        let left_out = start - end;
        short.message =
            format!("{}\n[... {left_out} bytes left out ...]\n{}", &text[..end], &text[start..]);
    }
    short.to_string()
}

/// As a JSON string, which is one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            c if c < ' ' => write!(quoted, "\\u{:04x}", u32::from(c)).expect("memory takes it"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(failure: Option<&str>) -> Record {
        let (elapsed, cpu) = (Duration::from_nanos(1_500_000_001), Duration::from_millis(20));
        let failure = failure.map(ToString::to_string);
        Record { seed: 7, failure, elapsed, cpu, trace_hash: 99, ..Record::default() }
    }

    #[test]
    fn a_report_is_lines_of_json() {
        let expected = "{\"suite\":\"raft\",\"test\":\"test_count_2b\",\"seed\":7,\
            \"virtual_s\":1.500000,\"cpu_s\":0.020000,\"failure\":\"a\\nb\\u0009\"}\n";
        assert_eq!(record(Some("a\nb\t")).to_json("raft", "test_count_2b"), expected);
        assert!(record(None).to_json("raft", "test_count_2b").contains("\"failure\":null}"));
    }

    #[test]
    fn equal_runs_differ_at_most_in_what_they_cost() {
        let first = record(None);
        let second = Record { cpu: Duration::ZERO, traced: Some(Ok(())), ..first.clone() };
        assert!(first.is_same_run(&second));
        assert!(!first.is_same_run(&Record { trace_hash: 98, ..first.clone() }));
        assert!(!first.is_same_run(&record(Some("late"))));
    }

    #[test]
    fn a_message_without_end_loses_its_middle() {
        let (thread, at) = ("raft 1".to_string(), None);
        let long = Failure { thread, message: "ä".repeat(500_000), at };
        let text = message_of(&long);
        assert!(text.len() < 17 << 10, "{}", text.len());
        assert!(text.contains("bytes left out"), "{text}");
        assert!(text.ends_with("ä\nin thread 'raft 1'"), "{text}");
    }
}
