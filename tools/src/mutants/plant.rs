//! All Rafts of the bench in one program: `src/raft` becomes a facade (`facade.txt`) with a module
//! for each of them, and the environment variable RAFT names the one that runs.
//!
//! A Raft is a folder of files as `src/raft` is one: the reference, the reference with a patch, or
//! a variant. The given files (`rpc.rs`, `persister.rs`, `view.rs`) exist once, in the facade: the
//! tests and all Rafts speak of the same types. In a Raft's module they are stubs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::patch::Patch;

/// The files of a folder, by their paths in it.
pub type Files = BTreeMap<PathBuf, String>;

/// The Raft without a bug.
pub const REFERENCE: &str = "reference";

const FACADE: &str = include_str!("facade.txt");
const GIVEN: [&str; 3] = ["rpc.rs", "persister.rs", "view.rs"];
/// Tests of the reference: they are not compiled for the suites.
const LEFT_OUT: &str = "paper_tests";

/// The name of the module that holds a Raft.
pub fn module_of(raft: &str) -> String {
    format!("raft_{}", raft.replace('-', "_"))
}

/// The name of the Raft in whose module a file of the bench is, if it is in one.
pub fn raft_at<'a>(path: &str, rafts: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let module = path.strip_prefix("src/raft/")?.split('/').next()?;
    rafts.into_iter().find(|raft| module_of(raft) == module)
}

/// A message as it would be if the Raft were in `src/raft` itself.
pub fn as_in_place(message: &str, raft: &str) -> String {
    let module = module_of(raft);
    message
        .replace(&format!("src/raft/{module}/"), "src/raft/")
        .replace(&format!("raft::{module}::"), "raft::")
}

/// The source of the reference.
pub fn reference(root: &Path) -> Result<Files, String> {
    let mut files = read_folder(&root.join("src/raft"))?;
    files.retain(|file, _| !file.starts_with(LEFT_OUT));
    Ok(files)
}

/// The right Rafts of other structure, by their names: the folders of `variants/`.
pub fn variants(root: &Path) -> Result<BTreeMap<String, Files>, String> {
    let folder = root.join("variants");
    let mut variants = BTreeMap::new();
    let Ok(entries) = fs::read_dir(&folder) else { return Ok(variants) };
    for entry in entries {
        let path = entry.map_err(|error| problem(&folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.join("mod.rs").is_file() {
            variants.insert(name, read_folder(&path)?);
        }
    }
    Ok(variants)
}

/// The reference with a bug, planted by `git apply` in `folder`, which is made anew.
pub fn planted(reference: &Files, patch: &Patch, folder: &Path) -> Result<Files, String> {
    for file in &patch.changes {
        let inside = file.strip_prefix("src/raft").ok();
        if inside.is_none_or(|file| GIVEN.iter().any(|given| file == Path::new(given))) {
            return Err(format!(
                "it changes {}: the bench plants bugs in src/raft, and not in the given files",
                file.display()
            ));
        }
    }
    let raft = folder.join("src/raft");
    let _ = fs::remove_dir_all(folder);
    write_folder(&raft, reference)?;
    let output = Command::new("git")
        .args(["apply", "--whitespace=nowarn"])
        .arg(&patch.file)
        .current_dir(folder)
        // Not to the repository around the folder, of which git would otherwise think.
        .env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap_or(folder))
        .output()
        .map_err(|error| format!("cannot run git: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("does not apply: {}", said.lines().next().unwrap_or("git is silent")));
    }
    read_folder(&raft)
}

/// The facade with all `rafts`: what `src/raft` is in the bench.
pub fn bench(reference: &Files, rafts: &BTreeMap<String, Files>) -> Result<Files, String> {
    let missing = |what: &str| format!("src/raft has no {what}: the bench cannot be made");
    let given = |file: &str| reference.get(Path::new(file)).ok_or_else(|| missing(file));
    let apply_msg =
        item(given("mod.rs")?, "pub enum ApplyMsg ").ok_or_else(|| missing("ApplyMsg"))?;
    let service = item(given("rpc.rs")?, "pub fn service(").ok_or_else(|| missing("service()"))?;
    let mut bench = Files::new();
    let line = |raft: &String| format!("    {raft:?} {}\n", module_of(raft));
    // Not from a macro: whatever one of them adds would make all of them new to the compiler.
    let module = |raft: &String| format!("#[allow(warnings)]\nmod {};\n", module_of(raft));
    let facade = FACADE
        .replace("@APPLY_MSG@", apply_msg.trim_end())
        .replace("@MODULES@", &rafts.keys().map(module).collect::<String>())
        .replace("@RAFTS@", &rafts.keys().map(line).collect::<String>());
    bench.insert("mod.rs".into(), facade);
    for file in GIVEN {
        let text = given(file)?;
        // The facade's `service` serves the Raft that was chosen.
        bench.insert(file.into(), text.replace(service, ""));
    }
    for (raft, files) in rafts {
        let module = module_of(raft);
        for (file, text) in files {
            let text = match item(text, "pub enum ApplyMsg ") {
                // As many lines as before: messages name them.
                Some(own) => {
                    let up = if file == Path::new("mod.rs") { "super" } else { "super::super" };
                    let lines = "\n".repeat(own.lines().count());
                    text.replace(own, &format!("pub use {up}::ApplyMsg;{lines}"))
                }
                None => text.clone(),
            };
            let text = text.replace("crate::raft::", &format!("crate::raft::{module}::"));
            bench.insert(Path::new(&module).join(file), text);
        }
        for file in GIVEN {
            bench.insert(Path::new(&module).join(file), stub(file, service));
        }
    }
    Ok(bench)
}

/// What a Raft's module has in place of a given file.
fn stub(file: &str, service: &str) -> String {
    let shared = file.trim_end_matches(".rs");
    let mut text = format!("pub use super::super::{shared}::*;\n");
    if shared == "rpc" {
        text.push_str("use std::sync::Arc;\n\nuse super::Raft;\nuse crate::labrpc::Service;\n\n");
        text.push_str(service);
    }
    text
}

/// The item that begins with `start` at a line's beginning, up to the line `}`, with the comments
/// and attributes before it.
fn item<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    let at = if text.starts_with(start) { 0 } else { text.find(&format!("\n{start}"))? + 1 };
    let end = at + text[at..].find("\n}\n")? + 3;
    let mut begin = at;
    for line in text[..at].rsplit_terminator('\n') {
        if !line.starts_with("///") && !line.starts_with("#[") {
            break;
        }
        begin -= line.len() + 1;
    }
    Some(&text[begin..end])
}

fn read_folder(folder: &Path) -> Result<Files, String> {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).map_err(|error| problem(folder, error))? {
        let path = entry.map_err(|error| problem(folder, error))?.path();
        let name = PathBuf::from(path.file_name().unwrap_or_default());
        if path.is_dir() {
            let inner = read_folder(&path)?;
            files.extend(inner.into_iter().map(|(file, text)| (name.join(file), text)));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(name, fs::read_to_string(&path).map_err(|error| problem(&path, error))?);
        }
    }
    Ok(files)
}

/// Writes the files; one that is there already keeps its time, and cargo builds nothing anew.
pub fn write_folder(folder: &Path, files: &Files) -> Result<(), String> {
    for (file, text) in files {
        let path = folder.join(file);
        if fs::read_to_string(&path).ok().as_ref() == Some(text) {
            continue;
        }
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|error| problem(parent, error))?;
        fs::write(&path, text).map_err(|error| problem(&path, error))?;
    }
    Ok(())
}

/// Deletes from `folder` what is not among the `files`.
pub fn drop_others(folder: &Path, files: &Files) -> Result<(), String> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|error| problem(folder, error))?.path();
        let name = Path::new(path.file_name().unwrap_or_default());
        let removed = match (path.is_dir(), files.contains_key(name)) {
            (true, _) if !files.keys().any(|file| file.starts_with(name)) => {
                fs::remove_dir_all(&path)
            }
            (true, _) => {
                let inner = files.iter().filter_map(|(file, text)| {
                    Some((file.strip_prefix(name).ok()?.to_path_buf(), text.clone()))
                });
                drop_others(&path, &inner.collect())?;
                Ok(())
            }
            (false, true) => Ok(()),
            (false, false) => fs::remove_file(&path),
        };
        removed.map_err(|error| problem(&path, error))?;
    }
    Ok(())
}

fn problem(path: &Path, error: io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOD: &str =
        "mod rpc;\n\n/// What.\n#[derive(Clone)]\npub enum ApplyMsg {\n    A,\n}\n\nstruct B;\n";
    const RPC: &str =
        "pub type Index = u64;\n\n/// Serves.\n#[must_use]\npub fn service(raft: X) {\n    x\n}\n";

    fn files(mod_rs: &str) -> Files {
        let mut files = Files::new();
        for (file, text) in
            [("mod.rs", mod_rs), ("rpc.rs", RPC), ("persister.rs", ""), ("view.rs", "")]
        {
            files.insert(file.into(), text.to_string());
        }
        files
    }

    #[test]
    fn an_item_has_its_comments_and_its_end() {
        let apply_msg = "/// What.\n#[derive(Clone)]\npub enum ApplyMsg {\n    A,\n}\n";
        assert_eq!(item(MOD, "pub enum ApplyMsg "), Some(apply_msg));
        assert_eq!(item(MOD, "pub enum Other "), None);
    }

    #[test]
    fn each_raft_has_its_module_and_the_given_files_are_shared() {
        let reference = files(MOD);
        let mut rafts = BTreeMap::from([(REFERENCE.to_string(), reference.clone())]);
        rafts.insert("a-b".to_string(), files("use crate::raft::rpc::Index;\n"));
        let bench = bench(&reference, &rafts).unwrap();
        let text = |file: &str| bench[Path::new(file)].as_str();
        assert!(text("mod.rs").contains("pub enum ApplyMsg {"));
        assert!(text("mod.rs").contains("\"a-b\" raft_a_b\n"));
        assert_eq!(text("rpc.rs"), "pub type Index = u64;\n\n");
        assert!(text("raft_reference/rpc.rs").contains("pub use super::super::rpc::*;"));
        assert!(text("raft_reference/rpc.rs").ends_with("pub fn service(raft: X) {\n    x\n}\n"));
        let own = text("raft_reference/mod.rs");
        assert_eq!(own, "mod rpc;\n\npub use super::ApplyMsg;\n\n\n\n\n\nstruct B;\n");
        assert_eq!(text("raft_a_b/mod.rs"), "use crate::raft::raft_a_b::rpc::Index;\n");
    }

    #[test]
    fn files_and_messages_tell_whose_they_are() {
        let rafts = ["a-b", "c"];
        assert_eq!(raft_at("src/raft/raft_a_b/log.rs", rafts), Some("a-b"));
        assert_eq!(raft_at("src/raft/rpc.rs", rafts), None);
        assert_eq!(raft_at("src/tester/config.rs", rafts), None);
        assert_eq!(as_in_place("at src/raft/raft_a_b/log.rs:7", "a-b"), "at src/raft/log.rs:7");
    }
}
