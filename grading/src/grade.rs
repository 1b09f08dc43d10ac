//! Grades submissions, side by side; what is done is kept, and not done again.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::compile::{Bench, Build};
use crate::cores::{cores, keep_to};
use crate::harness::Harness;
use crate::hash;
use crate::process::{Limit, computing};
use crate::run::{Budget, Outcome, Referee};
use crate::sandbox::Guard;
use crate::scan::{self, Use};
use crate::scheme::{Forbidden, Scheme, Suite};
use crate::staging::{stage, staging};
use crate::submission::{Sources, Submission};

/// To be raised when submissions may be judged otherwise than before: what is kept does not count.
const JUDGEMENT: u32 = 2;

/// What became of a submission.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Graded {
    pub name: String,
    /// Of the submission, the scheme, the harness and this program: what is kept counts for these.
    pub key: String,
    pub verdict: Verdict,
    /// What a teacher may want to know.
    pub notes: Vec<String>,
    /// For each group of the scheme what became of its tests; `None` if it was not run.
    pub groups: Vec<Option<Vec<Outcome>>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Verdict {
    /// It was run.
    Ran,
    /// It is no submission, or cannot be read.
    Unreadable(String),
    /// It uses what no Raft needs.
    Refused(Vec<String>),
    /// The compiler's errors.
    DoesNotBuild(String),
    /// The build was ended at a limit: which.
    BuildWasStopped(String),
    /// Not its fault: what went wrong here.
    NotGraded(String),
}

/// All that is needed to grade.
pub struct Grading<'a> {
    pub scheme: &'a Scheme,
    pub harness: &'a Harness,
    pub guard: Guard,
    /// For builds and programs.
    pub work: PathBuf,
    /// For results.
    pub out: PathBuf,
    /// Nothing that is kept counts.
    pub anew: bool,
    /// How many are graded in full, and kept.
    pub done: Arc<AtomicUsize>,
}

impl Grading<'_> {
    /// Grades them all, so many at a time.
    pub fn all(&self, submissions: &[Submission], jobs: usize) -> Result<Vec<Graded>, String> {
        for folder in ["state", "logs"].map(|name| self.out.join(name)) {
            fs::create_dir_all(&folder)
                .map_err(|error| format!("cannot make {folder:?}: {error}"))?;
        }
        let graded: Vec<Mutex<Option<Graded>>> =
            submissions.iter().map(|_| Mutex::default()).collect();
        let count = submissions.len();
        let has_real_time = self.scheme.groups.iter().any(|group| group.seeds.is_none());
        self.each(count, jobs, true, |place, worker| {
            let label = format!("[{}/{count}] {}", place + 1, submissions[place].name);
            let one = self.simulated(&submissions[place], worker, &label);
            if one.verdict != Verdict::Ran || one.is_complete() {
                self.done.fetch_add(1, Ordering::SeqCst);
            }
            *graded[place].lock().expect("no worker panics") = Some(one);
        });
        // In real time nothing else may compute: a few at a time, most of which only wait.
        if has_real_time {
            self.each(count, jobs.div_ceil(4), false, |place, _| {
                let mut one = graded[place].lock().expect("no worker panics");
                let is_open = |one: &&mut Graded| one.verdict == Verdict::Ran && !one.is_complete();
                if let Some(one) = one.as_mut().filter(is_open) {
                    self.in_real_time(one);
                    self.done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        Ok(graded.into_iter().filter_map(|one| one.into_inner().ok()?).collect())
    }

    /// Has workers take the places one after another, each on a core of its own if asked for.
    fn each(&self, count: usize, jobs: usize, own_core: bool, work: impl Fn(usize, usize) + Sync) {
        let waiting: Mutex<VecDeque<usize>> = Mutex::new((0..count).collect());
        let next = || waiting.lock().expect("no worker panics").pop_front();
        let cores = cores();
        thread::scope(|scope| {
            for worker in 0..jobs.min(count) {
                let (next, work, cores) = (&next, &work, &cores);
                scope.spawn(move || {
                    if own_core && jobs > 1 {
                        keep_to(cores, worker);
                    }
                    while let Some(place) = next() {
                        work(place, worker);
                    }
                });
            }
        });
    }

    /// All of it but what runs in real time; says when it begins, and how it ends.
    fn simulated(&self, submission: &Submission, worker: usize, label: &str) -> Graded {
        let mut graded = Graded {
            name: submission.name.clone(),
            key: String::new(),
            verdict: Verdict::Ran,
            notes: Vec::new(),
            groups: self.scheme.groups.iter().map(|_| None).collect(),
        };
        let was_kept = match submission.sources() {
            Ok(sources) => self.simulated_from(&sources, &mut graded, worker, label),
            Err(problem) => {
                graded.verdict = Verdict::Unreadable(problem);
                false
            }
        };
        let kept = if was_kept { " (kept)" } else { "" };
        eprintln!("grading: {label}: {}{kept}", graded.verdict.in_short());
        if !was_kept {
            self.keep(&graded);
        }
        graded
    }

    /// Whether nothing was left to do, since it was kept.
    fn simulated_from(
        &self,
        sources: &Sources,
        graded: &mut Graded,
        worker: usize,
        label: &str,
    ) -> bool {
        let version = format!("{} {JUDGEMENT}", env!("CARGO_PKG_VERSION"));
        let (scheme, sources_hash) = (self.scheme.hash(), sources.hash());
        graded.key = hash::of::<str>(&[&sources_hash, &scheme, &self.harness.hash, &version]);
        if let Some(kept) = self.kept(graded) {
            *graded = kept;
            if graded.verdict != Verdict::Ran || graded.is_complete() {
                return true;
            }
        } else {
            graded.notes.clone_from(&sources.notes);
            self.scan(sources, graded);
        }
        if graded.verdict == Verdict::Ran {
            eprintln!("grading: {label}: begins");
            if let Err(problem) = self.build_and_run(sources, graded, worker) {
                graded.verdict = Verdict::NotGraded(problem);
            }
        }
        false
    }

    fn scan(&self, sources: &Sources, graded: &mut Graded) {
        match scan::uses(&sources.files, &self.scheme.allow) {
            // The compiler says it better.
            Err(problem) => graded.notes.push(problem),
            Ok(uses) if uses.is_empty() => {}
            Ok(uses) => {
                let lines: Vec<String> = uses.iter().map(Use::told).collect();
                match self.scheme.forbidden {
                    Forbidden::Refuse => {
                        let entry = scan::entry(&uses);
                        graded.notes.push(format!("to allow it, in the scheme: {entry}"));
                        graded.verdict = Verdict::Refused(lines);
                    }
                    Forbidden::Note => graded.notes.extend(lines),
                }
            }
        }
        if !scan::has_word(&sources.files, "show") {
            let note = "it shows no View: it is judged by what it sends, saves and applies alone";
            graded.notes.push(note.to_string());
        }
        for word in ["SystemTime", "HashMap", "HashSet"] {
            if scan::has_word(&sources.files, word) {
                let note = "which no seed decides: its points may differ from run to run";
                graded.notes.push(format!("it has a `{word}`, {note}"));
            }
        }
        if scan::has_word(&sources.files, "static") {
            let note = "it has a `static`, which all servers of a test share: worth a look";
            graded.notes.push(note.to_string());
        }
    }

    fn build_and_run(
        &self,
        sources: &Sources,
        graded: &mut Graded,
        worker: usize,
    ) -> Result<(), String> {
        let limits = &self.scheme.limits;
        let bench = Bench {
            harness: self.harness,
            folder: self.work.join(format!("worker-{worker}")),
            guard: self.guard,
            limit: Limit { memory_mb: limits.build_mb, ..computing(limits.build_s) },
        };
        let log = self.out.join("logs").join(format!("{}.build.log", graded.name));
        let programs = match bench.build(sources, &log)? {
            Build::Wrong(errors) => {
                graded.verdict = Verdict::DoesNotBuild(errors);
                return Ok(());
            }
            Build::Stopped(why) => {
                graded.verdict = Verdict::BuildWasStopped(why);
                return Ok(());
            }
            Build::Done(programs) => programs,
        };
        let budget = Budget::of(computing(limits.simulated_s));
        for place in 0..self.scheme.groups.len() {
            let group = &self.scheme.groups[place];
            let Some(seeds) = self.scheme.seeds_of(group)? else { continue };
            if graded.groups[place].is_some() {
                continue;
            }
            let folder = stage(&staging(), &format!("{}.{place}", graded.name))?;
            let launcher = self.launcher(&folder, &programs[&group.suite])?;
            let referee = self.referee(group.suite, &launcher, &folder, &budget);
            let tests = self.tests_of(place);
            graded.groups[place] = Some(referee.simulate(group, &tests, seeds)?);
            self.keep(graded);
            let _ = fs::remove_dir_all(&folder); // the next run makes it anew
        }
        if self.scheme.groups.iter().any(|group| group.seeds.is_none()) {
            let folder = stage(&staging(), &format!("{}.real", graded.name))?;
            self.launcher(&folder, &programs[&Suite::Raft])?;
        }
        Ok(())
    }

    fn in_real_time(&self, graded: &mut Graded) {
        let folder = staging().join(format!("{}.real", graded.name));
        let budget = Budget::of(Limit::of_time(Duration::from_secs(self.scheme.limits.real_s)));
        for (place, group) in self.scheme.groups.iter().enumerate() {
            if group.seeds.is_some() || graded.groups[place].is_some() {
                continue;
            }
            eprintln!("grading: {} in real time", graded.name);
            let launcher = folder.join("launcher");
            let referee = self.referee(Suite::Raft, &launcher, &folder, &budget);
            let seed = self.scheme.real_seed();
            match referee.run_in_real_time(group, &self.tests_of(place), seed) {
                Ok(outcomes) => graded.groups[place] = Some(outcomes),
                Err(problem) => graded.verdict = Verdict::NotGraded(problem),
            }
        }
        self.keep(graded);
        let _ = fs::remove_dir_all(&folder); // it is of no use any more
    }

    /// Copies the program to `folder`, and writes what starts it.
    fn launcher(&self, folder: &Path, program: &Path) -> Result<PathBuf, String> {
        let copy = folder.join("program");
        fs::copy(program, &copy)
            .map_err(|error| format!("cannot copy {}: {error}", program.display()))?;
        self.guard.launcher(folder, &copy)
    }

    fn referee<'a>(
        &'a self,
        suite: Suite,
        launcher: &'a Path,
        folder: &'a Path,
        budget: &'a Budget,
    ) -> Referee<'a> {
        let program = &self.harness.referees[&suite];
        Referee { program, launcher, folder, limits: &self.scheme.limits, budget }
    }

    pub fn tests_of(&self, group: usize) -> Vec<String> {
        let group = &self.scheme.groups[group];
        let all = self.harness.tests[&group.suite].iter();
        all.filter(|test| group.selects(test)).cloned().collect()
    }

    /// By scheme: a grading of one group does not cost what was kept of all.
    fn state_file(&self, name: &str) -> PathBuf {
        let scheme = &self.scheme.hash()[..8];
        self.out.join("state").join(format!("{name}.{scheme}.json"))
    }

    /// What an earlier run has kept, if it was of the same.
    fn kept(&self, graded: &Graded) -> Option<Graded> {
        let text = fs::read_to_string(self.state_file(&graded.name)).ok()?;
        let kept: Graded = serde_json::from_str(&text).ok()?;
        let was_our_fault = matches!(kept.verdict, Verdict::NotGraded(_));
        (kept.key == graded.key && !self.anew && !was_our_fault).then_some(kept)
    }

    fn keep(&self, graded: &Graded) {
        let (file, text) = (self.state_file(&graded.name), serde_json::to_string_pretty(graded));
        let fresh = file.with_extension("new");
        let text = text.expect("it has names and numbers only");
        // In one step: whoever is cut off leaves the old file, or the new one.
        if let Err(error) = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, &file)) {
            eprintln!("grading: cannot keep what became of {}: {error}", graded.name);
        }
    }

    /// Deletes the programs that were run.
    pub fn clean_up(&self) {
        let _ = fs::remove_dir_all(staging()); // it need not be there
    }
}

impl Graded {
    fn is_complete(&self) -> bool {
        self.groups.iter().all(Option::is_some)
    }
}

impl Verdict {
    pub fn in_short(&self) -> String {
        match self {
            Verdict::Ran => "built and run".to_string(),
            Verdict::Unreadable(problem) => problem.clone(),
            Verdict::Refused(uses) => format!("refused: {}", uses.first().map_or("", |one| one)),
            Verdict::DoesNotBuild(_) => "does not build".to_string(),
            Verdict::BuildWasStopped(why) => why.clone(),
            Verdict::NotGraded(_) => "NOT GRADED, and not its fault".to_string(),
        }
    }
}
