//! What the code under test may not use: clippy.toml has the list. Clippy is seldom run while one
//! writes, so the runner looks by itself, in the text: it takes no time, and says below a failure
//! what may have caused it.

use std::fs;
use std::path::{Path, PathBuf};

/// The list, below the directory in which the tests run: that of their package.
const LIST: &str = "clippy.toml";
/// The code under test. Its unit tests may do as they like.
const CODE: &str = "src/raft";
const TESTS: &str = "paper_tests";

/// An entry of the list.
struct Rule {
    path: String,
    reason: String,
}

/// Each line of the code under test that uses what is forbidden, with the reason. Nothing if
/// there is no list, or no code.
pub(super) fn uses() -> Vec<String> {
    let rules = rules(&fs::read_to_string(LIST).unwrap_or_default());
    let mut found = Vec::new();
    for file in files(Path::new(CODE)) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let uses = uses_in(&text, &rules).into_iter();
        found.extend(uses.map(|(line, what)| format!("{}:{line} {what}", file.display())));
    }
    found
}

/// The same below a failure, where a screen has room for few.
pub(super) fn note() -> Option<String> {
    const MOST: usize = 3;
    let uses = uses();
    let mut lines: Vec<_> = uses.iter().take(MOST).map(|one| format!("note: {one}")).collect();
    if uses.len() > MOST {
        lines.push(format!("note: and {} more; all of them: make progress", uses.len() - MOST));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn rules(list: &str) -> Vec<Rule> {
    let field = |line: &str, key: &str| {
        let (_, rest) = line.split_once(&format!("{key} = \""))?;
        Some(rest.split_once('"')?.0.to_string())
    };
    let rule = |line| Some(Rule { path: field(line, "path")?, reason: field(line, "reason")? });
    list.lines().filter_map(rule).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with(TESTS) {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push(path);
        }
    }
    all.sort();
    all
}

/// The lines of a file that use something forbidden, and what.
fn uses_in(text: &str, rules: &[Rule]) -> Vec<(usize, String)> {
    let code = without_comments_and_texts(text);
    let imports = imports(&code);
    let mut found: Vec<(usize, String)> = Vec::new();
    for Rule { path, reason } in rules {
        let is_it = |import: &&(usize, String)| import.1 == *path;
        let mut lines: Vec<usize> = imports.iter().filter(is_it).map(|import| import.0).collect();
        lines.extend(lines_with(&code, path));
        let (parent, name) = path.rsplit_once("::").unwrap_or(("", path));
        if imports.iter().any(|(_, import)| import == parent) {
            let module = parent.rsplit("::").next().unwrap_or(parent);
            lines.extend(lines_with(&code, &format!("{module}::{name}")));
        }
        found.extend(lines.into_iter().map(|line| (line, format!("uses {path}: {reason}"))));
    }
    found.sort();
    found.dedup();
    found
}

/// The lines in which this path stands, and not as the end or the beginning of another.
fn lines_with(code: &str, path: &str) -> Vec<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let places = code.match_indices(path).map(|(at, _)| at).filter(|&at| {
        let (before, after) = (&code[..at], &code[at + path.len()..]);
        !before.ends_with("::") && !before.ends_with(is_word) && !after.starts_with(is_word)
    });
    places.map(|at| code[..at].matches('\n').count() + 1).collect()
}

/// All that is imported, as whole paths, with the line of the `use`.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for (at, _) in code.match_indices("use ") {
        if !code[..at].trim_end_matches("pub ").ends_with(['\n', ' ', '}', ';']) && at > 0 {
            continue;
        }
        let Some((tree, _)) = code[at + 4..].split_once(';') else { continue };
        let line = code[..at].matches('\n').count() + 1;
        let tree: String = tree.chars().filter(|c| !c.is_whitespace()).collect();
        expand("", &tree, &mut |path| all.push((line, path)));
    }
    all
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expand(prefix: &str, tree: &str, found: &mut impl FnMut(String)) {
    let Some((head, rest)) = tree.split_once('{') else {
        let path = format!("{prefix}{tree}");
        return found(path.trim_end_matches("::self").to_string());
    };
    let inside = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut first) = (0, 0);
    for (at, c) in inside.char_indices().chain([(inside.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 && at > first => {
                expand(&format!("{prefix}{head}"), &inside[first..at], found);
                first = at + 1;
            }
            ',' if depth == 0 => first = at + 1,
            _ => {}
        }
    }
}

/// The same lines, with nothing in place of comments and texts.
fn without_comments_and_texts(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let mut rest = line;
        while let Some((before, behind)) = rest.split_once('"') {
            if before.contains("//") {
                break;
            }
            code.push_str(before);
            rest = behind.split_once('"').map_or("", |(_, behind)| behind);
        }
        code.push_str(rest.split("//").next().unwrap_or_default());
        code.push('\n');
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"disallowed-methods = [
  { path = "std::thread::sleep", reason = "use labsync::thread::sleep" },
  { path = "std::time::Instant", reason = "use labsync::Instant" },
]"#;

    fn lines(text: &str) -> Vec<usize> {
        uses_in(text, &rules(LIST)).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn forbidden_uses_are_found_however_they_are_written() {
        assert_eq!(lines("fn f() {\n    std::thread::sleep(x);\n}\n"), [2]);
        assert_eq!(lines("use std::thread;\n\nfn f() { thread::sleep(x) }\n"), [3]);
        assert_eq!(lines("use std::{thread::{self}, time::Duration};\nthread::sleep(x)\n"), [2]);
        assert_eq!(lines("use std::sync::Arc;\nuse std::time::{Duration, Instant};\n"), [2]);
        assert_eq!(lines("use std::thread::sleep;\nsleep(x)\n"), [1]);
        let said = &uses_in("std::thread::sleep(x)", &rules(LIST))[0].1;
        assert_eq!(said, "uses std::thread::sleep: use labsync::thread::sleep");
    }

    #[test]
    fn labsync_comments_and_texts_are_let_be() {
        for text in [
            "use crate::labsync::{Instant, thread};\nthread::sleep(x); Instant::now();\n",
            "use crate::labsync;\nlabsync::thread::sleep(x);\n",
            "// std::thread::sleep(x)\n/// as std::time::Instant\n",
            "let text = \"std::thread::sleep\"; // std::thread::sleep\n",
            "my_std::thread::sleep(x); std::thread::sleep_until(x);\n",
        ] {
            assert_eq!(lines(text), [0; 0], "{text}");
        }
    }

    #[test]
    fn the_reference_uses_nothing_forbidden() {
        assert!(rules(&fs::read_to_string(super::LIST).expect("the list is there")).len() > 20);
        assert_eq!(uses(), [""; 0]);
    }
}
