//! Paths that macros put together. Macros see tokens, and not paths: `std` in one place and `::fs`
//! in another are a path only when they have run.
//!
//! A path needs its root, so a root that stands alone in a macro is refused; and so is what would
//! set tokens side by side that were apart: `$a::`, `::$a`, `$a $b`. A path in one piece, as in
//! `log::$level!`, is as harmless as its front, which is judged like any other.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::tokens::Token;
use super::{LAB, is_colons, is_ident};

/// Macros of std, log and serde_json: what they are given is Rust as it stands.
const KNOWN: [&str; 31] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "concat",
    "dbg",
    "debug",
    "debug_assert",
    "debug_assert_eq",
    "debug_assert_ne",
    "eprint",
    "eprintln",
    "error",
    "format",
    "format_args",
    "info",
    "json",
    "log",
    "matches",
    "panic",
    "print",
    "println",
    "stringify",
    "thread_local",
    "todo",
    "trace",
    "unimplemented",
    "unreachable",
    "vec",
    "warn",
    "write",
    "writeln",
];
/// Crates that a path may begin with; those whose parts are refused are judged by `check_path`.
const CRATES: [&str; 12] = [
    "std",
    "core",
    "alloc",
    "log",
    "serde",
    "serde_json",
    "labsync",
    "labgob",
    "labrpc",
    "parking_lot",
    "crossbeam_channel",
    "rand",
];
/// What a path may not end with where a macro goes on: all is to be had from there.
const FRONTS: [&str; 8] = ["std", "core", "alloc", "crate", "self", "super", "rustix", "labsync"];
/// Behind these words a path begins.
const BEFORE_PATH: [&str; 14] = [
    "use", "return", "as", "in", "match", "if", "else", "move", "mut", "dyn", "impl", "for",
    "break", "while",
];
/// Behind these words comes a name, which is no path.
const BEFORE_NAME: [&str; 9] =
    ["fn", "struct", "enum", "trait", "mod", "const", "static", "let", "type"];

/// Names that may be those of a submission's own macros, whatever they are called elsewhere.
pub fn own_names(tokens: &[Token]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for at in 0..tokens.len() {
        let named = match text(tokens, at) {
            "macro_rules" if text(tokens, at + 1) == "!" => at + 2,
            "as" => at + 1,
            _ => continue,
        };
        names.insert(text(tokens, named).to_string());
    }
    names
}

/// The lines on which a macro puts a path together.
pub fn glued(tokens: &[Token], own: &BTreeSet<String>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for at in 0..tokens.len() {
        if text(tokens, at) == "macro_rules" && text(tokens, at + 1) == "!" {
            definition(tokens, at + 3, &mut found);
        } else if let Some(inside) = call(tokens, at, own) {
            roots_alone(tokens, &inside, &mut found);
            dangling(tokens, &inside, &mut found);
        }
    }
    found
}

/// `name!(...)`, unless it is known what it does: what is between the parentheses.
fn call(tokens: &[Token], at: usize, own: &BTreeSet<String>) -> Option<Range<usize>> {
    let name = text(tokens, at);
    let is_call = is_ident(name) && text(tokens, at + 1) == "!" && is_open(text(tokens, at + 2));
    let is_known = KNOWN.contains(&name) && !own.contains(name);
    (is_call && !is_known).then(|| at + 3..end_of_group(tokens, at + 2) - 1)
}

/// Each rule of `macro_rules! name { (...) => { ... }; ... }`.
fn definition(tokens: &[Token], open: usize, found: &mut BTreeSet<usize>) {
    let end = end_of_group(tokens, open).saturating_sub(1);
    let mut at = open + 1;
    while at < end {
        let matcher = at..end_of_group(tokens, at);
        let arrow = matcher.end;
        if text(tokens, arrow) != "=" || !is_open(text(tokens, arrow + 2)) {
            return; // the compiler says it better
        }
        let body = arrow + 3..end_of_group(tokens, arrow + 2) - 1;
        at = body.end + 1 + usize::from(text(tokens, body.end + 1) == ";");
        let kinds = kinds(tokens, &matcher);
        interleaved(tokens, &matcher, found);
        roots_alone(tokens, &body, found);
        roots_before_variables(tokens, &body, found);
        dangling(tokens, &body, found);
        joined(tokens, &body, &kinds, found);
    }
}

/// The fragment of each variable: `$name:kind`.
fn kinds<'a>(tokens: &'a [Token], matcher: &Range<usize>) -> BTreeMap<&'a str, &'a str> {
    let variables = matcher.clone().filter(|&at| text(tokens, at) == "$");
    let named = variables.filter(|&at| text(tokens, at + 2) == ":");
    named.map(|at| (text(tokens, at + 1), text(tokens, at + 3))).collect()
}

/// `$($a:tt $b:tt)*` takes every second token.
fn interleaved(tokens: &[Token], matcher: &Range<usize>, found: &mut BTreeSet<usize>) {
    for at in matcher.clone() {
        if text(tokens, at) == "$" && text(tokens, at + 1) == "(" {
            let inside = at + 2..end_of_group(tokens, at + 1);
            let is_tt = |at: usize| text(tokens, at) == "$" && text(tokens, at + 3) == "tt";
            let mut pairs = inside.filter(|&at| is_tt(at) && text(tokens, at + 4) == "$");
            found.extend(pairs.next().map(|at| tokens[at].line));
        }
    }
}

/// A crate, or a way up, of which no part is named.
fn roots_alone(tokens: &[Token], inside: &Range<usize>, found: &mut BTreeSet<usize>) {
    let roots = ["std", "rustix", "crate", "super"];
    for at in inside.clone().filter(|&at| roots.contains(&text(tokens, at))) {
        let before = text(tokens, at.wrapping_sub(1));
        let is_variable = before == "$" && text(tokens, at) != "crate";
        let part = if is_colons(tokens, at + 1) { text(tokens, at + 3) } else { "" };
        // `::$name` is told by `joined`; a list, or a star, by `use_tree`.
        let is_told = part == "$" || matches!(part, "{" | "*") && is_used(tokens, at);
        let is_visibility = before == "(" && text(tokens, at.wrapping_sub(2)) == "pub";
        if !(is_ident(part) || is_told || is_visibility || is_variable || before == ".") {
            found.insert(tokens[at].line);
        }
    }
}

/// `use std` or `use ::std`.
fn is_used(tokens: &[Token], root: usize) -> bool {
    let colons = if is_colons(tokens, root.wrapping_sub(2)) { 2 } else { 0 };
    text(tokens, root.wrapping_sub(1 + colons)) == "use"
}

/// `core $x`: other uses of such words are names of everyday.
fn roots_before_variables(tokens: &[Token], body: &Range<usize>, found: &mut BTreeSet<usize>) {
    let roots = ["core", "alloc", "self", "labsync"];
    for at in body.clone().filter(|&at| roots.contains(&text(tokens, at))) {
        if text(tokens, at + 1) == "$" && text(tokens, at.wrapping_sub(1)) != "$" {
            found.insert(tokens[at].line);
        }
    }
}

/// `::` behind nothing that it could go on from, and before what is no crate.
fn dangling(tokens: &[Token], inside: &Range<usize>, found: &mut BTreeSet<usize>) {
    for at in inside.clone().filter(|&at| is_colons(tokens, at)) {
        let before = text(tokens, at.wrapping_sub(1));
        let goes_on = is_ident(before) && !BEFORE_PATH.contains(&before) || before == ">";
        let is_third = before == ":";
        let next = text(tokens, at + 2);
        if !(at > inside.start && goes_on || is_third || CRATES.contains(&next)) {
            found.insert(tokens[at].line);
        }
    }
}

/// `$a::`, `::$a`, or two variables side by side.
fn joined(
    tokens: &[Token],
    body: &Range<usize>,
    kinds: &BTreeMap<&str, &str>,
    found: &mut BTreeSet<usize>,
) {
    let glues = |name: &str| matches!(kinds.get(name), Some(&("tt" | "ident" | "path")));
    let mut at = body.start;
    while at < body.end {
        let line = tokens[at].line;
        if is_colons(tokens, at) && text(tokens, at + 2) == "$" {
            let front = text(tokens, at.wrapping_sub(1));
            if !is_ident(front) || FRONTS.contains(&front) || LAB.contains(&front) {
                found.insert(line);
            }
        }
        if text(tokens, at) != "$" || text(tokens, at + 1) == "crate" {
            at += 1;
            continue;
        }
        let is_name = BEFORE_NAME.contains(&text(tokens, at.wrapping_sub(1)));
        let mut before: Option<&str> = None;
        // Behind `Front::` it was judged just now.
        let mut goes_on = is_colons(tokens, at.wrapping_sub(2));
        // A chain of variables and repetitions, with nothing between them.
        while at < body.end && text(tokens, at) == "$" {
            let (first, last, next) = unit(tokens, at);
            let is_pair = before.is_some_and(glues) && first.is_some_and(glues);
            let is_path = last.is_some_and(|name| glues(name) || !kinds.contains_key(name));
            if is_pair && !is_name || is_path && !goes_on && is_colons(tokens, next) {
                found.insert(tokens[at].line);
            }
            if text(tokens, at + 1) == "(" {
                joined(tokens, &(at + 2..end_of_group(tokens, at + 1) - 1), kinds, found);
            }
            (before, at, goes_on) = (last, next, false);
        }
    }
}

/// The variable with which `$name` or `$(...),*` begins, that with which it ends, and what is next.
fn unit(tokens: &[Token], at: usize) -> (Option<&str>, Option<&str>, usize) {
    if text(tokens, at + 1) != "(" {
        return (Some(text(tokens, at + 1)), Some(text(tokens, at + 1)), at + 2);
    }
    let close = end_of_group(tokens, at + 1) - 1;
    let is_variable = |at: usize| text(tokens, at) == "$" && is_ident(text(tokens, at + 1));
    let first = is_variable(at + 2).then(|| text(tokens, at + 3));
    let last = (close >= 2 && is_variable(close - 2)).then(|| text(tokens, close - 1));
    let is_end = |at: &usize| matches!(text(tokens, *at), "*" | "+" | "?");
    let end = (close + 1..close + 4).find(is_end).unwrap_or(close);
    (first, last, end + 1)
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

fn is_open(text: &str) -> bool {
    matches!(text, "(" | "[" | "{")
}

/// Behind what closes the group that is opened here.
fn end_of_group(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for at in open..tokens.len() {
        match text(tokens, at) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}
