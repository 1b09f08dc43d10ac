//! Runs of the runner, and what they leave behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use raftlab::labsync::{Instant, thread};
use serde_json::Value;

/// What a run of the runner said.
pub struct Said {
    pub code: Option<i32>,
    pub text: String,
    pub errors: String,
    pub after: Duration,
}

/// This program as a suite of hostile tests, with nothing of the environment.
pub fn hostile(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("a test has a program"));
    for name in ["SEED", "SEEDS", "TRACE", "KERNEL", "VERBOSE", "JOBS", "ORACLE"] {
        command.env_remove(name);
    }
    command.env("HOSTILE", "1").args(arguments).stdin(Stdio::null());
    command
}

/// Runs the command to its end.
pub fn run(command: &mut Command) -> Said {
    let start = Instant::now();
    let output = command.output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said {
        code: output.status.code(),
        text: text(&output.stdout),
        errors: text(&output.stderr),
        after: start.elapsed(),
    }
}

impl Said {
    /// All of the words must be there, wherever their lines are broken.
    #[track_caller]
    pub fn says(&self, words: &[&str]) {
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let all = flat(&self.text);
        for word in words {
            let short = |line: &str| line.chars().take(200).collect::<String>();
            let lines = self.text.lines().filter(|line| !line.starts_with("yyy"));
            let shown: Vec<_> = lines.map(short).take(100).collect();
            let (shown, errors) = (shown.join("\n"), &self.errors);
            assert!(all.contains(&flat(word)), "{word:?} is missing in:\n{shown}\n{errors}");
        }
    }

    /// None of the words may be there.
    #[track_caller]
    pub fn does_not_say(&self, words: &[&str]) {
        for word in words {
            let all = format!("{}\n{}", self.text, self.errors);
            assert!(!all.contains(word), "{word:?} is in:\n{all}");
        }
    }
}

/// A number that no other process's command line has.
pub fn marker() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    // No zero at the end: it is a number of seconds as well.
    format!("70.{}{count}1", std::process::id())
}

/// The command lines with these words, of processes that are still there.
pub fn processes(marker: &str) -> Vec<String> {
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    all.filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(marker))
        .collect()
}

/// Soon no process has the marker in its command line.
#[track_caller]
pub fn all_end(marker: &str) {
    let left = || processes(marker);
    poll(|| left().is_empty(), || format!("these are left: {:?}", left()));
}

/// Waits until that is so, for some seconds.
#[track_caller]
pub fn poll(is_so: impl Fn() -> bool, or_else: impl Fn() -> String) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "{}", or_else());
        thread::sleep(Duration::from_millis(20));
    }
}

/// The file is a trace with a verdict at its end.
#[track_caller]
pub fn is_whole_trace(path: &Path) {
    let text = fs::read_to_string(path).expect("it is there, and text");
    let line = |line| serde_json::from_str::<Value>(line).expect("each line is JSON");
    let lines: Vec<Value> = text.lines().map(line).collect();
    assert!(lines[0]["trace"].is_u64(), "{}", lines[0]);
    assert_eq!(lines[lines.len() - 1]["event"], "verdict");
}

/// A directory that only this test has, removed in the end.
pub struct Directory(pub PathBuf);

impl Directory {
    pub fn new() -> Directory {
        let path = std::env::temp_dir().join(format!("raft-lab-runner-{}", marker()));
        fs::create_dir_all(&path).expect("it can be made");
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
