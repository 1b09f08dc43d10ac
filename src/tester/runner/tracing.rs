//! Which runs are recorded, and in which files; failing simulated seeds are recorded by
//! themselves, in a second run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::options::Options;
use super::record::Record;
use crate::tester::trace::{self, Header, Recording};
use crate::tester::{LabTest, logger};

/// Where the traces of failing seeds are put, below the directory in which the tests run: cargo
/// runs them in that of their package.
const FAILED_RUNS: &str = "target/traces";

/// What `--trace` and `TRACE` ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tracing {
    file: String,
    /// Several runs: each has a file of its own.
    pub each: bool,
    /// Events are not kept back until there is a block of them.
    pub at_once: bool,
}

impl Tracing {
    pub fn to(file: String) -> Tracing {
        Tracing { file, each: false, at_once: false }
    }

    /// The file of one run.
    pub fn path(&self, test: &str, seed: u64) -> PathBuf {
        let file = PathBuf::from(&self.file);
        if !self.each {
            return file;
        }
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        let extension = file.extension().unwrap_or_default().to_string_lossy();
        let dot = if extension.is_empty() { "" } else { "." };
        file.with_file_name(format!("{stem}-{}-{seed}{dot}{extension}", short(test)))
    }

    /// Whether the files can be written, before anything is run.
    pub fn check(&self) -> Result<(), String> {
        let path = self.path("writable", 0);
        let was_there = path.exists();
        trace::create(&path)?;
        if !was_there {
            // An empty file that stays is no harm.
            let _ = std::fs::remove_file(&path);
        }
        Ok(())
    }

    /// The arguments that ask another process for the same.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![format!("--trace={}", self.file)];
        arguments.extend(self.each.then(|| "--trace-each".to_string()));
        arguments.extend(self.at_once.then(|| "--trace-at-once".to_string()));
        arguments
    }
}

fn short(test: &str) -> &str {
    test.strip_prefix("test_").unwrap_or(test)
}

/// Begins to record a run, if that was asked for.
pub(super) fn begin(options: &Options, test: LabTest, seed: u64) -> Result<(), String> {
    let Some(tracing) = &options.trace else { return Ok(()) };
    logger::hear();
    let header = Header {
        test: test.name.to_string(),
        seed,
        simulated: options.simulated,
        crate_version: env!("CARGO_PKG_VERSION").to_string(),
    };
    let path = tracing.path(test.name, seed);
    trace::begin(Recording { path, header, at_once: tracing.at_once })
}

/// The line of a report that says where the trace is, or why there is none.
pub(super) fn line(finished: Result<Option<PathBuf>, String>) -> Option<String> {
    match finished {
        Ok(path) => path.map(|path| format!("trace: {}", path.display())),
        Err(problem) => Some(format!("no whole trace: {problem}")),
    }
}

/// How a simulated run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended<'a> {
    /// With this record.
    With(&'a Record),
    /// Its process died without a record, and this is how.
    Died(&'a str),
}

/// Runs a seed that has failed once more, with a recorder; the line of the report about it.
pub(super) fn record_again(test: &str, seed: u64, options: &Options, first: Ended<'_>) -> String {
    let path = Path::new(FAILED_RUNS).join(format!("{}-{seed}.trace", short(test)));
    match run_again(test, seed, options, &path, first) {
        Ok(true) => format!("trace: {}    (make show-trace F=...)", path.display()),
        Ok(false) => format!(
            "trace: {}    (but that second run went another way: not deterministic; see\n\
             \x20      make check-determinism T={} SEED={seed})",
            path.display(),
            short(test)
        ),
        Err(problem) => format!("no trace: {problem}"),
    }
}

/// Whether the second run was like the first. In a process of its own: a failed run may have
/// left anything behind.
fn run_again(
    test: &str,
    seed: u64,
    options: &Options,
    path: &Path,
    first: Ended<'_>,
) -> Result<bool, String> {
    std::fs::create_dir_all(FAILED_RUNS).map_err(|error| format!("{FAILED_RUNS}: {error}"))?;
    let tracing = Tracing { at_once: true, ..Tracing::to(path.display().to_string()) };
    let mut command = child(test, options).map_err(|error| error.to_string())?;
    command.args(tracing.arguments()).args(["--records", "--sim"]);
    command.arg(format!("--seeds={seed}-{seed}"));
    command.stderr(Stdio::null());
    let output = command.output().map_err(|error| format!("cannot run it again: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let record = printed.lines().find_map(Record::from_line);
    let ending = output.status.to_string();
    let second = record.as_ref().map_or(Ended::Died(&ending), Ended::With);
    Ok(match (first, second) {
        (Ended::With(first), Ended::With(second)) => first.is_same_run(second),
        (first, second) => first == second,
    })
}

/// This program, to run one test as these options say, with nothing from the environment.
pub(super) fn child(test: &str, options: &Options) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--exact", test]).stdin(Stdio::null());
    command.env_remove("SEED").env_remove("SEEDS").env_remove("KERNEL").env_remove("TRACE");
    command.args(options.kernel_name.iter().flat_map(|name| ["--kernel", name]));
    command.args(options.verbose.then_some("--verbose"));
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_runs_have_their_own_files_beside_each_other() {
        let path = |file: &str, each| {
            let tracing = Tracing { each, ..Tracing::to(file.to_string()) };
            tracing.path("test_count_2b", 7).display().to_string()
        };
        assert_eq!(path("a/x.trace", false), "a/x.trace");
        assert_eq!(path("a/x.trace", true), "a/x-count_2b-7.trace");
        assert_eq!(path("a.b/x", true), "a.b/x-count_2b-7");
    }
}
