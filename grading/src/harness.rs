//! The harness that submissions are graded by: a fresh export (what students get), built once.
//!
//! Its runner, built around the skeleton of Raft that students begin with, is the referee: it gives
//! orders to the processes of a submission, and has none of the submission's code in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::hash;
use crate::process::{self, End, Limit};
use crate::sandbox::Toolchain;
use crate::scheme::Suite;

const SUITES: [Suite; 3] = [Suite::Raft, Suite::Figure2, Suite::Nemesis];
/// Time for the first build, dependencies included.
const FIRST_BUILD: Duration = Duration::from_secs(3600);

/// A harness that is built.
pub struct Harness {
    /// The folder with `tree` and `target`.
    pub folder: PathBuf,
    /// Of all its files.
    pub hash: String,
    /// The referee of each suite.
    pub referees: BTreeMap<Suite, PathBuf>,
    /// The tests of each suite that can be graded.
    pub tests: BTreeMap<Suite, Vec<String>>,
    pub toolchain: Toolchain,
}

impl Harness {
    /// Exports the lab at `root`, and builds it below `work` unless that is done already.
    pub fn prepare(root: &Path, work: &Path) -> Result<Harness, String> {
        let toolchain = Toolchain::find()?;
        let fresh = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
        let export = fresh.path().join("lab");
        let log = fresh.path().join("log");
        let mut command = Command::new(root.join("starter/export.sh"));
        command.env("DIR", &export);
        expect(&mut command, &log, Duration::from_secs(600), "the export of the lab")?;
        let version = format!("{:?}", rustc_version()?);
        let hash = hash::of(&[&hash_of_files(&export)?, &version])[..16].to_string();
        let folder = work.join(format!("harness-{hash}"));
        let mut harness =
            Harness { referees: BTreeMap::new(), tests: BTreeMap::new(), folder, hash, toolchain };
        let tree = harness.folder.join("tree");
        if !tree.is_dir() {
            copy_folder(&export, &tree)?;
        }
        eprintln!("grading: building the harness {} (this takes minutes, once)", harness.hash);
        let log = harness.folder.join("build.log");
        let mut command = harness.cargo(&mut Command::new("cargo"), &tree);
        let built = expect(&mut command, &log, FIRST_BUILD, "the build of the harness")?;
        for suite in SUITES {
            let program = program_of(&built, suite).ok_or_else(|| {
                format!("the build of the harness made no {}, see {}", suite.name(), log.display())
            })?;
            harness.tests.insert(suite, list(&program)?);
            harness.referees.insert(suite, program);
        }
        Ok(harness)
    }

    fn cargo(&self, command: &mut Command, tree: &Path) -> Command {
        let mut cargo = Command::new(command.get_program());
        cargo.args(BUILD).current_dir(tree).env("CARGO_TARGET_DIR", self.folder.join("target"));
        // The first build may need crates from the registry; those of submissions may not.
        for name in ["HOME", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            if let Some(value) = std::env::var_os(name) {
                cargo.env(name, value);
            }
        }
        cargo.envs(PROFILE);
        cargo
    }

    /// A copy of tree and target for one worker, which builds submissions there.
    pub fn copy_for(&self, worker: &Path) -> Result<(), String> {
        let mark = worker.join("harness");
        if fs::read_to_string(&mark).is_ok_and(|hash| hash == self.hash) {
            return Ok(());
        }
        let _ = fs::remove_dir_all(worker); // it need not be there
        copy_folder(&self.folder.join("tree"), &worker.join("tree"))?;
        copy_folder(&self.folder.join("target"), &worker.join("target"))?;
        fs::write(&mark, &self.hash).map_err(|error| format!("cannot write {mark:?}: {error}"))
    }
}

/// How the suites are built, by cargo.
pub const BUILD: [&str; 8] = [
    "build",
    "--message-format",
    "json",
    "--test",
    "raft",
    "--test=figure2",
    "--test=nemesis",
    "--quiet",
];
/// The compiler's time counts more than that of the tests.
pub const PROFILE: [(&str, &str); 3] = [
    ("CARGO_PROFILE_DEV_DEBUG", "false"),
    ("CARGO_PROFILE_DEV_OPT_LEVEL", "1"),
    ("CARGO_TERM_COLOR", "never"),
];

/// The program of a suite, from what cargo says of a build.
pub fn program_of(said: &str, suite: Suite) -> Option<PathBuf> {
    let lines = said.lines().filter_map(|line| serde_json::from_str(line).ok());
    let mut programs = lines.filter_map(|line: serde_json::Value| {
        let is_it = line["reason"] == "compiler-artifact" && line["target"]["name"] == suite.name();
        Some(PathBuf::from(line["executable"].as_str().filter(|_| is_it)?))
    });
    programs.next_back()
}

/// Runs it, and returns what it said; all else is an error with the end of what it said.
fn expect(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    what: &str,
) -> Result<String, String> {
    let end = process::run(command, log, Limit::of_time(limit)).map(|(end, _)| end);
    let said = process::read_log(log);
    let last = || said.lines().rev().take(20).collect::<Vec<_>>();
    let shown = || last().into_iter().rev().collect::<Vec<_>>().join("\n");
    match end {
        Ok(End::Ended(status)) if status.success() => Ok(said),
        Ok(End::Ended(status)) => Err(format!("{what} fails ({status}):\n{}", shown())),
        Ok(End::TimeIsOver | End::MemoryIsOver) => {
            Err(format!("{what} takes longer than {limit:?}:\n{}", shown()))
        }
        Err(error) => Err(format!("{what} cannot be run: {error}")),
    }
}

fn rustc_version() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("cannot run rustc: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The tests of a Part that a program has.
fn list(program: &Path) -> Result<Vec<String>, String> {
    let output = Command::new(program).arg("--list").output();
    let output = output.map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    let of_a_part =
        |name: &&str| ["_2a", "_2b", "_2c", "_2d"].iter().any(|part| name.ends_with(part));
    Ok(names.filter(of_a_part).map(str::to_string).collect())
}

fn hash_of_files(folder: &Path) -> Result<String, String> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for file in files(folder)? {
        // It names the version in words; the files tell it better. And no program is made of pages.
        let is_page = file.extension().is_some_and(|extension| extension == "md");
        if file != Path::new(".raft-lab") && !is_page {
            let cannot = |error| format!("cannot read {}: {error}", file.display());
            parts.push(fs::read(folder.join(&file)).map_err(cannot)?);
            parts.push(file.into_os_string().into_encoded_bytes());
        }
    }
    Ok(hash::of(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

/// All files below it, in order, by their paths from there.
fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut all = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inside) = open.pop() {
        let cannot = |error| format!("cannot read {}: {error}", folder.join(&inside).display());
        for entry in fs::read_dir(folder.join(&inside)).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let path = inside.join(entry.file_name());
            let is_folder = entry.file_type().map_err(cannot)?.is_dir();
            if is_folder { open.push(path) } else { all.push(path) }
        }
    }
    all.sort();
    Ok(all)
}

/// Copies it with the times of its files, by which cargo knows what is built.
fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    let what = || format!("cannot copy {} to {}", from.display(), to.display());
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", what()))?;
    let status = Command::new("cp").arg("-a").arg(from.join(".")).arg(to).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{}: {status}", what())),
        Err(error) => Err(format!("{}: {error}", what())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_suite_is_the_last_that_cargo_names() {
        let line = |name: &str, program: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"target\":{{\"name\":\"{name}\"}},\
                 \"executable\":{program}}}\n"
            )
        };
        let said = format!(
            "words\n{}{}{}{{\"reason\":\"build-finished\"}}\n",
            line("raft", "\"/x/raft-1\""),
            line("raft", "null"),
            line("nemesis", "\"/x/nemesis-1\"")
        );
        assert_eq!(program_of(&said, Suite::Raft), Some(PathBuf::from("/x/raft-1")));
        assert_eq!(program_of(&said, Suite::Figure2), None);
    }

    #[test]
    fn the_hash_is_of_names_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("a")).unwrap();
        fs::write(folder.path().join("a/b"), "text").unwrap();
        let first = hash_of_files(folder.path()).unwrap();
        fs::write(folder.path().join(".raft-lab"), "version").unwrap();
        fs::write(folder.path().join("a/page.md"), "words").unwrap();
        assert_eq!(hash_of_files(folder.path()).unwrap(), first);
        fs::rename(folder.path().join("a/b"), folder.path().join("a/c")).unwrap();
        assert_ne!(hash_of_files(folder.path()).unwrap(), first);
    }
}
