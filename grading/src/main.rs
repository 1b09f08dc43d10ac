//! Grading of the Raft lab, for teachers: `make grade`, `make exercise`. See docs/grading.md.
//!
//! # Layout
//! `scheme.rs` (what is run, and its points), `submission.rs` (what is taken), `scan.rs` (what no Raft
//! needs), `harness.rs` (the export, and the referee), `compile.rs`, `sandbox.rs`, `process.rs`, `usage.rs`, `staging.rs`, `run.rs`
//! (a suite's run), `grade.rs` (all of it, side by side), `score.rs`, `report/` (what comes out),
//! `interrupt.rs` (Ctrl-C), `cores.rs`, `exercise.rs`.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a tool: nothing of it runs in a simulation"
)]

mod compile;
mod cores;
mod exercise;
mod grade;
mod harness;
mod hash;
mod interrupt;
mod process;
mod report;
mod run;
mod sandbox;
mod scan;
mod scheme;
mod score;
mod staging;
mod submission;
mod usage;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use clap::{Args, Parser, Subcommand};

use self::exercise::{Answer, Exercise};
use self::grade::Grading;
use self::harness::Harness;
use self::sandbox::Guard;
use self::scheme::Scheme;
use self::score::Score;

const WRONG: u8 = 2;
const NOT_ALL: u8 = 1;

#[derive(Parser)]
#[command(
    name = "grading",
    about = "Grades submissions of the Raft lab; docs/grading.md explains it"
)]
struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Grade a folder of submissions, or one submission
    Grade(GradeOptions),
    /// Write a project with an unnamed bug
    Exercise(ExerciseOptions),
    /// Is this the rule that an exercise's bug breaks?
    Check { dir: PathBuf, answer: String },
}

#[derive(Args)]
struct GradeOptions {
    /// A project, or a folder of projects
    dir: PathBuf,
    /// What is run, and what it is worth
    #[arg(long)]
    scheme: Option<PathBuf>,
    /// Where results are written
    #[arg(long)]
    out: Option<PathBuf>,
    /// Only submissions with this in their names
    #[arg(long)]
    only: Option<String>,
    /// Only groups of the scheme with this in their names
    #[arg(long)]
    group: Option<String>,
    /// So many submissions at a time; as many as there are cores if not given
    #[arg(long)]
    jobs: Option<NonZeroUsize>,
    /// Grade again what is graded already
    #[arg(long)]
    anew: bool,
    /// Write Gradescope's file here as well, for one submission
    #[arg(long)]
    gradescope: Option<PathBuf>,
    /// Fail unless each submission has all points (GitHub Classroom)
    #[arg(long)]
    all_points: bool,
    /// Without bubblewrap although it is there
    #[arg(long)]
    no_bubblewrap: bool,
}

#[derive(Args)]
struct ExerciseOptions {
    /// Equal numbers have equal bugs
    number: u64,
    dir: PathBuf,
    /// Only bugs of a Part: A to D, or L for locks
    #[arg(long)]
    part: Option<char>,
    /// Whoever knows it can tell the bug from the number
    #[arg(long, default_value = "the lab")]
    phrase: String,
    /// Where the solution is written
    #[arg(long)]
    solution: Option<PathBuf>,
}

fn main() -> ExitCode {
    let result = match Options::parse().what {
        What::Grade(options) => grade(&options),
        What::Exercise(options) => write_exercise(&options),
        What::Check { dir, answer } => check_answer(&dir, &answer),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(NOT_ALL),
        Err(problem) => {
            eprintln!("grading: {problem}");
            ExitCode::from(WRONG)
        }
    }
}

fn write_exercise(options: &ExerciseOptions) -> Result<bool, String> {
    let ExerciseOptions { number, dir, part, phrase, solution } = options;
    let usual = Exercise::usual_solution(*number, *part, phrase);
    let apart = || root().join("target/exercises").join(usual);
    let solution = solution.clone().unwrap_or_else(apart);
    let dir = std::path::absolute(dir).map_err(|error| error.to_string())?;
    let exercise =
        Exercise { number: *number, phrase, part: *part, dir: &dir, solution: &solution };
    exercise.write(root())?;
    println!("exercise {number} is in {}: see EXERCISE.md there", dir.display());
    println!("its solution, for you alone: {}", solution.display());
    Ok(true)
}

fn check_answer(dir: &Path, answer: &str) -> Result<bool, String> {
    let is = exercise::check(root(), dir, answer)?;
    println!(
        "{answer}: {}",
        match is {
            Answer::Right => "right, that is the rule.",
            Answer::Beside => "near: the broken rule stands beside it.",
            Answer::Wrong => "no, that rule is kept.",
        }
    );
    Ok(is == Answer::Right)
}

/// The repository with the lab.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

fn grade(options: &GradeOptions) -> Result<bool, String> {
    let file = options.scheme.clone().unwrap_or_else(|| root().join("grading/grading.toml"));
    let mut scheme = Scheme::read(&file)?;
    if let Some(part) = &options.group {
        scheme.groups.retain(|group| group.name.contains(part));
        if scheme.groups.is_empty() {
            return Err(format!("no group of {} has {part:?} in its name", file.display()));
        }
    }
    let mut submissions = match &options.gradescope {
        // Whatever was handed in has a result.
        Some(_) => vec![submission::one(&options.dir)?],
        None => submission::find(&options.dir)?,
    };
    if let Some(part) = &options.only {
        submissions.retain(|one| one.name.contains(part));
        if submissions.is_empty() {
            return Err(format!("no submission has {part:?} in its name"));
        }
    }
    let guard = match Guard::best() {
        Guard::Bubblewrap if options.no_bubblewrap => Guard::without_bubblewrap(),
        guard => guard,
    };
    eprintln!("{}", guard.says());
    let work = root().join("target/grading");
    let name = options.dir.canonicalize().ok();
    let name = name.as_ref().and_then(|dir| dir.file_name()).unwrap_or_default();
    let out = options.out.clone().unwrap_or_else(|| work.join("results").join(name));
    staging::clear_leftovers(&std::env::temp_dir());
    let tried = staging::stage(&staging::staging(), "guard")?;
    if guard.leaves_memory_open(&tried)? {
        eprintln!(
            "NOT GUARDED: here a test's process can read and write its own memory (/proc/self/mem)."
        );
    }
    let harness = Harness::prepare(root(), &work)?;
    scheme.check_names(&harness.tests).map_err(|what| format!("{}: {what}", file.display()))?;
    let out = std::path::absolute(out).map_err(|error| error.to_string())?;
    let (anew, done) = (options.anew, Arc::default());
    let grading = Grading { scheme: &scheme, harness: &harness, guard, work, out, anew, done };
    interrupt::announce(grading.done.clone(), submissions.len());
    let cores = available_parallelism().map_or(1, usize::from);
    let graded = grading.all(&submissions, options.jobs.map_or(cores, NonZeroUsize::get));
    grading.clean_up();
    let tests: Vec<_> = (0..scheme.groups.len()).map(|group| grading.tests_of(group)).collect();
    let scores: Vec<Score> =
        graded?.into_iter().map(|one| Score::of(&scheme, &tests, one)).collect();
    report::write_all(&grading.out, &scheme, guard, &scores)?;
    if let (Some(file), [score]) = (&options.gradescope, &scores[..]) {
        report::write_gradescope(file, &scheme, score)?;
    }
    let has_all = |score: &Score| score.points >= scheme.points() - 1e-9;
    Ok(!options.all_points || scores.iter().all(has_all))
}
