//! The runner of planted bugs: how much do the tests catch, and what do they say?
//!
//! `mutants/` holds wrong Rafts as students write them, each as a patch against the reference;
//! `variants/` holds right ones of other structure. This program builds all of them into one
//! program (`plant.rs`, `scratch.rs`), runs each through the suites (`column.rs`, `work.rs`), all
//! simulated, and writes a table of what was caught, by which test, how soon, and with which
//! message (`table.rs`); a reader's rule judges the message (`rules.rs`). A bug that does not
//! apply or compile is an error, never a catch; so is a right Raft that a suite accuses.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a tool: nothing of it runs in a simulation"
)]

mod call;
mod column;
mod excerpt;
mod options;
mod outputs;
mod patch;
mod plant;
mod program;
mod rules;
mod scratch;
mod table;
mod work;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;

use self::column::{Bench, Verdict};
use self::options::Options;
use self::patch::Patch;
use self::program::Program;
use self::rules::Rules;
use self::scratch::Scratch;
use self::table::Row;
use self::work::Run;

const NOT_CAUGHT: u8 = 1;
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let options = Options::parse();
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_CAUGHT),
        Err(problem) => {
            eprintln!("mutants: {problem}");
            ExitCode::from(WRONG)
        }
    }
}

/// True if each bug was caught, or says why it cannot be, and no right Raft was accused.
fn run(options: &Options) -> Result<bool, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no repository")?;
    let patches = patch::read_all(&root.join("mutants"))?;
    let rules = Rules::read(&root.join("mutants/rules.txt"))?;
    for patch in &patches {
        let checked = patch.rules.iter().try_for_each(|name| rules.check(name));
        checked.map_err(|problem| format!("{}: {problem}", patch.file.display()))?;
    }
    if options.outputs {
        return check_outputs(root, &patches, options);
    }
    let selected = select(&patches, options)?;
    if options.list {
        let line = |patch: &&Patch| format!("{:42} {}\n", patch.name, patch.bug);
        // Whoever reads only the first of them closes the pipe: that is no error.
        let _ = io::stdout().write_all(selected.iter().map(line).collect::<String>().as_bytes());
        return Ok(true);
    }
    let scratch = Scratch::copy_of(root, options.is_whole())?;
    let mut program = Program::of(root, &selected, &scratch)?;
    let suites = program.build(&scratch, &options.columns())?;
    let bench = Bench {
        suites: &suites,
        seeds: options.seeds,
        limit: Duration::from_secs(options.limit),
        until_caught: options.fast,
    };
    let mut report = Report { problems: program.problems.clone(), ..Report::default() };
    let (start, cpu_s) = (Instant::now(), program::cpu_of_children());
    report.run(&program, &selected, &bench, &scratch, &rules, options);
    let (wall, cpu) = (start.elapsed().as_secs(), program::cpu_of_children() - cpu_s);
    if !options.in_detail() {
        println!(
            "\n{}\nin {wall} s, {cpu:.0} CPU s",
            table::summary(&report.rows, &options.columns())
        );
        let details: String = report.rows.iter().map(|row| table::details(row) + "\n").collect();
        let unnamed = table::unnamed(&report.rows, &rules);
        println!("each with its whole messages: {}", scratch.keep("details.txt", &details)?);
        println!("those that name no rule: {}", scratch.keep("unnamed.md", &unnamed)?);
    }
    report.verdict(options)
}

/// True if the handbook shows what is printed, or has been renewed.
fn check_outputs(root: &Path, patches: &[Patch], options: &Options) -> Result<bool, String> {
    let all = outputs::read_all(root)?;
    let is_shown = |patch: &&Patch| all.iter().any(|shown| shown.raft == patch.name);
    let planted: Vec<_> = patches.iter().filter(|patch| options.whole || is_shown(patch)).collect();
    let scratch = Scratch::copy_of(root, options.whole)?;
    let mut program = Program::of(root, &planted, &scratch)?;
    let columns: Vec<_> = column::COLUMNS.iter().collect();
    let suites = program.build(&scratch, &columns)?;
    let mut wrong = 0;
    // From the end of each page to its beginning, since a new block may have other lines.
    for shown in all.iter().rev() {
        if let Some(problem) = program.problems.get(&shown.raft) {
            return Err(format!("{} {problem}", shown.raft)); // what is printed would be of no Raft
        }
        let printed = shown.run(&suites, root, &scratch.trace_file())?;
        let outcome = match shown.renewed(&printed) {
            Ok(renewed) if shown.is_as_shown(&renewed) => continue,
            Ok(renewed) if options.renew => {
                shown.write(root, &renewed)?;
                println!("{}: renewed", shown.place());
                continue;
            }
            Ok(_) => "it has changed; RENEW=1 writes it".to_string(),
            Err(_) if options.renew && shown.rewrite(root, &printed)? => {
                println!("{}: updated; read it, and what the page says about it", shown.place());
                continue;
            }
            Err(problem) => problem,
        };
        wrong += 1;
        let name = format!("output-{wrong}.txt");
        println!(
            "{}: {outcome}\n  what is printed: {}",
            shown.place(),
            scratch.keep(&name, &printed)?
        );
    }
    println!("{} outputs, {wrong} of them wrong", all.len());
    Ok(wrong == 0)
}

fn select<'a>(patches: &'a [Patch], options: &Options) -> Result<Vec<&'a Patch>, String> {
    let selected: Vec<_> = patches.iter().filter(|patch| options.selects(&patch.name)).collect();
    if !selected.is_empty() {
        return Ok(selected);
    }
    let wanted = options.name.as_ref().or(options.only.first());
    let wanted = wanted.map_or("", String::as_str);
    Err(match patch::near(wanted, patches)[..] {
        [] => format!("there is no bug {wanted:?}; `make mutants LIST=1` lists them"),
        ref near => format!("there is no bug {wanted:?}; perhaps one of: {}", near.join(", ")),
    })
}

/// What came of all Rafts.
#[derive(Default)]
struct Report<'a> {
    rows: Vec<Row<'a>>,
    /// Right Rafts that a column accuses.
    accused: Vec<String>,
    /// What does not apply or compile, or cannot be run.
    problems: BTreeMap<String, String>,
}

impl<'a> Report<'a> {
    /// Runs the right Rafts and the bugs, and prints a row for each.
    fn run(
        &mut self,
        program: &Program,
        patches: &[&'a Patch],
        bench: &Bench,
        scratch: &Scratch,
        rules: &Rules,
        options: &Options,
    ) {
        let planted = patches.iter().filter(|patch| !self.problems.contains_key(&patch.name));
        let planted: Vec<&Patch> = planted.copied().collect();
        let controls = program
            .controls
            .iter()
            .filter(|name| !self.problems.contains_key(*name) && !options.in_detail());
        let control = |name| Run { raft: name, is_right: true, is_excused: false };
        let mut runs: Vec<Run<'_>> = controls.map(|name| control(name.as_str())).collect();
        let right = runs.len();
        runs.extend(planted.iter().map(|patch| Run {
            raft: &patch.name,
            is_right: false,
            is_excused: patch.excuse().is_some(),
        }));
        if !options.in_detail() {
            println!("{}", table::head(&options.columns()));
        }
        work::run_all(&runs, &options.columns(), bench, scratch, |place, verdicts| {
            let name = runs[place].raft;
            match verdicts {
                Err(problem) => drop(self.problems.insert(name.to_string(), problem)),
                Ok(verdicts) if place < right => {
                    println!("{}", table::control_row(name, &verdicts));
                    let caught =
                        |(_, verdict): &(_, Verdict)| matches!(verdict, Verdict::Caught(_));
                    if verdicts.iter().any(caught) {
                        self.accused.push(name.to_string());
                    }
                }
                Ok(verdicts) => {
                    let row = Row::new(planted[place - right], verdicts, rules);
                    let detailed = options.in_detail();
                    println!("{}", if detailed { table::details(&row) } else { table::row(&row) });
                    self.rows.push(row);
                }
            }
        });
    }

    /// True if each bug was caught, or says why it cannot be, and no right Raft was accused.
    fn verdict(&self, options: &Options) -> Result<bool, String> {
        for (name, problem) in &self.problems {
            println!("{name:42} ERROR: {problem}");
        }
        if !self.problems.is_empty() {
            let names: Vec<_> = self.problems.keys().map(String::as_str).collect();
            return Err(format!("not run, see above: {}", names.join(", ")));
        }
        if let Some(file) = &options.markdown {
            table::write_markdown(file, &self.rows, &options.columns())?;
        }
        let missed = self.rows.iter().filter(|row| !row.is_accounted_for());
        let missed: Vec<&str> = missed.map(|row| &*row.patch.name).collect();
        if !missed.is_empty() {
            println!("not caught: {}", missed.join(", "));
        }
        if !self.accused.is_empty() {
            println!("right, and accused: {}", self.accused.join(", "));
        }
        Ok(missed.is_empty() && self.accused.is_empty())
    }
}
