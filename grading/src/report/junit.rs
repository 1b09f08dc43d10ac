//! JUnit's XML: a suite for each submission, as many services show it.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestRerun, TestSuite};

use super::{of_most, tame};
use crate::scheme::{Group, Scheme};
use crate::score::{Score, TestScore};

pub fn of(scheme: &Scheme, scores: &[Score]) -> Result<String, String> {
    let mut report = Report::new(&scheme.title);
    for score in scores {
        let mut suite = TestSuite::new(&score.graded.name);
        for (group, scored) in scheme.groups.iter().zip(&score.groups) {
            suite.add_test_cases(scored.tests.iter().map(|test| case(group, test)));
        }
        report.add_test_suite(suite);
    }
    let text = report.to_string().map_err(|error| format!("the JUnit file: {error}"))?;
    // The root's count of skipped tests is in no schema: nothing is skipped.
    Ok(text.replacen(" skipped=\"0\"", "", 1))
}

fn case(group: &Group, test: &TestScore) -> TestCase {
    let outcome = &test.outcome;
    let message = outcome.failure.as_ref().map_or("", |failure| &failure.message);
    let status = if outcome.has_passed() {
        let mut status = TestCaseStatus::success();
        for _ in 0..outcome.flaky {
            let mut flaky = TestRerun::new(NonSuccessKind::Failure);
            flaky.set_message(tame(message));
            flaky.set_type("flaky"); // the schema asks for one
            status.add_rerun(flaky);
        }
        status
    } else if let (Some(why), None) = (&outcome.not_run, &outcome.failure) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(tame(why));
        status
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(tame(message.lines().next().unwrap_or_default()));
        status.set_description(tame(message));
        status
    };
    let mut case = TestCase::new(format!("{}: {}", group.name, outcome.test), status);
    case.set_classname(group.suite.name());
    case.set_system_out(of_most(test.points, test.most));
    case
}
