//! A page for a submission, in Markdown: what it earns, and what is wrong in the failure's own words.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{block, counted, of_most, tame};
use crate::grade::Verdict;
use crate::run::{Failure, Outcome};
use crate::scheme::{Count, Group, Scheme, Suite};
use crate::score::{GroupScore, Score};

/// Messages that stand on the page, and where: test and group.
type Shown = BTreeMap<String, (String, String)>;

/// Who reads the page: hidden seeds and what fails with them are for teachers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    Student,
    Teacher,
}

pub fn of(scheme: &Scheme, score: &Score, reader: Reader) -> String {
    let graded = &score.graded;
    let mut page = format!("# {}: {}\n\n", scheme.title, tame(&graded.name));
    let _ = writeln!(page, "**{} points**\n", of_most(score.points, scheme.points()));
    page.push_str(&verdict(&graded.verdict));
    if reader == Reader::Teacher && !graded.notes.is_empty() {
        page.push_str("Notes for the teacher:\n\n");
        graded.notes.iter().for_each(|note| page.push_str(&format!("- {}\n", tame(note))));
        page.push('\n');
    }
    if graded.verdict != Verdict::Ran {
        return page;
    }
    page.push_str("| | points | tests passed |\n|---|---|---|\n");
    for (group, scored) in scheme.groups.iter().zip(&score.groups) {
        let passed = scored.tests.iter().filter(|test| test.outcome.has_passed()).count();
        let (points, count) = (of_most(scored.points, group.points), scored.tests.len());
        let _ = writeln!(page, "| {} | {points} | {passed} of {count} |", group.name);
    }
    let mut shown = Shown::new();
    for (group, scored) in scheme.groups.iter().zip(&score.groups) {
        let hidden = group.is_hidden() && reader == Reader::Student;
        page.push_str(&section(group, scored, hidden, &mut shown));
    }
    page
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Ran => String::new(),
        Verdict::Unreadable(problem) => {
            format!(
                "Nothing was run: {}.\n\nHand in the project, with `src/raft/mod.rs`.\n\n",
                tame(problem)
            )
        }
        Verdict::Refused(uses) => format!(
            "Nothing was run, since `src/raft` uses what no Raft needs:\n\n{}\nTake it out. If you \
             need it, ask your teacher, who can allow it.\n\n",
            fenced(&uses.join("\n"))
        ),
        Verdict::DoesNotBuild(errors) => format!(
            "It does not build in a fresh copy of the lab: only `src/raft` is taken, and `rpc.rs`, \
             `persister.rs` and `view.rs` are the lab's own. The compiler says:\n\n{}\n",
            fenced(errors)
        ),
        Verdict::BuildWasStopped(why) => format!(
            "It was stopped: {why}. Look for a constant that is computed without end, and for macros \
             that call themselves.\n\n"
        ),
        Verdict::NotGraded(problem) => format!(
            "It could not be graded, through no fault of its own. Grade it again.\n\n{}\n",
            fenced(problem)
        ),
    }
}

/// What is to be said of a group's tests that have not passed.
fn section(group: &Group, scored: &GroupScore, hidden: bool, shown: &mut Shown) -> String {
    let mut text = String::new();
    let failed = scored.tests.iter().filter(|test| !test.outcome.has_passed());
    let flaky = scored.tests.iter().filter(|test| test.outcome.flaky > 0);
    let failed: Vec<&Outcome> = failed.chain(flaky).map(|test| &test.outcome).collect();
    if failed.is_empty() {
        return text;
    }
    let _ = writeln!(text, "\n## {}\n", group.name);
    if hidden {
        text.push_str(&in_short(group, &failed));
        return text;
    }
    for outcome in failed {
        text.push_str(&entry(group, outcome, shown));
    }
    text
}

/// Of a hidden group: which tests failed, and how to look for that; nothing of seeds and messages.
fn in_short(group: &Group, outcomes: &[&Outcome]) -> String {
    let (failed, rest): (Vec<&Outcome>, Vec<&Outcome>) =
        outcomes.iter().partition(|outcome| outcome.failure.is_some());
    let mut text = String::new();
    if !failed.is_empty() {
        text.push_str("What failed is told without seeds and messages.\n\n");
    }
    for outcome in failed {
        let (test, count, again) =
            (&outcome.test, passed_of(group, outcome), search(group, outcome));
        let _ = writeln!(text, "- `{test}` {count}; look for it: `{again}`");
    }
    for outcome in rest {
        let why = outcome.not_run.as_deref().unwrap_or("nobody knows why");
        let (test, count) = (&outcome.test, passed_of(group, outcome));
        let _ = writeln!(text, "- `{test}` {count}: {}", tame(why));
    }
    text
}

/// "passed with 3 of 10 seeds", but no more than what was seen.
pub fn passed_of(group: &Group, outcome: &Outcome) -> String {
    let Outcome { passed, runs, flaky, failure, .. } = outcome;
    match failure {
        _ if *flaky > 0 => format!("failed {}, and then passed", counted(*flaky as usize, "time")),
        None if *passed == 0 => "was not run".to_string(),
        None => {
            let seeds = counted(usize::try_from(*passed).unwrap_or(usize::MAX), "seed");
            format!("passed with {seeds}, and was not run with all {runs}")
        }
        Some(_) if *runs < 2 => "failed".to_string(),
        Some(_) if *passed == 0 && group.count == Count::All => {
            format!("failed with the first of {runs} seeds, and was not run with others")
        }
        Some(_) => format!("passed with {passed} of {runs} seeds"),
    }
}

/// What to type to look for a failure whose seed is not known.
pub fn search(group: &Group, outcome: &Outcome) -> String {
    let name = short(&outcome.test);
    let oracle = oracle(group);
    match (group.suite, &group.seeds) {
        (Suite::Raft, None) => format!("make test T={name}{oracle}"),
        (Suite::Raft, _) => format!("make sim T={name} SEEDS=200{oracle}"),
        (Suite::Figure2, _) => format!("make test-figure2 T={name} SEEDS=200"),
        (Suite::Nemesis, _) => format!("make nemesis T={name} SEEDS=200{oracle}"),
    }
}

fn entry(group: &Group, outcome: &Outcome, shown: &mut Shown) -> String {
    let test = &outcome.test;
    let mut text = format!("### {test}\n\n");
    match &outcome.not_run {
        Some(why) if outcome.failure.is_none() => {
            let _ = writeln!(text, "Not run: {}.\n", tame(why));
        }
        _ if outcome.flaky > 0 => {
            let _ = writeln!(
                text,
                "**Flaky**: it failed {}, and passed when it was tried again. It counts as \
                 passed; the failure may be a race of yours all the same.\n",
                counted(outcome.flaky as usize, "time")
            );
        }
        _ if group.count == Count::Share && outcome.runs > 1 => {
            let _ =
                writeln!(text, "It passed with {} of {} seeds.\n", outcome.passed, outcome.runs);
        }
        _ => {}
    }
    let Some(failure) = &outcome.failure else { return text };
    if let Some(cause) = &failure.follows {
        let _ = writeln!(text, "It follows from the failure of `{cause}`:\n");
    }
    // What several tests say is shown once.
    let next = command(group, test, failure);
    match shown.get(&failure.message) {
        Some((before, within)) => {
            let place = if *within == group.name { "" } else { &format!(" in \"{within}\"") };
            let _ = writeln!(
                text,
                "The same message as for `{before}`{place}, above. Again: `{next}`\n"
            );
        }
        None => {
            shown.insert(failure.message.clone(), (test.clone(), group.name.clone()));
            let _ = writeln!(text, "{}", fenced(&block::of(&failure.message, &next)));
        }
    }
    text
}

/// What to type to see it again.
pub fn command(group: &Group, test: &str, failure: &Failure) -> String {
    let name = failure.follows.as_deref().unwrap_or(test);
    let (name, seed, oracle) = (short(name), failure.seed, oracle(group));
    match (group.suite, &group.seeds) {
        (Suite::Raft, None) => format!("make test T={name} SEED={seed}{oracle}"),
        (Suite::Raft, _) => format!("make replay T={name} SEED={seed}{oracle}"),
        (Suite::Figure2, _) => format!("make replay S=figure2 T={name} SEED={seed}"),
        (Suite::Nemesis, _) => format!("make nemesis T={name} SEED={seed}{oracle}"),
    }
}

fn short(test: &str) -> &str {
    test.strip_prefix("test_").unwrap_or(test)
}

/// Students' own runs have the oracle on; Figure 2's tests have none.
fn oracle(group: &Group) -> String {
    match group.oracle.name() {
        "on" => String::new(),
        oracle => format!(" ORACLE={oracle}"),
    }
}

/// As a block of code, whatever is in it.
fn fenced(text: &str) -> String {
    let text = tame(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}\n")
}
