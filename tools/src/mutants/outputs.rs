//! The outputs that the handbook shows: are they what is printed today?
//!
//! Such a block of code stands behind a comment that names its command, and the planted bug if it
//! is one's:
//!
//! ```text
//! <!-- output: make replay T=initial_election_2a SEED=1 -->
//! <!-- output of a-double-vote: make replay T=many_elections_2a SEED=1 -->
//! ```
//!
//! Compared are words, so that a page may break its lines elsewhere; `...` stands for anything that
//! is left out, as does `... 7 lines`, and lines that begin with `$` are what is typed. Pages for
//! students speak of `src/raft/mod.rs`, whatever file of the reference it was: there the places in
//! `src/raft` are not compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::excerpt::failure_in;
use crate::plant::{self, REFERENCE};
use crate::scratch::Suites;

const PAGES_OF_STUDENTS: &str = "starter";

/// An output on a page.
pub struct Shown {
    page: PathBuf,
    /// The number of the comment's line, from 1.
    line: usize,
    /// The Raft that ran: a planted bug, or the reference.
    pub raft: String,
    command: String,
    /// The lines of the block, each with its number.
    block: Vec<(usize, String)>,
}

/// All outputs on the pages of the handbook.
pub fn read_all(root: &Path) -> Result<Vec<Shown>, String> {
    let mut pages = vec![PathBuf::from("README.md")];
    for folder in ["docs", "starter", "starter/docs"] {
        let entries =
            fs::read_dir(root.join(folder)).map_err(|error| format!("{folder}: {error}"))?;
        let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
        pages.extend(names.map(|name| Path::new(folder).join(name)));
    }
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    let mut shown = Vec::new();
    for page in pages {
        let text = fs::read_to_string(root.join(&page))
            .map_err(|error| format!("{}: {error}", page.display()))?;
        shown.extend(outputs_in(&page, &text)?);
    }
    Ok(shown)
}

fn outputs_in(page: &Path, text: &str) -> Result<Vec<Shown>, String> {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let mut shown = Vec::new();
    while let Some((line, comment)) = lines.next() {
        let Some(said) = comment.trim().strip_prefix("<!-- output") else { continue };
        let wrong = |what| format!("{}:{line}: {what}", page.display());
        let said = said.strip_suffix("-->").ok_or_else(|| wrong("the comment has no end"))?;
        let (of, command) = said.split_once(": ").ok_or_else(|| wrong("it names no command"))?;
        let raft = of.trim().strip_prefix("of ").unwrap_or(REFERENCE).trim().to_string();
        let fence = lines.next().is_some_and(|(_, line)| line.trim_start().starts_with("```"));
        if !fence {
            return Err(wrong("no block of code follows it"));
        }
        let inside = lines.by_ref().take_while(|(_, line)| !line.trim_start().starts_with("```"));
        let block = inside.map(|(at, line)| (at, line.to_string())).collect();
        let page = page.to_path_buf();
        shown.push(Shown { page, line, raft, command: command.trim().to_string(), block });
    }
    Ok(shown)
}

impl Shown {
    pub fn place(&self) -> String {
        format!("{}:{}", self.page.display(), self.line)
    }

    /// What the command prints today.
    pub fn run(&self, suites: &Suites) -> Result<String, String> {
        let (suite, arguments, settings) = parse(&self.command)?;
        let program = suites.get(suite).ok_or_else(|| format!("there is no suite {suite}"))?;
        let mut command = Command::new(program);
        for name in ["SEED", "SEEDS", "KERNEL", "JOBS", "VERBOSE", "TRACE", "ORACLE", "PLAN"] {
            command.env_remove(name);
        }
        // Lines are broken where they are shown: the places in them are shorter there.
        command
            .env("COLUMNS", "10000")
            .arg("--kernel=coro")
            .args(arguments)
            .envs(settings)
            .env("RAFT", &self.raft);
        let output = command.output().map_err(|error| format!("cannot run {suite}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        Ok(plant::as_in_place(&said, &self.raft))
    }

    /// The block as it should be; an error tells which of its lines are printed no longer, not
    /// even with other numbers.
    pub fn renewed(&self, printed: &str) -> Result<Vec<(usize, String)>, String> {
        let for_students = self.page.starts_with(PAGES_OF_STUDENTS);
        let printed: Vec<&str> = printed.split_whitespace().collect();
        let exact = |word: &str| match place_in_raft(word) {
            Some((_, rest)) if for_students => format!("PLACE{rest}"),
            _ => word.to_string(),
        };
        let loose = |word: &str| without_numbers(&exact(word));
        let position = |from: usize, part: &[(usize, &str)], key: &dyn Fn(&str) -> String| {
            let wanted: Vec<String> = part.iter().map(|(_, word)| key(word)).collect();
            let keys: Vec<String> = printed[from..].iter().map(|word| key(word)).collect();
            keys.windows(wanted.len()).position(|some| some == wanted)
        };
        let mut renewed = self.block.clone();
        let typed = |line: &str| line.starts_with('$') || line.is_empty();
        let words: Vec<(usize, &str)> = self
            .block
            .iter()
            .enumerate()
            .filter(|(_, (_, line))| !typed(line))
            .flat_map(|(at, (_, line))| {
                // `... 7 lines` is left out, with its count.
                let left_out = line.trim_start().starts_with("... ") && line.ends_with(" lines");
                let line = if left_out { "..." } else { line };
                line.split_whitespace().map(move |word| (at, word))
            })
            .collect();
        let mut from = 0;
        for part in words.split(|(_, word)| *word == "...").filter(|part| !part.is_empty()) {
            let found = position(from, part, &exact).or_else(|| position(from, part, &loose));
            let Some(found) = found else {
                let lines = part.iter().map(|&(at, _)| at);
                let (first, last) = (lines.clone().min().unwrap_or(0), lines.max().unwrap_or(0));
                let texts = self.block[first..=last].iter().map(|(_, line)| format!("\n  {line}"));
                return Err(format!("this is not printed any more:{}", texts.collect::<String>()));
            };
            for ((at, word), now) in part.iter().zip(&printed[from + found..]) {
                if word != now && !(for_students && place_in_raft(word).is_some()) {
                    let line = &mut renewed[*at].1;
                    *line = replace_word(line, word, now);
                }
            }
            from += found + part.len();
        }
        Ok(renewed)
    }

    pub fn is_as_shown(&self, renewed: &[(usize, String)]) -> bool {
        self.block == renewed
    }

    /// Writes to the page what is printed now, if it is a failure's block; true if it is.
    pub fn rewrite(&self, root: &Path, printed: &str) -> Result<bool, String> {
        let has = |label: &str| self.block.iter().any(|(_, line)| line.contains(label));
        let with_next = has("again:") || has("  NEXT  ");
        let Some(mut block) = failure_in(printed, with_next) else { return Ok(false) };
        let typed = self.block.iter().take_while(|(_, line)| line.starts_with('$'));
        block.splice(..0, typed.map(|(_, line)| line.clone()));
        let file = root.join(&self.page);
        let problem = |error| format!("{}: {error}", file.display());
        let text = fs::read_to_string(&file).map_err(problem)?;
        let mut lines: Vec<String> = text.lines().map(ToString::to_string).collect();
        // Behind the comment and the fence.
        let first = self.line + 1;
        lines.splice(first..first + self.block.len(), block);
        fs::write(&file, lines.join("\n") + "\n").map_err(problem)?;
        Ok(true)
    }

    /// Writes the lines to the page.
    pub fn write(&self, root: &Path, renewed: &[(usize, String)]) -> Result<(), String> {
        let file = root.join(&self.page);
        let problem = |error| format!("{}: {error}", file.display());
        let text = fs::read_to_string(&file).map_err(problem)?;
        let mut lines: Vec<&str> = text.lines().collect();
        for (at, line) in renewed {
            lines[at - 1] = line;
        }
        fs::write(&file, lines.join("\n") + "\n").map_err(problem)
    }
}

/// The suite, its arguments, and what is set in its environment.
type Call<'a> = (&'a str, Vec<String>, Vec<(&'a str, &'a str)>);

/// From a command such as `make replay S=figure2 T=votes_once_per_term_2a SEED=1`.
fn parse(command: &str) -> Result<Call<'_>, String> {
    let mut words = command.split_whitespace();
    let (make, target) = (words.next(), words.next());
    let settings: Option<Vec<(&str, &str)>> = words.map(|word| word.split_once('=')).collect();
    let settings = settings.ok_or_else(|| format!("not NAME=VALUE in {command:?}"))?;
    let value = |name| settings.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    let test = value("T").map(str::to_lowercase);
    let (suite, mut arguments) = match (make, target) {
        (Some("make"), Some("replay")) => (value("S").unwrap_or("raft"), vec!["--sim", "--exact"]),
        (Some("make"), Some("nemesis")) => ("nemesis", vec!["--sim"]),
        (Some("make"), Some("test-figure2")) => ("figure2", vec!["--sim"]),
        (Some("make"), Some("sim")) => ("raft", vec!["--sim"]),
        _ => return Err(format!("the output of {command:?} cannot be compared")),
    };
    arguments.insert(0, "--must-match");
    let mut arguments: Vec<String> = arguments.into_iter().map(ToString::to_string).collect();
    let test = test.unwrap_or_else(|| "test_".to_string());
    let whole = arguments.iter().any(|argument| argument == "--exact");
    arguments.push(if whole { format!("test_{test}") } else { test });
    Ok((suite, arguments, settings.into_iter().filter(|(n, _)| !["T", "S"].contains(n)).collect()))
}

/// A place in `src/raft`, less what it ends in, say a comma.
fn place_in_raft(word: &str) -> Option<(&str, &str)> {
    let end = word.rfind(|c: char| c.is_ascii_digit())? + 1;
    (word.starts_with("src/raft/") && word.contains(".rs:")).then(|| word.split_at(end))
}

fn without_numbers(word: &str) -> String {
    let mut key = String::new();
    for c in word.chars() {
        if !c.is_ascii_digit() {
            key.push(c);
        } else if !key.ends_with('#') {
            key.push('#');
        }
    }
    key
}

/// `line` with the first whole `word` replaced.
fn replace_word(line: &str, word: &str, now: &str) -> String {
    let is_edge = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let mut starts = line.match_indices(word).map(|(at, _)| at);
    let whole = |at: &usize| {
        is_edge(line[..*at].chars().next_back()) && is_edge(line[at + word.len()..].chars().next())
    };
    match starts.find(whole) {
        Some(at) => format!("{}{now}{}", &line[..at], &line[at + word.len()..]),
        None => line.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "text\n<!-- output of a-bug: make replay T=x_2a SEED=1 -->\n```\n\
                        $ make it\n  ... FAILED -- at 1.5 s\n  ...\n  \
                        in thread at src/raft/log.rs:7:3\n```\n";
    const PRINTED: &str =
        "Test ...\n ... FAILED\n-- at 1.5 s\nmore\n in thread at src/raft/log.rs:7:3";

    fn shown(page: &str) -> Shown {
        outputs_in(Path::new(page), PAGE).unwrap().remove(0)
    }

    #[test]
    fn a_block_is_found_with_its_command() {
        let shown = shown("docs/x.md");
        assert_eq!((&*shown.raft, &*shown.command), ("a-bug", "make replay T=x_2a SEED=1"));
        assert_eq!((shown.line, shown.block.len(), shown.block[0].0), (2, 4, 4));
        let unfinished = outputs_in(Path::new("x"), "<!-- output: make sim -->\n\ntext\n");
        assert_eq!(unfinished.err().unwrap(), "x:1: no block of code follows it");
    }

    #[test]
    fn what_is_printed_is_as_shown_wherever_lines_break() {
        let shown = shown("docs/x.md");
        assert!(shown.is_as_shown(&shown.renewed(PRINTED).unwrap()));
    }

    #[test]
    fn what_is_left_out_may_be_counted() {
        let page = PAGE.replace("  ...\n", "  ... 7 lines\n");
        let shown = outputs_in(Path::new("docs/x.md"), &page).unwrap().remove(0);
        assert!(shown.is_as_shown(&shown.renewed(PRINTED).unwrap()));
        let problem = shown.renewed(&PRINTED.replace("thread", "fiber")).unwrap_err();
        assert!(!problem.contains("lines"), "{problem}");
    }

    #[test]
    fn other_numbers_are_renewed_and_other_words_are_told() {
        let shown = shown("docs/x.md");
        let renewed = shown.renewed(&PRINTED.replace("1.5", "2.75")).unwrap();
        assert!(!shown.is_as_shown(&renewed));
        assert_eq!(renewed[1], (5, "  ... FAILED -- at 2.75 s".to_string()));
        let problem = shown.renewed(&PRINTED.replace("thread", "fiber")).unwrap_err();
        assert_eq!(problem, "this is not printed any more:\n    in thread at src/raft/log.rs:7:3");
    }

    #[test]
    fn what_is_as_shown_is_found_behind_what_is_alike() {
        let shown = shown("docs/x.md");
        let printed = format!(" ... FAILED\n-- at 7.5 s\n{PRINTED}");
        assert!(shown.is_as_shown(&shown.renewed(&printed).unwrap()));
    }

    #[test]
    fn students_have_other_files() {
        let shown = shown("starter/docs/x.md");
        assert!(shown.is_as_shown(&shown.renewed(&PRINTED.replace("log.rs:7", "a.rs:9")).unwrap()));
    }

    #[test]
    fn a_command_becomes_a_suites_arguments() {
        let (suite, arguments, settings) = parse("make replay S=figure2 T=x_2a SEED=1").unwrap();
        assert_eq!(suite, "figure2");
        assert_eq!(arguments, ["--must-match", "--sim", "--exact", "test_x_2a"]);
        assert_eq!(settings, [("SEED", "1")]);
        assert_eq!(parse("make nemesis T=2C SEED=7").unwrap().1.last().unwrap(), "2c");
        assert!(parse("make coffee").unwrap_err().contains("cannot be compared"));
    }
}
