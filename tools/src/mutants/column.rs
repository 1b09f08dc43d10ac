//! A column of the table: suites, run over some seeds until the first failure.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::plant;
use crate::scratch::Suites;

/// The exit code of a suite with failed tests.
const FAILED: i32 = 101;

/// Which tests are run, and how.
pub struct Column {
    pub name: &'static str,
    /// The suites in their order, as `cargo test --test` knows them, each with how many seeds are
    /// run unless the command line says otherwise.
    pub suites: &'static [(&'static str, u64)],
    /// What the tester's oracle does: `ORACLE` in the environment.
    pub oracle: &'static str,
    /// What it is, for the table's reader.
    pub about: &'static str,
}

/// All columns, in the table's order.
pub const COLUMNS: [Column; 5] = [
    Column {
        name: "lab",
        suites: &[("raft", 4)],
        oracle: "off",
        about: "the lab's 28 tests alone, as a student runs them, without the oracle",
    },
    Column {
        name: "figure2",
        suites: &[("figure2", 3)],
        oracle: "off",
        about: "the tests that play the other servers, one for each rule of Figures 2 and 13",
    },
    Column {
        name: "oracle",
        suites: &[("raft", 4)],
        oracle: "on",
        about: "the lab's tests again, watched by the oracle, which checks the properties of \
                Figure 3 at every step",
    },
    Column {
        name: "nemesis",
        suites: &[("nemesis", 100)],
        oracle: "on",
        about: "random faults that the lab's network never makes, with the oracle",
    },
    Column {
        name: "no-view",
        suites: &[("raft", 4), ("nemesis", 100)],
        oracle: "blind",
        about: "the lab's tests and the random faults, with an oracle that sees the network, the \
                disks and what is applied, but no View",
    },
];

/// In which order a student meets them: first what tells most of the cause.
const MET: [&str; 5] = ["figure2", "oracle", "nemesis", "lab", "no-view"];

/// What became of one run: a line of a suite's report (`--report`).
#[derive(Deserialize)]
struct Run {
    test: String,
    seed: u64,
    virtual_s: f64,
    cpu_s: f64,
    /// The test whose failure this one follows from.
    follows: Option<String>,
    /// `None` if it passed. That of the test which it follows from, if it does.
    failure: Option<String>,
}

/// What came of a column.
pub enum Verdict {
    /// A test failed.
    Caught(Catch),
    /// All passed.
    Missed { cpu_s: f64 },
    /// It was not over in time, and no test had failed by then.
    GaveUp { after: Duration },
    /// The repository has no such suite, or no such oracle.
    NotThere,
    /// Another column had caught the bug, and that was enough.
    Skipped,
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

/// A right Raft may take this many times as long as a bug: it must pass, not fail once.
const TIME_OF_THE_RIGHT: u32 = 10;

/// How a column is run.
pub struct Bench<'a> {
    pub suites: &'a Suites,
    /// How many seeds, if the command line says.
    pub seeds: Option<u64>,
    /// How long a suite may take.
    pub limit: Duration,
    /// Whether a bug is done with the first column that catches it.
    pub until_caught: bool,
}

impl Column {
    /// Its place in the order in which a student meets them.
    pub fn place(&self) -> usize {
        MET.iter().position(|name| *name == self.name).unwrap_or(MET.len())
    }

    /// Runs the column with the Raft of that name, with the seeds from 1 on. All runs of a right Raft
    /// come to their end: it has more time, and fewer seeds where time counts.
    pub fn run(
        &self,
        bench: &Bench,
        raft: &str,
        is_right: bool,
        report: &Path,
    ) -> Result<Verdict, String> {
        let mut cost = 0.0;
        for &(suite, seeds) in self.suites {
            let Some(program) = bench.suites.get(suite) else { return Ok(Verdict::NotThere) };
            if !self.oracle_exists(program) {
                return Ok(Verdict::NotThere);
            }
            let mut command = self.command(program, raft);
            let most = match suite {
                _ if !is_right || !bench.until_caught => u64::MAX,
                "raft" => 1,
                _ => 10,
            };
            let limit = bench.limit * if is_right { TIME_OF_THE_RIGHT } else { 1 };
            let seeds = bench.seeds.unwrap_or(seeds).min(most);
            command.arg(format!("--seeds=1-{seeds}")).arg("--report").arg(report);
            match first_failure(suite, raft, command, limit, report) {
                Ok(Verdict::Missed { cpu_s }) => cost += cpu_s,
                Ok(Verdict::Caught(mut catch)) => {
                    catch.cpu_s += cost;
                    return Ok(Verdict::Caught(catch));
                }
                Ok(other) => return Ok(other),
                Err(what) => {
                    return Err(format!("the column {} cannot be run: {what}", self.name));
                }
            }
        }
        Ok(Verdict::Missed { cpu_s: cost })
    }

    fn command(&self, program: &Path, raft: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["--sim", "--stop-at-first", "--terse"]);
        for name in ["SEED", "SEEDS", "KERNEL", "JOBS", "VERBOSE", "TRACE"] {
            command.env_remove(name);
        }
        command.env("ORACLE", self.oracle).env("RAFT", raft);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Whether the suites know this oracle: they refuse a word that they do not know.
    fn oracle_exists(&self, program: &Path) -> bool {
        ["on", "off"].contains(&self.oracle)
            || self
                .command(program, plant::REFERENCE)
                .arg("--list")
                .status()
                .is_ok_and(|status| status.success())
    }
}

fn first_failure(
    suite: &'static str,
    raft: &str,
    mut command: Command,
    limit: Duration,
    report: &Path,
) -> Result<Verdict, String> {
    // That of the run before would be believed.
    let _ = fs::remove_file(report);
    let child = command.spawn().map_err(|error| error.to_string())?;
    let Some(code) = wait(child, limit)? else { return Ok(Verdict::GaveUp { after: limit }) };
    let text = fs::read_to_string(report)
        .map_err(|error| format!("exit code {code}, and its report: {error}"))?;
    let runs = text.lines().map(serde_json::from_str).collect::<Result<Vec<Run>, _>>();
    let runs = runs.map_err(|error| format!("its report cannot be read: {error}"))?;
    let cpu_s = runs.iter().map(|run| run.cpu_s).sum();
    match (code, runs.into_iter().find(|run| run.failure.is_some())) {
        (0, None) => Ok(Verdict::Missed { cpu_s }),
        (FAILED, Some(Run { test, follows, seed, virtual_s, failure: Some(failure), .. })) => {
            // What is shown is the test that explains it.
            let test = follows.unwrap_or(test);
            let failure = plant::as_in_place(&failure, raft);
            Ok(Verdict::Caught(Catch { suite, test, seed, virtual_s, cpu_s, failure }))
        }
        _ => Err(format!("its exit code {code} does not go with its report")),
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
