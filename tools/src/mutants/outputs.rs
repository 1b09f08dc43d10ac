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
//! With `make log`, what is compared is the columns of that run. Where a picture follows in place of a
//! block, it is the end of the run as the viewer draws it.
//!
//! Compared are words, so that a page may break its lines elsewhere; `...` stands for anything that
//! is left out, as does `... 7 lines`, and lines that begin with `$` are what is typed. Pages for
//! students speak of `src/raft/mod.rs`, whatever file of the reference it was: there the places in
//! `src/raft` are not compared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::call::parse;
use crate::excerpt::failure_in;
use crate::plant::{self, REFERENCE};
use crate::scratch::Suites;

const PAGES_OF_STUDENTS: &str = "starter";

/// An output on a page.
pub struct Shown {
    page: PathBuf,
    /// The file of a picture; its lines are the block.
    picture: Option<PathBuf>,
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
    for output in &mut shown {
        let Some(picture) = &output.picture else { continue };
        let text = fs::read_to_string(root.join(picture))
            .map_err(|error| format!("{}: {error}", picture.display()))?;
        output.block = numbered(&text);
    }
    Ok(shown)
}

fn numbered(text: &str) -> Vec<(usize, String)> {
    (1..).zip(text.lines().map(ToString::to_string)).collect()
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
        let next = lines.next().map_or("", |(_, line)| line.trim_start());
        let (mut picture, mut block) = (None, Vec::new());
        if next.starts_with("![") {
            // Its words may go on in further lines.
            let behind = text.lines().skip(line).collect::<Vec<_>>().join(" ");
            let file = behind.split_once("](").and_then(|(_, rest)| rest.split_once(')'));
            let (file, _) = file.ok_or_else(|| wrong("the picture names no file"))?;
            picture = Some(page.with_file_name(file));
        } else if next.starts_with("```") {
            let inside =
                lines.by_ref().take_while(|(_, line)| !line.trim_start().starts_with("```"));
            block = inside.map(|(at, line)| (at, line.to_string())).collect();
        } else {
            return Err(wrong("neither a block of code nor a picture follows it"));
        }
        let (page, command) = (page.to_path_buf(), command.trim().to_string());
        shown.push(Shown { page, picture, line, raft, command, block });
    }
    Ok(shown)
}

impl Shown {
    pub fn place(&self) -> String {
        format!("{}:{}", self.page.display(), self.line)
    }

    /// What the command prints today; `trace` is a file that it may write.
    pub fn run(&self, suites: &Suites, root: &Path, trace: &Path) -> Result<String, String> {
        let (suite, arguments, settings) = parse(&self.command)?;
        let program = suites.get(suite).ok_or_else(|| format!("there is no suite {suite}"))?;
        let mut command = Command::new(program);
        for name in ["SEED", "SEEDS", "KERNEL", "JOBS", "VERBOSE", "TRACE", "ORACLE", "PLAN"] {
            command.env_remove(name);
        }
        let viewer = match self.picture {
            Some(_) => Some("picture"),
            None => self.command.starts_with("make log ").then_some("log"),
        };
        // Lines are broken where they are shown: the places in them are shorter there.
        command.env("COLUMNS", "10000").args(arguments).envs(settings).env("RAFT", &self.raft);
        if viewer.is_some() {
            command.env("TRACE", trace);
        }
        let mut output =
            command.output().map_err(|error| format!("cannot run {suite}: {error}"))?;
        if let Some(how) = viewer {
            output = Command::new("cargo")
                .args(["run", "--quiet", "--package", "raft-lab-viewer", "--", how])
                // As `make log` names it: a longer path takes a row more of the screen.
                .arg(trace.strip_prefix(root).unwrap_or(trace))
                .current_dir(root)
                .output()
                .map_err(|error| format!("cannot show a trace: {error}"))?;
        }
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        Ok(plant::as_in_place(&said, &self.raft))
    }

    /// The block as it should be; an error tells which of its lines are printed no longer, not
    /// even with other numbers.
    pub fn renewed(&self, printed: &str) -> Result<Vec<(usize, String)>, String> {
        if self.picture.is_some() {
            return Ok(numbered(printed));
        }
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

    /// Writes the lines to the page, or the picture's file.
    pub fn write(&self, root: &Path, renewed: &[(usize, String)]) -> Result<(), String> {
        let file = root.join(self.picture.as_ref().unwrap_or(&self.page));
        let problem = |error| format!("{}: {error}", file.display());
        let text = fs::read_to_string(&file).map_err(problem)?;
        let mut lines: Vec<&str> = text.lines().collect();
        if self.picture.is_some() {
            lines = vec![""; renewed.len()];
        }
        for (at, line) in renewed {
            lines[at - 1] = line;
        }
        fs::write(&file, lines.join("\n") + "\n").map_err(problem)
    }
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
        let problem = "x:1: neither a block of code nor a picture follows it";
        assert_eq!(unfinished.err().unwrap(), problem);
    }

    #[test]
    fn a_picture_is_compared_with_what_is_drawn() {
        let page =
            "<!-- output of a-bug: make view T=x_2a SEED=1 -->\n![Two\nwords](drawings/x.svg)\n";
        let mut shown = outputs_in(Path::new("docs/x.md"), page).unwrap().remove(0);
        assert_eq!(shown.picture.as_deref(), Some(Path::new("docs/drawings/x.svg")));
        shown.block = numbered("<svg>\n</svg>\n");
        assert!(shown.is_as_shown(&shown.renewed("<svg>\n</svg>\n").unwrap()));
        assert!(!shown.is_as_shown(&shown.renewed("<svg>\n1</svg>\n").unwrap()));
        assert!(!shown.is_as_shown(&shown.renewed("").unwrap()));
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
}
