//! A column of the table: a suite, run over some seeds until its first failure.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::json;

/// The exit code of a suite with failed tests.
const FAILED: i32 = 101;

/// Which tests are run, and how.
pub struct Column {
    pub name: &'static str,
    /// The suite's name, as `cargo test --test` knows it.
    pub suite: &'static str,
    /// Whether the tester's oracle watches.
    pub oracle: bool,
    /// How many seeds, unless the command line says otherwise.
    pub seeds: u64,
    /// What it is, for the table's reader.
    pub about: &'static str,
}

/// All columns, in the table's order.
pub const COLUMNS: [Column; 4] = [
    Column {
        name: "lab",
        suite: "raft",
        oracle: false,
        seeds: 3,
        about: "the lab's 28 tests alone, as a student runs them, without the oracle",
    },
    Column {
        name: "figure2",
        suite: "figure2",
        oracle: false,
        seeds: 3,
        about: "the tests that play the other servers, one for each rule of Figures 2 and 13",
    },
    Column {
        name: "oracle",
        suite: "raft",
        oracle: true,
        seeds: 3,
        about: "the lab's tests again, watched by the oracle, which checks the properties of \
                Figure 3 at every step",
    },
    Column {
        name: "nemesis",
        suite: "nemesis",
        oracle: true,
        seeds: 20,
        about: "random faults that the lab's network never makes, with the oracle",
    },
];

/// What came of a column.
pub enum Verdict {
    /// A test failed.
    Caught(Catch),
    /// All passed.
    Missed { cpu_s: f64 },
    /// It was not over in time, and no test had failed by then.
    GaveUp { after: Duration },
    /// The repository has no such suite.
    NoSuite,
}

/// The first failure.
pub struct Catch {
    pub suite: &'static str,
    pub test: String,
    pub seed: u64,
    /// When in the run.
    pub virtual_s: f64,
    /// The processor time of all runs until then.
    pub cpu_s: f64,
    pub failure: String,
}

/// Runs `program`, the column's suite, with the seeds from 1 on.
pub fn run(
    column: &Column,
    program: &Path,
    seeds: u64,
    limit: Duration,
    report: &Path,
) -> Result<Verdict, String> {
    let problem = |what: String| format!("the column {} cannot be run: {what}", column.name);
    // That of the run before would be believed.
    let _ = fs::remove_file(report);
    let mut command = Command::new(program);
    command.args([
        "--sim",
        "--kernel=coro",
        "--stop-at-first",
        "--terse",
        &format!("--seeds=1-{seeds}"),
    ]);
    command.arg("--report").arg(report);
    for name in ["SEED", "SEEDS", "KERNEL", "JOBS", "VERBOSE"] {
        command.env_remove(name);
    }
    command.env("ORACLE", if column.oracle { "on" } else { "off" });
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().map_err(|error| problem(error.to_string()))?;
    let Some(code) = wait(child, limit).map_err(problem)? else {
        return Ok(Verdict::GaveUp { after: limit });
    };
    let text = fs::read_to_string(report)
        .map_err(|error| problem(format!("exit code {code}, and its report: {error}")))?;
    let runs: Option<Vec<json::Run>> = text.lines().map(json::parse).collect();
    let runs = runs.ok_or_else(|| problem("its report cannot be read".to_string()))?;
    let cpu_s = runs.iter().map(|run| run.cpu_s).sum();
    match (code, runs.into_iter().find(|run| run.failure.is_some())) {
        (0, None) => Ok(Verdict::Missed { cpu_s }),
        (FAILED, Some(json::Run { test, seed, virtual_s, failure: Some(failure), .. })) => {
            let suite = column.suite;
            Ok(Verdict::Caught(Catch { suite, test, seed, virtual_s, cpu_s, failure }))
        }
        _ => Err(problem(format!("its exit code {code} does not go with its report"))),
    }
}

/// The exit code, or `None` if the limit has passed.
fn wait(mut child: Child, limit: Duration) -> Result<Option<i32>, String> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return status.code().map(Some).ok_or_else(|| format!("it ended with {status}"));
        }
        if start.elapsed() > limit {
            end(&mut child).map_err(|error| format!("cannot end it: {error}"))?;
            return Ok(None);
        }
        sleep(Duration::from_millis(5));
    }
}

/// Ends a suite, and the processes in which it runs its tests.
fn end(child: &mut Child) -> std::io::Result<()> {
    let listed = Command::new("pgrep").args(["-P", &child.id().to_string()]).output()?;
    child.kill()?;
    child.wait()?;
    let ids = String::from_utf8_lossy(&listed.stdout).into_owned();
    // Some may have ended meanwhile, and `kill` says so: there is nothing left to do then.
    Command::new("kill")
        .arg("-KILL")
        .args(ids.split_whitespace())
        .stderr(Stdio::null())
        .status()?;
    Ok(())
}
