//! Exercises: a project whose Raft has a planted bug, without a word of which. Who finds the rule that is
//! broken gives its name; the seal beside the project tells whether it is right, and not what it is.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::hash;
use crate::sandbox::write;

/// How often an answer is hashed: a second for the script, so that trying all rules takes a while.
const ROUNDS: usize = 300;
const SEAL: &str = "exercise.seal";
/// In the project: checks an answer with what each system has.
const SCRIPT: &str = include_str!("exercise.sh");

/// A planted bug, as `mutants/` describes it.
struct Bug {
    name: String,
    file: PathBuf,
    /// What it does, and which rule of the paper it breaks.
    bug: String,
    breaks: String,
    rules: Vec<String>,
}

/// A rule of `mutants/rules.txt`.
#[derive(Default)]
struct Rule {
    sentence: String,
    beside: Vec<String>,
}

/// What is to be written.
pub struct Exercise<'a> {
    /// Its number: the same one has the same bug.
    pub number: u64,
    /// Whoever knows it can tell the bug from the number.
    pub phrase: &'a str,
    /// Only bugs of this Part, A to D, or L for locks.
    pub part: Option<char>,
    pub dir: &'a Path,
    /// Where the solution is written.
    pub solution: &'a Path,
}

/// What an answer is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Right,
    /// It names a rule beside the broken one.
    Beside,
    Wrong,
}

impl Exercise<'_> {
    /// Where its solution is written if nothing else is said: what decides about the bug is in the
    /// name, but of the phrase only a hash.
    pub fn usual_solution(number: u64, part: Option<char>, phrase: &str) -> String {
        let part = part.map(|part| format!("-{}", part.to_ascii_uppercase())).unwrap_or_default();
        format!("{number}{part}-{}.txt", &hash::of(&[phrase])[..8])
    }

    /// Writes the project, and its solution apart from it.
    pub fn write(&self, root: &Path) -> Result<(), String> {
        let rules = read_rules(&root.join("mutants/rules.txt"))?;
        let mut bugs = read_bugs(&root.join("mutants"))?;
        let part = self.part.map(|part| part.to_ascii_lowercase());
        bugs.retain(|bug| part.is_none_or(|part| bug.name.starts_with(part)));
        if bugs.is_empty() {
            return Err("there are bugs of the parts A, B, C, D, and L (locks)".to_string());
        }
        if fs::read_dir(self.dir).is_ok_and(|mut inside| inside.next().is_some()) {
            // It may hold a student's work.
            let (dir, number) = (self.dir.display(), self.number);
            return Err(format!("{dir} is not empty: take a new folder for exercise {number}"));
        }
        let drawn = hash::number(&[self.phrase, &self.number.to_string()]);
        let bug = &bugs[usize::try_from(drawn % bugs.len() as u64).unwrap_or(0)];
        export(root, self.dir)?;
        plant(root, bug, self.dir)?;
        let salt = &hash::of(&[self.phrase, "salt", &self.number.to_string()])[..16];
        let in_project = |name: &str, text: &str| write(&self.dir.join(name), text.as_bytes());
        in_project(SEAL, &seal(self.number, salt, bug, &rules))?;
        in_project("exercise.sh", SCRIPT)?;
        in_project("exercise.mk", MAKEFILE)?;
        in_project("EXERCISE.md", &task(self.number, &rules))?;
        if let Some(folder) = self.solution.parent() {
            fs::create_dir_all(folder)
                .map_err(|error| format!("cannot make {folder:?}: {error}"))?;
        }
        let (number, Bug { name, bug, breaks, rules, .. }) = (self.number, bug);
        let (dir, rules) = (self.dir.display(), rules.join(" or "));
        let solution = format!(
            "Exercise {number}, in {dir}\nrule: {rules}\nbug: {bug}\nbreaks: {breaks}\n\
             what the tests say: make mutant M={name}\n"
        );
        write(self.solution, solution.as_bytes())
    }
}

/// Whether the answer is the rule that the project's bug breaks.
pub fn check(root: &Path, dir: &Path, answer: &str) -> Result<Answer, String> {
    let rules = read_rules(&root.join("mutants/rules.txt"))?;
    if !rules.contains_key(answer) {
        return Err(format!("there is no rule {answer:?}; EXERCISE.md lists them"));
    }
    let file = dir.join(SEAL);
    let seal = fs::read_to_string(&file)
        .map_err(|error| format!("{} is no exercise: {SEAL}: {error}", dir.display()))?;
    let salt = seal.lines().find_map(|line| line.strip_prefix("salt "));
    let salt = salt.ok_or_else(|| format!("{} has no salt", file.display()))?;
    let hash = hash_of_answer(salt, answer);
    let says = |word: &str| seal.lines().any(|line| line == format!("{word} {hash}"));
    Ok(match () {
        () if says("right") => Answer::Right,
        () if says("beside") => Answer::Beside,
        () => Answer::Wrong,
    })
}

/// What a project's Makefile takes in.
const MAKEFILE: &str = "\
# An exercise: which rule is broken?

.PHONY: exercise-check
exercise-check:
\t@sh exercise.sh '$(ANSWER)'

help::
\t@echo
\t@echo '  make exercise-check ANSWER=vote-once   is this the rule that is broken? see EXERCISE.md'
";

fn export(root: &Path, dir: &Path) -> Result<(), String> {
    let mut command = Command::new(root.join("starter/export.sh"));
    // With UPDATE it would renew a project, and an exercise replaces the Raft in it.
    let output = command.env("DIR", dir).env_remove("UPDATE").output();
    let output = output.map_err(|error| format!("cannot run starter/export.sh: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).replace("make starter", "make exercise");
    if output.status.success() { Ok(()) } else { Err(said.trim().to_string()) }
}

/// Puts the reference with its bug in place of the skeleton, less the reference's unit tests: they
/// would name what is wrong.
fn plant(root: &Path, bug: &Bug, dir: &Path) -> Result<(), String> {
    let raft = dir.join("src/raft");
    let cannot = |error: std::io::Error| format!("cannot write {}: {error}", raft.display());
    fs::remove_dir_all(&raft).map_err(cannot)?;
    fs::create_dir_all(&raft).map_err(cannot)?;
    for entry in fs::read_dir(root.join("src/raft")).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.file_type().map_err(cannot)?.is_file() {
            fs::copy(entry.path(), raft.join(entry.file_name())).map_err(cannot)?;
        }
    }
    let mut git = Command::new("git");
    // A repository around it would have git look for the files elsewhere.
    git.current_dir(dir).env("GIT_CEILING_DIRECTORIES", dir.parent().unwrap_or(dir));
    let output = git.args(["apply", "--whitespace=nowarn"]).arg(&bug.file).output();
    let output = output.map_err(|error| format!("cannot run git: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("a bug of mutants/ does not apply; see make mutants:\n{said}"));
    }
    let file = raft.join("mod.rs");
    let text = fs::read_to_string(&file).map_err(cannot)?;
    write(&file, text.replace("#[cfg(test)]\nmod paper_tests;\n\n", "").as_bytes())
}

fn seal(number: u64, salt: &str, bug: &Bug, rules: &BTreeMap<String, Rule>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for rule in &bug.rules {
        lines.push(format!("right {}", hash_of_answer(salt, rule)));
        for other in rules.get(rule).iter().flat_map(|rule| &rule.beside) {
            if !bug.rules.contains(other) {
                lines.push(format!("beside {}", hash_of_answer(salt, other)));
            }
        }
    }
    lines.sort();
    lines.dedup();
    format!("exercise {number}\nsalt {salt}\n{}\n", lines.join("\n"))
}

/// As `exercise.sh` makes it.
fn hash_of_answer(salt: &str, answer: &str) -> String {
    let mut text = format!("{salt}:{answer}");
    for _ in 0..ROUNDS {
        let digest = Sha256::digest(text.as_bytes());
        text.clear();
        digest.iter().for_each(|byte| write!(text, "{byte:02x}").expect("memory takes it"));
    }
    text
}

fn task(number: u64, rules: &BTreeMap<String, Rule>) -> String {
    let list: String =
        rules.iter().map(|(name, rule)| format!("| `{name}` | {} |\n", rule.sentence)).collect();
    format!(
        "# Exercise {number}: which rule is broken?\n\n\
         The Raft in `src/raft` is right but for one bug, which breaks one rule. Find it.\n\n\
         1. Run what finds bugs: `make progress`, `make sim SEEDS=20`, `make nemesis SEEDS=50`.\n\
         2. Read the message, and the code that it leads to. docs/debugging.md helps.\n\
         3. Tell the shortest story in which the bug does harm: who sends what to whom?\n\
         4. Give the rule's name: `make exercise-check ANSWER=vote-once`. It takes a second, and \
         says whether it is the rule, one beside it, or another.\n\
         5. Mend it, and see all tests pass.\n\n\
         A message may name what follows from the bug rather than the bug. Try your answer on the \
         code before you try it here.\n\n\
         | rule | what it says |\n|---|---|\n{list}"
    )
}

fn read_bugs(folder: &Path) -> Result<Vec<Bug>, String> {
    let cannot = |error| format!("cannot read {}: {error}", folder.display());
    let mut bugs = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let file = entry.map_err(cannot)?.path();
        if file.extension().is_some_and(|extension| extension == "patch") {
            let text = fs::read_to_string(&file).map_err(cannot)?;
            bugs.extend(bug_of(file, &text));
        }
    }
    bugs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(bugs)
}

/// Nothing of a bug that no test can find, or that breaks no rule of the list.
fn bug_of(file: PathBuf, text: &str) -> Option<Bug> {
    let head = text.split("diff --git ").next()?;
    let value = |key: &str| {
        let mut lines = head.lines().skip_while(|line| !line.starts_with(&format!("{key}: ")));
        let mut value = lines.next()?[key.len() + 2..].to_string();
        lines.take_while(|line| line.starts_with("  ")).for_each(|line| {
            value.push(' ');
            value.push_str(line.trim());
        });
        Some(value)
    };
    if value("equivalent").is_some() || value("not caught yet").is_some() {
        return None;
    }
    let rules: Vec<String> = value("rule")?.split_whitespace().map(str::to_string).collect();
    let name = file.file_stem()?.to_string_lossy().into_owned();
    let (bug, breaks) = (value("bug")?, value("breaks")?);
    (!rules.is_empty()).then_some(Bug { name, file, bug, breaks, rules })
}

fn read_rules(file: &Path) -> Result<BTreeMap<String, Rule>, String> {
    let text = fs::read_to_string(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
    let mut last = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((key, value)) = line.split_once(": ") else { continue };
        if key == "  beside" {
            let rule = rules.entry(last.clone()).or_default();
            rule.beside.extend(value.split_whitespace().map(str::to_string));
        } else if !key.starts_with(' ') {
            last = key.to_string();
            rules.entry(last.clone()).or_default().sentence = value.to_string();
        }
    }
    Ok(rules)
}

#[cfg(test)]
#[path = "exercise_tests.rs"]
mod tests;
