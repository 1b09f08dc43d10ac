//! What became of one simulated run: a line for the process that sweeps, and a line of JSON for
//! whoever asked for a report.

use std::fmt::Write;
use std::time::Duration;

use crate::labsync::SimReport;

/// What a record's line begins with; no test prints that.
const RECORD_MARK: &str = "\u{1e}record ";

/// What a process reports of one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub seed: u64,
    /// Why it failed; `None` if it passed.
    pub failure: Option<String>,
    /// Virtual time.
    pub elapsed: Duration,
    pub cpu: Duration,
    /// Of all that was decided in the run.
    pub trace_hash: u64,
}

impl Record {
    pub fn of(seed: u64, report: &SimReport, cpu: Duration) -> Record {
        let failure = report.failure.as_ref().map(ToString::to_string);
        let SimReport { elapsed, trace_hash, .. } = *report;
        Record { seed, failure, elapsed, cpu, trace_hash }
    }

    /// A run whose process died.
    pub fn of_death(seed: u64, failure: String) -> Record {
        let (elapsed, cpu) = (Duration::ZERO, Duration::ZERO);
        Record { seed, failure: Some(failure), elapsed, cpu, trace_hash: 0 }
    }

    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }

    /// Whether both tell of equal runs; what they cost is another matter.
    pub fn is_same_run(&self, other: &Record) -> bool {
        *self == Record { cpu: self.cpu, ..other.clone() }
    }

    pub fn to_line(&self) -> String {
        let (elapsed, cpu) = (self.elapsed.as_nanos(), self.cpu.as_nanos());
        let failure = self.failure.as_ref().map_or(String::new(), |text| quoted(text));
        let (seed, hash) = (self.seed, self.trace_hash);
        format!("{RECORD_MARK}{seed} {elapsed} {cpu} {hash} {failure}\n")
    }

    pub fn from_line(line: &str) -> Option<Record> {
        let mut words = line.strip_prefix(RECORD_MARK)?.splitn(5, ' ');
        Some(Record {
            seed: words.next()?.parse().ok()?,
            elapsed: Duration::from_nanos(words.next()?.parse().ok()?),
            cpu: Duration::from_nanos(words.next()?.parse().ok()?),
            trace_hash: words.next()?.parse().ok()?,
            failure: match words.next()? {
                "" => None,
                text => Some(unquoted(text)?),
            },
        })
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

/// The text that [`quoted`] has made this of.
fn unquoted(text: &str) -> Option<String> {
    let mut chars = text.strip_prefix('"')?.strip_suffix('"')?.chars();
    let mut unquoted = String::new();
    while let Some(c) = chars.next() {
        unquoted.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    char::from_u32(u32::from_str_radix(&code, 16).ok()?)?
                }
                escaped => escaped,
            },
            c => c,
        });
    }
    Some(unquoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(failure: Option<&str>) -> Record {
        let (elapsed, cpu) = (Duration::from_nanos(1_500_000_001), Duration::from_millis(20));
        let failure = failure.map(ToString::to_string);
        Record { seed: 7, failure, elapsed, cpu, trace_hash: 11 }
    }

    #[test]
    fn a_line_brings_back_what_was_written() {
        for failure in [None, Some("two\nlines, \"quoted\", a \\ and a \t tab"), Some(" ")] {
            let line = record(failure).to_line();
            assert_eq!(line.lines().count(), 1, "{line:?} is one line");
            assert_eq!(Record::from_line(line.trim_end_matches('\n')), Some(record(failure)));
        }
        assert_eq!(Record::from_line("  ... Passed --   3.0  3   38     752    0"), None);
    }

    #[test]
    fn a_report_is_lines_of_json() {
        let expected = "{\"suite\":\"raft\",\"test\":\"test_count_2b\",\"seed\":7,\
            \"virtual_s\":1.500000,\"cpu_s\":0.020000,\"failure\":\"a\\nb\\u0009\"}\n";
        assert_eq!(record(Some("a\nb\t")).to_json("raft", "test_count_2b"), expected);
        assert!(record(None).to_json("raft", "test_count_2b").contains("\"failure\":null}"));
    }
}
