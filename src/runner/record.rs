//! What became of one run: what its process tells the runner, and the report's line.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::suite::{FIRST_SEE, take_subject};
use crate::labsync::{Failure, SimReport};

/// The longest that a failure's message may be; of a longer one the middle is left out.
const MOST_OF_MESSAGE: usize = 16 << 10;

/// What a process tells of one run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    pub seed: u64,
    /// Real time, or the virtual time of a simulated run.
    #[serde(rename = "virtual_s", with = "seconds")]
    pub elapsed: Duration,
    #[serde(rename = "cpu_s", with = "seconds")]
    pub cpu: Duration,
    /// Of all that was decided in a simulated run.
    pub trace_hash: u64,
    /// Tests of the suite that explain the failure, if they fail as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first_see: Vec<String>,
    /// What else is to be said below a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether all of the run was recorded, if it was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traced: Option<Result<(), String>>,
    /// Why it failed; `None` if it passed.
    pub failure: Option<String>,
}

/// A line of a report.
#[derive(Serialize)]
struct Line<'a> {
    suite: &'a str,
    test: &'a str,
    follows: Option<&'a str>,
    #[serde(flatten)]
    record: &'a Record,
}

impl Record {
    pub fn of(seed: u64, report: &SimReport, cpu: Duration) -> Record {
        let subject = take_subject();
        let (failure, first_see) = match report.failure.as_ref().map(message_of) {
            Some(message) => set_apart_names(&with_subject(message, subject)),
            None => (None, Vec::new()),
        };
        let (elapsed, trace_hash) = (report.elapsed, report.trace_hash);
        Record { seed, failure, first_see, elapsed, cpu, trace_hash, ..Record::default() }
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

    /// As a line of a report, `failure` last. If the failure follows from that of another test,
    /// the `cause`, that one is named, and its message given.
    pub fn to_json(&self, suite: &str, test: &str, cause: Option<(&str, &Record)>) -> String {
        let (follows, told) = (cause.map(|(test, _)| test), cause.map_or(self, |(_, run)| run));
        let record = &Record { failure: told.failure.clone(), ..self.clone() };
        let line = serde_json::to_string(&Line { suite, test, follows, record });
        line.expect("plain data is JSON") + "\n"
    }
}

/// Durations as numbers of seconds: to the nanosecond for some months.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(duration.as_secs_f64())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(de::Error::custom)
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

/// The message, with what the test is about in front if it is not in it.
fn with_subject(message: String, subject: Option<&str>) -> String {
    match subject {
        Some(subject) if !message.contains(subject) => {
            format!("{subject}\nthe test was cut short: {message}")
        }
        _ => message,
    }
}

/// The message without the line of those tests that it says to see first, and their names.
fn set_apart_names(message: &str) -> (Option<String>, Vec<String>) {
    let names = message.lines().find_map(|line| line.strip_prefix(FIRST_SEE));
    let names = names.into_iter().flat_map(|line| line.split(", ")).map(str::to_string).collect();
    let rest: Vec<&str> = message.lines().filter(|line| !line.starts_with(FIRST_SEE)).collect();
    (Some(rest.join("\n")), names)
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
    fn a_line_of_a_report_is_the_record_with_the_tests_name() {
        let expected = "{\"suite\":\"raft\",\"test\":\"test_count_2b\",\"follows\":null,\"seed\":7,\
            \"virtual_s\":1.500000001,\"cpu_s\":0.02,\"trace_hash\":99,\
            \"failure\":\"a\\nb\\t\"}\n";
        let failed = record(Some("a\nb\t"));
        let line = failed.to_json("raft", "test_count_2b", None);
        assert_eq!(line, expected);
        let read: Record = serde_json::from_str(&line).expect("it has all of a record");
        assert_eq!(read, failed);
        assert!(record(None).to_json("raft", "test_count_2b", None).contains("\"failure\":null}"));
        let following = failed.to_json("raft", "test_b", Some(("test_a", &record(Some("a")))));
        assert!(following.contains("\"follows\":\"test_a\",\"seed\":7"), "{following}");
        assert!(following.ends_with("\"failure\":\"a\"}\n"), "{following}");
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
    fn a_panic_of_rafts_begins_with_what_the_test_is_about() {
        let text = with_subject("out of range".to_string(), Some("one vote"));
        assert_eq!(text, "one vote\nthe test was cut short: out of range");
        assert_eq!(with_subject("one vote\nno".to_string(), Some("one vote")), "one vote\nno");
    }

    #[test]
    fn tests_that_explain_a_failure_are_set_apart() {
        let (text, names) = set_apart_names("why\nfirst see: test_a, test_b\nfirst of all");
        assert_eq!(text.as_deref(), Some("why\nfirst of all"));
        assert_eq!(names, ["test_a", "test_b"]);
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
