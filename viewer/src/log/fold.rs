//! Where nothing happens, many rows become one: heartbeats that change nothing, lost calls, and
//! whatever repeats itself.

use std::collections::{BTreeMap, BTreeSet};

use super::rows::Row;
use crate::story::{Arrow, Part, Tone, Topic};
use crate::trace::ServerId;

/// The longest block of rows whose repetition is looked for.
const LONGEST_BLOCK: usize = 6;

/// The rows, folded.
#[must_use]
pub fn fold(rows: Vec<Row>) -> Vec<Row> {
    let mut folded: Vec<Row> = Vec::new();
    let mut quiet: Vec<Row> = Vec::new();
    for row in rows {
        if is_quiet(&row) {
            quiet.push(row);
            continue;
        }
        settle(&mut folded, &mut quiet);
        push(&mut folded, row);
    }
    settle(&mut folded, &mut quiet);
    folded
}

/// Nothing but heartbeats that change nothing, and losses.
fn is_quiet(row: &Row) -> bool {
    let quiet = |part: &Part| {
        matches!(part.topic, Topic::Heartbeat | Topic::Lost | Topic::Save)
            && part.tone == Tone::Plain
    };
    let only_saves = || row.cells.values().flatten().all(|part| part.topic == Topic::Save);
    row.band.is_empty() && row.cells.values().flatten().all(quiet) && !only_saves()
}

fn settle(folded: &mut Vec<Row>, quiet: &mut Vec<Row>) {
    if let Some(row) = one_of(std::mem::take(quiet)) {
        push(folded, row);
    }
}

/// What servers sent, got and lost: how often, to or from whom.
type Counts<'a> = BTreeMap<(ServerId, Kind), (BTreeSet<ServerId>, usize)>;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Sends,
    Hears,
    Ok,
    Lost,
}

fn one_of(mut quiet: Vec<Row>) -> Option<Row> {
    if quiet.len() < 2 {
        return quiet.pop();
    }
    let mut counts = Counts::new();
    for (&server, part) in quiet
        .iter()
        .flat_map(|row| &row.cells)
        .flat_map(|(server, parts)| parts.iter().map(move |part| (server, part)))
    {
        let Some((arrow, peers)) = &part.peers else { continue };
        let request = part.text.starts_with("heartbeat");
        let kind = match arrow {
            Arrow::Lost => Kind::Lost,
            Arrow::Out if request => Kind::Sends,
            Arrow::In if request => Kind::Hears,
            Arrow::In => Kind::Ok,
            Arrow::Out => continue, // the answer to what it hears
        };
        let (with, count) = counts.entry((server, kind)).or_default();
        with.extend(peers);
        *count += peers.len();
    }
    let last = quiet.last()?.clone();
    let first = quiet.swap_remove(0);
    let mut cells: BTreeMap<ServerId, Vec<Part>> = BTreeMap::new();
    for ((server, kind), (with, count)) in counts {
        let (topic, arrow, what) = match kind {
            Kind::Sends => (Topic::Heartbeat, Some(Arrow::Out), "heartbeat"),
            Kind::Hears => (Topic::Heartbeat, Some(Arrow::In), "heartbeat"),
            Kind::Ok => (Topic::Heartbeat, None, "ok"),
            Kind::Lost => (Topic::Lost, Some(Arrow::Lost), "lost"),
        };
        let part = Part::new(topic, format!("{what} ×{count}"));
        let peers = arrow.map(|arrow| (arrow, with.into_iter().collect()));
        cells.entry(server).or_default().push(Part { peers, ..part });
    }
    Some(Row { cells, until: last.until, after: last.after, ..first })
}

/// Adds a row; a block that was there just before is counted instead.
fn push(folded: &mut Vec<Row>, row: Row) {
    folded.push(row);
    let count = folded.len();
    for block in 1..=LONGEST_BLOCK.min(count / 2) {
        let (before, again) = folded[count - 2 * block..].split_at(block);
        // A block counts as what it is only if it is there in full.
        let counted = before[block - 1].repeated;
        let whole = counted.is_none_or(|(rows, _)| rows == block)
            && before[..block - 1].iter().all(|row| row.repeated.is_none())
            && again.iter().all(|row| row.repeated.is_none());
        if whole && before.iter().zip(again).all(|(a, b)| same(a, b)) {
            let last = again[block - 1].clone();
            folded.truncate(count - block);
            let end = folded.last_mut().expect("the block before is there");
            end.repeated = Some((block, counted.map_or(1, |(_, times)| times) + 1));
            end.until = last.until;
            end.after = last.after;
            return;
        }
    }
}

/// Whether two rows say the same; of what is folded, counts do not matter.
fn same(a: &Row, b: &Row) -> bool {
    let words = |row: &Row| -> Vec<(ServerId, String)> {
        let shown = |part: &Part| {
            let shown = part.shown();
            shown.split(" ×").next().unwrap_or_default().to_string()
        };
        let each = row
            .cells
            .iter()
            .flat_map(|(&server, parts)| parts.iter().map(move |part| (server, shown(part))));
        each.collect()
    };
    a.band.is_empty() && b.band.is_empty() && !a.cells.is_empty() && words(a) == words(b)
}
