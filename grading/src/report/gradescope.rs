//! The file results.json of a Gradescope autograder.

use serde_json::{Value, json};

use super::page::{command, passed_of, search};
use super::{block, counted, tame};
use crate::grade::Verdict;
use crate::run::Outcome;
use crate::scheme::{Group, Scheme, Visibility};
use crate::score::Score;

/// Each test with its score and visibility; the total is their sum.
pub fn of(scheme: &Scheme, score: &Score) -> Value {
    let mut tests = Vec::new();
    if score.graded.verdict != Verdict::Ran {
        // First, and visible to all: why nothing was run.
        tests.push(json!({
            "name": "Build",
            "score": 0.0,
            "max_score": 0.0,
            "status": "failed",
            "output": tame(&details(&score.graded.verdict)),
            "output_format": "text",
            "visibility": "visible",
        }));
    }
    for (place, (group, scored)) in scheme.groups.iter().zip(&score.groups).enumerate() {
        for (number, test) in scored.tests.iter().enumerate() {
            let passed = test.outcome.has_passed();
            tests.push(json!({
                "name": format!("{}: {}", group.name, test.outcome.test),
                "number": format!("{}.{}", place + 1, number + 1),
                "score": rounded(test.points),
                "max_score": rounded(test.most),
                "status": if passed { "passed" } else { "failed" },
                "output": tame(&output(group, &test.outcome)),
                "output_format": "text",
                "visibility": group.visibility,
                "tags": [group.suite.name()],
            }));
        }
    }
    json!({
        // The tests' own scores are rounded: this is the sum.
        "score": rounded(score.points),
        "output": tame(&details(&score.graded.verdict)),
        "output_format": "text",
        // What is printed tells of hidden seeds.
        "visibility": Visibility::Visible,
        "stdout_visibility": Visibility::Hidden,
        "tests": tests,
    })
}

fn rounded(points: f64) -> f64 {
    (points * 1e4).round() / 1e4
}

fn details(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Refused(uses) => format!("refused:\n{}", uses.join("\n")),
        Verdict::DoesNotBuild(errors) => format!("does not build:\n{errors}"),
        Verdict::NotGraded(problem) => format!("{}:\n{problem}", verdict.in_short()),
        _ => verdict.in_short(),
    }
}

fn output(group: &Group, outcome: &Outcome) -> String {
    let mut lines = Vec::new();
    if outcome.flaky > 0 {
        let times = counted(outcome.flaky as usize, "time");
        lines.push(format!("FLAKY: failed {times}, and passed when it was tried again"));
    }
    let is_shown = group.visibility != Visibility::Visible || !group.has_hidden_seeds();
    if outcome.runs > 1 && is_shown {
        lines.push(format!("passed with {} of {} seeds", outcome.passed, outcome.runs));
    }
    lines.extend(outcome.not_run.as_ref().map(|why| format!("not run: {why}")));
    if outcome.failure.is_some() && !is_shown {
        let (count, again) = (passed_of(group, outcome), search(group, outcome));
        lines.push(format!("{count}; which ones is not shown. Look for it: {again}"));
    } else if let Some(failure) = &outcome.failure {
        lines.extend(failure.follows.iter().map(|test| format!("it follows from {test}:")));
        lines.push(block::of(&failure.message, &command(group, &outcome.test, failure)));
    }
    lines.join("\n")
}
