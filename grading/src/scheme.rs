//! The scheme: what is run, and what it is worth (`grading.toml`).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::hash;

/// A whole scheme.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scheme {
    /// What stands above the tables.
    pub title: String,
    /// Hidden seeds are drawn from it: whoever knows it knows them.
    pub phrase: String,
    /// What becomes of a submission that uses what no Raft needs (`scan.rs`).
    #[serde(default)]
    pub forbidden: Forbidden,
    /// Such uses that are all right all the same, for instance `std::env`.
    #[serde(default)]
    pub allow: Vec<String>,
    #[serde(default)]
    pub limits: Limits,
    /// What is run, in this order.
    #[serde(rename = "group")]
    pub groups: Vec<Group>,
}

/// What becomes of a submission that uses files, processes, the network, or the harness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forbidden {
    /// It is not run, and has no points until a teacher has looked.
    #[default]
    Refuse,
    /// It is run, and the uses are listed.
    Note,
}

/// What a submission may take.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Time on a core for the build, in seconds.
    pub build_s: u64,
    /// The build's memory.
    pub build_mb: u64,
    /// Time on a core for all simulated tests of a submission together.
    pub simulated_s: u64,
    /// Real time for all its tests in real time together.
    pub real_s: u64,
    /// A test's own time, as the lab has it.
    pub test_s: u64,
    /// Memory of a test's process.
    pub memory_mb: u64,
    /// How often a test that failed in real time is tried again.
    pub retries: u32,
}

impl Limits {
    /// With a limit of 0 nobody could pass. Nobody need try again, though.
    fn check(&self) -> Result<(), String> {
        let Limits { build_s, build_mb, simulated_s, real_s, test_s, memory_mb, .. } = *self;
        let all = [
            ("build_s", build_s),
            ("build_mb", build_mb),
            ("simulated_s", simulated_s),
            ("real_s", real_s),
            ("test_s", test_s),
            ("memory_mb", memory_mb),
        ];
        match all.iter().find(|(_, limit)| *limit == 0) {
            Some((name, _)) => Err(format!("{name} = 0 leaves nothing; it must be more")),
            None => Ok(()),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            build_s: 300,
            build_mb: 4096,
            simulated_s: 1800,
            real_s: 900,
            test_s: 120,
            memory_mb: 2048,
            retries: 2,
        }
    }
}

/// Some tests that are run in the same way.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    pub suite: Suite,
    /// Tests with one of these in their names.
    pub tests: Vec<String>,
    /// For all tests of the group together.
    pub points: f64,
    /// What a test counts beside the others, by name; 1 if it is not here.
    #[serde(default)]
    pub weights: BTreeMap<String, f64>,
    /// Simulated with these; in real time without.
    pub seeds: Option<Seeds>,
    #[serde(default)]
    pub oracle: Oracle,
    #[serde(default)]
    pub count: Count,
    #[serde(default)]
    pub visibility: Visibility,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Suite {
    Raft,
    Figure2,
    Nemesis,
}

impl Suite {
    pub fn name(self) -> &'static str {
        match self {
            Suite::Raft => "raft",
            Suite::Figure2 => "figure2",
            Suite::Nemesis => "nemesis",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Seeds {
    /// `"1-5"`, or `"7"`.
    Known(String),
    /// So many, drawn from the phrase.
    Hidden { hidden: u64 },
}

/// What the oracle looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Oracle {
    /// At what anybody can see: no points depend on what a server shows of itself.
    #[default]
    Blind,
    /// At what servers show of themselves, too.
    On,
    /// The same, and a server must show itself.
    Strict,
    Off,
}

impl Oracle {
    pub fn name(self) -> &'static str {
        match self {
            Oracle::Blind => "blind",
            Oracle::On => "on",
            Oracle::Strict => "strict",
            Oracle::Off => "off",
        }
    }
}

/// What a test earns that passes with some of its seeds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Count {
    /// Nothing: once a seed has failed no others are run.
    #[default]
    All,
    /// The share of seeds with which it passes.
    Share,
}

/// Who sees it, as Gradescope names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    #[default]
    Visible,
    Hidden,
    AfterDueDate,
    AfterPublished,
}

impl Scheme {
    pub fn read(file: &Path) -> Result<Scheme, String> {
        let name = file.display();
        let text = fs::read_to_string(file)
            .map_err(|error| format!("cannot read the scheme {name}: {error}"))?;
        let scheme: Scheme =
            toml::from_str(&text).map_err(|error| format!("{name}, a scheme:\n{error}"))?;
        scheme.check().map_err(|problem| format!("{name}: {problem}"))?;
        Ok(scheme)
    }

    fn check(&self) -> Result<(), String> {
        self.limits.check()?;
        for (place, group) in self.groups.iter().enumerate() {
            let name = &group.name;
            if self.groups[..place].iter().any(|other| other.name == *name) {
                return Err(format!("two groups are called {name:?}: they would have equal seeds"));
            }
            let wrong = |number: f64| !number.is_finite() || number < 0.0;
            if wrong(group.points) || group.weights.values().any(|&weight| wrong(weight)) {
                return Err(format!("group {name:?}: points and weights must be 0 or more"));
            }
            if group.tests.is_empty() {
                return Err(format!(
                    "group {name:?} has no tests; for all of them: tests = [\"_2\"]"
                ));
            }
            if group.seeds.is_none() && group.suite != Suite::Raft {
                return Err(format!("group {name:?}: only the suite raft runs in real time"));
            }
            self.seeds_of(group)?;
        }
        if self.groups.is_empty() {
            return Err("it has no [[group]]".to_string());
        }
        if self.points() <= 0.0 {
            return Err("no group has points".to_string());
        }
        Ok(())
    }

    /// Whether each name in it is that of a test: a mistyped one would cost nobody anything.
    pub fn check_names(&self, tests: &BTreeMap<Suite, Vec<String>>) -> Result<(), String> {
        for group in &self.groups {
            let (known, suite) = (&tests[&group.suite], group.suite.name());
            let names = group.tests.iter().chain(group.weights.keys());
            for name in names {
                if !known.iter().any(|test| test.contains(&name.to_lowercase())) {
                    let group = &group.name;
                    return Err(format!("group {group:?}: no test of {suite} has {name:?} in it"));
                }
            }
        }
        Ok(())
    }

    /// The first and the last seed; `None` in real time.
    pub fn seeds_of(&self, group: &Group) -> Result<Option<(u64, u64)>, String> {
        let given = match &group.seeds {
            Some(Seeds::Known(text)) => format!("{text:?}"),
            _ => "{ hidden = 0 }".to_string(),
        };
        let usual = "seeds are \"1-5\", \"7\" or { hidden = 20 }";
        let wrong = || format!("group {:?}: {usual}, not {given}", group.name);
        let range = match &group.seeds {
            None => return Ok(None),
            Some(Seeds::Known(text)) => {
                let (first, last) = text.split_once('-').unwrap_or((text, text));
                let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
                (number(first)?, number(last)?)
            }
            Some(Seeds::Hidden { hidden }) => {
                let first = hash::number(&[&self.phrase, &group.name]) % 1_000_000_000;
                (first, first.saturating_add(hidden.checked_sub(1).ok_or_else(wrong)?))
            }
        };
        if range.0 > range.1 { Err(wrong()) } else { Ok(Some(range)) }
    }

    /// The seed of the random choices in real time.
    pub fn real_seed(&self) -> u64 {
        hash::number(&[&self.phrase, "real time"]) % 1_000_000_000
    }

    pub fn points(&self) -> f64 {
        self.groups.iter().map(|group| group.points).sum()
    }

    /// Of all that decides what a submission earns.
    pub fn hash(&self) -> String {
        hash::of(&[&serde_json::to_string(self).expect("it has names and numbers only")])
    }
}

impl Group {
    /// Whether students are not to see what fails: a failure names its seed.
    pub fn is_hidden(&self) -> bool {
        self.visibility != Visibility::Visible || self.has_hidden_seeds()
    }

    pub fn has_hidden_seeds(&self) -> bool {
        matches!(self.seeds, Some(Seeds::Hidden { .. }))
    }

    /// Which of a suite's tests it has.
    pub fn selects(&self, test: &str) -> bool {
        self.tests.iter().any(|part| test.contains(&part.to_lowercase()))
    }

    /// What each of its tests is worth.
    pub fn points_of(&self, tests: &[String]) -> Vec<f64> {
        let weight = |test: &String| {
            let short = test.strip_prefix("test_").unwrap_or(test);
            self.weights.get(short).or(self.weights.get(test)).copied().unwrap_or(1.0)
        };
        let total: f64 = tests.iter().map(weight).sum();
        let share = if total > 0.0 { self.points / total } else { 0.0 };
        tests.iter().map(|test| weight(test) * share).collect()
    }
}

#[cfg(test)]
#[path = "scheme_tests.rs"]
mod tests;
