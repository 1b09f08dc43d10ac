//! The figures: printed as they come, with their goals; kept as lines of JSON.

use std::collections::BTreeMap;
use std::fs;

/// Where the figures are kept, and those of the run before.
const KEPT: &str = "target/bench.json";
const BEFORE: &str = "target/bench-before.json";

/// What is to be reached.
#[derive(Clone, Copy)]
pub enum Goal {
    /// No more than that.
    AtMost(f64),
    /// No less.
    AtLeast(f64),
    /// It is measured to be compared.
    None,
}

/// All figures of this run.
pub struct Table {
    figures: Vec<(String, f64, &'static str)>,
    before: BTreeMap<String, f64>,
}

impl Table {
    /// An empty one, with a heading; `compare` with what is kept.
    pub fn new(compare: bool) -> Table {
        let text =
            if compare { fs::read_to_string(KEPT).unwrap_or_default() } else { String::new() };
        if compare && text.is_empty() {
            eprintln!("note: nothing to compare with: no run was kept in {KEPT}");
        }
        let before: BTreeMap<_, _> = text.lines().filter_map(parse).collect();
        let compared = if before.is_empty() { "" } else { "  of before" };
        println!("{:52} {:>10}       {:>12}{compared}", "", "", "goal");
        Table { figures: Vec::new(), before }
    }

    /// A figure with its unit; `noise` is by how much its rounds differed, as a part of it.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str, goal: Goal, noise: f64) {
        let (goal, missed) = match goal {
            Goal::AtMost(most) => (format!("<= {most}"), value > most),
            Goal::AtLeast(least) => (format!(">= {least}"), value < least),
            Goal::None => (String::new(), false),
        };
        let ratio = self.before.get(name).map_or(String::new(), |before| {
            let ratio = value / before;
            let within = (ratio - 1.0).abs() <= noise.max(0.05);
            format!("  {ratio:.2}{}", if within { " (noise)" } else { "" })
        });
        let mark = if missed { " !" } else { "" };
        println!("{name:52} {value:>10.2} {unit:5} {goal:>12}{ratio}{mark}");
        self.figures.push((name.to_string(), value, unit));
    }

    /// Keeps the figures. Those of the run before stay beside them; a part that was not run
    /// keeps its figures.
    ///
    /// # Errors
    /// If a file cannot be written; the message names it.
    pub fn keep(&self) -> Result<(), String> {
        let old = fs::read_to_string(KEPT).unwrap_or_default();
        let is_new = |line: &&str| {
            parse(line).is_none_or(|(name, _)| self.figures.iter().any(|(new, ..)| *new == name))
        };
        let mut text: String =
            old.lines().filter(|line| !is_new(line)).map(|line| format!("{line}\n")).collect();
        for (name, value, unit) in &self.figures {
            text.push_str(&format!(
                "{{\"name\":\"{name}\",\"value\":{value},\"unit\":\"{unit}\"}}\n"
            ));
        }
        let write =
            |path, text: &str| fs::write(path, text).map_err(|error| format!("{path}: {error}"));
        if !old.is_empty() {
            write(BEFORE, &old)?;
        }
        write(KEPT, &text)
    }
}

/// Name and value, from a line that was kept.
fn parse(line: &str) -> Option<(String, f64)> {
    let (_, rest) = line.split_once("\"name\":\"")?;
    let (name, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("\"value\":")?;
    Some((name.to_string(), rest.split([',', '}']).next()?.parse().ok()?))
}
