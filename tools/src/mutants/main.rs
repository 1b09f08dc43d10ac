//! The runner of planted bugs: how much do the tests catch?
//!
//! `mutants/` holds wrong Rafts as students write them, each as a patch against the reference.
//! This program plants one after the other in a copy of the repository (`scratch.rs`), builds the
//! suites there, runs them (`column.rs`), all simulated, and writes a table of what was caught, by
//! which test, how soon, and with which message (`table.rs`). A bug that does not compile is an
//! error, never a catch.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a tool: nothing of it runs in a simulation"
)]

mod column;
mod json;
mod options;
mod patch;
mod scratch;
mod table;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use self::column::{Column, Verdict};
use self::options::{Options, Request};
use self::patch::Patch;
use self::scratch::{Scratch, Suites};
use self::table::Row;

const NOT_CAUGHT: u8 = 1;
const WRONG: u8 = 2;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Request::Run(options)) => options,
        Ok(Request::Help) => {
            print!("{}", options::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprint!("mutants: {problem}\n\n{}", options::USAGE);
            return ExitCode::from(WRONG);
        }
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_CAUGHT),
        Err(problem) => {
            eprintln!("mutants: {problem}");
            ExitCode::from(WRONG)
        }
    }
}

/// True if each bug was caught, or says why it cannot be.
fn run(options: &Options) -> Result<bool, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no repository")?;
    let patches = patch::read_all(&root.join("mutants"))?;
    let selected = select(&patches, options)?;
    if options.list {
        selected.iter().for_each(|patch| println!("{:42} {}", patch.name, patch.bug));
        return Ok(true);
    }
    let scratch = Scratch::copy_of(root)?;
    let columns = &options.columns;
    println!("building the suites without a bug (the first time takes a minute) ...");
    scratch.build(&suites_of(columns))?;
    let in_detail = options.name.is_some();
    if !in_detail {
        println!("{}", table::head(columns));
    }
    let start = Instant::now();
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for patch in selected {
        match plant(&scratch, patch, options) {
            Ok(row) if in_detail => {
                println!("\n{}", table::details(&row));
                rows.push(row);
            }
            Ok(row) => {
                println!("{}", table::row(&row));
                rows.push(row);
                let details: String = rows.iter().map(|row| table::details(row) + "\n").collect();
                scratch.write_details(&details)?;
            }
            Err(problem) => {
                println!("{:42} ERROR: {problem}", patch.name);
                problems.push(patch.name.as_str());
            }
        }
    }
    if !in_detail {
        let seconds = start.elapsed().as_secs_f64();
        println!("\n{}\nin {seconds:.0} s", table::summary(&rows, columns));
        println!("each with its whole messages: {}", scratch.details_file().display());
    }
    if !problems.is_empty() {
        return Err(format!("not planted, see above: {}", problems.join(", ")));
    }
    if let Some(file) = &options.markdown {
        table::write_markdown(file, &rows, columns)?;
    }
    let missed: Vec<&str> =
        rows.iter().filter(|row| !row.is_accounted_for()).map(|row| &*row.patch.name).collect();
    if !missed.is_empty() {
        println!("not caught: {}", missed.join(", "));
    }
    Ok(missed.is_empty())
}

fn select<'a>(patches: &'a [Patch], options: &Options) -> Result<Vec<&'a Patch>, String> {
    let selected: Vec<_> = patches.iter().filter(|patch| options.selects(&patch.name)).collect();
    if !selected.is_empty() {
        return Ok(selected);
    }
    let wanted = options.name.as_ref().or(options.only.as_ref());
    let wanted = wanted.map_or("", String::as_str);
    Err(match patch::near(wanted, patches)[..] {
        [] => format!("there is no bug {wanted:?}; `make mutants LIST=1` lists them"),
        ref near => format!("there is no bug {wanted:?}; perhaps one of: {}", near.join(", ")),
    })
}

fn suites_of(columns: &[&Column]) -> Vec<&'static str> {
    let mut suites: Vec<_> = columns.iter().map(|column| column.suite).collect();
    suites.sort_unstable();
    suites.dedup();
    suites
}

/// Plants one bug, runs all columns, and removes it again.
fn plant<'a>(scratch: &Scratch, patch: &'a Patch, options: &Options) -> Result<Row<'a>, String> {
    scratch.apply(patch)?;
    let verdicts = scratch.build(&suites_of(&options.columns)).and_then(|suites| {
        let verdicts = options.columns.iter().map(|&column| {
            let verdict = try_column(scratch, column, &suites, options)?;
            Ok((column, verdict))
        });
        verdicts.collect()
    });
    scratch.revert(patch)?;
    Ok(Row { patch, verdicts: verdicts? })
}

fn try_column(
    scratch: &Scratch,
    column: &Column,
    suites: &Suites,
    options: &Options,
) -> Result<Verdict, String> {
    let Some(program) = suites.get(column.suite) else { return Ok(Verdict::NoSuite) };
    let seeds = options.seeds.unwrap_or(column.seeds);
    column::run(column, program, seeds, options.limit, &scratch.report_file())
}
