//! A copy of the repository under `target/mutants/`, in which the bugs are planted and built: the
//! repository itself is never touched. The build's directory stays from bug to bug, so that each
//! costs a few seconds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::patch::Patch;

/// What is no part of the copy.
const LEFT_OUT: [&str; 3] = ["target", ".git", "mutants"];

pub struct Scratch {
    root: PathBuf,
    tree: PathBuf,
    target: PathBuf,
}

/// Programs by the name of their suite.
pub type Suites = BTreeMap<String, PathBuf>;

impl Scratch {
    /// Copies the repository at `root`, or what has changed since the last time.
    pub fn copy_of(root: &Path) -> Result<Scratch, String> {
        let folder = root.join("target/mutants");
        let (tree, target) = (folder.join("tree"), folder.join("target"));
        let copied = drop_leftovers(root, &tree).and_then(|()| copy_folder(root, &tree, true));
        copied.map_err(|error| format!("cannot copy the tree to {}: {error}", tree.display()))?;
        Ok(Scratch { root: root.to_path_buf(), tree, target })
    }

    /// A file for a suite's report.
    pub fn report_file(&self) -> PathBuf {
        self.target.join("report.json")
    }

    /// Where the whole messages of all bugs are kept.
    pub fn details_file(&self) -> PathBuf {
        self.target.with_file_name("details.txt")
    }

    /// Keeps them.
    pub fn write_details(&self, details: &str) -> Result<(), String> {
        let file = self.details_file();
        fs::write(&file, details)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))
    }

    /// Plants the bug.
    pub fn apply(&self, patch: &Patch) -> Result<(), String> {
        let output = Command::new("git")
            .args(["apply", "--whitespace=nowarn"])
            .arg(&patch.file)
            .current_dir(&self.tree)
            // Not to the repository around the copy, of which git would otherwise think.
            .env("GIT_CEILING_DIRECTORIES", self.tree.parent().unwrap_or(&self.tree))
            .output()
            .map_err(|error| format!("cannot run git: {error}"))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("does not apply: {}", said.lines().next().unwrap_or("git says nothing")))
    }

    /// Removes the bug again.
    pub fn revert(&self, patch: &Patch) -> Result<(), String> {
        for file in &patch.changes {
            fs::copy(self.root.join(file), self.tree.join(file))
                .map_err(|error| format!("cannot restore {}: {error}", file.display()))?;
        }
        Ok(())
    }

    /// Builds those of the suites that the repository has.
    pub fn build(&self, suites: &[&str]) -> Result<Suites, String> {
        let mut command = Command::new("cargo");
        command.args(["test", "--no-run", "--features", "coro", "--color", "never"]);
        for suite in suites.iter().filter(|suite| self.has_suite(suite)) {
            command.args(["--test", suite]);
        }
        command.current_dir(&self.tree).env("CARGO_TARGET_DIR", &self.target);
        let output = command.output().map_err(|error| format!("cannot run cargo: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("does not compile:\n{}", first_error(&said)));
        }
        let programs = said.lines().filter_map(program_in).map(|(suite, program)| {
            let program = self.tree.join(program); // no change if it is absolute
            (suite, program)
        });
        Ok(programs.collect())
    }

    fn has_suite(&self, suite: &str) -> bool {
        let tests = self.tree.join("tests");
        tests.join(suite).is_dir() || tests.join(format!("{suite}.rs")).is_file()
    }
}

/// From a line such as `  Executable tests/raft/main.rs (target/debug/deps/raft-0123abcd)`.
fn program_in(line: &str) -> Option<(String, PathBuf)> {
    let line = line.trim().strip_prefix("Executable ")?;
    let program = PathBuf::from(line.split_once('(')?.1.strip_suffix(')')?);
    let suite = program.file_name()?.to_str()?.rsplit_once('-')?.0.to_string();
    Some((suite, program))
}

fn first_error(said: &str) -> String {
    let from = said.lines().skip_while(|line| !line.starts_with("error"));
    let lines: Vec<&str> = from.take_while(|line| !line.is_empty()).collect();
    if lines.is_empty() { said.trim().to_string() } else { lines.join("\n") }
}

fn copy_folder(from: &Path, to: &Path, top: bool) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if top && LEFT_OUT.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_folder(&source, &copy, false)?;
            continue;
        }
        let content = fs::read(&source)?;
        // An unchanged file keeps its time, and cargo builds nothing anew.
        if fs::read(&copy).ok().as_ref() != Some(&content) {
            fs::write(&copy, content)?;
        }
    }
    Ok(())
}

/// Deletes from the copy what the original no longer has.
fn drop_leftovers(from: &Path, copy: &Path) -> io::Result<()> {
    let Ok(entries) = fs::read_dir(copy) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let original = from.join(entry.file_name());
        match (entry.file_type()?.is_dir(), original.is_dir(), original.exists()) {
            (true, true, _) => drop_leftovers(&original, &entry.path())?,
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
    fn the_first_error_is_shown_and_no_more() {
        let said = "warning: x\n\nerror[E1]: wrong\n --> a.rs\n\nerror: could not compile\n";
        assert_eq!(first_error(said), "error[E1]: wrong\n --> a.rs");
        assert_eq!(first_error("killed\n"), "killed");
    }
}
