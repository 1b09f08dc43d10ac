//! What the command line and the environment say.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::limits::{LIMIT, MEMORY_MB};
use super::shard::Shard;
use super::tracing::Tracing;
use crate::labsync::Kernel;
use crate::oracle;

/// What is printed for `--help`, and after a wrong command line.
pub(super) const USAGE: &str = "\
usage: [NAME ...] [options]     runs the tests whose names contain one of the NAMEs, or all
  --exact             a NAME is the whole name of a test
  --list              list the tests instead of running them
  --forbidden         name what src/raft uses and should not (clippy.toml), instead of running
  --jobs N            run N tests at a time (also --test-threads N, or JOBS=N)
  --seed N            where the random choices come from (also SEED=N); default: a fresh one
  --sim               simulated: virtual time, every choice from the seed
  --seeds N or A-B    the seeds 1 to N, or A to B (also SEEDS=...); simulated: usually 1
  --kernel NAME       simulated: coro (the usual one) or threads (also KERNEL=NAME)
  --twice             simulated: run each seed twice and report the first difference
  --stop-at-first     no further run once one has failed; simulated: the same one each time
  --for TIME          no further run after 90s, 10m or 2h
  --shard I/N         of all runs each N-th only, from the I-th on: a part for one of N machines
  --keep DIR          keep each failed run in a folder of DIR: message, output, trace
  --terse             simulated: of a failure the message only: no trace, no shrinking
  --failed-in FILE    only the runs that have failed according to that report
  --report FILE       write a line of JSON for each run: test, seed, seconds, failure
  --trace FILE        record everything that happens (also TRACE=FILE); of several runs, each in a
                      file of its own: x.trace becomes x-figure_8_2c-7.trace for the seed 7
  --verbose           show the log lines of the code under test (also VERBOSE=1)
  --hashes FILE       simulated: compare with the runs that FILE tells of (make check-hashes)
  --renew-hashes      with --hashes: write FILE anew instead
  --limit SECONDS     the most that a test may take in its own time; default: 120
  --memory MB         the most memory that its process may take; default: 2048
  --must-match        fail if no test matches the NAMEs
  --launcher FILE     what starts a test's process in place of this program
ORACLE=off            the tests without the oracle, which checks Raft's properties at every step
ORACLE=blind          with it, but without what servers show of themselves (View)
ORACLE=strict         with it, and a server that acts and shows nothing of itself has failed
";

/// How many tests run at a time: they mostly sleep. On 2 cores, the suite with this many has
/// shown no timing failure, nor has it with twice as many.
const DEFAULT_JOBS: usize = 8;

pub(super) enum Request {
    Run(Box<Options>),
    Help,
    /// Only what src/raft uses and should not.
    Forbidden,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub filters: Vec<String>,
    pub exact: bool,
    pub list: bool,
    /// Select ignored tests only; there are none. Asked by cargo-nextest.
    pub ignored: bool,
    pub must_match: bool,
    pub jobs: usize,
    pub seed: Option<u64>,
    pub verbose: bool,
    pub simulated: bool,
    /// Which seeds to simulate; the first, if nobody chose.
    pub seeds: RangeInclusive<u64>,
    pub seeds_chosen: Option<RangeInclusive<u64>>,
    pub kernel: Kernel,
    /// Whether `kernel` was asked for; the children are told.
    pub kernel_name: Option<String>,
    pub twice: bool,
    pub stop_at_first: bool,
    /// After that time no run begins.
    pub at_most: Option<Duration>,
    /// Which part of all runs.
    pub shard: Option<Shard>,
    /// The report whose failed runs are to be run again.
    pub failed_in: Option<String>,
    /// Where failed runs are kept.
    pub keep: Option<String>,
    /// Where to write what became of each run.
    pub report: Option<String>,
    /// Tell of failures only what broke: no trace, no shrinking.
    pub terse: bool,
    /// This process runs a test for the runner that has started it.
    pub child: bool,
    /// The most that a test may take in its own time.
    pub limit: Duration,
    pub memory_mb: u64,
    /// The file of hashes to compare with.
    pub hashes: Option<String>,
    pub renew_hashes: bool,
    /// The program that starts a test's process, with the arguments for it; this one if not given.
    pub launcher: Option<String>,
    pub trace: Option<Tracing>,
}

impl Options {
    /// Reads the arguments after the program's name, and the environment for what they leave out.
    pub fn parse(
        args: impl Iterator<Item = String>,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Request, String> {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let mut options = Options {
            filters: Vec::new(),
            exact: false,
            list: false,
            ignored: false,
            must_match: false,
            jobs: set("JOBS").map_or(Ok(DEFAULT_JOBS), |text| positive("JOBS", &text))?,
            seed: set("SEED").map(|text| number("SEED", &text)).transpose()?,
            verbose: set("VERBOSE").is_some_and(|text| text != "0"),
            simulated: false,
            seeds: 1..=1,
            seeds_chosen: set("SEEDS").map(|text| seeds("SEEDS", &text)).transpose()?,
            kernel: Kernel::default(),
            kernel_name: set("KERNEL"),
            twice: false,
            stop_at_first: false,
            at_most: None,
            shard: None,
            failed_in: None,
            keep: None,
            report: None,
            terse: false,
            child: false,
            limit: LIMIT,
            memory_mb: MEMORY_MB,
            hashes: None,
            renew_hashes: false,
            launcher: None,
            trace: set("TRACE").map(Tracing::to),
        };
        let mut args = args;
        while let Some(arg) = args.next() {
            let (flag, attached) = match arg.split_once('=') {
                Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_string())),
                _ => (arg.as_str(), None),
            };
            let mut value = || {
                let next = attached.clone().or_else(|| args.next());
                next.ok_or_else(|| format!("{flag} needs a value"))
            };
            match flag {
                "--help" | "-h" => return Ok(Request::Help),
                "--exact" => options.exact = true,
                "--list" => options.list = true,
                "--forbidden" => return Ok(Request::Forbidden),
                "--ignored" => options.ignored = true,
                "--must-match" => options.must_match = true,
                "--verbose" => options.verbose = true,
                "--child" => options.child = true,
                "--limit" => options.limit = duration(flag, &value()?)?,
                "--memory" => options.memory_mb = number(flag, &value()?)?,
                "--renew-hashes" => options.renew_hashes = true,
                "--hashes" => {
                    (options.simulated, options.hashes) = (true, Some(value()?));
                }
                "--sim" => options.simulated = true,
                "--twice" => (options.simulated, options.twice) = (true, true),
                "--stop-at-first" => options.stop_at_first = true,
                "--terse" => options.terse = true,
                "--for" => options.at_most = Some(time(flag, &value()?)?),
                "--shard" => options.shard = Some(shard(flag, &value()?)?),
                "--keep" => options.keep = Some(value()?),
                "--failed-in" => options.failed_in = Some(value()?),
                "--report" => options.report = Some(value()?),
                "--launcher" => options.launcher = Some(value()?),
                "--seeds" => options.seeds_chosen = Some(seeds(flag, &value()?)?),
                "--kernel" => options.kernel_name = Some(value()?),
                "--jobs" | "-j" | "--test-threads" => options.jobs = positive(flag, &value()?)?,
                "--trace" => options.trace = Some(Tracing::to(value()?)),
                "--seed" => options.seed = Some(number(flag, &value()?)?),
                // What cargo, cargo-nextest and people used to libtest say; it changes nothing.
                "--nocapture" | "--no-capture" | "--show-output" | "--quiet" | "-q" => {}
                "--format" | "--color" => drop(value()?),
                _ if flag.starts_with('-') => return Err(format!("unknown option {flag}")),
                _ => options.filters.push(arg),
            }
        }
        if let Some(seed) = options.seed {
            options.seeds_chosen = Some(seed..=seed);
        }
        options.seeds = options.seeds_chosen.clone().unwrap_or(1..=1);
        if let Some(value) = set("ORACLE").filter(|value| !oracle::is_choice(value)) {
            return Err(format!("ORACLE {value:?} is none of on, off, blind, strict"));
        }
        if let Some(name) = &options.kernel_name {
            options.kernel = kernel(name)?;
        }
        if options.twice && options.trace.is_some() {
            return Err("--twice does not record: leave out --trace (TRACE)".to_string());
        }
        Ok(Request::Run(Box::new(options)))
    }

    /// Whether one test is wanted, and to be seen as it goes, rather than counted.
    pub fn is_one_shown(&self) -> bool {
        let counted = [&self.hashes, &self.report, &self.keep, &self.failed_in]
            .into_iter()
            .any(Option::is_some);
        self.exact && !counted && self.shard.is_none() && self.at_most.is_none()
    }

    /// Whether the test of that name is to run.
    pub fn selects(&self, name: &str) -> bool {
        let matches = |filter: &String| {
            if self.exact { name == filter } else { name.contains(&filter.to_lowercase()) }
        };
        self.filters.is_empty() || self.filters.iter().any(matches)
    }
}

fn number(what: &str, text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{what} {text:?} is not a number from 0 to {}", u64::MAX))
}

/// "100" for 1 to 100, or "5-9".
fn seeds(what: &str, text: &str) -> Result<RangeInclusive<u64>, String> {
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (number(what, first)?, number(what, last)?),
        None => (1, number(what, text)?),
    };
    if first > last {
        return Err(format!("{what} {text:?} has no seed: write N for 1 to N, or A-B"));
    }
    Ok(first..=last)
}

fn kernel(name: &str) -> Result<Kernel, String> {
    match name {
        "threads" => Ok(Kernel::Threads),
        "coro" => Ok(Kernel::Coroutines),
        _ => Err(format!("there is no kernel {name:?}; there are: coro, threads")),
    }
}

fn duration(what: &str, text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.filter(|limit| !limit.is_zero()).ok_or(format!("{what} {text:?} is no time in seconds"))
}

/// "90s", "10m", "2h".
fn time(what: &str, text: &str) -> Result<Duration, String> {
    let (number, factor) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((number, "s")) => (number, 1),
        Some((number, "m")) => (number, 60),
        Some((number, "h")) => (number, 3600),
        _ => ("", 0),
    };
    let seconds = number.parse().ok().and_then(|number: u64| number.checked_mul(factor));
    seconds
        .filter(|&seconds| seconds > 0)
        .map(Duration::from_secs)
        .ok_or(format!("{what} {text:?} is no time: write 90s, 10m or 2h"))
}

fn shard(what: &str, text: &str) -> Result<Shard, String> {
    Shard::parse(text).ok_or(format!("{what} {text:?} is no part: write I/N, from 1/N to N/N"))
}

fn positive(what: &str, text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{what} {text:?} is not a positive number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str], env: &[(&str, &str)]) -> Result<Options, String> {
        let env = |name: &str| {
            env.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string())
        };
        match Options::parse(args.iter().map(ToString::to_string), env) {
            Ok(Request::Run(options)) => Ok(*options),
            Ok(Request::Help | Request::Forbidden) => Err("no run".to_string()),
            Err(problem) => Err(problem),
        }
    }

    #[test]
    fn names_select_by_part_in_either_case_or_exactly() {
        let by_part = parse(&["2A", "figure_8_2c"], &[]).unwrap();
        assert!(by_part.selects("test_initial_election_2a"));
        assert!(by_part.selects("test_figure_8_2c"));
        assert!(!by_part.selects("test_figure_8_unreliable_2c"));
        let exact = parse(&["--exact", "test_count_2b"], &[]).unwrap();
        assert!(exact.selects("test_count_2b"));
        assert!(!exact.selects("test_count_2b_more"));
        assert!(parse(&[], &[]).unwrap().selects("anything"));
    }

    #[test]
    fn values_come_attached_or_apart_or_from_the_environment() {
        assert_eq!(parse(&["--jobs=3"], &[]).unwrap().jobs, 3);
        assert_eq!(parse(&["--test-threads", "5"], &[]).unwrap().jobs, 5);
        let traced = parse(&[], &[("TRACE", "a.trace")]).unwrap().trace;
        assert_eq!(traced, Some(Tracing::to("a.trace".to_string())));
        let traced = parse(&["--trace=b.trace"], &[("TRACE", "a.trace")]).unwrap().trace;
        assert_eq!(traced, Some(Tracing::to("b.trace".to_string())));
        assert_eq!(parse(&[], &[("TRACE", "")]).unwrap().trace, None);
        let env = [("SEED", "7"), ("JOBS", "2"), ("VERBOSE", "1")];
        let options = parse(&[], &env).unwrap();
        assert_eq!((options.seed, options.jobs, options.verbose), (Some(7), 2, true));
        assert_eq!(parse(&["--seed", "8"], &env).unwrap().seed, Some(8));
        assert_eq!(parse(&[], &[("SEED", "")]).unwrap().seed, None);
        assert_eq!(parse(&["--sim"], &[("SEEDS", "20")]).unwrap().seeds, 1..=20);
        assert_eq!(parse(&["--seeds", "5-9"], &[]).unwrap().seeds, 5..=9);
        assert_eq!(parse(&["--seeds", "5-9", "--seed", "7"], &[]).unwrap().seeds, 7..=7);
        let options = parse(&["--report", "runs.json", "--stop-at-first"], &[]).unwrap();
        assert_eq!((options.report.as_deref(), options.stop_at_first), (Some("runs.json"), true));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        let refused = [
            (parse(&["--sed", "1"], &[]), "unknown option --sed"),
            (parse(&["--seed"], &[]), "--seed needs a value"),
            (parse(&["--seed", "x1"], &[]), "--seed \"x1\" is not a number"),
            (parse(&[], &[("SEED", "-1")]), "SEED \"-1\" is not a number"),
            (parse(&["--seeds", "9-5"], &[]), "--seeds \"9-5\" has no seed"),
            (parse(&[], &[("SEEDS", "0")]), "SEEDS \"0\" has no seed"),
            (parse(&["--kernel", "best"], &[]), "there is no kernel \"best\""),
            (parse(&[], &[("ORACLE", "no")]), "ORACLE \"no\" is none of on, off, blind, strict"),
            (parse(&["--trace"], &[]), "--trace needs a value"),
            (parse(&["--twice"], &[("TRACE", "x")]), "--twice does not record"),
            (parse(&["--limit", "0"], &[]), "--limit \"0\" is no time"),
            (parse(&["--limit", "-1"], &[]), "--limit \"-1\" is no time"),
            (parse(&["--for", "10"], &[]), "--for \"10\" is no time: write 90s"),
            (parse(&["--for", "0m"], &[]), "--for \"0m\" is no time"),
            (parse(&["--for", "é"], &[]), "is no time"),
            (parse(&["--shard", "0/4"], &[]), "--shard \"0/4\" is no part: write I/N"),
            (parse(&["--jobs", "0"], &[]), "--jobs \"0\" is not a positive number"),
            (parse(&[], &[("JOBS", "many")]), "JOBS \"many\" is not a positive number"),
        ];
        for (result, expected) in refused {
            let problem = result.unwrap_err();
            assert!(problem.contains(expected), "{problem:?} does not say {expected:?}");
        }
    }
}
