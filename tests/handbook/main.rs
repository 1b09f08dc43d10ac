//! The handbook names functions, tests, planted bugs, files and commands: here they are looked up,
//! in README.md, CONTRIBUTING.md and each page of `docs/`, so that a page cannot outlive what it
//! speaks of. The pages that students get are looked through where they will be: in an export.
//!
//! # What is looked up
//! - `[text](path)`: the file is there, and so is the heading if the path ends in `#heading`;
//! - ``[`Type::function`](path)``, ``[`function()`](path)``: the file defines that function, and
//!   `Type`; any other name in a link to a Rust file: the file defines it, as a type, a constant
//!   or a field;
//! - `` `test_...` ``: a test of that name is under `tests/` or `src/`;
//! - `` `a-...` `` to `` `d-...` ``, `` `l-...` ``: a planted bug of that name is in `mutants/`;
//! - `` `make x` ``, also in a block of code: the Makefile knows it.
//!
//! And the other way round: each planted bug is explained somewhere, each Figure-2 test stands
//! at its line of the paper, each page is in the book, and each failure that a page shows says
//! where it comes from (`make check-outputs` compares it).

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "make is asked for its commands"
)]

mod files;
mod reading;
mod rooms;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use files::{files, pages, read, root};
use reading::{
    commands_in, functions_in, is_bug_name, is_test_name, lines_of, links_in, names_in, slug,
};

/// Where the bugs are explained: one of these pages has to name each of them.
const PAGES_OF_BUGS: [&str; 3] = ["docs/figure2.md", "docs/threads.md", "docs/questions.md"];
/// The page that has to name each Figure-2 test.
const PAGE_OF_TESTS: &str = "docs/figure2.md";
/// The book's table of contents.
const CONTENTS: &str = "docs/SUMMARY.md";

#[test]
fn whatever_the_handbook_names_exists() {
    let known = Known::read(root());
    let mut faults = Vec::new();
    for page in pages() {
        faults.extend(faults_of(&page, &read(&page), &known));
    }
    check("the handbook names what is not there", &faults);
}

#[test]
fn the_handbook_explains_each_planted_bug() {
    let mut named = BTreeSet::new();
    for page in PAGES_OF_BUGS {
        named.extend(names_in(&read(page)).into_iter().map(|(_, name)| name));
    }
    let missing = Known::read(root()).bugs.into_iter().filter(|bug| !named.contains(bug));
    let faults: Vec<_> = missing
        .map(|bug| format!("mutants/{bug}.patch: name `{bug}` at the rule that it breaks"))
        .collect();
    check(&format!("no page of {} explains a planted bug", PAGES_OF_BUGS.join(", ")), &faults);
}

#[test]
fn each_figure_2_test_stands_at_its_line() {
    let page = read(PAGE_OF_TESTS);
    let named: BTreeSet<_> = names_in(&page).into_iter().map(|(_, name)| name).collect();
    let mut faults = Vec::new();
    for file in files(Path::new("tests/figure2"), "rs") {
        let tests = functions_in(&read(&file)).into_iter().filter(|name| is_test_name(name));
        let missing = tests.filter(|test| !named.contains(test));
        faults.extend(missing.map(|test| format!("{file}: add `{test}` to the line it checks")));
    }
    check(&format!("{PAGE_OF_TESTS} lacks tests"), &faults);
}

/// `make progress HINT=1` has something to say, whichever test is the first to fail.
#[test]
fn each_test_has_a_hint() {
    let hints = read("scripts/hints.txt");
    let parts: Vec<_> = hints.lines().filter_map(|line| Some(line.split_once('|')?.0)).collect();
    let mut faults = Vec::new();
    for file in
        files(Path::new("tests/figure2"), "rs").iter().chain(&files(Path::new("tests/raft"), "rs"))
    {
        let text = read(file);
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        for test in words.filter(|word| is_test_name(word)) {
            if !parts.iter().any(|part| test.contains(part)) {
                faults.push(format!("{file}: {test}"));
            }
        }
    }
    check("scripts/hints.txt has none for these", &faults);
}

#[test]
fn each_page_is_in_the_book() {
    let linked: BTreeSet<_> =
        links_in(&read(CONTENTS)).into_iter().map(|(_, _, target)| target).collect();
    let pages = files(Path::new("docs"), "md").into_iter().filter(|page| page != CONTENTS);
    let missing = pages.filter(|page| !linked.contains(&page["docs/".len()..]));
    let faults: Vec<_> = missing.map(|page| format!("{page}: put it into {CONTENTS}")).collect();
    check("the book lacks pages", &faults);
}

#[test]
fn each_failure_says_where_it_comes_from() {
    let mut pages = pages();
    pages.extend(files(Path::new("starter"), "md"));
    let mut faults = Vec::new();
    for page in pages {
        faults.extend(unmarked_failures(&read(&page)).map(|line| {
            format!("{page}:{line}: which command prints this?  <!-- output of BUG: make ... -->")
        }));
    }
    check("these cannot be compared with what is printed", &faults);
}

/// The pages that students get, where they get them.
#[test]
fn students_pages_name_what_students_have() {
    let folder = std::env::temp_dir().join(format!("raft-lab-export-{}", std::process::id()));
    let export = Command::new(root().join("starter/export.sh"))
        .env("DIR", &folder)
        .env_remove("UPDATE")
        .output()
        .expect("the export can be started");
    let said = String::from_utf8_lossy(&export.stderr).into_owned();
    assert!(export.status.success(), "the export fails: {said}");
    let mut known = Known::read(&folder);
    known.commands.insert("starter".to_string()); // it is typed in this repository
    let mut faults = Vec::new();
    for page in files(&folder, "md") {
        let text = read(&page);
        faults.extend(faults_of(&page, &text, &known));
        let upwards = links_in(&text).into_iter().filter(|(_, _, to)| to.contains("src/raft/"));
        faults.extend(upwards.map(|(line, _, to)| format!("{page}:{line}: a spoiler: {to}")));
    }
    fs::remove_dir_all(&folder).expect("the export can be deleted");
    check("students' pages name what students do not have", &faults);
}

/// Each check finds its fault, and says in which line.
#[test]
fn every_kind_of_fault_is_found() {
    let known = Known {
        tests: ["test_votes_2a".to_string()].into(),
        bugs: ["a-double-vote".to_string()].into(),
        commands: ["lint".to_string()].into(),
    };
    let right = "`test_votes_2a` `a-double-vote` `make lint` `make lint T=x` [lab](../README.md)\n\
                 [`State::observe_term`](../src/raft/state.rs) [`Index`](../src/raft/rpc.rs)\n\
                 [`TICK`](../src/raft/election.rs) [`Network::call()`](https://example.org) `b-`\n\
                 [state](figure2.md#state) [`current_term`](../src/raft/state.rs)\n\
                 ```\n$ make lint\n`test_that_is_none`\n```\n";
    assert_eq!(faults_of("docs/x.md", right, &known), [""; 0]);
    for (wrong, word) in [
        ("`test_vote_2a`", "no test"),
        ("`a-double-votes`", "no such bug"),
        ("`make link`", "no such command"),
        ("```\n$ make link\n```", "no such command"),
        ("[lab](no-such-page.md)", "no such file"),
        ("[state](figure2.md#states)", "no such heading"),
        ("[`State::observe`](../src/raft/state.rs)", "no `fn observe`"),
        ("[`Log::observe_term`](../src/raft/state.rs)", "no type `Log`"),
        ("[`observe()`](../src/raft/state.rs)", "no `fn observe`"),
        ("[`Indexes`](../src/raft/rpc.rs)", "does not define `Indexes`"),
        ("[`term_now`](../src/raft/state.rs)", "does not define `term_now`"),
    ] {
        let faults = faults_of("docs/x.md", &format!("\n\n{wrong}"), &known);
        assert_eq!(faults.len(), 1, "{wrong}: {faults:?}");
        assert!(faults[0].contains(word), "{wrong}: {faults:?}");
        let line = if wrong.starts_with("```") { 4 } else { 3 };
        assert!(faults[0].starts_with(&format!("docs/x.md:{line}: ")), "{wrong}: {faults:?}");
    }
}

/// What a page may name.
struct Known {
    tests: BTreeSet<String>,
    bugs: BTreeSet<String>,
    commands: BTreeSet<String>,
}

impl Known {
    /// What the project in `folder` has.
    fn read(folder: &Path) -> Known {
        let mut tests = BTreeSet::new();
        for dir in ["tests", "src"] {
            for file in files(&folder.join(dir), "rs") {
                tests.extend(functions_in(&read(&file)).into_iter().filter(|n| is_test_name(n)));
            }
        }
        let mutants = folder.join("mutants");
        let patches = if mutants.is_dir() { files(&mutants, "patch") } else { Vec::new() };
        let name = |file: &String| Path::new(file).file_stem()?.to_str().map(ToString::to_string);
        let bugs = patches.iter().filter_map(name).collect();
        Known { tests, bugs, commands: commands(folder) }
    }
}

/// The Makefile's commands, as make itself lists them when asked for one that does not exist.
fn commands(folder: &Path) -> BTreeSet<String> {
    let mut make = Command::new("make");
    // As if called by hand, although `make test` may be what runs this.
    make.args(["--silent", "no-such-command"]).current_dir(folder);
    for variable in ["MAKEFLAGS", "MAKELEVEL", "MFLAGS"] {
        make.env_remove(variable);
    }
    let output = make.output().expect("make is needed to list the Makefile's commands");
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, list) = text.split_once("there are: ").unwrap_or_else(|| {
        panic!("'make no-such-command' lists no commands (see .DEFAULT in the Makefile): {text}")
    });
    list.split_whitespace().map(ToString::to_string).collect()
}

/// The lines of the blocks that show a failure, but no comment before them says of what.
fn unmarked_failures(text: &str) -> impl Iterator<Item = usize> {
    let mut before = "";
    let mut begin = (0, false);
    let lines = lines_of(text).filter_map(move |(number, line, in_block)| {
        let fence = line.trim_start().starts_with("```");
        if fence {
            begin = (
                number,
                before.starts_with("<!-- output") || before.starts_with("<!-- not compared"),
            );
        }
        before = line;
        let shows = line.contains("... FAILED --") || line.contains(" is broken: ");
        (in_block && !fence && shows && !begin.1).then_some(begin.0)
    });
    lines.collect::<BTreeSet<_>>().into_iter()
}

/// A page's faults, each with page and line, what is missing, and what to do.
fn faults_of(page: &str, text: &str, known: &Known) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |line: usize, what: String| faults.push(format!("{page}:{line}: {what}"));
    for (line, name) in names_in(text) {
        if is_test_name(&name) && !known.tests.contains(&name) {
            fault(line, format!("there is no test `{name}` under tests/ or src/: was it renamed?"));
        }
        if is_bug_name(&name) && !known.bugs.contains(&name) {
            fault(line, format!("no such bug: mutants/{name}.patch is missing"));
        }
    }
    for (line, command) in commands_in(text) {
        if !known.commands.contains(&command) {
            fault(line, format!("no such command: the Makefile knows no `make {command}`"));
        }
    }
    for (line, text, target) in links_in(text) {
        if let Err(what) = check_link(page, &text, &target) {
            fault(line, what);
        }
    }
    faults
}

fn check_link(page: &str, text: &str, target: &str) -> Result<(), String> {
    if target.contains("://") {
        return Ok(());
    }
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let dir = Path::new(page).parent().unwrap_or(Path::new(""));
    let file = if path.is_empty() { PathBuf::from(page) } else { dir.join(path) };
    let content = match fs::read_to_string(root().join(&file)) {
        Ok(content) => content,
        Err(_) if root().join(&file).is_dir() => return Ok(()),
        Err(_) => return Err(format!("no such file: the link to {target}: was it moved?")),
    };
    let mut headings = content.lines().filter(|line| line.starts_with('#')).map(slug);
    if !heading.is_empty() && !headings.any(|slug| slug == heading) {
        return Err(format!("no such heading: the link to {target}"));
    }
    let Some(name) = text.strip_prefix('`').and_then(|rest| rest.strip_suffix('`')) else {
        return Ok(());
    };
    if path.ends_with(".rs") && !name.contains(['/', '.', ' ']) {
        check_defined(name, &content)
            .map_err(|what| format!("{path} {what}: the link `{name}`"))?;
    }
    Ok(())
}

/// Whether a Rust file defines `Type::function`, `function()`, or another `name`.
fn check_defined(name: &str, file: &str) -> Result<(), String> {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').map(ToString::to_string).collect()
    };
    let is_defined = |name: &str, as_what: &[&str]| {
        file.lines()
            .map(words)
            .any(|line| line.windows(2).any(|pair| as_what.contains(&&*pair[0]) && pair[1] == name))
    };
    let types = ["struct", "enum", "trait", "type", "impl", "for"];
    let (owner, own) = name.rsplit_once("::").map_or((None, name), |(o, n)| (Some(o), n));
    if let Some(owner) = owner.filter(|owner| !is_defined(owner, &types)) {
        return Err(format!("has no type `{owner}`"));
    }
    if let Some(function) = own.strip_suffix("()").or(owner.map(|_| own)) {
        let found = is_defined(function, &["fn"]);
        return found.then_some(()).ok_or(format!("has no `fn {function}`"));
    }
    let is_field = file.contains(&format!(" {own}: "));
    let found = is_field || is_defined(own, &["struct", "enum", "trait", "type", "const", "mod"]);
    found.then_some(()).ok_or(format!("does not define `{own}`"))
}

/// # Panics
/// If there are faults, with all of them.
fn check(what: &str, faults: &[String]) {
    let mut list = String::new();
    for fault in faults {
        let _ = write!(list, "\n  {fault}"); // writing to a String cannot fail
    }
    assert!(faults.is_empty(), "{what}:{list}\nCorrect the page, then: cargo test --test handbook");
}
