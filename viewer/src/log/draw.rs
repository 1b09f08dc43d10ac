//! Rows as lines of text.

use std::fmt::Write;

use anstyle::{AnsiColor, Effects, Style};

use super::rows::Row;
use super::wrap::{Line, width_of, wrap};
use crate::story::{Arrow, Part, Status, Tone, Topic};
use crate::trace::{Role, ServerId, Trace};

/// What stands between columns.
const BAR: &str = "│";
/// The least width of a column.
const NARROWEST: usize = 8;

/// Where the columns are.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Whose they are.
    pub servers: Vec<ServerId>,
    /// Their width, without the bar.
    pub cell: usize,
    /// The width of the time.
    time: usize,
    /// The width of the events' numbers, if they are shown.
    number: Option<usize>,
    /// The width of everything.
    pub width: usize,
}

pub(super) fn dim() -> Style {
    Style::new().effects(Effects::DIMMED)
}

pub(super) fn bold() -> Style {
    Style::new().effects(Effects::BOLD)
}

pub(super) fn wrong() -> Style {
    AnsiColor::Red.on_default().effects(Effects::BOLD)
}

fn style_of(part: &Part) -> Style {
    let colour = match part.topic {
        Topic::Test => return bold(),
        Topic::Vote => AnsiColor::Yellow,
        Topic::Append => AnsiColor::Cyan,
        Topic::Heartbeat | Topic::Save => return dim(),
        Topic::Commit => AnsiColor::Green,
        Topic::Snapshot => AnsiColor::Magenta,
        Topic::Lost => AnsiColor::Red,
        Topic::Log => AnsiColor::BrightBlue,
    };
    match part.tone {
        Tone::Plain => colour.on_default(),
        Tone::Strong => colour.on_default().effects(Effects::BOLD),
        Tone::Wrong => wrong(),
    }
}

/// Seconds, to the microsecond.
#[must_use]
pub fn seconds(at: u64) -> String {
    let us = at.saturating_add(500) / 1000;
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

impl Columns {
    /// Columns for these servers, in so many characters.
    #[must_use]
    pub fn new(trace: &Trace, servers: Vec<ServerId>, width: usize, numbers: bool) -> Columns {
        let last = trace.records.last().map_or(0, |record| record.at);
        let time = seconds(last).len();
        let number = numbers.then(|| (trace.records.len() + 1).to_string().len());
        Columns { servers: Vec::new(), cell: 0, time, number, width }.only(servers)
    }

    /// The same with others, in the same width.
    #[must_use]
    pub fn only(self, servers: Vec<ServerId>) -> Columns {
        let left = self.width.saturating_sub(self.time + self.number.map_or(0, |width| width + 1));
        let cell = (left / servers.len().max(1)).saturating_sub(2).max(NARROWEST);
        Columns { servers, cell, ..self }
    }

    /// The line above all rows.
    #[must_use]
    pub fn head(&self, blamed: Option<ServerId>) -> Line {
        let mut line = self.margin(None);
        for &server in &self.servers {
            let mark = match blamed == Some(server) {
                true if self.cell < 17 => " (!)",
                true => " (blamed)",
                false => "",
            };
            let style = if blamed == Some(server) { wrong() } else { bold() };
            let cell = vec![(style, format!("server {server}{mark}"))];
            self.push_cell(&mut line, wrap(&cell, self.cell).swap_remove(0));
        }
        line
    }

    fn margin(&self, row: Option<&Row>) -> Line {
        let mut text = String::new();
        if let Some(width) = self.number {
            let number = row.map(|row| Trace::number(row.event).to_string()).unwrap_or_default();
            let _ = write!(text, "{number:>width$} "); // writing to a String cannot fail
        }
        let time = row.map(|row| seconds(row.at)).unwrap_or_default();
        let width = self.time;
        let _ = write!(text, "{time:>width$}");
        vec![(dim(), text)]
    }

    fn push_cell(&self, line: &mut Line, cell: Line) {
        let width = width_of(&cell);
        line.push((dim(), format!("{BAR} ")));
        line.extend(cell);
        line.push((Style::new(), " ".repeat(self.cell.saturating_sub(width))));
    }

    /// A row's lines.
    #[must_use]
    pub fn draw(&self, row: &Row) -> Vec<Line> {
        let mut lines =
            if row.cells.is_empty() { self.draw_band(row) } else { self.draw_cells(row) };
        match row.repeated {
            Some((1, times)) => {
                lines.push(self.note(&format!("×{times}, the last at {}", seconds(row.until))))
            }
            Some((block, times)) => {
                let until = seconds(row.until);
                lines.push(self.note(&format!("these {block} rows ×{times}, the last at {until}")));
            }
            None => (),
        }
        lines
    }

    /// A remark between rows.
    #[must_use]
    pub fn note(&self, text: &str) -> Line {
        let width = self.time + self.number.map_or(0, |width| width + 1);
        vec![(dim(), format!("{:>width$}  {text}", "⋮"))]
    }

    fn draw_band(&self, row: &Row) -> Vec<Line> {
        let indent = self.margin(None).remove(0).1.len();
        let room = self.width.saturating_sub(indent + 4).max(NARROWEST);
        let mut lines = wrap(&pieces(&row.band), room);
        for (number, line) in lines.iter_mut().enumerate() {
            let margin = if number == 0 { self.margin(Some(row)) } else { self.margin(None) };
            let used = width_of(line);
            line.splice(0..0, margin.into_iter().chain([(dim(), "── ".to_string())]));
            if number == 0 {
                let dashes = "─".repeat(room.saturating_sub(used));
                line.push((dim(), format!(" {dashes}")));
            }
        }
        lines
    }

    fn draw_cells(&self, row: &Row) -> Vec<Line> {
        let cells: Vec<Vec<Line>> = self
            .servers
            .iter()
            .map(|server| match row.cells.get(server) {
                Some(parts) => wrap(&pieces(parts), self.cell),
                None => vec![idle(row.servers[*server], self.cell)],
            })
            .collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        let line = |number: usize| {
            let mut line = self.margin((number == 0).then_some(row));
            for cell in &cells {
                self.push_cell(&mut line, cell.get(number).cloned().unwrap_or_default());
            }
            line
        };
        (0..height).map(line).collect()
    }
}

/// The words of a cell: `←4 RequestVote t8: votes 4, saves, →4 vote granted t8`.
fn pieces(parts: &[Part]) -> Vec<(Style, String)> {
    let mut pieces = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        let folded = part.text.contains(" ×");
        let incoming = matches!(part.peers, Some((Arrow::In, _))) && !folded;
        let end = match number + 1 == parts.len() {
            true => "",
            false if incoming => ": ",
            false => ", ",
        };
        pieces.push((style_of(part), format!("{}{end}", part.shown())));
    }
    pieces
}

/// What a server is that does nothing: `L t8 v3 5@3 c4`, as much of it as fits.
fn idle(status: Status, width: usize) -> Line {
    if !status.up {
        return vec![(dim(), "down".to_string())];
    }
    let (role, style) = match status.role {
        Role::Follower => ("F", dim()),
        Role::Candidate => ("C", Style::new()),
        Role::Leader => ("L", bold()),
    };
    let mut text = format!("{role} t{}", status.term);
    let vote = status.vote.map_or("v-".to_string(), |vote| format!("v{vote}"));
    let (index, term) = status.last;
    let log = (index > 0).then(|| format!("{index}@{term}"));
    let commit = (index > 0).then(|| format!("c{}", status.commit));
    let cut = (!status.connected).then(|| "cut".to_string());
    for word in [cut, Some(vote), log, commit].into_iter().flatten() {
        if text.len() + 1 + word.len() <= width {
            text = format!("{text} {word}");
        }
    }
    vec![(style, text)]
}
