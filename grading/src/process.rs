//! Programs that are started, and ended at a limit, with all that they have started.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::usage::Usage;

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What it takes is looked at so often; that costs more.
const MEASURE_EVERY: Duration = Duration::from_millis(200);
/// A busy machine may make a program so many times slower before that costs points.
const PATIENCE: u32 = 4;
/// How much of an output is read at either end.
const MOST_READ: u64 = 1 << 20;

/// How a program ended.
pub enum End {
    Ended(ExitStatus),
    /// It was ended at its limit.
    TimeIsOver,
    /// It was ended since it held too much.
    MemoryIsOver,
}

/// What a program may take, with all that it starts.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Real time.
    pub time: Duration,
    /// Time on a core, which depends on no other program.
    pub computed: Duration,
    pub memory_mb: u64,
}

impl Limit {
    /// Real time alone.
    pub fn of_time(time: Duration) -> Limit {
        Limit { time, computed: Duration::MAX, memory_mb: u64::MAX }
    }
}

/// So many seconds on a core, and more in real time: whoever waits for nothing ends as well.
pub fn computing(seconds: u64) -> Limit {
    let computed = Duration::from_secs(seconds);
    Limit { computed, ..Limit::of_time(computed * PATIENCE) }
}

/// Runs it to its end, with both of its outputs in `log`, and nothing of this program's
/// environment but PATH. How it ended, and how long it has computed, as far as that was seen.
pub fn run(command: &mut Command, log: &Path, limit: Limit) -> Result<(End, Duration)> {
    let file = File::create(log)?;
    // With a name given by the environment tests would behave otherwise.
    let kept = ["PATH", "TMPDIR"].map(|name| (name, std::env::var_os(name)));
    let given: Vec<_> = command
        .get_envs()
        .map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned)))
        .collect();
    command.env_clear();
    command.envs(kept.into_iter().filter_map(|(name, value)| Some((name, value?))));
    command.envs(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(0);
    let start = Instant::now();
    let mut child = command.spawn()?;
    let (mut usage, mut computed, mut measured) = (Usage::default(), Duration::ZERO, start);
    let end = loop {
        if let Some(status) = child.try_wait()? {
            return Ok((End::Ended(status), computed));
        }
        if measured.elapsed() > MEASURE_EVERY {
            (usage, measured) = (Usage::of(child.id()), Instant::now());
            // What nobody has waited for is lost.
            computed = computed.max(usage.computed);
        }
        if usage.memory_mb > limit.memory_mb {
            break End::MemoryIsOver;
        }
        if start.elapsed() > limit.time || computed > limit.computed {
            break End::TimeIsOver;
        }
        std::thread::sleep(LOOK_EVERY);
    };
    if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
        // An error says that all are gone.
        let _ = kill_process_group(group, Signal::KILL);
    }
    child.wait()?;
    Ok((end, computed))
}

/// The beginning and the end of a log.
pub fn read_log(log: &Path) -> String {
    let read = || -> Result<String> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(MOST_READ).read_to_end(&mut bytes)?;
        if length > 2 * MOST_READ {
            bytes.extend_from_slice(b"\n[...]\n");
            file.seek(SeekFrom::Start(length - MOST_READ))?;
        }
        Read::by_ref(&mut file).take(MOST_READ).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_default()
}

/// A command for a program that ends when this one does, where the system can do that.
pub fn that_ends_with_us(program: &Path) -> Command {
    static HAS_SETPRIV: LazyLock<bool> =
        LazyLock::new(|| works("setpriv", &["--pdeathsig", "KILL", "true"]));
    if !*HAS_SETPRIV {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

/// Whether there is such a program, and it can do this.
pub fn works(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, time: Duration) -> (End, String) {
        limited(script, Limit::of_time(time))
    }

    fn limited(script: &str, limit: Limit) -> (End, String) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let (end, _) = run(Command::new("sh").args(["-c", script]), &log, limit).unwrap();
        (end, read_log(&log))
    }

    #[test]
    fn who_waits_has_time_and_who_computes_has_not() {
        let minute = Limit::of_time(Duration::from_secs(60));
        let limit = Limit { computed: Duration::from_millis(300), ..minute };
        let (end, _) = limited("while :; do :; done", limit);
        assert!(matches!(end, End::TimeIsOver));
        let (end, _) = limited("sleep 1", limit);
        assert!(matches!(end, End::Ended(status) if status.success()));
    }

    #[test]
    fn who_holds_too_much_is_ended() {
        let limit = Limit { memory_mb: 200, ..Limit::of_time(Duration::from_secs(60)) };
        // A line without end is kept whole.
        let (end, _) = limited("tr '\\0' a </dev/zero | sed s/a/b/", limit);
        assert!(matches!(end, End::MemoryIsOver));
        let (end, _) = limited("sleep 0.5; echo small", limit);
        assert!(matches!(end, End::Ended(_)));
    }

    #[test]
    fn a_program_ends_by_itself_or_at_its_limit() {
        let (end, log) = shell("echo one; echo two >&2; exit 3", Duration::from_secs(60));
        assert!(matches!(end, End::Ended(status) if status.code() == Some(3)));
        assert_eq!(log, "one\ntwo\n");
        let start = Instant::now();
        let (end, log) = shell("echo begins; sleep 60 & sleep 60", Duration::from_millis(300));
        assert!(matches!(end, End::TimeIsOver) && start.elapsed() < Duration::from_secs(30));
        assert_eq!(log, "begins\n");
    }

    #[test]
    fn of_a_long_log_the_middle_is_left_out() {
        let script = "yes 0123456789abcde | head -c 5000000; echo end";
        let (_, log) = shell(script, Duration::from_secs(60));
        assert!(log.starts_with("0123") && log.ends_with("end\n") && log.contains("[...]"));
        assert!(log.len() < 3_000_000);
    }
}
