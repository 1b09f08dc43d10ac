//! Draws the pictures of the handbook from the texts in `docs/drawings/`: `make drawings`.
//!
//! Each `NAME.txt` gives a `NAME.svg`, which follows the reader's colours (light or dark) and holds
//! its text for those who cannot see it. On pages, what stands between `<!-- drawing NAME -->` and
//! `<!-- end of drawing -->` is written here as well: the picture, and the same in words.
//!
//! - A *sequence* ([`sequence`]) has a lane for each thread, and time runs down.
//! - A *map* ([`map`]) has boxes in places, and arrows between them.
//!
//! `--check` writes nothing, and fails if anything would change.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a tool: nothing of it runs in a simulation"
)]

mod map;
mod sequence;
mod svg;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const TEXTS: &str = "docs/drawings";
const PAGES: [&str; 3] = ["docs", "starter", "starter/docs"];
const END: &str = "<!-- end of drawing -->";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let check = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--check"] => true,
        _ => {
            eprintln!("usage: drawings [--check]");
            return ExitCode::from(2);
        }
    };
    match drawn(&root()) {
        Ok(files) => finish(&files, check),
        Err(problem) => {
            eprintln!("drawings: {problem}");
            ExitCode::from(2)
        }
    }
}

fn finish(files: &BTreeMap<PathBuf, String>, check: bool) -> ExitCode {
    let changed =
        files.iter().filter(|(file, text)| fs::read_to_string(file).ok() != Some((*text).clone()));
    let mut outcome = ExitCode::SUCCESS;
    for (file, text) in changed {
        if check {
            eprintln!("{} is not as its text says: make drawings", file.display());
            outcome = ExitCode::FAILURE;
        } else if let Err(error) = fs::write(file, text) {
            eprintln!("drawings: {}: {error}", file.display());
            outcome = ExitCode::from(2);
        }
    }
    outcome
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A picture, and what it shows in words.
pub struct Drawing {
    pub title: String,
    pub svg: String,
    /// A list in Markdown.
    pub words: String,
}

/// All pictures, and all pages with drawings, as they should be.
fn drawn(root: &Path) -> Result<BTreeMap<PathBuf, String>, String> {
    let mut files = BTreeMap::new();
    let mut drawings = BTreeMap::new();
    for file in files_in(&root.join(TEXTS), "txt")? {
        let text = read(&file)?;
        let drawing = draw(&text).map_err(|problem| format!("{}: {problem}", file.display()))?;
        files.insert(file.with_extension("svg"), drawing.svg.clone());
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        drawings.insert(name, drawing);
    }
    for folder in PAGES {
        for page in files_in(&root.join(folder), "md")? {
            let text = read(&page)?;
            let filled = fill(&text, &drawings);
            files.insert(page.clone(), filled.map_err(|p| format!("{}: {p}", page.display()))?);
        }
    }
    Ok(files)
}

fn draw(text: &str) -> Result<Drawing, String> {
    let head = text.lines().next().unwrap_or_default();
    match head.split_once(": ") {
        Some(("sequence", title)) => sequence::draw(title, text),
        Some(("map", title)) => map::draw(title, text),
        _ => Err(format!("the first line is neither 'sequence: TITLE' nor 'map: TITLE': {head}")),
    }
}

/// The page with all its drawings written anew.
fn fill(page: &str, drawings: &BTreeMap<String, Drawing>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("<!-- drawing ") {
        let (name, after) = after.split_once(" -->").ok_or("a drawing's comment has no end")?;
        let (_, after) = after.split_once(END).ok_or_else(|| format!("no {END} after {name}"))?;
        let drawing = drawings.get(name).ok_or_else(|| format!("no {TEXTS}/{name}.txt"))?;
        let Drawing { title, words, .. } = drawing;
        filled += before;
        filled += &format!(
            "<!-- drawing {name} -->\n![{title}](drawings/{name}.svg)\n\n<details>\n\
             <summary>The same in words</summary>\n\n{words}\n</details>\n{END}"
        );
        rest = after;
    }
    Ok(filled + rest)
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn files_in(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|e| e == extension)).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_pages_are_as_their_texts_say() {
        for (file, text) in drawn(&root()).unwrap() {
            let now = fs::read_to_string(&file).unwrap_or_default();
            assert!(now == text, "{} is not as its text says: make drawings", file.display());
        }
    }

    #[test]
    fn a_page_gets_picture_and_words() {
        let drawing = draw("sequence: A life\nlane a: one\na: lives").unwrap();
        let drawings = BTreeMap::from([("life".to_string(), drawing)]);
        let page = "x\n<!-- drawing life -->\nold\n<!-- end of drawing -->\ny\n";
        let filled = fill(page, &drawings).unwrap();
        assert!(filled.contains("![A life](drawings/life.svg)"), "{filled}");
        assert!(filled.contains("1. **one**: lives") && !filled.contains("old"), "{filled}");
        assert_eq!(fill(&filled, &drawings).unwrap(), filled);
        assert!(fill("<!-- drawing none -->", &drawings).is_err());
    }
}
