//! Where submissions' programs are while they run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::set_mode;

/// What the folders are called, with the number of the process that grades.
const STAGING: &str = "raft-lab-grading-";

/// Not below this user's home, where another cannot go.
pub fn staging() -> PathBuf {
    std::env::temp_dir().join(format!("{STAGING}{}", std::process::id()))
}

/// A fresh folder below `base`, for the programs and logs of a submission.
pub fn stage(base: &Path, name: &str) -> Result<PathBuf, String> {
    let folder = base.join(name);
    let _ = fs::remove_dir_all(&folder); // it need not be there
    fs::create_dir_all(&folder).map_err(|error| format!("cannot make {folder:?}: {error}"))?;
    // Another user must get there.
    set_mode(base, 0o711)?;
    set_mode(&folder, 0o711)?;
    Ok(folder)
}

/// Deletes in `folder` what gradings have left that were cut off.
pub fn clear_leftovers(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(STAGING)?.parse().ok());
        let is_gone = |process: u32| !Path::new("/proc").join(process.to_string()).exists();
        if Path::new("/proc/self").exists() && process.is_some_and(is_gone) {
            let _ = fs::remove_dir_all(entry.path()); // it may be another user's
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_grading_that_was_cut_off_has_left_is_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let names = [gone.id(), std::process::id()].map(|id| format!("{STAGING}{id}"));
        let other = "raft-lab-grading-notes".to_string();
        for name in names.iter().chain([&other]) {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        clear_leftovers(folder.path());
        let is_there = |name: &String| folder.path().join(name).exists();
        assert!(!is_there(&names[0]) && is_there(&names[1]) && is_there(&other));
    }
}
