//! The report of many runs: a line of JSON for each, written as the runs end, so that a sweep that
//! is cut off leaves what it has found; and put in order when all are over.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use super::suite::LabTest;
use serde::Deserialize;

use super::board::Booked;

/// What of a line tells which run it was, and how it ended.
#[derive(Deserialize)]
struct Ended {
    suite: String,
    test: String,
    seed: u64,
    failure: Option<String>,
}

/// The seeds of each of these tests at which it has failed, by its place among them, according to a
/// report: in the order of the report.
///
/// # Errors
/// If it cannot be read, or a line of it is none of a report; the message says which.
pub(super) fn failed_in(
    path: &str,
    suite: &str,
    tests: &[LabTest],
) -> Result<Vec<(usize, u64)>, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read the report {path}: {error}"))?;
    let mut failed = Vec::new();
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let ended: Ended = match serde_json::from_str(line) {
            Ok(ended) => ended,
            Err(_) if !line.ends_with('\n') => break, // of a sweep that was killed
            Err(error) => {
                return Err(format!(
                    "{path}:{number}: no line of a report as this version of the lab writes it \
                     ({error}): run the sweep again without RERUN=1"
                ));
            }
        };
        let place = tests.iter().position(|test| test.name == ended.test);
        if let Some(place) = place.filter(|_| ended.suite == suite && ended.failure.is_some()) {
            failed.push((place, ended.seed));
        }
    }
    Ok(failed)
}

/// A report that grows.
pub(super) struct Report {
    file: Option<(String, File)>,
    /// The first error; nothing is written after it.
    problem: Option<String>,
}

impl Report {
    /// Makes the file, if one is asked for.
    ///
    /// # Errors
    /// If it cannot be made; the message names it.
    pub fn begin(path: Option<&str>) -> Result<Report, String> {
        let file = path.map(|path| match create(path) {
            Ok(file) => Ok((path.to_string(), file)),
            Err(error) => Err(cannot_write(path, &error)),
        });
        Ok(Report { file: file.transpose()?, problem: None })
    }

    /// Writes a line.
    pub fn add(&mut self, suite: &str, run: &Booked) {
        let Some((path, file)) = self.file.as_mut().filter(|_| self.problem.is_none()) else {
            return;
        };
        // In one piece, so that whoever reads meanwhile finds whole lines.
        if let Err(error) = file.write_all(run.to_json(suite).as_bytes()) {
            self.problem = Some(cannot_write(path, &error));
        }
    }

    /// Writes all lines anew: the seeds in order, the tests in the suite's.
    ///
    /// # Errors
    /// If not all of it could be written, now or before.
    pub fn finish(&self, suite: &str, tests: &[LabTest], runs: &[Booked]) -> Result<(), String> {
        let Some((path, _)) = &self.file else { return Ok(()) };
        let mut ordered: Vec<_> = runs.iter().collect();
        let place = |name: &str| tests.iter().position(|test| test.name == name);
        ordered.sort_by_key(|run| (run.record.seed, place(run.test)));
        let lines: String = ordered.iter().map(|run| run.to_json(suite)).collect();
        fs::write(path, lines).map_err(|error| cannot_write(path, &error))?;
        self.problem.clone().map_or(Ok(()), Err)
    }
}

fn cannot_write(path: &str, error: &std::io::Error) -> String {
    format!("cannot write the report {path}: {error}")
}

/// A new file, with the folder that it is in: `target/` may be elsewhere (CARGO_TARGET_DIR).
fn create(path: &str) -> std::io::Result<File> {
    if let Some(folder) = Path::new(path).parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)
}
