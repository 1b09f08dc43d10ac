//! Submissions: where they are, and the files that are taken from them: those of `src/raft`, less
//! what is given. Nothing else is looked at, and no link is followed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{hash, scan};

/// Given to students; the harness's own are used.
pub const GIVEN: [&str; 3] = ["persister.rs", "rpc.rs", "view.rs"];
const MOST_FILES: usize = 300;
const MOST_BYTES: u64 = 4 << 20;
const MOST_DEPTH: usize = 8;

/// A folder that was handed in.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The folder's name.
    pub name: String,
    pub folder: PathBuf,
}

/// What was taken from it.
pub struct Sources {
    /// By their paths below `src/raft`, in order.
    pub files: Vec<(PathBuf, String)>,
    /// What a teacher may want to know.
    pub notes: Vec<String>,
}

/// The folder as a submission, whatever is in it.
pub fn one(folder: &Path) -> Result<Submission, String> {
    let there = folder.canonicalize();
    let folder = there.map_err(|error| format!("there is no folder {folder:?}: {error}"))?;
    if !folder.is_dir() {
        return Err(format!("{} is a file, not a folder: unpack it first", folder.display()));
    }
    Ok(Submission { name: name_of(&folder), folder })
}

fn name_of(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default();
    name.to_string_lossy().replace(char::is_control, "?")
}

/// Those in `folder`: itself, if it is one, or each folder in it.
pub fn find(folder: &Path) -> Result<Vec<Submission>, String> {
    let Submission { name, folder } = one(folder)?;
    // A project, even if its Raft is missing, is one; so is src/raft alone.
    if ["src", "Cargo.toml", "mod.rs"].iter().any(|part| folder.join(part).exists()) {
        return Ok(vec![Submission { name, folder }]);
    }
    let mut all = Vec::new();
    let cannot = |error| format!("cannot read {}: {error}", folder.display());
    for entry in fs::read_dir(&folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let inner = entry.path();
        if is_of_a_system(&inner) {
            continue;
        }
        // A link to a folder is nobody's submission, and an archive has to be unpacked.
        if entry.file_type().map_err(cannot)?.is_dir() {
            all.push(Submission { name: name_of(&inner), folder: inner });
        } else {
            eprintln!(
                "grading: {} is not a folder, so it is not graded; unpack archives",
                inner.display()
            );
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    if all.is_empty() {
        return Err(format!(
            "{} has neither src/raft/mod.rs nor folders of submissions in it: \
             make grade DIR=submissions/",
            folder.display()
        ));
    }
    Ok(all)
}

/// The folder with mod.rs: `src/raft` of a project, that of the only folder in it (as archives
/// have it), or the folder itself.
fn raft_of(folder: &Path) -> Option<PathBuf> {
    let has_raft = |raft: &Path| is_plain(&raft.join("mod.rs"), false);
    let in_project = |project: &Path| {
        let (src, raft) = (project.join("src"), project.join("src/raft"));
        (is_plain(&src, true) && is_plain(&raft, true) && has_raft(&raft)).then_some(raft)
    };
    let only = || {
        let all = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
        let mut folders = all.filter(|path| is_plain(path, true) && !is_of_a_system(path));
        folders.next().filter(|_| folders.next().is_none())
    };
    let itself = || has_raft(folder).then(|| folder.to_path_buf());
    in_project(folder).or_else(itself).or_else(|| in_project(&only()?))
}

/// What systems put beside a student's files: `.DS_Store`, `._mod.rs`, `__MACOSX`.
fn is_of_a_system(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name == "__MACOSX"
}

/// Whether it is there, as a folder or a file, and not by a link.
fn is_plain(path: &Path, folder: bool) -> bool {
    let kind = fs::symlink_metadata(path).map(|about| about.file_type());
    kind.is_ok_and(|kind| if folder { kind.is_dir() } else { kind.is_file() })
}

impl Submission {
    /// Reads what is taken; an error says what is wrong with it.
    pub fn sources(&self) -> Result<Sources, String> {
        let raft = raft_of(&self.folder).ok_or("it has no src/raft/mod.rs")?;
        let mut sources = Sources { files: Vec::new(), notes: Vec::new() };
        let mut bytes = 0;
        sources.take_folder(&raft, Path::new(""), &mut bytes)?;
        sources.files.sort();
        // What unit tests use is their business, and they are not built.
        let alone = scan::tests_alone(&sources.files);
        sources.files.retain(|(path, _)| !alone.contains(path));
        Ok(sources)
    }
}

impl Sources {
    fn take_folder(&mut self, raft: &Path, inside: &Path, bytes: &mut u64) -> Result<(), String> {
        let cannot = |error| format!("cannot read src/raft/{}: {error}", inside.display());
        if inside.components().count() > MOST_DEPTH {
            return Err(format!("src/raft/{} is nested too deep", inside.display()));
        }
        for entry in fs::read_dir(raft.join(inside)).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let path = inside.join(entry.file_name());
            let shown = format!("src/raft/{}", path.display());
            let kind = entry.file_type().map_err(cannot)?;
            let is_rust = path.extension().is_some_and(|extension| extension == "rs");
            if is_of_a_system(&path) {
                continue;
            } else if path.to_str().is_none_or(|name| name.chars().any(char::is_control)) {
                return Err(format!("{shown:?} is not a name for a Rust file"));
            } else if kind.is_dir() {
                self.take_folder(raft, &path, bytes)?;
            } else if !is_rust {
                self.notes.push(format!("{shown} is not a Rust file, and was left out"));
            } else if !kind.is_file() {
                return Err(format!("{shown} is a link or a device; only files are taken"));
            } else if !GIVEN.iter().any(|given| path == Path::new(given)) {
                let size = entry.metadata().map_err(cannot)?.len();
                *bytes += size;
                if *bytes > MOST_BYTES || self.files.len() >= MOST_FILES {
                    let mb = MOST_BYTES >> 20;
                    return Err(format!("src/raft has more than {MOST_FILES} files or {mb} MB"));
                }
                let text = fs::read(entry.path()).map_err(cannot)?;
                let text = String::from_utf8(text).map_err(|_| format!("{shown} is not UTF-8"))?;
                self.files.push((path, text));
            }
        }
        Ok(())
    }

    pub fn hash(&self) -> String {
        let texts = self.files.iter().flat_map(|(path, text)| {
            [path.to_str().expect("names were looked at").as_bytes(), text.as_bytes()]
        });
        hash::of(&texts.collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "// text\n").unwrap();
    }

    fn only(root: &Path) -> Result<Vec<String>, String> {
        let found = find(root).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let files = found[0].sources()?.files.into_iter();
        Ok(files.map(|(path, _)| path.display().to_string()).collect())
    }

    #[test]
    fn only_src_raft_is_taken_less_what_is_given() {
        let root = tempfile::tempdir().unwrap();
        for file in [
            "src/raft/mod.rs",
            "src/raft/rpc.rs",
            "src/raft/view.rs",
            "src/raft/persister.rs",
            "src/raft/inner/rpc.rs",
            "src/raft/notes.txt",
            "build.rs",
            "Cargo.toml",
            "src/lib.rs",
            ".cargo/config.toml",
        ] {
            write(root.path(), file);
        }
        assert_eq!(only(root.path()), Ok(vec!["inner/rpc.rs".to_string(), "mod.rs".to_string()]));
    }

    #[test]
    fn what_a_system_adds_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        for file in ["ann/lab/src/raft/mod.rs", "ann/lab/src/raft/.DS_Store", "ann/__MACOSX/x"] {
            write(root.path(), file);
        }
        fs::write(root.path().join("ann/lab/src/raft/._mod.rs"), [0xff]).unwrap();
        fs::create_dir(root.path().join(".git")).unwrap();
        fs::write(root.path().join("bea.zip"), "PK").unwrap();
        assert_eq!(only(root.path()), Ok(vec!["mod.rs".to_string()]));
        assert!(find(&root.path().join("bea.zip")).unwrap_err().contains("unpack it first"));
    }

    #[test]
    fn links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "a/src/raft/mod.rs");
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("a/src/raft/x.rs")).unwrap();
        assert!(only(root.path()).unwrap_err().contains("x.rs is a link"));
        let other = tempfile::tempdir().unwrap();
        fs::create_dir(other.path().join("b")).unwrap();
        let linked = root.path().join("a/src");
        std::os::unix::fs::symlink(linked, other.path().join("b/src")).unwrap();
        assert_eq!(only(other.path()), Err("it has no src/raft/mod.rs".to_string()));
    }

    #[test]
    fn folders_of_submissions_are_told_from_one() {
        let root = tempfile::tempdir().unwrap();
        assert!(find(root.path()).unwrap_err().contains("make grade DIR="));
        write(root.path(), "ann/raft-lab/src/raft/mod.rs");
        assert_eq!(find(root.path()).unwrap()[0].name, "ann");
        assert!(find(&root.path().join("nowhere")).unwrap_err().contains("no folder"));
        write(root.path(), "bea/src/raft/mod.rs");
        write(root.path(), "cem/mod.rs");
        write(root.path(), "dan/readme.txt");
        let found = find(root.path()).unwrap();
        let problems: Vec<bool> = found.iter().map(|one| one.sources().is_err()).collect();
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["ann", "bea", "cem", "dan"]);
        assert_eq!(problems, [false, false, false, true]);
        assert_eq!(find(&root.path().join("bea")).unwrap()[0].name, "bea");
    }

    #[test]
    fn the_hash_knows_names_from_texts() {
        let sources = |path: &str, text: &str| Sources {
            files: vec![(PathBuf::from(path), text.to_string())],
            notes: Vec::new(),
        };
        assert_eq!(sources("a", "bc").hash(), sources("a", "bc").hash());
        assert_ne!(sources("a", "bc").hash(), sources("ab", "c").hash());
    }
}
