//! What no Raft needs, found in the text: files, processes, the network, the harness, other files
//! taken in, unsafe code. It says so before anything runs.
//!
//! The text is read as the compiler does, in tokens, so that neither comments nor strings count.
//! To use something of `std` or of the harness one has to name it: in a path from `std` or
//! `crate`, or in a `use`. What would hide such a name (`use std::*`, `use std as s`, a path that a
//! macro puts together) is found as well. This is a fence, not a wall: what stands behind it is
//! the sandbox.

mod macros;
mod tokens;

use std::collections::BTreeSet;
use std::path::PathBuf;

use self::tokens::Token;
pub use self::tokens::tests_alone;

/// A use of what no Raft needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// `src/raft/mod.rs:7`.
    pub place: String,
    /// What is used, as `allow` in the scheme would name it.
    pub what: String,
    pub why: &'static str,
}

/// What a path that a macro puts together is called.
const GLUED: &str = "$...::";

impl Use {
    pub fn told(&self) -> String {
        let Use { place, what, why } = self;
        if what == GLUED {
            return format!("{place} builds a path with a macro (`$…::`): {why}");
        }
        format!("{place} uses {what}: {why}")
    }
}

/// Modules of std (and core) that reach out of the process, or change it.
const STD: [(&str, &str); 10] = [
    ("fs", "a Raft has its Persister, and no files"),
    ("process", "a Raft is threads and messages, not processes"),
    ("env", "a Raft knows nothing of its process"),
    ("net", "a Raft has labrpc, and no other network"),
    ("os", "a Raft knows nothing of the system"),
    ("arch", "a Raft needs no machine code"),
    ("include", INCLUDES),
    ("include_str", INCLUDES),
    ("include_bytes", INCLUDES),
    ("option_env", "a Raft knows nothing of its build"),
];
const INCLUDES: &str = "it takes in another file; all of a Raft is in src/raft";
const HARNESS: &str = "it is the harness's, not Raft's";
/// Modules of the lab that are not Raft's.
const LAB: [&str; 4] = ["tester", "runner", "oracle", "trace"];
/// What labsync has for the harness.
const LABSYNC: [&str; 9] = [
    "before_end_of_process",
    "blame_foreign_threads",
    "limit_work_without_wait",
    "simulate",
    "simulate_recorded",
    "stall_longer",
    "first_difference",
    "RunOptions",
    "SimReport",
];
/// Words that have no place in a Raft, wherever they stand.
const WORDS: [(&str, &str); 8] = [
    ("unsafe", "the lab forbids it"),
    ("extern", "a Raft calls no foreign code"),
    ("include_str", INCLUDES),
    ("include_bytes", INCLUDES),
    ("link_section", "the lab forbids it"),
    ("no_mangle", "the lab forbids it"),
    ("export_name", "the lab forbids it"),
    ("global_asm", "the lab forbids it"),
];
/// Macros that are words of everyday otherwise.
const MACROS: [(&str, &str); 3] = [
    ("include", INCLUDES),
    ("env", "a Raft knows nothing of its build"),
    ("asm", "the lab forbids it"),
];
const HIDES: &str = "it hides what is used of it";

/// All such uses in the files; an error says why a file cannot be read.
pub fn uses(files: &[(PathBuf, String)], allow: &[String]) -> Result<Vec<Use>, String> {
    let mut read = Vec::new();
    for (path, text) in files {
        let file = format!("src/raft/{}", path.display());
        let tokens = tokens::of(text);
        let tokens = tokens.map_err(|error| format!("{file} cannot be read as Rust: {error}"))?;
        read.push((file, tokens));
    }
    // A macro of one file may be called in another.
    let own = read.iter().flat_map(|(_, tokens)| macros::own_names(tokens)).collect();
    let mut found = Vec::new();
    for (file, tokens) in read {
        for (line, what, why) in uses_in(&tokens, &own) {
            found.push(Use { place: format!("{file}:{line}"), what, why });
        }
    }
    found.dedup();
    found.retain(|one| !allow.contains(&one.what));
    Ok(found)
}

/// What a scheme has to say so that these are let be.
pub fn entry(uses: &[Use]) -> String {
    let names: BTreeSet<&String> = uses.iter().map(|one| &one.what).collect();
    format!("allow = {:?}", Vec::from_iter(names))
}

/// Whether a word stands in the code at all; not as the lifetime `'static`.
pub fn has_word(files: &[(PathBuf, String)], word: &str) -> bool {
    let is_it = |all: &[Token], at: usize| {
        all[at].text == word && at.checked_sub(1).is_none_or(|before| all[before].text != "'")
    };
    let has =
        |text: &str| tokens::of(text).is_ok_and(|all| (0..all.len()).any(|at| is_it(&all, at)));
    files.iter().any(|(_, text)| has(text))
}

type Found = (usize, String, &'static str);

fn uses_in(tokens: &[Token], own: &BTreeSet<String>) -> Vec<Found> {
    let mut found = Vec::new();
    words(tokens, &mut found);
    paths(tokens, &mut found);
    let glued = macros::glued(tokens, own).into_iter();
    found.extend(glued.map(|line| (line, GLUED.to_string(), "write the path out")));
    found.sort();
    found
}

/// What is told by a word and its neighbours.
fn words(tokens: &[Token], found: &mut Vec<Found>) {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    for (at, Token { line, .. }) in tokens.iter().enumerate() {
        let line = *line;
        if let Some((word, why)) = WORDS.iter().find(|(word, _)| *word == text(at)) {
            found.push((line, (*word).to_string(), *why));
        }
        if let Some((word, why)) = MACROS.iter().find(|(word, _)| *word == text(at))
            && text(at + 1) == "!"
        {
            found.push((line, format!("{word}!"), *why));
        }
        if LABSYNC.contains(&text(at)) {
            found.push((line, format!("labsync::{}", text(at)), HARNESS));
        }
        if text(at) == "path" && text(at + 1) == "=" && leads_out(text(at + 2)) {
            found.push((line, "#[path]".to_string(), INCLUDES));
        }
    }
}

/// What is named by a path, or brought in by a `use`.
fn paths(tokens: &[Token], found: &mut Vec<Found>) {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut at = 0;
    while at < tokens.len() {
        let line = tokens[at].line;
        if text(at) == "use" && (is_ident(text(at + 1)) || matches!(text(at + 1), "{" | ":")) {
            at = use_tree(tokens, at + 1, &mut Vec::new(), found);
        } else if is_ident(text(at)) && !is_colons(tokens, at.wrapping_sub(2)) {
            let (path, next) = path_at(tokens, at);
            check_path(&path, line, found);
            at = next;
        } else if is_colons(tokens, at) && is_ident(text(at + 2)) {
            // `::std::...`, or what follows a generic argument.
            let (path, _) = path_at(tokens, at + 2);
            check_path(&path, line, found);
            at += 2;
        } else {
            at += 1;
        }
    }
}

fn is_ident(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn is_colons(tokens: &[Token], at: usize) -> bool {
    let is_colon = |at: usize| tokens.get(at).is_some_and(|token| token.text == ":");
    at != usize::MAX && is_colon(at) && at.checked_add(1).is_some_and(is_colon)
}

/// A file outside of the submission.
fn leads_out(literal: &str) -> bool {
    !literal.starts_with('"')
        || literal.contains("..")
        || literal.contains("\"/")
        || literal.contains('\\')
}

/// The path that begins here, and where it ends.
fn path_at(tokens: &[Token], at: usize) -> (Vec<String>, usize) {
    let mut path = vec![tokens[at].text.clone()];
    let mut next = at + 1;
    while is_colons(tokens, next) && tokens.get(next + 2).is_some_and(|t| is_ident(&t.text)) {
        path.push(tokens[next + 2].text.clone());
        next += 3;
    }
    (path, next)
}

/// Goes through what a `use` brings in; where it ends.
fn use_tree(
    tokens: &[Token],
    mut at: usize,
    prefix: &mut Vec<String>,
    found: &mut Vec<Found>,
) -> usize {
    let depth = prefix.len();
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => {
                at = use_tree(tokens, at + 1, prefix, found);
                prefix.truncate(depth);
                continue;
            }
            "}" => return at + 1,
            ";" => return at,
            "," => prefix.truncate(depth),
            "as" => {
                if is_root(prefix) {
                    found.push((token.line, format!("use {} as", prefix.join("::")), HIDES));
                }
                at += 1; // the new name
            }
            "*" if is_root(prefix) => {
                found.push((token.line, format!("use {}::*", prefix.join("::")), HIDES));
            }
            "*" => {}
            "self" if depth > 0 => {}
            ":" => {}
            name if is_ident(name) => {
                prefix.push(name.to_string());
                check_path(prefix, token.line, found);
                // A list behind a path has the whole path in front.
                if is_colons(tokens, at + 1) && tokens.get(at + 3).is_some_and(|t| t.text == "{") {
                    at = use_tree(tokens, at + 4, prefix, found);
                    prefix.truncate(depth);
                    continue;
                }
            }
            _ => {}
        }
        at += 1;
    }
    at
}

/// A crate as a whole, from which all is to be had.
fn is_root(path: &[String]) -> bool {
    let roots = ["std", "core", "alloc", "crate", "serde", "rustix"];
    matches!(path, [root] if roots.contains(&root.as_str()))
}

fn check_path(path: &[String], line: usize, found: &mut Vec<Found>) {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    let mut report = |what: String, why| {
        if !found.contains(&(line, what.clone(), why)) {
            found.push((line, what, why));
        }
    };
    match parts[..] {
        ["std" | "core" | "alloc", part, ..] => {
            if let Some((name, why)) = STD.iter().find(|(name, _)| *name == part) {
                report(format!("std::{name}"), why);
            }
        }
        ["rustix", ..] => report("rustix".to_string(), HARNESS),
        ["crate", part, ..] if LAB.contains(&part) => report(format!("crate::{part}"), HARNESS),
        ["super", ..] => {
            let part = parts.iter().find(|part| **part != "super");
            if let Some(part) = part.filter(|part| LAB.contains(*part)) {
                report(format!("crate::{part}"), HARNESS);
            }
        }
        // Brought in by `use super::*`.
        [part @ ("tester" | "runner"), _, ..] => report(format!("crate::{part}"), HARNESS),
        ["labsync", "run"] | ["crate", "labsync", "run"] => {
            report("labsync::run".to_string(), HARNESS);
        }
        _ => {}
    }
    if parts.len() > 1 && parts.iter().any(|part| part.starts_with("__")) {
        report(parts.join("::"), HIDES);
    }
}

#[cfg(test)]
mod tests;
