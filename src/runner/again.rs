//! A failing simulated seed is recorded by itself, in a second run.

use std::path::{Path, PathBuf};

use super::keep::Folder;
use super::options::Options;
use super::output::Sink;
use super::runs::{Run, Runs};
use super::suite::{LabTest, short};
use super::tracing::Tracing;
use crate::trace;

/// Where the traces of failing seeds are put, below the directory in which the tests run: cargo
/// runs them in that of their package.
const FAILED_RUNS: &str = "target/traces";

/// Runs a seed that has failed once more, with a recorder; the line of the report about it. In a
/// process of its own: a failed run may have left anything behind.
pub(super) fn record_again(test: LabTest, first: &Run, suite: &str, options: &Options) -> String {
    let seed = first.record.seed;
    let path = match &options.keep {
        Some(dir) => Folder::of(dir, test.name, seed).trace().map(PathBuf::from),
        None => std::fs::create_dir_all(FAILED_RUNS)
            .map_err(|error| format!("cannot make the directory {FAILED_RUNS}: {error}"))
            .map(|()| Path::new(FAILED_RUNS).join(format!("{}-{seed}.trace", short(test.name)))),
    };
    let path = match path.and_then(|path| trace::check_place(&path).map(|()| path)) {
        Ok(path) => path,
        Err(problem) => return format!("no trace: {problem}"),
    };
    let tracing = Tracing { at_once: true, ..Tracing::to(path.display().to_string()) };
    let options = Options { trace: Some(tracing), keep: None, ..options.clone() };
    let mut runs = Runs::new(suite, test, &options, Sink::Keep);
    let second = runs.run(seed, true);
    let (Some(line), false) = (&second.trace, second.not_begun) else {
        return format!("no trace: {}", second.record.failure.unwrap_or_default());
    };
    match (first.died, second.died) {
        (false, true) => format!(
            "{line}\n(no whole trace: in that second run {})",
            second.record.failure.unwrap_or_default()
        ),
        // Where a process stood when it was ended tells nothing of the run in it.
        (true, true) => line.clone(),
        (false, false) if first.record.is_same_run(&second.record) => line.clone(),
        (died, _) => format!(
            "{line}    (but that second run {}; see\n\
             \x20      make check-determinism T={} SEED={seed})",
            if died {
                "ended by itself: not deterministic, or near a limit"
            } else {
                "went another way: not deterministic"
            },
            short(test.name)
        ),
    }
}
