//! A copy of the repository under `target/mutants/`, in which the bench is built: the repository
//! itself is never touched. Copy and build stay from time to time, so that only what has changed is
//! built again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::plant::{self, Files};

/// What is no part of the copy; `src/raft` is the bench's own.
const LEFT_OUT: [&str; 5] = ["target", ".git", "mutants", "variants", "src/raft"];

pub struct Scratch {
    tree: PathBuf,
    target: PathBuf,
}

/// Programs by the name of their suite.
pub type Suites = BTreeMap<String, PathBuf>;

/// What came of a build.
pub enum Build {
    Done(Suites),
    /// These Rafts do not compile, each with its first error.
    Wrong(Vec<(String, String)>),
}

impl Scratch {
    /// Copies the repository at `root`, or what has changed since the last time. The bench with
    /// all Rafts and one with some are built in places of their own: neither undoes the other.
    pub fn copy_of(root: &Path, whole: bool) -> Result<Scratch, String> {
        let folder = root.join("target/mutants").join(if whole { "all" } else { "some" });
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        let top = Path::new("");
        let copied = drop_leftovers(root, &tree, top).and_then(|()| copy_folder(root, &tree, top));
        copied.map_err(|error| format!("cannot copy the tree to {}: {error}", tree.display()))?;
        Ok(Scratch { tree, target })
    }

    /// A folder in which patches are applied.
    pub fn planting_folder(&self) -> PathBuf {
        self.target.with_file_name("planting")
    }

    /// A file for the reports of one of the workers.
    pub fn report_file(&self, worker: usize) -> PathBuf {
        self.target.with_file_name(format!("report-{worker}.json"))
    }

    /// A file for the trace of a run.
    pub fn trace_file(&self) -> PathBuf {
        self.target.with_file_name("output.trace")
    }

    /// Keeps a text for the reader; the file's path.
    pub fn keep(&self, name: &str, text: &str) -> Result<String, String> {
        let file = self.target.with_file_name(name);
        let path = file.display().to_string();
        fs::write(&file, text).map_err(|error| format!("cannot write {path}: {error}"))?;
        Ok(path)
    }

    /// Builds those of the `suites` that the repository has, around the Rafts of `bench`.
    pub fn build(&self, bench: &Files, rafts: &[&str], suites: &[&str]) -> Result<Build, String> {
        let raft = self.tree.join("src/raft");
        plant::drop_others(&raft, bench)?;
        plant::write_folder(&raft, bench)?;
        let mut command = Command::new("cargo");
        command.args(["test", "--no-run", "--color", "never"]);
        for suite in suites.iter().filter(|suite| self.has_suite(suite)) {
            command.args(["--test", suite]);
        }
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        for (setting, value) in PROFILE {
            command.env(setting, value);
        }
        let output = command.output().map_err(|error| format!("cannot run cargo: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            let programs = said.lines().filter_map(program_in).map(|(suite, program)| {
                let program = self.tree.join(program); // no change if it is absolute
                (suite, program)
            });
            return Ok(Build::Done(programs.collect()));
        }
        let errors = errors(&said);
        let mut wrong = Vec::new();
        for (file, error) in &errors {
            if let Some(raft) = plant::raft_at(file, rafts.iter().copied())
                && !wrong.iter().any(|(name, _)| name == raft)
            {
                wrong.push((raft.to_string(), plant::as_in_place(error, raft)));
            }
        }
        match errors.first() {
            _ if !wrong.is_empty() => Ok(Build::Wrong(wrong)),
            Some((_, error)) => Err(format!("the bench does not compile:\n{error}")),
            None => Err(format!("the bench does not compile:\n{}", said.trim())),
        }
    }

    fn has_suite(&self, suite: &str) -> bool {
        let tests = self.tree.join("tests");
        tests.join(suite).is_dir() || tests.join(format!("{suite}.rs")).is_file()
    }
}

/// How the bench is built: most of it never runs, so that the compiler's time counts more. Sums
/// that overflow are bugs to be caught; the standard library's own assertions only cost time.
const PROFILE: [(&str, &str); 4] = [
    ("CARGO_PROFILE_DEV_DEBUG", "false"),
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "1"),
    ("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false"),
    ("CARGO_PROFILE_DEV_OVERFLOW_CHECKS", "true"),
];

/// From a line such as `  Executable tests/raft/main.rs (target/debug/deps/raft-0123abcd)`.
fn program_in(line: &str) -> Option<(String, PathBuf)> {
    let line = line.trim().strip_prefix("Executable ")?;
    let program = PathBuf::from(line.split_once('(')?.1.strip_suffix(')')?);
    let suite = program.file_name()?.to_str()?.rsplit_once('-')?.0.to_string();
    Some((suite, program))
}

/// The errors that name a place, with its file.
fn errors(said: &str) -> Vec<(String, String)> {
    let mut errors = Vec::new();
    for block in said.split("\n\n").map(str::trim_start).filter(|block| block.starts_with("error"))
    {
        let place = block.lines().find_map(|line| line.trim_start().strip_prefix("--> "));
        if let Some((file, _)) = place.and_then(|place| place.split_once(':')) {
            errors.push((file.to_string(), block.to_string()));
        }
    }
    errors
}

/// Copies what is in `inside` of `root`.
fn copy_folder(root: &Path, copy: &Path, inside: &Path) -> io::Result<()> {
    fs::create_dir_all(copy.join(inside))?;
    for entry in fs::read_dir(root.join(inside))? {
        let entry = entry?;
        let path = inside.join(entry.file_name());
        if LEFT_OUT.iter().any(|left_out| path == Path::new(left_out)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_folder(root, copy, &path)?;
            continue;
        }
        let content = fs::read(entry.path())?;
        // An unchanged file keeps its time, and cargo builds nothing anew.
        if fs::read(copy.join(&path)).ok().as_ref() != Some(&content) {
            fs::write(copy.join(&path), content)?;
        }
    }
    Ok(())
}

/// Deletes from the copy what the original no longer has.
fn drop_leftovers(root: &Path, copy: &Path, inside: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(copy.join(inside)) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = inside.join(entry.file_name());
        if LEFT_OUT.iter().any(|left_out| path == Path::new(left_out)) {
            continue;
        }
        let original = root.join(&path);
        match (entry.file_type()?.is_dir(), original.is_dir(), original.exists()) {
            (true, true, _) => drop_leftovers(root, copy, &path)?,
            (true, false, _) => fs::remove_dir_all(entry.path())?,
            (false, false, true) => {}
            (false, ..) => fs::remove_file(entry.path())?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_known_by_their_suites() {
        let line = "  Executable tests/raft/main.rs (/x/debug/deps/raft-1e47d3a70f3edf58)";
        let program = PathBuf::from("/x/debug/deps/raft-1e47d3a70f3edf58");
        assert_eq!(program_in(line), Some(("raft".to_string(), program)));
        assert_eq!(program_in("    Finished `test` profile (x)"), None);
    }

    #[test]
    fn errors_are_known_by_their_files() {
        let said = "warning: x\n --> y.rs:1:1\n\nerror[E1]: wrong\n --> a.rs:7:1\n  |\n7 | x\n\n\
                    error: no place\n\nerror: could not compile\n";
        let error = "error[E1]: wrong\n --> a.rs:7:1\n  |\n7 | x".to_string();
        assert_eq!(errors(said), [("a.rs".to_string(), error)]);
    }
}
