//! What of a failed run fits on a screen: the last rows before the verdict that have to do with
//! the server that is blamed, or with the one where it showed, and, further up, where its term, its vote and its role come from.

use std::collections::BTreeSet;

use super::rows::Row;
use crate::story::Status;
use crate::trace::ServerId;

/// Which rows are shown. `lines` tells how many lines each takes, of which there are `room`. Each
/// gap takes one more. Rows that have to do with none of the servers that are concerned are left out.
#[must_use]
pub fn last_rows(
    rows: &[Row],
    lines: &dyn Fn(&Row) -> usize,
    room: usize,
    concerned: &[ServerId],
    sentence: &str,
) -> BTreeSet<usize> {
    let concerns = |row: &Row| concerned.iter().any(|&server| row.touches(server));
    let relevant: Vec<usize> =
        (0..rows.len()).filter(|&row| concerned.is_empty() || concerns(&rows[row])).collect();
    let mut shown = Shown { rows, lines, room, chosen: BTreeSet::new() };
    // The end comes first, then what explains it, then whatever else there is room for.
    for &row in relevant.iter().rev().take(2) {
        shown.try_add(row);
    }
    for &server in concerned {
        for row in origins(rows, server, sentence) {
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

/// Where a server's state comes from: the rows in which what the verdict speaks of has changed, the
/// latest first.
fn origins(rows: &[Row], server: ServerId, sentence: &str) -> Vec<usize> {
    let own: Vec<usize> = (0..rows.len())
        .filter(|&row| {
            rows[row].cells.contains_key(&server) || rows[row].concerns.contains(&server)
        })
        .collect();
    let at = |row: usize| rows[row].after.get(server).copied().unwrap_or_default();
    let changes = |differ: fn(Status, Status) -> bool, count: usize| {
        let pairs = own.windows(2).rev().filter(move |pair| differ(at(pair[0]), at(pair[1])));
        pairs.take(count).map(|pair| pair[1]).collect::<Vec<_>>()
    };
    let says = |word: &str, count: usize| {
        let said = |row: &usize| {
            let parts = rows[*row].cells.get(&server).into_iter().flatten();
            parts.into_iter().any(|part| part.text.contains(word))
        };
        own.iter().rev().copied().filter(said).take(count).collect::<Vec<_>>()
    };
    let speaks = |words: &[&str]| words.iter().any(|word| sentence.contains(word));
    let mut found = Vec::new();
    if speaks(&["vote"]) {
        found.extend(changes(|a, b| a.vote != b.vote, 2));
    }
    if speaks(&["match_index"]) {
        found.extend(says("match[", 2));
    }
    if speaks(&["snapshot"]) {
        found.extend(says("snapshot", 3));
    }
    if speaks(&["disk"]) {
        found.extend(says("saves", 2));
    }
    if speaks(&["entry", "entries", "log"]) {
        found.extend(changes(|a, b| a.last != b.last, 1));
    }
    found.extend(changes(|a, b| a.term != b.term, 1));
    found.extend(changes(|a, b| a.role != b.role, 1));
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
        let gaps = before
            .zip(&self.chosen)
            .filter(|&(before, &row)| row != before.map_or(0, |before| before + 1));
        rows + gaps.count()
    }
}
