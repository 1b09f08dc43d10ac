//! What a test's process may take. Most limits are looked after in the process itself (the lab's
//! 120 s, the watchdog of simulated runs); these, in the runner, hold even for one that is
//! stopped, or whose output is blocked.

use std::fs;
use std::time::Duration;

use crate::labsync::Instant;

/// The lab's limit for a test.
pub(super) const LIMIT: Duration = Duration::from_secs(120);
/// The most memory in MB: several times what any test needs, and room for several at a time.
pub(super) const MEMORY_MB: u64 = 2048;
/// The most threads behind a launcher: more than twice what a Raft makes that has a thread for each
/// heartbeat, when all calls take 7 s. Many more, all computing, would stop a whole machine.
const MOST_THREADS: u64 = 4000;

/// What one run may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Real time from the order to the answer.
    pub time: Duration,
    /// Real time without using the processor at all; of a simulated run, which always computes.
    pub standstill: Option<Duration>,
    pub memory_mb: u64,
    /// The test runs in a process below the one that was started, by a launcher (`--launcher`):
    /// what all of them take counts.
    pub family: bool,
}

impl Limits {
    /// Limits for runs of tests that may take so long in their own time.
    pub fn new(simulated: bool, limit: Duration, memory_mb: u64) -> Limits {
        if simulated {
            // Real time says little of a simulated run, most take less than a second: this is
            // for those that neither the watchdog nor the virtual limit ends.
            Limits { time: limit * 5 / 2, standstill: Some(limit / 6), memory_mb, family: false }
        } else {
            // The process notices first, and knows more to say.
            Limits { time: limit + limit / 12, standstill: None, memory_mb, family: false }
        }
    }
}

/// The watch over one run.
pub(super) struct Watch {
    limits: Limits,
    process: u32,
    start: Instant,
    /// The processor time used so far, and since when it is that.
    used: (u64, Instant),
}

impl Watch {
    pub fn new(limits: Limits, process: u32) -> Watch {
        let now = Instant::now();
        Watch { limits, process, start: now, used: (0, now) }
    }

    /// Why the run must end, if it must.
    pub fn look(&mut self) -> Option<String> {
        let family = self.family();
        let memory: u64 = family.iter().filter_map(|&one| memory_mb(one)).sum();
        let most = self.limits.memory_mb;
        if memory > most {
            return Some(format!("its process took more than {most} MB of memory"));
        }
        let threads: u64 = family.iter().skip(1).filter_map(|&one| threads(one)).sum();
        if threads > MOST_THREADS {
            return Some(format!("it has more than {MOST_THREADS} threads"));
        }
        let after = self.start.elapsed();
        if after > self.limits.time {
            let (seconds, state) = (after.as_secs_f64(), state(&family));
            return Some(format!("no verdict after {seconds:.0} s of real time: {state}"));
        }
        let most = self.limits.standstill?;
        let used = family.iter().map(|&one| processor_ticks(one)).sum::<Option<u64>>()?;
        if used != self.used.0 || family.iter().any(|&one| wants_processor(one)) {
            self.used = (used, Instant::now());
        }
        (self.used.1.elapsed() > most).then(|| {
            let (seconds, state) = (most.as_secs_f64(), state(&family));
            format!("its process has computed nothing for {seconds:.0} s: {state}")
        })
    }

    /// The process, and behind a launcher all that come from it, each behind its parent.
    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.process];
        let mut next = 0;
        while self.limits.family && next < family.len() {
            family.extend(children(family[next]));
            next += 1;
        }
        family
    }
}

/// What the last of them does: the others wait for it.
fn state(family: &[u32]) -> &'static str {
    let stat = family.last().and_then(|&process| stat(process));
    match stat.as_ref().and_then(|fields| fields.first()).map(String::as_str) {
        Some("T") => "it is stopped (SIGSTOP)",
        Some("t") => "it is held by a debugger",
        Some("R") => "it computes",
        _ => "it waits, outside labsync (standard output, a sleep or lock of std, a process)",
    }
}

/// The processes that this one has started, and that are there.
fn children(process: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            list.split_whitespace().filter_map(|one| one.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
}

/// Whether a thread of the process computes, or waits for nothing but a processor: on a busy host it
/// may get none for a while.
fn wants_processor(process: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let stats = tasks.filter_map(|task| fs::read_to_string(task.path().join("stat")).ok());
    stats.into_iter().any(|stat| {
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        matches!(state, Some('R' | 'D'))
    })
}

/// The fields of /proc/PID/stat from the state on; `None` where the system has no such file.
fn stat(process: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    Some(after_name.split_whitespace().map(ToString::to_string).collect())
}

fn processor_ticks(process: u32) -> Option<u64> {
    let fields = stat(process)?;
    let number = |i: usize| fields.get(i)?.parse::<u64>().ok();
    Some(number(11)? + number(12)?)
}

fn memory_mb(process: u32) -> Option<u64> {
    Some(status(process, "VmRSS:")? / 1024)
}

fn threads(process: u32) -> Option<u64> {
    status(process, "Threads:")
}

/// The number behind a key of /proc/PID/status.
fn status(process: u32, key: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(key))?;
    value.split_whitespace().next()?.parse().ok()
}
