//! No circles: within a room of `src/` no two files need each other, not even by way of others. So
//! each room can be read from the ground up, file by file.
//!
//! A file needs those that its paths name (`super::log::Log`, `crate::state::Line`). A `mod.rs` may
//! hand on what its files have (`pub use`), as long as they do not take it from there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::{files, read};

/// A module by its path within its room; the room itself is empty.
type Module = Vec<String>;

/// The files of a room, with what each needs.
type Needs = BTreeMap<Module, BTreeSet<Module>>;

/// The words of a program that matter for paths: names, `::`, braces and commas.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut in_name = false;
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for c in line.chars().chain([' ']) {
            let is_name = c.is_alphanumeric() || c == '_';
            let goes_on = (is_name && in_name)
                || (c == ':' && words.last().is_some_and(|word| word == ":") && !in_name);
            in_name = is_name;
            match words.last_mut().filter(|_| goes_on) {
                Some(word) => word.push(c),
                None if c == ' ' => {}
                None => words.push(c.to_string()),
            }
        }
    }
    words
}

/// The paths that begin at `at`, which is behind `before`: several if there are braces. Where they
/// end.
fn path(words: &[String], mut at: usize, before: &[String], found: &mut Vec<Module>) -> usize {
    let mut path = before.to_vec();
    while let Some(word) = words.get(at) {
        if word == "{" && !path.is_empty() {
            at += 1;
            while words.get(at).is_some_and(|word| word != "}") {
                at = path_or_comma(words, at, &path, found);
            }
            return at + 1;
        }
        path.push(word.clone());
        at += 1;
        if words.get(at).is_none_or(|word| word != "::") {
            break;
        }
        at += 1;
    }
    found.push(path);
    at
}

fn path_or_comma(words: &[String], at: usize, before: &[String], found: &mut Vec<Module>) -> usize {
    if words[at] == "," { at + 1 } else { path(words, at, before, found) }
}

/// All paths of more than one name; but for those of the tests within the file.
fn paths_in(text: &str) -> Vec<Module> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let words = words(text);
    let mut found = Vec::new();
    for at in (0..words.len()).filter(|&at| words.get(at + 1).is_some_and(|word| word == "::")) {
        if at == 0 || words[at - 1] != "::" {
            path(&words, at, &[], &mut found);
        }
    }
    found
}

/// The module of the room that a path in `module` ends in, if it ends in one.
fn ends_in(
    path: &[String],
    module: &Module,
    room: &str,
    modules: &BTreeSet<Module>,
) -> Option<Module> {
    let mut here = module.clone();
    let mut names = path.iter().map(String::as_str).peekable();
    match *names.peek()? {
        "crate" if modules.contains(&vec!["lib".to_string()]) => here.clear(),
        "crate" if path.get(1).is_some_and(|name| name == room) => {
            here.clear();
            names.next();
        }
        "super" => {
            here.pop();
        }
        "self" => {}
        child if modules.contains(&[&here[..], &[child.to_string()]].concat()) => {
            here.push(child.to_string());
        }
        _ => return None,
    }
    names.next();
    for name in names {
        let child = [&here[..], &[name.to_string()]].concat();
        match name {
            "super" => drop(here.pop()),
            _ if modules.contains(&child) => here = child,
            _ => break,
        }
    }
    Some(here)
}

/// What a file may need although it needs that file: the room, the files, and why.
const ALLOWED: &[(&str, &str, &str, &str)] = &[(
    "raft",
    "rpc",
    "",
    "service() hands messages to Raft; students are given both, the messages and it, in one file",
)];

/// What the files of a room need of each other; each with its text.
fn needs(room: &str, texts: &BTreeMap<Module, String>) -> Needs {
    let modules: BTreeSet<Module> = texts.keys().cloned().collect();
    let of = |module: &Module, text: &str| -> BTreeSet<Module> {
        let ends = paths_in(text).into_iter();
        let ends = ends.filter_map(|path| ends_in(&path, module, room, &modules));
        let is_allowed = |needed: &Module| {
            let (module, needed) = (module.join("/"), needed.join("/"));
            ALLOWED.iter().any(|&(of, from, to, _)| (of, from, to) == (room, &*module, &*needed))
        };
        ends.filter(|needed| needed != module && !is_allowed(needed)).collect()
    };
    texts.iter().map(|(module, text)| (module.clone(), of(module, text))).collect()
}

/// The files of each circle.
fn circles(needs: &Needs) -> BTreeSet<BTreeSet<Module>> {
    let reached = |from: &Module| {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Module> = needs.get(from).into_iter().flatten().collect();
        while let Some(module) = open.pop() {
            if reached.insert(module.clone()) {
                open.extend(needs.get(module).into_iter().flatten());
            }
        }
        reached
    };
    let reached: BTreeMap<&Module, _> =
        needs.keys().map(|module| (module, reached(module))).collect();
    let of = |module: &Module| -> BTreeSet<Module> {
        let back = |other: &&Module| reached.get(other).is_some_and(|it| it.contains(module));
        reached[module].iter().filter(back).cloned().collect()
    };
    needs.keys().map(of).filter(|circle| !circle.is_empty()).collect()
}

/// The files of a room, without those of its tests.
fn room_in(folder: &str) -> BTreeMap<Module, String> {
    let mut texts = BTreeMap::new();
    for file in files(Path::new(folder), "rs") {
        let inside =
            file.trim_start_matches(folder).trim_start_matches('/').trim_end_matches(".rs");
        let mut module: Module = inside.split('/').map(str::to_string).collect();
        if module.iter().any(|name| name.ends_with("tests")) {
            continue;
        }
        module.pop_if(|name| name == "mod");
        texts.insert(module, read(&file));
    }
    // The root of a crate has its files' names before it as `mod.rs` has.
    if let Some(root) = texts.get(&vec!["lib".to_string()]).cloned() {
        texts.insert(Vec::new(), root);
    }
    texts
}

#[test]
fn no_two_files_of_a_room_need_each_other() {
    let mut found = Vec::new();
    let folders = std::fs::read_dir("src").expect("src is there").flatten();
    let rooms: Vec<_> = folders.filter(|entry| entry.path().is_dir()).collect();
    assert!(rooms.len() > 5, "the rooms of src: {rooms:?}");
    for room in rooms {
        let room = room.file_name().into_string().expect("a plain name");
        let texts = room_in(&format!("src/{room}"));
        for circle in circles(&needs(&room, &texts)) {
            let name = |module: &Module| match module.is_empty() {
                true => "mod".to_string(),
                false => module.join("/"),
            };
            let names: Vec<String> = circle.iter().map(name).collect();
            found.push(format!("src/{room}: {}", names.join(", ")));
        }
    }
    super::check("these files need each other: move what both need to a file below", &found);
}

#[test]
fn a_circle_is_found_and_none_is_invented() {
    let room = |files: &[(&str, &str)]| -> Vec<String> {
        let module = |name: &str| -> Module {
            name.split('/').filter(|name| !name.is_empty()).map(str::to_string).collect()
        };
        let texts = files.iter().map(|(name, text)| (module(name), text.to_string())).collect();
        let circles = circles(&needs("room", &texts));
        circles.iter().flatten().map(|module| module.join("/")).collect()
    };
    let (a, b) = (("a", "use super::b::{B, C};"), ("b", "use super::a;"));
    assert_eq!(room(&[a, b]), ["a", "b"]);
    assert_eq!(room(&[a, ("b", "let x = crate::room::a::f();")]), ["a", "b"]);
    assert_eq!(
        room(&[a, ("b", "use super::{c, d};"), ("c", "use super::{d, a};")]),
        ["a", "b", "c"]
    );
    assert_eq!(room(&[a, ("b", "// use super::a;\nuse std::a;")]), [] as [&str; 0]);
    assert_eq!(
        room(&[a, ("b", "#[cfg(test)]\nmod tests {\nuse super::super::a;")]),
        [] as [&str; 0]
    );
    // A parent that hands on what its children have, and is asked for it by one of them, or not.
    let parent = ("", "mod a; mod b;\npub use self::b::B;");
    assert_eq!(room(&[parent, a, ("b", "")]), [] as [&str; 0]);
    assert_eq!(room(&[parent, a, ("b", "use super::Other;")]), ["", "b"]);
    let deep = ("a/c", "use super::super::b;");
    assert_eq!(room(&[("a", "mod c;"), deep, ("b", "use super::a::c::X;")]), ["a/c", "b"]);
}
