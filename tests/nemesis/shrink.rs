//! A smaller plan that fails in the same way: fewer faults, a shorter run, fewer servers and
//! clients. Each try is a run of the same seed. How many there are does not depend on the clock,
//! so that the result is the same each time.

use std::collections::BTreeSet;

use raftlab::labsync::{self, Kernel, RunOptions};
use raftlab::runner::Failed;
use raftlab::runner::LabTest;

use super::act;
use super::draw::{self, Part};
use super::parse;
use super::plan::{Fault, Plan, What, Who};

/// The most runs that are made for one failure, and the most scheduling points in all of them
/// together: some seconds, or less.
const MOST_TRIES: usize = 120;
const MOST_POINTS: u64 = 30_000_000;
/// What a message begins with says what kind of failure it is: so many words.
const WORDS_OF_KIND: usize = 4;

/// What is printed below a failure: the smallest plan found, and how it is run.
pub fn explain(failed: &Failed<'_>) -> String {
    if matches!(parse::given_plan(), Ok(Some(_))) {
        return String::new(); // it is what the user wants to see
    }
    let Some(part) = part_of(failed.test) else { return String::new() };
    let Some(plan) = plan_of(failed.options, failed.kernel, part) else { return String::new() };
    let mut search = Search {
        options: failed.options,
        kernel: failed.kernel,
        part,
        kind: kind(&failed.failure.message),
        tries: 0,
        points: 0,
        tried: BTreeSet::new(),
    };
    let faults = plan.faults.len();
    let (plan, message) = search.shrink(plan, failed.failure.message.clone());
    let mut text = format!(
        "the plan of this seed, shrunk from {faults} faults to {} in {} runs; it fails with\n  {}\n",
        plan.faults.len(),
        search.tries,
        message.lines().next().unwrap_or_default()
    );
    plan.to_string().lines().for_each(|line| text.push_str(&format!("    {line}\n")));
    let name = failed.test.name.strip_prefix("test_").unwrap_or(failed.test.name);
    let (seed, line) = (failed.options.seed, plan.to_line());
    text.push_str(&format!("again, shrunk: make nemesis T={name} SEED={seed} PLAN='{line}'\n"));
    text
}

fn part_of(test: LabTest) -> Option<Part> {
    match test.name {
        "test_nemesis_2a" => Some(Part::A),
        "test_nemesis_2b" => Some(Part::B),
        "test_nemesis_2c" => Some(Part::C),
        "test_nemesis_2d" => Some(Part::D),
        _ => None,
    }
}

/// The plan that a run of this seed draws: it is drawn first of all.
fn plan_of(options: &RunOptions, kernel: Kernel, part: Part) -> Option<Plan> {
    let plan = std::sync::Arc::new(labsync::Leaf::new(None));
    let drawn = plan.clone();
    let draw = move || drawn.with(|drawn| *drawn = Some(draw::plan(part)));
    let _ = labsync::simulate(options, kernel, draw);
    plan.with(Option::take)
}

/// Two failures are of one kind if they name the same property, or if their messages begin with
/// the same words, whatever the numbers.
fn kind(message: &str) -> String {
    const PROPERTIES: [&str; 5] = [
        "Election Safety",
        "Leader Append-Only",
        "Log Matching",
        "Leader Completeness",
        "State Machine Safety",
    ];
    if let Some(property) = PROPERTIES.iter().find(|property| message.contains(**property)) {
        return (*property).to_string();
    }
    let line = message.lines().next().unwrap_or_default();
    let has_number = |word: &&str| word.bytes().any(|byte| byte.is_ascii_digit());
    let words = line.split_whitespace().filter(|word| !has_number(word));
    words.take(WORDS_OF_KIND).collect::<Vec<_>>().join(" ")
}

struct Search<'a> {
    options: &'a RunOptions,
    kernel: Kernel,
    part: Part,
    kind: String,
    tries: usize,
    points: u64,
    tried: BTreeSet<String>,
}

impl Search<'_> {
    /// The smallest plan found that fails in the same way, and its message.
    fn shrink(&mut self, plan: Plan, message: String) -> (Plan, String) {
        let mut best = (plan, message);
        loop {
            let before = best.0.clone();
            self.drop_faults(&mut best);
            self.shorten(&mut best);
            self.simplify(&mut best);
            if best.0 == before {
                return best;
            }
        }
    }

    /// Takes `candidate` if it fails in the same way.
    fn try_plan(&mut self, best: &mut (Plan, String), candidate: Plan) -> bool {
        let spent = self.tries >= MOST_TRIES || self.points >= MOST_POINTS;
        if spent || candidate == best.0 || !self.tried.insert(candidate.to_string()) {
            return false;
        }
        self.tries += 1;
        let (part, plan) = (self.part, candidate.clone());
        let body = move || act::try_instead(part, &plan);
        let report = labsync::simulate(self.options, self.kernel, body);
        self.points += report.points;
        match report.failure {
            Some(failure) if kind(&failure.message) == self.kind => {
                *best = (candidate, failure.message);
                true
            }
            _ => false,
        }
    }

    /// Leaves out ever smaller groups of faults (delta debugging), the last ones first: most of
    /// them come after the failure.
    fn drop_faults(&mut self, best: &mut (Plan, String)) {
        let mut size = best.0.faults.len().div_ceil(2);
        while size > 0 {
            let mut end = best.0.faults.len();
            while end > 0 {
                let start = end.saturating_sub(size);
                let mut candidate = best.0.clone();
                candidate.faults.drain(start..end);
                self.try_plan(best, candidate);
                end = start;
            }
            size /= 2;
        }
    }

    /// Ends the run with the last fault, or soon after the beginning.
    fn shorten(&mut self, best: &mut (Plan, String)) {
        let last = best.0.faults.iter().map(|fault| fault.to_ms).max().unwrap_or(1000);
        for ms in [last / 2, last, last + 500] {
            if ms < best.0.ms && self.try_plan(best, Plan { ms, ..best.0.clone() }) {
                break;
            }
        }
        for at in 0..best.0.faults.len() {
            let Fault { from_ms, to_ms, .. } = best.0.faults[at];
            let mut candidate = best.0.clone();
            candidate.faults[at].to_ms = from_ms + (to_ms - from_ms) / 2;
            self.try_plan(best, candidate);
        }
    }

    /// Fewer servers, fewer clients, no snapshots.
    fn simplify(&mut self, best: &mut (Plan, String)) {
        for servers in 2..best.0.servers {
            let candidate = Plan { servers, ..best.0.clone() };
            if candidate.faults.iter().all(|fault| has_servers(fault, servers))
                && self.try_plan(best, candidate)
            {
                break;
            }
        }
        if best.0.clients > 1 {
            self.try_plan(best, Plan { clients: 1, ..best.0.clone() });
        }
        if best.0.snapshots {
            self.try_plan(best, Plan { snapshots: false, ..best.0.clone() });
        }
    }
}

/// Whether a cluster of so many servers has all that the fault names.
fn has_servers(fault: &Fault, servers: usize) -> bool {
    let has = |who: &Who| match who {
        Who::Server(number) | Who::Leader(number) => *number < servers,
    };
    match &fault.what {
        What::CutOneWay(a, b) | What::Cut(a, b) => has(a) && has(b),
        What::Split(group) => group.iter().all(has),
        What::Crash(who) | What::CrashAfter(who, _) => has(who),
        What::Dawdle(who, _) | What::Burst(who, _) => has(who),
        What::LateRequests(share) | What::LateReplies(share) | What::Repeats(share) => {
            share.of.as_ref().is_none_or(has)
        }
        What::CrashAll | What::Unreliable | What::Reordering | What::Calm => true,
    }
}
