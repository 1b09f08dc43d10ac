//! Failed runs that are kept (`--keep DIR`), each in a folder of its own: `failure.txt` (what the
//! run printed, and the report), `run.trace` (all that happened), `about.txt` (which sources it
//! ran on).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::suite::short;

/// The trace in a folder.
const TRACE: &str = "run.trace";

/// The folder of one run.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn of(dir: &str, test: &str, seed: u64) -> Folder {
        Folder(Path::new(dir).join(format!("{}-{seed}", short(test))))
    }

    /// The place of its trace; the folder is there then.
    ///
    /// # Errors
    /// If it cannot be made; the message names it.
    pub fn trace(&self) -> Result<String, String> {
        fs::create_dir_all(&self.0)
            .map_err(|error| format!("cannot make the directory {}: {error}", self.0.display()))?;
        Ok(self.0.join(TRACE).display().to_string())
    }

    /// The run has passed: nothing of it stays.
    pub fn forget(&self) {
        // The folder may hold what an earlier run has left, and then it stays.
        let _ = fs::remove_file(self.0.join(TRACE));
        let _ = fs::remove_dir(&self.0);
    }

    /// Keeps what is to be said of the run; the line of the report about it.
    pub fn keep(&self, text: &[u8], about: &str) -> String {
        let written = self.trace().and_then(|_| {
            fs::write(self.0.join("failure.txt"), text)
                .and_then(|()| fs::write(self.0.join("about.txt"), about))
                .map_err(|error| error.to_string())
        });
        match written {
            Ok(()) => format!("kept: {}", self.0.display()),
            Err(problem) => format!("not kept in {}: {problem}", self.0.display()),
        }
    }
}

/// Which sources are run, for somebody who finds the folder a year later.
pub(super) fn about() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let args: Vec<String> = std::env::args().skip(1).collect();
    let commit = match git(&["rev-parse", "HEAD"]) {
        None => "no commit: not in a git repository".to_string(),
        Some(commit) => {
            let changed = git(&["status", "--porcelain"]).is_some_and(|text| !text.is_empty());
            format!(
                "commit {commit}{}",
                if changed { ", with changes that are not in it" } else { "" }
            )
        }
    };
    format!("{commit}\noptions: {}\n", args.join(" "))
}
