//! The program that holds the Rafts.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::column::Column;
use crate::patch::Patch;
use crate::plant::{self, Files, REFERENCE};
use crate::scratch::{Build, Scratch, Suites};

/// Many Rafts, by their names.
pub struct Program {
    reference: Files,
    rafts: BTreeMap<String, Files>,
    /// The right ones.
    pub controls: Vec<String>,
    /// What does not apply or compile.
    pub problems: BTreeMap<String, String>,
}

impl Program {
    /// The reference, all variants, and the reference with each of the bugs.
    pub fn of(root: &Path, patches: &[&Patch], scratch: &Scratch) -> Result<Program, String> {
        let reference = plant::reference(root)?;
        let mut rafts = plant::variants(root)?;
        rafts.insert(REFERENCE.to_string(), reference.clone());
        let controls = rafts.keys().cloned().collect();
        let mut problems = BTreeMap::new();
        for patch in patches {
            match plant::planted(&reference, patch, &scratch.planting_folder()) {
                Ok(files) => drop(rafts.insert(patch.name.clone(), files)),
                Err(problem) => drop(problems.insert(patch.name.clone(), problem)),
            }
        }
        Ok(Program { reference, rafts, controls, problems })
    }

    /// Builds the suites; a Raft that does not compile is a problem, and the others go on.
    pub fn build(&mut self, scratch: &Scratch, columns: &[&Column]) -> Result<Suites, String> {
        println!("building {} Rafts into one program ...", self.rafts.len());
        let mut suites: Vec<_> =
            columns.iter().flat_map(|column| column.suites).map(|(suite, _)| *suite).collect();
        suites.sort_unstable();
        suites.dedup();
        let (start, cpu_s) = (Instant::now(), cpu_of_children());
        loop {
            let bench = plant::bench(&self.reference, &self.rafts)?;
            let names: Vec<&str> = self.rafts.keys().map(String::as_str).collect();
            match scratch.build(&bench, &names, &suites)? {
                Build::Done(programs) => {
                    let (wall, cpu) = (start.elapsed().as_secs(), cpu_of_children() - cpu_s);
                    println!("built in {wall} s, {cpu:.0} CPU s");
                    return Ok(programs);
                }
                Build::Wrong(wrong) => {
                    for (raft, error) in wrong {
                        self.rafts.remove(&raft);
                        self.problems.insert(raft, format!("does not compile:\n{error}"));
                    }
                }
            }
        }
    }
}

/// The processor time of all processes that this one has waited for.
pub fn cpu_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    let ticks = fields.skip(13).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0 // Linux on all usual machines
}
