//! What of a failed run fits on a screen: the last rows before the verdict that have to do with
//! the server that is blamed, and, further up, where its term, its vote and its role come from.

use std::collections::BTreeSet;

use super::rows::Row;
use crate::story::Status;
use crate::trace::ServerId;

/// Which rows are shown. `lines` tells how many lines each takes, of which there are `room`. Each
/// gap takes one more.
#[must_use]
pub fn last_rows(
    rows: &[Row],
    lines: &dyn Fn(&Row) -> usize,
    room: usize,
    blamed: Option<ServerId>,
) -> BTreeSet<usize> {
    let relevant: Vec<usize> = match blamed {
        Some(server) => (0..rows.len()).filter(|&row| rows[row].touches(server)).collect(),
        None => (0..rows.len()).collect(),
    };
    let mut shown = Shown { rows, lines, room, chosen: BTreeSet::new() };
    // The end comes first, then what explains it, then whatever else there is room for.
    for &row in relevant.iter().rev().take(2) {
        shown.try_add(row);
    }
    if let Some(server) = blamed {
        for row in origins(rows, server) {
            shown.try_add(row);
        }
    }
    for &row in relevant.iter().rev() {
        if !shown.try_add(row) {
            break;
        }
    }
    shown.chosen
}

/// As many rows as fit around one.
#[must_use]
pub fn around(
    rows: &[Row],
    lines: &dyn Fn(&Row) -> usize,
    room: usize,
    centre: usize,
) -> BTreeSet<usize> {
    let mut shown = Shown { rows, lines, room, chosen: BTreeSet::new() };
    shown.chosen.insert(centre);
    for distance in 1..rows.len() {
        let above = centre.checked_sub(distance);
        let below = Some(centre + distance).filter(|&row| row < rows.len());
        let mut full = false;
        for row in [above, below].into_iter().flatten() {
            full |= !shown.try_add(row);
        }
        if full {
            break;
        }
    }
    shown.chosen
}

/// The rows in which this server got the term, the vote and the role that it has in the end.
fn origins(rows: &[Row], server: ServerId) -> BTreeSet<usize> {
    let value = |row: usize| rows[row].servers.get(server).copied().unwrap_or_default();
    let facts: [fn(Status) -> (u64, Option<ServerId>); 3] = [
        |status| (status.term, None),
        |status| (0, status.vote),
        |status| (status.role as u64, None),
    ];
    let mut found = BTreeSet::new();
    for fact in facts {
        let changes = |&row: &usize| fact(value(row)) != fact(value(row - 1));
        // The last two: what it is now, and what it was before.
        found.extend((1..rows.len()).rev().filter(changes).take(2));
    }
    found
}

struct Shown<'a> {
    rows: &'a [Row],
    lines: &'a dyn Fn(&Row) -> usize,
    room: usize,
    chosen: BTreeSet<usize>,
}

impl Shown<'_> {
    /// Whether it fits.
    fn try_add(&mut self, row: usize) -> bool {
        let new = self.chosen.insert(row);
        let fits = self.height() <= self.room;
        if !fits && new && self.chosen.len() > 1 {
            self.chosen.remove(&row);
        }
        fits
    }

    fn height(&self) -> usize {
        let rows: usize = self.chosen.iter().map(|&row| (self.lines)(&self.rows[row])).sum();
        let before = std::iter::once(None).chain(self.chosen.iter().copied().map(Some));
        let gaps = before.zip(&self.chosen).filter(|&(before, &row)| {
            row != before.map_or(0, |before| before + 1)
        });
        rows + gaps.count()
    }
}
