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
mod tests {
    use super::*;

    const TEXT: &str = "title = 't'\nphrase = 'p'\n[[group]]\nname = 'g'\nsuite = 'raft'\n\
        tests = ['_2A']\npoints = 10\nseeds = '3-5'\n";

    fn parse(text: &str) -> Result<Scheme, String> {
        let scheme: Scheme = toml::from_str(text).map_err(|error| error.to_string())?;
        scheme.check().map(|()| scheme)
    }

    #[test]
    fn seeds_are_known_or_drawn_and_the_same_each_time() {
        let scheme = parse(TEXT).unwrap();
        assert_eq!(scheme.seeds_of(&scheme.groups[0]), Ok(Some((3, 5))));
        let hidden = |phrase: &str| {
            let text = TEXT.replace("'3-5'", "{ hidden = 20 }").replace("'p'", phrase);
            let scheme = parse(&text).unwrap();
            scheme.seeds_of(&scheme.groups[0]).unwrap().unwrap()
        };
        let (first, last) = hidden("'p'");
        assert_eq!(last - first, 19);
        assert_eq!(hidden("'p'"), (first, last));
        assert_ne!(hidden("'another'"), (first, last));
        let real = parse(&TEXT.replace("seeds = '3-5'\n", "")).unwrap();
        assert_eq!(real.seeds_of(&real.groups[0]), Ok(None));
    }

    #[test]
    fn points_are_shared_by_weight() {
        let text = format!("{TEXT}[group.weights]\nb_2a = 3\n");
        let group = parse(&text).unwrap().groups[0].clone();
        let tests = ["test_a_2a", "test_b_2a"].map(str::to_string);
        assert_eq!(group.points_of(&tests), [2.5, 7.5]);
        assert!(group.selects("test_a_2a") && !group.selects("test_a_2b"));
    }

    #[test]
    fn names_are_those_of_tests() {
        let tests = |test: &str| BTreeMap::from([(Suite::Raft, vec![test.to_string()])]);
        assert_eq!(parse(TEXT).unwrap().check_names(&tests("test_a_2a")), Ok(()));
        let problem = parse(TEXT).unwrap().check_names(&tests("test_a_2b")).unwrap_err();
        assert!(problem.contains("_2A"), "{problem}");
        let weights = format!("{TEXT}[group.weights]\nb_2a = 3\n");
        assert!(parse(&weights).unwrap().check_names(&tests("test_a_2a")).is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |from: &str, to: &str| parse(&TEXT.replace(from, to)).unwrap_err();
        assert!(wrong("'3-5'", "'5-3'").contains("{ hidden = 20 }, not \"5-3\""));
        assert!(wrong("'3-5'", "{ hidden = 0 }").contains("seeds are"));
        assert!(wrong("points = 10", "points = -1").contains("0 or more"));
        assert!(wrong("tests = ['_2A']", "tests = []").contains("has no tests"));
        assert!(wrong("points = 10", "points = 0").contains("no group has points"));
        let none = wrong("[[group]]", "[limits]\nbuild_s = 0\n[[group]]");
        assert!(none.contains("build_s = 0"), "{none}");
        assert!(parse(&TEXT.replace("[[group]]", "[limits]\nretries = 0\n[[group]]")).is_ok());
        let group = &TEXT[TEXT.find("[[group]]").unwrap()..];
        let two = parse(&format!("{TEXT}{group}")).unwrap_err();
        assert!(two.contains("two groups are called \"g\""), "{two}");
        let others = format!("{TEXT}{}", group.replace("'g'", "'h'").replace("= 10", "= 0"));
        assert!(parse(&others).is_ok());
        assert!(wrong("points", "pints").contains("pints"));
        assert!(wrong("suite = 'raft'", "suite = 'labrpc'").contains("labrpc"));
        let real = TEXT.replace("seeds = '3-5'\n", "").replace("'raft'", "'figure2'");
        assert!(parse(&real).unwrap_err().contains("real time"));
    }

    #[test]
    fn the_scheme_that_comes_along_is_right() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("grading.toml");
        let scheme = Scheme::read(&file).unwrap();
        assert_eq!(scheme.points(), 100.0);
    }
}
