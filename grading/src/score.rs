//! From what became of the tests to points.

use crate::grade::{Graded, Verdict};
use crate::run::Outcome;
use crate::scheme::Scheme;

/// What a submission earns.
pub struct Score {
    pub graded: Graded,
    /// In the scheme's order.
    pub groups: Vec<GroupScore>,
    pub points: f64,
}

pub struct GroupScore {
    pub points: f64,
    /// Its tests, in the suite's order, with what each is worth.
    pub tests: Vec<TestScore>,
}

pub struct TestScore {
    pub outcome: Outcome,
    pub points: f64,
    pub most: f64,
}

impl Score {
    /// Of a submission, if the groups of the scheme have these tests.
    pub fn of(scheme: &Scheme, tests: &[Vec<String>], graded: Graded) -> Score {
        let mut groups = Vec::new();
        for (place, (group, tests)) in scheme.groups.iter().zip(tests).enumerate() {
            let outcomes = graded.groups.get(place).and_then(Option::as_ref);
            let known = outcomes.filter(|_| graded.verdict == Verdict::Ran);
            let score = |(test, most): (&String, f64)| {
                let outcome = known.and_then(|all| all.iter().find(|one| one.test == *test));
                let outcome = outcome.cloned().unwrap_or_else(|| Outcome {
                    test: test.clone(),
                    not_run: Some(graded.verdict.in_short()),
                    ..Outcome::default()
                });
                TestScore { points: most * outcome.share(group.count), most, outcome }
            };
            let tests: Vec<_> = tests.iter().zip(group.points_of(tests)).map(score).collect();
            groups.push(GroupScore { points: tests.iter().map(|test| test.points).sum(), tests });
        }
        let points = groups.iter().map(|group| group.points).sum();
        Score { graded, groups, points }
    }

    /// Tests in real time that passed only when they were tried again.
    pub fn flaky(&self) -> usize {
        let tests = self.groups.iter().flat_map(|group| &group.tests);
        tests.filter(|test| test.outcome.flaky > 0).count()
    }
}

/// As it is shown: two digits at most.
pub fn shown(points: f64) -> String {
    let text = format!("{points:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
