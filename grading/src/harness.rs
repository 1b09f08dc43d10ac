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
use crate::sandbox::{Toolchain, write};
use crate::scheme::Suite;

const SUITES: [Suite; 3] = [Suite::Raft, Suite::Figure2, Suite::Nemesis];
/// Time for the first build, dependencies included.
const FIRST_BUILD: Duration = Duration::from_secs(3600);

const EXPORT: Duration = Duration::from_secs(600);
/// How many lines are shown of what went wrong.
const MOST_LINES: usize = 40;

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
        expect(&mut command, &log, EXPORT, "the export of the lab")?;
        let version = format!("{:?}", rustc_version()?);
        let hash = hash::of(&[&hash_of_files(&export)?, &version])[..16].to_string();
        let folder = work.join(format!("harness-{hash}"));
        let mut harness =
            Harness { referees: BTreeMap::new(), tests: BTreeMap::new(), folder, hash, toolchain };
        let tree = harness.folder.join("tree");
        copy_whole(&export, &tree)?;
        let built = harness.folder.join("built");
        if !built.exists() {
            eprintln!("grading: building the harness {} (this takes minutes, once)", harness.hash);
        }
        let log = harness.folder.join("build.log");
        let mut command = harness.cargo(&mut Command::new("cargo"), &tree);
        let said = expect(&mut command, &log, FIRST_BUILD, "the build of the harness")?;
        write(&built, b"")?;
        for suite in SUITES {
            let program = program_of(&said, suite).ok_or_else(|| {
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

/// Runs it, and returns what it said; all else is an error with the words of it.
fn expect(
    command: &mut Command,
    log: &Path,
    limit: Duration,
    what: &str,
) -> Result<String, String> {
    let end = process::run(command, log, Limit::of_time(limit)).map(|(end, _)| end);
    let said = process::read_log(log);
    let shown = || format!("{}\nall of it: {}", in_words(&said), log.display());
    match end {
        Ok(End::Ended(status)) if status.success() => Ok(said),
        Ok(End::Ended(status)) => Err(format!("{what} fails ({status}):\n{}", shown())),
        Ok(End::TimeIsOver | End::MemoryIsOver) => {
            Err(format!("{what} takes longer than {limit:?}:\n{}", shown()))
        }
        Err(error) => Err(format!("{what} cannot be run: {error}")),
    }
}

/// What was said to people: of cargo's JSON the errors as it would have printed them.
fn in_words(said: &str) -> String {
    let words = said.lines().filter_map(|line| {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else {
            return Some(line.to_string());
        };
        if !value.is_object() {
            return Some(line.to_string());
        }
        let is_error = value["message"]["level"] == "error";
        Some(value["message"]["rendered"].as_str().filter(|_| is_error)?.trim_end().to_string())
    });
    let words = words.collect::<Vec<_>>().join("\n");
    let more = words.lines().count().saturating_sub(MOST_LINES);
    let shown = words.lines().take(MOST_LINES).collect::<Vec<_>>().join("\n");
    if more == 0 { shown } else { format!("{shown}\n[{more} lines more]") }
}

fn rustc_version() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("cannot run rustc: {error}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The tests of a Part that a program has.
fn list(program: &Path) -> Result<Vec<String>, String> {
    let name = program.display();
    // Nothing of the environment: SEED, JOBS or ORACLE there are for other programs.
    let output = Command::new(program).arg("--list").env_clear().output();
    let output = output.map_err(|error| format!("cannot run {name}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{name} --list fails ({}):\n{}", output.status, in_words(&said)));
    }
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

/// Copies it unless that is done already; whoever is cut off leaves nothing under its name.
fn copy_whole(from: &Path, to: &Path) -> Result<(), String> {
    if to.is_dir() {
        return Ok(());
    }
    let half = to.with_extension("half");
    let _ = fs::remove_dir_all(&half); // it need not be there
    copy_folder(from, &half)?;
    fs::rename(&half, to).map_err(|error| format!("cannot make {}: {error}", to.display()))
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
    fn of_a_build_that_fails_the_compilers_words_are_shown() {
        let line = |level: &str, text: &str| {
            format!(
                "{{\"reason\":\"compiler-message\",\"message\":{{\"level\":\"{level}\",\
                 \"rendered\":\"{text}\\n\"}}}}\n"
            )
        };
        let artifact = "{\"reason\":\"compiler-artifact\",\"message\":null}\n";
        let said =
            [artifact, &line("warning", "w"), &line("error", "E1\\n at a.rs"), "cargo: no\n42"];
        assert_eq!(in_words(&said.concat()), "E1\n at a.rs\ncargo: no\n42");
        let long = in_words(&"x\n".repeat(100));
        assert!(long.ends_with("x\n[60 lines more]") && long.lines().count() == 41);
    }

    #[test]
    fn half_a_copy_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("tree"));
        fs::create_dir_all(from.join("a")).unwrap();
        fs::create_dir_all(to.with_extension("half").join("cut off")).unwrap();
        fs::write(from.join("a/b"), "text").unwrap();
        copy_whole(&from, &to).unwrap();
        assert!(to.join("a/b").exists() && !to.join("cut off").exists());
        assert!(!to.with_extension("half").exists());
        fs::write(to.join("a/b"), "other").unwrap();
        copy_whole(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("a/b")).unwrap(), "other");
    }

    #[test]
    fn tests_are_listed_whatever_the_environment_says() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        let script = |text: &str| {
            write(&program, format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
            crate::sandbox::set_mode(&program, 0o755).unwrap();
            list(&program)
        };
        // HOME is in the environment of this test, as JOBS may be in make's.
        let listed = script("[ -z \"$HOME\" ] && printf 'test_a_2a: test\\nother: test\\n'");
        assert_eq!(listed, Ok(vec!["test_a_2a".to_string()]));
        let problem = script("echo 'JOBS=0 is no number' >&2; exit 2").unwrap_err();
        assert!(problem.contains("JOBS=0 is no number"), "{problem}");
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
