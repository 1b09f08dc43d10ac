//! What the command line says.

use std::path::PathBuf;

use clap::Parser;

use crate::column::{COLUMNS, Column};

/// Builds the bugs of mutants/, and the right Rafts of variants/, into one program, and tells which
/// tests catch which
#[derive(Parser)]
#[command(
    name = "mutants",
    after_help = "exit code: 0 if each bug was caught by some column or says why none can, and no \
                  right Raft was accused; 1 if not; 2 if one does not apply, does not compile, or \
                  does not exist"
)]
pub struct Options {
    /// The one bug to show in detail
    #[arg(value_parser = |name: &str| Ok::<_, String>(name.trim_end_matches(".patch").to_string()))]
    pub name: Option<String>,
    /// The bugs whose names contain one of the PARTs
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub only: Vec<String>,
    /// This bug and those behind it in the list
    #[arg(long, value_name = "NAME")]
    pub from: Option<String>,
    /// lab, figure2, oracle, nemesis, no-view: only these
    #[arg(long, value_delimiter = ',', value_parser = column)]
    columns: Vec<&'static Column>,
    /// For CI: no further column for a bug that one has caught, in the order in which a student
    /// meets them; few seeds for the right Rafts
    #[arg(long)]
    pub fast: bool,
    /// The seeds 1 to N in each column; 4 if not given, and 100 for the nemesis
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Give a column up after so many seconds; that of a right Raft after ten times as long
    #[arg(long, value_name = "S", default_value = "120", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// Write the table into this file, between its markers
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// List the bugs instead of planting them
    #[arg(long)]
    pub list: bool,
    /// Does the handbook show what is printed?
    #[arg(long)]
    pub outputs: bool,
    /// Write other numbers to the handbook
    #[arg(long, requires = "outputs")]
    pub renew: bool,
    /// Take the program with all bugs, if it is there anyway
    #[arg(long, requires = "outputs")]
    pub whole: bool,
}

impl Options {
    /// The columns that are asked for.
    pub fn columns(&self) -> Vec<&'static Column> {
        if self.columns.is_empty() { COLUMNS.iter().collect() } else { self.columns.clone() }
    }

    /// Whether one bug is asked for.
    pub fn in_detail(&self) -> bool {
        self.name.is_some()
    }

    /// Whether all bugs are asked for.
    pub fn is_whole(&self) -> bool {
        self.name.is_none() && self.only.is_empty() && self.from.is_none()
    }

    /// Whether the bug of that name is to be planted.
    pub fn selects(&self, name: &str) -> bool {
        self.name.as_ref().is_none_or(|wanted| wanted == name)
            && (self.only.is_empty() || self.only.iter().any(|part| name.contains(part)))
            && self.from.as_ref().is_none_or(|first| name >= first.as_str())
    }
}

fn column(name: &str) -> Result<&'static Column, String> {
    let all = COLUMNS.each_ref().map(|column| column.name).join(", ");
    let found = COLUMNS.iter().find(|column| column.name == name);
    found.ok_or_else(|| format!("there are: {all}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(["mutants"].into_iter().chain(line.split_whitespace()))
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
    fn a_column_that_is_none_is_refused_with_those_that_are() {
        let problem = parse("--columns lab,labs").err().unwrap().to_string();
        assert!(
            problem.contains("'labs'") && problem.contains("there are: lab, figure2"),
            "{problem}"
        );
    }
}
