//! What happened in a run, recorded on request, to find where two runs part.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that happened in a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The virtual time in ns.
    pub at_ns: u64,
    /// The thread's name.
    pub thread: String,
    /// What it does.
    pub what: String,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6} s: '{}' {}", self.at_ns as f64 / 1e9, self.thread, self.what)
    }
}

/// Where two recordings part, in words.
#[must_use]
pub fn first_difference(first: &[Event], second: &[Event]) -> String {
    let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    let show = |events: &[Event], i: usize| {
        events.get(i).map_or("nothing more".to_string(), ToString::to_string)
    };
    let before = same.checked_sub(1).map_or("the start".to_string(), |i| show(first, i));
    format!(
        "  the first {same} events are the same, the last of them:\n    {before}\n  then, in the \
         first run:\n    {}\n  and in the second:\n    {}",
        show(first, same),
        show(second, same)
    )
}
