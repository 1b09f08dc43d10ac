//! A submission's sources, laid over the harness and built.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::harness::{BUILD, Harness, PROFILE, program_of};
use crate::process::{self, End, Limit};
use crate::sandbox::Guard;
use crate::scheme::Suite;
use crate::submission::{GIVEN, Sources};

/// How many of the compiler's errors are shown.
const MOST_ERRORS: usize = 5;
const SUITES: [Suite; 3] = [Suite::Raft, Suite::Figure2, Suite::Nemesis];

/// What came of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Build {
    Done(BTreeMap<Suite, PathBuf>),
    /// It does not compile; the compiler's errors.
    Wrong(String),
    /// It was ended at a limit: which.
    Stopped(String),
}

/// The place in which one worker builds.
pub struct Bench<'a> {
    pub harness: &'a Harness,
    pub folder: PathBuf,
    pub guard: Guard,
    pub limit: Limit,
}

impl Bench<'_> {
    /// Builds the suites around these sources.
    pub fn build(&self, sources: &Sources, log: &Path) -> Result<Build, String> {
        self.harness.copy_for(&self.folder)?;
        let (tree, target) = (self.folder.join("tree"), self.folder.join("target"));
        self.lay(&tree.join("src/raft"), sources)?;
        forget_builds(&target)?;
        let mut command = self.guard.compiler(&self.harness.toolchain, &tree, &target);
        command.args(BUILD).arg("--offline").envs(PROFILE);
        let end = process::run(&mut command, log, self.limit);
        let said = process::read_log(log);
        let (end, _) = end.map_err(|error| format!("cannot run cargo: {error}"))?;
        match end {
            End::TimeIsOver => {
                let seconds = self.limit.computed.as_secs();
                Ok(Build::Stopped(format!("the build did not end in {seconds} s")))
            }
            End::MemoryIsOver => {
                let mb = self.limit.memory_mb;
                Ok(Build::Stopped(format!("the build took more than {mb} MB of memory")))
            }
            End::Ended(status) if status.success() => {
                let program = |suite| program_of(&said, suite).map(|program| (suite, program));
                let programs: Option<BTreeMap<_, _>> = SUITES.into_iter().map(program).collect();
                programs.map(Build::Done).ok_or_else(|| "cargo names no programs".to_string())
            }
            End::Ended(_) => match errors(&said) {
                errors if errors.is_empty() => Err(format!("the build fails:\n{}", said.trim())),
                errors => Ok(Build::Wrong(errors)),
            },
        }
    }

    /// The given files, and the submission's.
    fn lay(&self, raft: &Path, sources: &Sources) -> Result<(), String> {
        let cannot = |error| format!("cannot write {}: {error}", raft.display());
        if raft.exists() {
            fs::remove_dir_all(raft).map_err(cannot)?;
        }
        fs::create_dir_all(raft).map_err(cannot)?;
        for given in GIVEN {
            let from = self.harness.folder.join("tree/src/raft").join(given);
            fs::copy(from, raft.join(given)).map_err(cannot)?;
        }
        for (path, text) in &sources.files {
            let file = raft.join(path);
            fs::create_dir_all(file.parent().unwrap_or(raft)).map_err(cannot)?;
            fs::write(file, text).map_err(cannot)?;
        }
        Ok(())
    }
}

/// Whatever was built for another submission is built anew, whatever the files' times say.
fn forget_builds(target: &Path) -> Result<(), String> {
    let known = target.join("debug/.fingerprint");
    for entry in fs::read_dir(&known).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("raft-lab-") {
            fs::remove_dir_all(entry.path())
                .map_err(|error| format!("cannot delete {}: {error}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// The compiler's errors, from what cargo says.
fn errors(said: &str) -> String {
    let lines = said.lines().filter_map(|line| serde_json::from_str(line).ok());
    let errors = lines.filter_map(|line: serde_json::Value| {
        let message = &line["message"];
        let is_error = message["level"] == "error" && !message["spans"].as_array()?.is_empty();
        is_error.then(|| message["rendered"].as_str().unwrap_or_default().to_string())
    });
    let mut all: Vec<String> = Vec::new();
    errors.for_each(|error| {
        // Each program that is built says it again.
        if !all.contains(&error) {
            all.push(error);
        }
    });
    let more = all.len().saturating_sub(MOST_ERRORS);
    all.truncate(MOST_ERRORS);
    if more > 0 {
        all.push(format!("and {more} errors more\n"));
    }
    all.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_with_a_place_are_shown_once() {
        let line = |level: &str, text: &str| {
            let spans = "[{\"line_start\":1}]";
            format!(
                "{{\"reason\":\"compiler-message\",\"message\":{{\"level\":\"{level}\",\
                 \"rendered\":\"{text}\",\"spans\":{spans}}}}}\n"
            )
        };
        let said = [line("warning", "w"), line("error", "e"), line("error", "e")].concat();
        assert_eq!(errors(&said), "e");
        let many: String = (0..7).map(|i| line("error", &format!("e{i}"))).collect();
        assert!(errors(&many).ends_with("e4\nand 2 errors more\n"));
        assert_eq!(errors("cargo: no"), "");
    }
}
