//! Files, by their paths in the repository.

use std::fs;
use std::path::Path;

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The handbook's.
pub fn pages() -> Vec<String> {
    let mut pages = files(Path::new("docs"), "md");
    pages.extend(["README.md", "CONTRIBUTING.md"].map(ToString::to_string));
    pages
}

/// All files below `dir` with that extension, in order.
pub fn files(dir: &Path, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(dir)).unwrap_or_else(|e| panic!("{dir:?}: {e}"));
    let mut found = Vec::new();
    for entry in entries {
        let path = dir.join(entry.expect("a directory can be listed").file_name());
        if root().join(&path).is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort();
    found
}
