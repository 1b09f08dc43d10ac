//! A suite's tests, run by the referee.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::process::{self, End, Limit};
use crate::scheme::{Count, Group, Limits, Oracle};

/// What became of one test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub test: String,
    /// With how many seeds it was to be run, and with how many it has passed.
    pub runs: u64,
    pub passed: u64,
    /// The first failure.
    pub failure: Option<Failure>,
    /// In real time: how often it has failed before it passed; marked, not passed silently.
    pub flaky: u32,
    /// Why some runs, or all, were not made.
    pub not_run: Option<String>,
}

/// How a run failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub seed: u64,
    pub message: String,
    /// The test whose failure explains it, and whose message this is.
    pub follows: Option<String>,
}

/// A line of the runner's report. What else it tells is not needed here.
#[derive(Deserialize)]
struct Line {
    test: String,
    seed: u64,
    follows: Option<String>,
    failure: Option<String>,
}

/// What several runs may take together.
pub struct Budget {
    limit: Limit,
    start: Instant,
    computed: Cell<Duration>,
}

/// The referee for one submission.
pub struct Referee<'a> {
    pub program: &'a Path,
    pub launcher: &'a Path,
    /// Where reports and logs are written.
    pub folder: &'a Path,
    pub limits: &'a Limits,
    /// What all of its runs may take.
    pub budget: &'a Budget,
}

impl Referee<'_> {
    /// Runs tests of a group, simulated.
    pub fn simulate(
        &self,
        group: &Group,
        tests: &[String],
        (first, last): (u64, u64),
    ) -> Result<Vec<Outcome>, String> {
        let mut outcomes: Vec<Outcome> = tests
            .iter()
            .map(|test| Outcome {
                test: test.clone(),
                runs: last - first + 1,
                ..Outcome::default()
            })
            .collect();
        // The first seed for all; the others for those that may still earn something.
        for seeds in [(first, first), (first + 1, last)].into_iter().filter(|(a, b)| a <= b) {
            let counts = |one: &&Outcome| {
                one.not_run.is_none() && (one.failure.is_none() || group.count == Count::Share)
            };
            let names: Vec<&str> = outcomes.iter().filter(counts).map(|one| &*one.test).collect();
            if names.is_empty() {
                break;
            }
            let range = format!("{}-{}", seeds.0, seeds.1);
            let arguments = ["--sim", "--terse", "--seeds", &range];
            let lines = self.run(&names, &arguments, group.oracle)?;
            outcomes.iter_mut().for_each(|one| one.take(&lines, seeds.1 - seeds.0 + 1));
        }
        Ok(outcomes)
    }

    /// Runs tests in real time; what fails is tried again.
    pub fn run_in_real_time(
        &self,
        group: &Group,
        tests: &[String],
        seed: u64,
    ) -> Result<Vec<Outcome>, String> {
        let seed = seed.to_string();
        let mut tries: BTreeMap<&str, Vec<Option<Failure>>> = BTreeMap::new();
        let mut not_run: Vec<&str> = Vec::new();
        let mut names: Vec<&str> = tests.iter().map(String::as_str).collect();
        for _ in 0..=self.limits.retries {
            if names.is_empty() {
                break;
            }
            let lines = self.run(&names, &["--seed", &seed], group.oracle)?;
            for name in names {
                match lines.iter().find(|line| line.test == name) {
                    Some(line) => tries.entry(name).or_default().push(line.failure()),
                    None => not_run.push(name),
                }
            }
            let is_open = |tries: &[Option<Failure>]| tries[0].is_some();
            names = tries
                .iter()
                .filter(|(name, tries)| is_open(tries) && !not_run.contains(name))
                .map(|(name, _)| *name)
                .collect();
        }
        Ok(tests
            .iter()
            .map(|test| of_tries(test, tries.remove(test.as_str()).unwrap_or_default()))
            .collect())
    }

    /// The report of one run of the referee; not all of it if its time was over before.
    fn run(&self, tests: &[&str], arguments: &[&str], oracle: Oracle) -> Result<Vec<Line>, String> {
        let Some(left) = self.budget.left() else { return Ok(Vec::new()) };
        let (report, log) = (self.folder.join("report.json"), self.folder.join("run.log"));
        let _ = fs::remove_file(&report); // it need not be there
        // The runner ends with this program; the processes of tests end with the runner.
        let mut command = process::that_ends_with_us(self.program);
        command.args(tests).args(["--exact", "--must-match"]).args(arguments);
        command.arg("--report").arg(&report).arg("--launcher").arg(self.launcher);
        command.arg(format!("--limit={}", self.limits.test_s));
        command.arg(format!("--memory={}", self.limits.memory_mb));
        command.current_dir(self.folder).env("ORACLE", oracle.name());
        let (end, computed) = process::run(&mut command, &log, left)
            .map_err(|error| format!("cannot run the referee: {error}"))?;
        self.budget.take(computed);
        let text = fs::read_to_string(&report);
        if !matches!(end, End::Ended(_)) {
            // What there is of it counts; its last line may be cut off.
            let text = text.unwrap_or_default();
            return Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect());
        }
        let text = text.map_err(|error| {
            let said = process::read_log(&log);
            let last: Vec<&str> = said.lines().rev().take(5).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            format!("the referee has left no report ({error}):\n{}", last.join("\n"))
        })?;
        let line = |line| serde_json::from_str(line);
        let lines: Result<Vec<Line>, _> = text.lines().map(line).collect();
        lines.map_err(|error| format!("the referee's report cannot be read: {error}"))
    }
}

impl Line {
    fn failure(&self) -> Option<Failure> {
        let (seed, follows) = (self.seed, self.follows.clone());
        self.failure.clone().map(|message| Failure { seed, message, follows })
    }
}

impl Outcome {
    /// Takes in what became of so many runs.
    fn take(&mut self, lines: &[Line], runs: u64) {
        let mine: Vec<&Line> = lines.iter().filter(|line| line.test == self.test).collect();
        self.passed += mine.iter().filter(|line| line.failure.is_none()).count() as u64;
        let failed = mine.iter().filter_map(|line| line.failure());
        let first = failed.min_by_key(|failure| failure.seed);
        self.failure = self.failure.take().or(first);
        if (mine.len() as u64) < runs && self.failure.is_none() {
            self.not_run = Some("the submission had used up its time".to_string());
        }
    }

    /// The share of its points that it earns.
    pub fn share(&self, count: Count) -> f64 {
        match count {
            _ if self.passed == 0 || self.runs == 0 => 0.0,
            Count::All if self.passed < self.runs => 0.0,
            _ => self.passed as f64 / self.runs as f64,
        }
    }

    pub fn has_passed(&self) -> bool {
        self.passed == self.runs && self.runs > 0
    }
}

/// What several tries in real time come to: the first, or what most of them say.
fn of_tries(test: &str, tries: Vec<Option<Failure>>) -> Outcome {
    let failed = tries.iter().flatten().count();
    let passed = failed == 0 && !tries.is_empty() || tries.len() - failed > failed;
    let mut outcome = Outcome { test: test.to_string(), runs: 1, ..Outcome::default() };
    outcome.passed = u64::from(passed);
    if passed {
        outcome.flaky = u32::try_from(failed).unwrap_or(u32::MAX);
    }
    if tries.is_empty() {
        outcome.not_run = Some("the submission had used up its time".to_string());
    }
    outcome.failure = tries.into_iter().flatten().next();
    outcome
}

impl Budget {
    /// From now on.
    pub fn of(limit: Limit) -> Budget {
        Budget { limit, start: Instant::now(), computed: Cell::default() }
    }

    /// What is left, if something is.
    fn left(&self) -> Option<Limit> {
        let time = self.limit.time.checked_sub(self.start.elapsed())?;
        let computed = self.limit.computed.checked_sub(self.computed.get())?;
        let is_left = !time.is_zero() && !computed.is_zero();
        is_left.then_some(Limit { time, computed, ..self.limit })
    }

    fn take(&self, computed: Duration) {
        self.computed.set(self.computed.get() + computed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(test: &str, seed: u64, failure: Option<&str>) -> Line {
        let failure = failure.map(str::to_string);
        Line { test: test.to_string(), seed, follows: None, failure }
    }

    fn outcome(runs: u64) -> Outcome {
        Outcome { test: "a".to_string(), runs, ..Outcome::default() }
    }

    #[test]
    fn a_failed_seed_costs_all_or_its_share() {
        let mut one = outcome(4);
        one.take(&[line("a", 1, None), line("b", 1, Some("x"))], 1);
        let more = [line("a", 2, Some("late")), line("a", 3, None), line("a", 4, None)];
        one.take(&more, 3);
        assert_eq!((one.passed, one.failure.as_ref().map(|f| f.seed)), (3, Some(2)));
        assert_eq!((one.share(Count::All), one.share(Count::Share)), (0.0, 0.75));
        assert!(!one.has_passed() && one.not_run.is_none());
    }

    #[test]
    fn what_was_not_run_earns_nothing() {
        let mut one = outcome(2);
        one.take(&[line("a", 1, None)], 1);
        one.take(&[], 1);
        assert!(one.not_run.is_some());
        assert_eq!((one.share(Count::All), one.share(Count::Share)), (0.0, 0.5));
        assert_eq!(outcome(0).share(Count::All), 0.0);
        assert!(!outcome(0).has_passed());
    }

    #[test]
    fn a_budget_is_for_all_runs_together() {
        let second = Duration::from_secs(1);
        let budget = Budget::of(Limit { computed: second * 3, ..Limit::of_time(second * 600) });
        budget.take(second);
        assert_eq!(budget.left().map(|left| left.computed), Some(second * 2));
        budget.take(second * 2);
        assert!(budget.left().is_none());
        assert!(Budget::of(Limit::of_time(Duration::ZERO)).left().is_none());
    }

    #[test]
    fn of_three_tries_most_count_and_a_failure_is_marked() {
        let failed = || line("a", 7, Some("late")).failure();
        let of = |tries| of_tries("a", tries);
        assert_eq!((of(vec![None]).passed, of(vec![None]).flaky), (1, 0));
        let flaky = of(vec![failed(), None, None]);
        assert_eq!((flaky.passed, flaky.flaky), (1, 1));
        assert!(flaky.failure.is_some());
        assert_eq!(of(vec![failed(), None, failed()]).passed, 0);
        assert_eq!(of(vec![failed()]).passed, 0);
        assert_eq!(of(vec![failed(), None]).passed, 0);
        assert!(of(vec![]).not_run.is_some() && of(vec![]).passed == 0);
    }
}
