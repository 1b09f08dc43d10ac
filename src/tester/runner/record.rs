//! What a process reports of a simulated run to the one that started it: a line behind what the
//! run printed.

use std::time::Duration;

use crate::labsync::SimReport;

/// What a record's line begins with; no test prints that.
const RECORD_MARK: &str = "\u{1e}record ";

/// What a process reports of one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    pub seed: u64,
    pub passed: bool,
    pub elapsed: Duration,
    pub cpu: Duration,
    /// Of all that was decided in the run.
    pub trace_hash: u64,
}

impl Record {
    pub fn of(seed: u64, report: &SimReport, cpu: Duration) -> Record {
        let SimReport { failure, elapsed, trace_hash, .. } = report;
        let (elapsed, trace_hash) = (*elapsed, *trace_hash);
        Record { seed, passed: failure.is_none(), elapsed, cpu, trace_hash }
    }

    /// A run whose process has died.
    pub fn of_death(seed: u64) -> Record {
        let (elapsed, cpu) = (Duration::ZERO, Duration::ZERO);
        Record { seed, passed: false, elapsed, cpu, trace_hash: 0 }
    }

    /// Whether both tell of equal runs; what they cost is another matter.
    pub fn is_same_run(&self, other: &Record) -> bool {
        *self == Record { cpu: self.cpu, ..other.clone() }
    }

    pub fn to_line(&self) -> String {
        let Record { seed, passed, elapsed, cpu, trace_hash } = self;
        let (elapsed, cpu) = (elapsed.as_nanos(), cpu.as_nanos());
        format!("{RECORD_MARK}{seed} {passed} {elapsed} {cpu} {trace_hash}\n")
    }

    pub fn from_line(line: &str) -> Option<Record> {
        let mut words = line.strip_prefix(RECORD_MARK)?.split(' ');
        Some(Record {
            seed: words.next()?.parse().ok()?,
            passed: words.next()?.parse().ok()?,
            elapsed: Duration::from_nanos(words.next()?.parse().ok()?),
            cpu: Duration::from_nanos(words.next()?.parse().ok()?),
            trace_hash: words.next()?.parse().ok()?,
        })
    }
}
