//! A planted bug: a patch with words in front of it, which `git apply` skips.
//!
//! ```text
//! a-double-vote
//!
//! bug: A server grants its vote to whoever asks ...
//! breaks: RequestVote receiver 2 ...
//! rule: vote-once          (names from mutants/rules.txt, for the reader's rule)
//! expected: F O
//! original lab: missed
//! equivalent: why no test can tell        (only where that is so)
//! not caught yet: what it would take      (only where a test is still missing)
//!
//! diff --git a/src/raft/election.rs b/src/raft/election.rs
//! ```
//!
//! A line that begins with two spaces goes on with the line before.

use std::fs;
use std::path::{Path, PathBuf};

/// What is known of a bug under the original lab's suite.
const ORIGINAL: [&str; 5] = ["caught", "missed", "rarely", "judged", "not tried"];

/// A planted bug.
pub struct Patch {
    /// The file's name without `.patch`.
    pub name: String,
    pub file: PathBuf,
    /// The bug in a sentence.
    pub bug: String,
    /// The rule that it breaks.
    pub breaks: String,
    /// The same by name, as `mutants/rules.txt` has it; perhaps several. Without any, no message
    /// can be right.
    pub rules: Vec<String>,
    /// Whether the original lab's suite finds it: `caught`, `missed`, `rarely`, `judged` (caught,
    /// but in another form) or `not tried`.
    pub original: String,
    /// Why no test can tell it from a correct Raft, if that is so.
    pub equivalent: Option<String>,
    /// What it would take to catch it, if nothing does yet.
    pub uncaught: Option<String>,
    /// The files that it changes, from the repository's root.
    pub changes: Vec<PathBuf>,
}

impl Patch {
    /// What it says if nothing catches it.
    pub fn excuse(&self) -> Option<String> {
        let equivalent = self.equivalent.iter().map(|why| format!("equivalent: {why}"));
        let uncaught = self.uncaught.iter().map(|why| format!("not caught yet: {why}"));
        equivalent.chain(uncaught).next()
    }
}

/// All patches in `folder`, by name.
pub fn read_all(folder: &Path) -> Result<Vec<Patch>, String> {
    let problem = |error| format!("cannot read {}: {error}", folder.display());
    let mut patches = Vec::new();
    for entry in fs::read_dir(folder).map_err(problem)? {
        let file = entry.map_err(problem)?.path();
        if file.extension().is_some_and(|extension| extension == "patch") {
            let text = fs::read_to_string(&file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            patches.push(parse(file, &text)?);
        }
    }
    patches.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(patches)
}

fn parse(file: PathBuf, text: &str) -> Result<Patch, String> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let (head, diff) = match text.find("diff --git ") {
        Some(at) => text.split_at(at),
        None => return Err(format!("{} has no line \"diff --git\"", file.display())),
    };
    let field = |key: &str| value_of(head, key);
    let needed = |key: &str| {
        field(key).ok_or_else(|| format!("{} has no line \"{key}: ...\"", file.display()))
    };
    let (bug, breaks, original) = (needed("bug")?, needed("breaks")?, needed("original lab")?);
    if !ORIGINAL.contains(&original.as_str()) {
        let (file, all) = (file.display(), ORIGINAL.join(", "));
        return Err(format!("{file}: original lab is one of {all}, not {original:?}"));
    }
    let changes = diff.lines().filter_map(|line| line.strip_prefix("+++ b/")).map(PathBuf::from);
    let (changes, equivalent) = (changes.collect(), field("equivalent"));
    let uncaught = field("not caught yet");
    let rules = field("rule").unwrap_or_default();
    let rules = rules.split_whitespace().map(ToString::to_string).collect();
    Ok(Patch { name, file, bug, breaks, rules, original, equivalent, uncaught, changes })
}

fn value_of(head: &str, key: &str) -> Option<String> {
    let mut lines = head.lines().skip_while(|line| !line.starts_with(&format!("{key}: ")));
    let mut value = lines.next()?[key.len() + 2..].to_string();
    for line in lines.take_while(|line| line.starts_with("  ")) {
        value.push(' ');
        value.push_str(line.trim());
    }
    Some(value)
}

/// The names that somebody may have meant by `wrong`, the likeliest first.
pub fn near<'a>(wrong: &str, patches: &'a [Patch]) -> Vec<&'a str> {
    let mut near: Vec<_> = patches
        .iter()
        .map(|patch| (distance(wrong, &patch.name), patch.name.as_str()))
        .filter(|(distance, name)| *distance <= wrong.len() / 3 || name.contains(wrong))
        .collect();
    near.sort_unstable();
    near.into_iter().map(|(_, name)| name).take(8).collect()
}

/// How many letters to change, add or drop to make the one of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a-b\n\nbug: One\n  two.\nbreaks: A rule\nrule: x y\nexpected: F\n\
        original lab: missed\n\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-bug: no\n+bug: yes\n";

    fn patch(name: &str) -> Patch {
        parse(PathBuf::from(format!("mutants/{name}.patch")), TEXT).unwrap()
    }

    #[test]
    fn the_words_in_front_are_read_and_the_patch_is_not() {
        let patch = patch("a-b");
        assert_eq!((patch.name.as_str(), patch.bug.as_str()), ("a-b", "One two."));
        assert_eq!((patch.original.as_str(), patch.equivalent), ("missed", None));
        assert_eq!(patch.rules, ["x", "y"]);
        assert_eq!(patch.changes, [PathBuf::from("x")]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let parse = |text: &str| parse(PathBuf::from("p.patch"), text).err().unwrap();
        assert!(parse(&TEXT.replace("breaks:", "break:")).contains("\"breaks: ...\""));
        assert!(parse(&TEXT.replace("missed", "perhaps")).contains("\"perhaps\""));
        assert!(parse("bug: x\n").contains("diff --git"));
    }

    #[test]
    fn a_mistyped_name_finds_its_neighbours() {
        let patches = ["a-double-vote", "a-fixed-timeout", "b-no-log-check"].map(patch);
        assert_eq!(near("a-duoble-vote", &patches), ["a-double-vote"]);
        assert_eq!(near("timeout", &patches), ["a-fixed-timeout"]);
        assert!(near("something-else", &patches).is_empty());
    }
}
