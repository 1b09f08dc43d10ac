//! Which runs are recorded, and in which files.
//!
//! A process records into a file that no other run has, and the runner gives it its name when the
//! run is over: so two runs at a time leave one whole trace, whoever comes last.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::logger;
use super::suite::{LabTest, short};
use super::wire::{RunOrder, TraceOrder};
use crate::labsync::Failure;
use crate::trace::{self, Header, Recording};

/// What `--trace` and `TRACE` ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tracing {
    pub file: String,
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
        trace::check_place(&path)?;
        let place = Place::new(path);
        trace::create(Path::new(&place.unfinished))?;
        // An empty file that stays is no harm.
        let _ = std::fs::remove_file(&place.unfinished);
        Ok(())
    }

    /// Where one run is recorded.
    pub fn place(&self, test: &str, seed: u64) -> Place {
        Place::new(self.path(test, seed))
    }
}

// ---- in the runner ---------------------------------------------------------------------------

/// A trace's name, and that of the file in which it grows.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub path: PathBuf,
    pub unfinished: String,
}

impl Place {
    fn new(path: PathBuf) -> Place {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let unfinished = format!("{name}.{}-{count}.unfinished", std::process::id());
        let unfinished = path.with_file_name(unfinished).display().to_string();
        Place { path, unfinished }
    }

    pub fn order(&self, at_once: bool) -> TraceOrder {
        TraceOrder { file: self.unfinished.clone(), at_once }
    }

    /// Gives the trace its name; the line of a report about it. `traced` is what its process
    /// said, if it could.
    pub fn finish(&self, traced: Option<&Result<(), String>>) -> String {
        let path = self.path.display().to_string();
        if let Err(error) = std::fs::rename(&self.unfinished, &self.path) {
            return match traced {
                None => "no trace: the process ended before it began one".to_string(),
                Some(Err(problem)) => format!("no trace: {problem}"),
                Some(Ok(())) => format!("no trace: cannot name it {path}: {error}"),
            };
        }
        match traced {
            Some(Ok(())) => format!("trace: {path}"),
            None => format!("trace: {path}    (up to where the process ended)"),
            Some(Err(problem)) => {
                let problem = problem.replace(&self.unfinished, &path);
                format!("no whole trace: {problem}")
            }
        }
    }
}

// ---- in the process of the test ----------------------------------------------------------------

/// Begins to record a run, if that was asked for.
pub(super) fn begin(simulated: bool, test: LabTest, order: &RunOrder) -> Result<(), String> {
    let Some(wanted) = &order.trace else { return Ok(()) };
    logger::hear();
    let header = Header::new(test.name, order.seed, simulated);
    let path = PathBuf::from(&wanted.file);
    trace::begin(Recording { path, header, at_once: wanted.at_once })
}

/// Ends the recording; whether it is whole, if there was one.
pub(super) fn end(after: Duration, failure: Option<&Failure>) -> Option<Result<(), String>> {
    match trace::finish(after, failure) {
        Ok(path) => path.map(|_| Ok(())),
        Err(problem) => Some(Err(problem)),
    }
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
