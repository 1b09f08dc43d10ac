//! The whole of it: what stands above the rows, the rows, and what stands below.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;

use anstyle::Style;
use clap::Args;

use super::choose::{Choice, Moment};
use super::draw::{Columns, bold, dim, seconds, wrong};
use super::fit;
use super::fold::fold;
use super::rows::{Row, rows};
use super::wrap::{Line, wrap};
use crate::story::{Verdict, tell};
use crate::trace::{ServerId, Trace};

/// The options that say how it looks.
#[derive(Args, Clone, Default, Debug)]
#[command(next_help_heading = "Look")]
pub struct Look {
    /// All rows: without this, a failed run is shown by its end, as much as fits the screen
    #[arg(long)]
    pub all: bool,
    /// The last rows only, so many
    #[arg(long, value_name = "ROWS")]
    pub last: Option<usize>,
    /// A row for each event: nothing is joined or folded
    #[arg(long)]
    pub unfolded: bool,
    /// The number of each row's first event: its line in the trace
    #[arg(long)]
    pub numbers: bool,
    /// So many characters wide (usual: as wide as the terminal; 100 where there is none)
    #[arg(long, value_name = "CHARACTERS", value_parser = clap::value_parser!(u16).range(20..))]
    pub width: Option<u16>,
    /// The screen's lines (usual: the terminal's; 24 where there is none)
    #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u16).range(8..))]
    pub height: Option<u16>,
}

/// Lines of the verdict that are shown above the end of a run, if no server is blamed: what each of
/// them is like. If one is, its column tells.
const LINES_OF_VERDICT: usize = 11;
/// The width of a column from which on all of them are shown.
const COMFORTABLE: usize = 16;

/// Writes the run.
///
/// # Errors
/// If nothing can be chosen so, or written.
pub fn print(
    out: &mut impl Write,
    path: &Path,
    trace: &Trace,
    choice: &Choice,
    look: &Look,
    screen: (u16, u16),
) -> Result<(), Failed> {
    let width = usize::from(look.width.unwrap_or(screen.0));
    let height = usize::from(look.height.unwrap_or(screen.1));
    let told = choice.apply(trace, tell(trace)).map_err(Failed::Choice)?;
    let everything = trace.records.len();
    let mut rows = rows(trace, &told, !look.unfolded);
    if !look.unfolded {
        rows = fold(rows);
    }
    if rows.is_empty() {
        let what = format!("none of the {everything} events matches; leave out an option");
        return Err(Failed::Choice(what));
    }
    let verdict = Verdict::of(trace);
    let blamed = verdict.as_ref().and_then(|verdict| verdict.guilty);
    let servers: Vec<ServerId> = match &choice.server[..] {
        [] => (0..trace.servers).collect(),
        chosen => BTreeSet::from_iter(chosen.iter().copied()).into_iter().collect(),
    };
    let ends = verdict.is_some() && choice.is_everything() && !look.all && look.last.is_none();
    let head = above(trace, verdict.as_ref(), width, ends);
    let foot = below(path, rows.len(), width);
    // The line above the columns, and the shell's prompt, are lines as well.
    let room = height.saturating_sub(head.len() + foot.len() + 2).max(3);
    let mut columns = Columns::new(trace, servers, width, look.numbers);
    let mut shown: BTreeSet<usize> = match (choice.around, look.last) {
        (Some(moment), _) => {
            fit::around(&rows, &|row| columns.draw(row).len(), room, row_at(&rows, moment))
        }
        (None, Some(count)) => (rows.len().saturating_sub(count)..rows.len()).collect(),
        (None, None) => (0..rows.len()).collect(),
    };
    if let (true, Some(verdict)) = (ends, &verdict) {
        (columns, shown) = end_of(&rows[..rows.len() - 1], columns, room, verdict);
    }
    for line in &head {
        write_line(out, line)?;
    }
    write_line(out, &columns.head(blamed))?;
    let mut next = 0;
    for &row in &shown {
        gap(out, &columns, row - next)?;
        for line in columns.draw(&rows[row]) {
            write_line(out, &line)?;
        }
        next = row + 1;
    }
    if shown.len() < rows.len() || !choice.is_everything() || verdict.is_some() {
        for line in &foot {
            write_line(out, line)?;
        }
    }
    Ok(out.flush()?)
}

/// The rows at the end of a failed run, the verdict's own left away. Where columns get narrow, those
/// of servers that do nothing in these rows are left out.
fn end_of(
    rows: &[Row],
    columns: Columns,
    room: usize,
    verdict: &Verdict,
) -> (Columns, BTreeSet<usize>) {
    let mut concerned: Vec<ServerId> = verdict.guilty.into_iter().chain(verdict.noticed).collect();
    concerned.dedup();
    let choose = |columns: &Columns| {
        let lines = |row: &Row| columns.draw(row).len();
        fit::last_rows(rows, &lines, room, &concerned, &verdict.sentence)
    };
    let mut shown = choose(&columns);
    if columns.cell >= COMFORTABLE {
        return (columns, shown);
    }
    let mut columns = columns;
    // Wider columns take fewer lines, so more rows are shown, and with them other servers.
    for _ in 0..3 {
        let active = |row: &usize| rows[*row].cells.keys().copied().collect::<Vec<_>>();
        let mut servers: BTreeSet<ServerId> = shown.iter().flat_map(active).collect();
        servers.extend(&concerned);
        columns = columns.only(servers.into_iter().collect());
        shown = choose(&columns);
    }
    shown.retain(|&row| {
        let cells = &rows[row].cells;
        cells.is_empty() || cells.keys().any(|server| columns.servers.contains(server))
    });
    (columns, shown)
}

fn row_at(rows: &[Row], moment: Moment) -> usize {
    let before = |row: &&Row| match moment {
        Moment::Event(event) => Trace::number(row.event) <= event,
        Moment::At(at) => row.at <= at,
    };
    rows.iter().take_while(before).count().saturating_sub(1)
}

fn gap(out: &mut impl Write, columns: &Columns, rows: usize) -> io::Result<()> {
    match rows {
        0 => Ok(()),
        1 => write_line(out, &columns.note("1 row")),
        rows => write_line(out, &columns.note(&format!("{rows} rows"))),
    }
}

/// Which run, how it ended, and why.
fn above(trace: &Trace, verdict: Option<&Verdict>, width: usize, short: bool) -> Vec<Line> {
    let end = trace.records.last().map_or(0, |record| record.at);
    let title = trace.header.title();
    let mut lines = Vec::new();
    match verdict {
        Some(verdict) => {
            let at = format!("FAILED at {} s", seconds(end));
            lines.push(vec![(bold(), format!("{title}: ")), (wrong(), at)]);
            let mut why = wrap(&[(wrong(), verdict.sentence.clone())], width);
            let rest = verdict.rest.iter().chain([&verdict.place]);
            for line in rest.flat_map(|line| indented(line, width)) {
                if short && (verdict.guilty.is_some() || why.len() >= LINES_OF_VERDICT) {
                    break;
                }
                why.push(line);
            }
            lines.append(&mut why);
        }
        None if trace.note.is_some() => lines.push(vec![(bold(), format!("{title}: no verdict"))]),
        None => lines.push(vec![(bold(), format!("{title}: passed after {} s", seconds(end)))]),
    }
    if let Some(note) = &trace.note {
        lines.extend(wrap(&[(wrong(), format!("The trace is {note}."))], width));
    }
    lines
}

/// Lines with their indent; what is too long goes on further in.
fn indented(text: &str, width: usize) -> Vec<Line> {
    let indent = text.len() - text.trim_start().len();
    let wrapped = wrap(&[(Style::new(), text.trim_start().to_string())], width - indent.min(8) - 2);
    let indent = " ".repeat(indent.min(8));
    let spaces = |number| if number == 0 { indent.clone() } else { format!("{indent}  ") };
    let add = |(number, line): (usize, Line)| {
        [(Style::new(), spaces(number))].into_iter().chain(line).collect()
    };
    wrapped.into_iter().enumerate().map(add).collect()
}

/// What the signs mean, and how to see more.
fn below(path: &Path, rows: usize, width: usize) -> Vec<Line> {
    let signs =
        "L leader, C candidate, F follower; t term, v vote, 5@3 entry 5 of term 3, c commit";
    let file = path.display();
    let more = format!("all {rows} rows: make log F={file} ARGS=--all     more: ARGS=--help");
    [signs, &more].iter().flat_map(|text| wrap(&[(dim(), text.to_string())], width)).collect()
}

fn write_line(out: &mut impl Write, line: &Line) -> io::Result<()> {
    let mut pieces = line.clone();
    // No spaces at the end: they would show where lines are copied.
    while let Some((_, text)) = pieces.last_mut() {
        text.truncate(text.trim_end().len());
        if !text.is_empty() {
            break;
        }
        pieces.pop();
    }
    for (style, text) in pieces {
        write!(out, "{style}{text}{style:#}")?;
    }
    writeln!(out)
}

/// Why nothing, or not all, was shown.
#[derive(Debug)]
pub enum Failed {
    /// What was asked for is not there.
    Choice(String),
    /// It could not be written.
    Io(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Io(error)
    }
}
