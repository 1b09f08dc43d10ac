//! What is shown of a run when it is over.

use super::again::record_again;
use super::runs::{Run, Runs, indented};
use super::{block, forbidden};

/// The suites whose failures may come from what src/raft uses.
const RUNS_RAFT: [&str; 3] = ["raft", "figure2", "nemesis"];

/// What is to be shown of a run: what it printed and was not shown yet, and the report.
pub(super) fn what_is_shown(runs: &mut Runs<'_>, mut run: Run) -> Vec<u8> {
    let mut text = std::mem::take(&mut run.printed);
    if run.record.passed() {
        run.trace.iter().for_each(|line| text.extend_from_slice(indented(line).as_bytes()));
    } else {
        text.extend_from_slice(report(runs, &run).as_bytes());
    }
    text
}

/// All that is to be said of a failed run: what broke, what else is known of it, what to do next.
fn report(runs: &mut Runs<'_>, run: &Run) -> String {
    let mut text = runs.describe(run);
    let mut traced = run.trace.clone();
    let explained = runs.options.simulated && !runs.options.terse && !run.not_begun;
    if explained && traced.is_none() {
        traced = Some(record_again(runs.test, run, runs.suite, runs.options));
    }
    let explanation = if explained { runs.explain() } else { None };
    let forbidden = forbidden::note().filter(|_| RUNS_RAFT.contains(&runs.suite));
    for more in [&run.record.note, &explanation, &forbidden].into_iter().flatten() {
        text.push_str(&block::labelled("NOTE", &more.lines().collect::<Vec<_>>()));
    }
    let traced = traced.unwrap_or_default();
    let trace = traced.strip_prefix("trace: ");
    let lines: Vec<_> = trace.unwrap_or(&traced).lines().collect();
    text.push_str(&block::labelled("TRACE", &lines));
    let trace = trace.and_then(|rest| rest.split("    ").next());
    let failure = run.record.failure.as_deref().unwrap_or_default();
    text + &block::next(runs.suite, runs.again(run.record.seed), trace, failure)
}
