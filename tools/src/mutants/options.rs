//! What the command line says.

use std::path::PathBuf;
use std::time::Duration;

use crate::column::{COLUMNS, Column};

/// What is printed for `--help`, and after a wrong command line.
pub const USAGE: &str = "\
usage: mutants [NAME] [options]     builds the bugs of mutants/, and the right Rafts of variants/,
                                    into one program, and tells which tests catch which; a NAME:
                                    that one, in detail
  --only PART,PART    the bugs whose names contain one of the PARTs
  --from NAME         this bug and those behind it in the list
  --columns A,B       lab, figure2, oracle, nemesis, no-view: only these
  --fast              no further column for a bug that one has caught, and figure2 first; few
                      seeds for the right Rafts: for CI
  --seeds N           the seeds 1 to N in each column (usual: 4, nemesis 100)
  --limit S           give a column up after S seconds (usual: 120); that of a right Raft after
                      ten times as long
  --markdown FILE     write the table into FILE, between its markers
  --list              list the bugs instead of planting them
  --outputs           does the handbook show what is printed? --renew writes other numbers to it;
                      --whole takes the program with all bugs, if it is there anyway
exit code: 0 if each bug was caught by some column or says why none can, and no right Raft was
accused; 1 if not; 2 if one does not apply, does not compile, or does not exist
";

pub enum Request {
    Run(Options),
    Help,
}

pub struct Options {
    /// The one bug to show in detail.
    pub name: Option<String>,
    pub only: Option<String>,
    pub from: Option<String>,
    pub columns: Vec<&'static Column>,
    /// Whether a bug is done with the first column that catches it.
    pub fast: bool,
    pub seeds: Option<u64>,
    pub limit: Duration,
    pub markdown: Option<PathBuf>,
    pub list: bool,
    /// Compare the handbook's outputs instead.
    pub outputs: bool,
    pub renew: bool,
    pub whole: bool,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Request, String> {
        let mut options = Options {
            name: None,
            only: None,
            from: None,
            columns: COLUMNS.iter().collect(),
            fast: false,
            seeds: None,
            limit: Duration::from_secs(120),
            markdown: None,
            list: false,
            outputs: false,
            renew: false,
            whole: false,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--help" | "-h" => return Ok(Request::Help),
                "--only" => options.only = Some(value()?),
                "--from" => options.from = Some(value()?),
                "--columns" => options.columns = columns(&value()?)?,
                "--fast" => options.fast = true,
                "--seeds" => options.seeds = Some(positive(&arg, &value()?)?),
                "--limit" => options.limit = Duration::from_secs(positive(&arg, &value()?)?),
                "--markdown" => options.markdown = Some(value()?.into()),
                "--list" => options.list = true,
                "--outputs" => options.outputs = true,
                "--renew" => options.renew = true,
                "--whole" => options.whole = true,
                _ if arg.starts_with('-') => return Err(format!("unknown option {arg}")),
                _ if options.name.is_some() => return Err("one NAME at a time".to_string()),
                _ => options.name = Some(arg.trim_end_matches(".patch").to_string()),
            }
        }
        Ok(Request::Run(options))
    }

    /// Whether one bug is asked for.
    pub fn in_detail(&self) -> bool {
        self.name.is_some()
    }

    /// Whether all bugs are asked for.
    pub fn is_whole(&self) -> bool {
        self.name.is_none() && self.only.is_none() && self.from.is_none()
    }

    /// Whether the bug of that name is to be planted.
    pub fn selects(&self, name: &str) -> bool {
        self.name.as_ref().is_none_or(|wanted| wanted == name)
            && self
                .only
                .as_ref()
                .is_none_or(|parts| parts.split(',').any(|part| name.contains(part)))
            && self.from.as_ref().is_none_or(|first| name >= first.as_str())
    }
}

fn columns(text: &str) -> Result<Vec<&'static Column>, String> {
    let find = |name: &str| COLUMNS.iter().find(|column| column.name == name);
    let all = COLUMNS.map(|column| column.name).join(", ");
    let column = |name| find(name).ok_or_else(|| format!("no column {name:?}; there are: {all}"));
    text.split(',').map(column).collect()
}

fn positive(what: &str, text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("{what} {text:?} is not a positive number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        match Options::parse(line.split_whitespace().map(ToString::to_string)) {
            Ok(Request::Run(options)) => Ok(options),
            Ok(Request::Help) => Err("help".to_string()),
            Err(problem) => Err(problem),
        }
    }

    #[test]
    fn bugs_are_chosen_by_name_or_part() {
        assert!(parse("").unwrap().selects("a-double-vote"));
        let one = parse("a-double-vote.patch").unwrap();
        assert!(one.selects("a-double-vote") && !one.selects("a-double-vote-2"));
        let some = parse("--only vote").unwrap();
        assert!(some.selects("a-double-vote") && !some.selects("a-fixed-timeout"));
        let both = parse("--only vote,timeout").unwrap();
        assert!(both.selects("a-double-vote") && both.selects("a-fixed-timeout"));
        let later = parse("--from b-no-log-check").unwrap();
        assert!(later.selects("l-busy-wait") && !later.selects("b-commit-no-min"));
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (line, expected) in [
            ("--colums lab", "unknown option --colums"),
            ("--columns lab,labs", "no column \"labs\"; there are: lab, figure2"),
            ("--seeds 0", "--seeds \"0\" is not a positive number"),
            ("--only", "--only needs a value"),
            ("a b", "one NAME at a time"),
        ] {
            let problem = parse(line).err().unwrap();
            assert!(problem.contains(expected), "{problem:?} does not say {expected:?}");
        }
    }
}
