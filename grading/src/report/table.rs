//! A table for the terminal: a line for each submission.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::{counted, tame};
use crate::grade::Verdict;
use crate::scheme::Scheme;
use crate::score::{Score, shown};

const MOST_OF_REMARK: usize = 56;
/// A group's name is broken into lines of so many letters, if its words allow it.
const WIDTH_OF_HEAD: usize = 12;

pub fn of(scheme: &Scheme, scores: &[Score]) -> String {
    let mut table = Table::new();
    // A line for each: a class has many.
    table.load_style(presets::ASCII_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    table.set_content_arrangement(ContentArrangement::Disabled);
    let mut head = vec!["submission".to_string(), "points".to_string()];
    head.extend(scheme.groups.iter().map(|group| broken(&group.name)));
    head.push("remarks".to_string());
    table.set_header(head);
    let mut most = vec!["(of)".to_string(), shown(scheme.points())];
    most.extend(scheme.groups.iter().map(|group| shown(group.points)));
    most.push(String::new());
    table.add_row(most);
    for score in scores {
        let mut row = vec![tame(&score.graded.name), shown(score.points)];
        row.extend(score.groups.iter().map(|group| shown(group.points)));
        row.push(remarks(score));
        table.add_row(row);
    }
    let last = scheme.groups.len() + 2;
    for column in table.column_iter_mut().skip(1).take(last - 1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    // Without the blanks that fill up the last column.
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A name as lines of whole words.
fn broken(name: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split_whitespace() {
        let fits =
            |line: &&mut String| line.chars().count() + 1 + word.chars().count() <= WIDTH_OF_HEAD;
        match lines.last_mut().filter(fits) {
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_string()),
        }
    }
    lines.join("\n")
}

fn remarks(score: &Score) -> String {
    let mut remarks = Vec::new();
    if score.graded.verdict != Verdict::Ran {
        let text = tame(&score.graded.verdict.in_short());
        // The page has all of it.
        let cut = if text.chars().count() > MOST_OF_REMARK { " ..." } else { "" };
        remarks.push(text.chars().take(MOST_OF_REMARK).collect::<String>() + cut);
    }
    if score.flaky() > 0 {
        remarks.push(format!("{} flaky", score.flaky()));
    }
    let tests = score.groups.iter().flat_map(|group| &group.tests);
    let cut = tests.filter(|test| test.outcome.not_run.is_some()).count();
    if cut > 0 && score.graded.verdict == Verdict::Ran {
        remarks.push(format!("{} not run: out of time", counted(cut, "test")));
    }
    remarks.join("; ")
}
