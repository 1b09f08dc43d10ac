//! Runs of one test, one after another: each in the same process as the one before, as long
//! as that is there.

use super::suite::{LabTest, short};
use std::path::Path;
use std::process::Command;

use super::block;
use super::child::{Child, Outcome};
use super::keep::Folder;
use super::limits::Limits;
use super::options::Options;
use super::output::{Output, Sink};
use super::record::Record;
use super::tracing::Tracing;
use super::wire::{Answer, RunOrder};
use crate::labsync::Event;

/// What became of one run.
#[derive(Default)]
pub(super) struct Run {
    /// What it printed and was not shown as it came.
    pub printed: Vec<u8>,
    /// A hash of all that it printed.
    pub printed_hash: u64,
    pub record: Record,
    /// Its process has ended without an answer, or with one that was its last.
    pub died: bool,
    /// It was not run: its trace cannot be written.
    pub not_begun: bool,
    /// The line about its trace, if it was to be recorded.
    pub trace: Option<String>,
    /// All events, if they were asked for.
    pub events: Vec<Event>,
}

impl Run {
    fn not_begun(seed: u64, problem: String) -> Run {
        Run { record: Record::of_death(seed, problem), not_begun: true, ..Run::default() }
    }
}

/// The process for runs of one test.
pub(super) struct Runs<'a> {
    pub suite: &'a str,
    pub test: LabTest,
    pub options: &'a Options,
    sink: Sink,
    child: Option<Child>,
    /// Whether its process has explained a failure.
    explained: bool,
}

impl<'a> Runs<'a> {
    pub fn new(suite: &'a str, test: LabTest, options: &'a Options, sink: Sink) -> Runs<'a> {
        Runs { suite, test, options, sink, child: None, explained: false }
    }

    /// Runs the test once; if it is the `last` time, its process must end well, too.
    pub fn run(&mut self, seed: u64, last: bool) -> Run {
        let order = |trace| RunOrder { seed, trace, events: false };
        // A run in real time does not come back: it is recorded in case that it fails.
        let folder = self.folder(seed).filter(|_| !self.options.simulated);
        let kept = match folder.as_ref().map(Folder::trace).transpose() {
            Ok(file) => file.map(Tracing::to),
            Err(problem) => return Run::not_begun(seed, problem),
        };
        let tracing = self.options.trace.as_ref().or(kept.as_ref());
        let place = tracing.map(|t| (t.place(self.test.name, seed), t.at_once));
        let trace = place.as_ref().map(|(place, at_once)| place.order(*at_once));
        let mut run = self.carry_out(order(trace));
        if let Some((place, _)) = place.filter(|_| !run.not_begun) {
            run.trace = Some(place.finish(run.record.traced.as_ref()));
        }
        if last && run.record.passed() {
            self.end(&mut run);
        }
        if run.record.passed() && folder.is_some() {
            folder.iter().for_each(Folder::forget);
            run.trace = run.trace.filter(|_| self.options.trace.is_some());
        }
        run
    }

    /// Where the run is kept, if it fails.
    pub fn folder(&self, seed: u64) -> Option<Folder> {
        let dir = self.options.keep.as_ref()?;
        Some(Folder::of(dir, self.test.name, seed))
    }

    /// Simulates the test once, and tells all that happened.
    pub fn run_with_events(&mut self, seed: u64) -> Run {
        self.carry_out(RunOrder { seed, trace: None, events: true })
    }

    fn carry_out(&mut self, order: RunOrder) -> Run {
        let mut output = Output::new(self.sink);
        let seed = order.seed;
        let mut run = Run::default();
        let outcome = match self.child() {
            Err(problem) => Outcome::Gone(problem),
            Ok(child) => {
                let (outcome, events) = child.run(order, &mut output);
                run.events = events;
                outcome
            }
        };
        run.died = !matches!(outcome, Outcome::Answered(Answer::Ended(_) | Answer::NotBegun(_)));
        run.record = match outcome {
            Outcome::Answered(Answer::Ended(record) | Answer::Dying(record)) => record,
            Outcome::Answered(Answer::NotBegun(problem)) => {
                run.not_begun = true;
                Record::of_death(seed, problem)
            }
            Outcome::Answered(Answer::Events(_) | Answer::Explained(_)) => {
                Record::of_death(seed, "its process answered what it was not asked".to_string())
            }
            Outcome::Gone(why) => Record::of_death(seed, why),
        };
        if run.died {
            // What is left of it is ended.
            self.child = None;
        }
        run.printed_hash = output.hash();
        run.printed = output.finish();
        run
    }

    fn child(&mut self) -> Result<&mut Child, String> {
        if self.child.is_none() {
            let options = self.options;
            let mut limits = Limits::new(options.simulated, options.limit, options.memory_mb);
            limits.family = options.launcher.is_some();
            let child = command(self.test.name, options)
                .and_then(|command| Child::start(command, limits))
                .map_err(|error| format!("cannot start a process for it: {error}"))?;
            self.explained = false;
            return Ok(self.child.insert(child));
        }
        self.child.as_mut().ok_or_else(String::new)
    }

    /// Lets the process end. If it ends badly the run has failed, although it had passed.
    fn end(&mut self, run: &mut Run) {
        let Some(child) = self.child.take() else { return };
        let mut output = Output::new(self.sink);
        let problem = child.end(&mut output);
        run.printed.extend(output.finish());
        if let Some(problem) = problem {
            run.record.failure = Some(problem);
            run.died = true;
        }
    }

    /// What the suite has to say of the run that has just failed; of the first in each process.
    pub fn explain(&mut self) -> Option<String> {
        let child = self.child.as_mut().filter(|_| !self.explained)?;
        self.explained = true;
        match child.explain(&mut Output::new(Sink::Keep)) {
            Outcome::Answered(Answer::Explained(text)) => Some(text).filter(|t| !t.is_empty()),
            Outcome::Answered(_) => None,
            Outcome::Gone(why) => {
                self.child = None;
                Some(format!("(no explanation: while one was sought, {why})"))
            }
        }
    }

    /// The first lines about a failed run: which, and what broke.
    pub fn describe(&self, run: &Run) -> String {
        let Record { seed, failure, elapsed, .. } = &run.record;
        let (name, seconds) = (self.test.name, elapsed.as_secs_f64());
        let mut text = format!("  ... FAILED --  {name}");
        text.push_str(&match (self.options.simulated, run.died) {
            (true, false) => format!(" at {seconds:.6} s of virtual time, seed {seed}\n"),
            (false, false) => format!(" after {seconds:.1} s\n"),
            (_, true) => format!(", seed {seed}\n"),
        });
        text + &block::told(failure.as_deref().unwrap_or_default())
    }

    /// What to type to see the run again.
    pub fn again(&self, seed: u64) -> String {
        if self.options.simulated {
            return replay_command(self.suite, self.test.name, seed);
        }
        let verbose = if self.suite == "raft" { "; add VERBOSE=1 for its log" } else { "" };
        format!("make test T={} SEED={seed}{}{verbose}", short(self.test.name), oracle())
    }
}

/// Which tests explain the first failure of the lab's own, if it is of a Part that ends its name.
pub(super) fn advice(suite: &str, failed: &str) -> String {
    match failed.rsplit_once('_') {
        Some((_, part)) if suite == "raft" && Path::new("tests/figure2").is_dir() => format!(
            "\nwhat Figure 2 says, sentence by sentence, in seconds:  make test-figure2 T=_{part}\n"
        ),
        _ => String::new(),
    }
}

/// The lines as they stand in a report.
pub(super) fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}\n")).collect()
}

/// What to type to see one simulated run again.
fn replay_command(suite: &str, test: &str, seed: u64) -> String {
    let name = short(test);
    let target = match suite {
        "raft" => "replay".to_string(),
        "nemesis" => suite.to_string(),
        _ => format!("replay S={suite}"),
    };
    format!("make {target} T={name} SEED={seed}{}    (VERBOSE=1 shows its log)", oracle())
}

/// What the run's environment says of the oracle, if that is not as usual: without it another run
/// might be seen.
fn oracle() -> String {
    let chosen = std::env::var("ORACLE").ok().filter(|value| !["", "on"].contains(&&**value));
    chosen.map(|value| format!(" ORACLE={value}")).unwrap_or_default()
}

/// This program, to run one test as these options say, with nothing from the environment.
fn command(test: &str, options: &Options) -> std::io::Result<Command> {
    let program = match &options.launcher {
        Some(launcher) => launcher.into(),
        None => std::env::current_exe()?,
    };
    let mut command = Command::new(program);
    command.args(["--child", "--exact", test]);
    for name in ["SEED", "SEEDS", "KERNEL", "TRACE", "JOBS", "VERBOSE"] {
        command.env_remove(name);
    }
    command.args(options.simulated.then_some("--sim"));
    command.args(options.kernel_name.iter().flat_map(|name| ["--kernel", name]));
    command.args(options.verbose.then_some("--verbose"));
    command.arg(format!("--limit={}", options.limit.as_secs_f64()));
    Ok(command)
}
