//! Changes of a server's state in words. What did *not* change counts as well: with each new term
//! the vote is said, cast, cleared or kept.

use super::part::{Part, Tone, Topic};
use super::words::entry_list;
use super::world::Server;
use crate::trace::{Changes, Role, ServerId};

/// What has changed. `asked` is the candidate that has last asked this server for a vote, and in
/// which term.
pub(super) fn parts(
    me: ServerId,
    before: &Server,
    changes: &Changes,
    asked: Option<(ServerId, u64)>,
) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(term) = changes.term {
        let tone = if term < before.term { Tone::Wrong } else { Tone::Strong };
        parts.push(Part::new(Topic::Vote, format!("term {term}")).tone(tone));
    }
    parts.extend(vote(me, before, changes, asked));
    if let Some(role) = changes.role {
        let (text, tone) = match (before.role, role) {
            (_, Role::Leader) => ("LEADER", Tone::Strong),
            (Role::Leader, Role::Follower) => ("steps down", Tone::Strong),
            (_, role) => (role.name(), Tone::Plain),
        };
        parts.push(Part::new(Topic::Vote, text).tone(tone));
    }
    parts.extend(log(before, changes));
    if let Some(commit) = changes.commit {
        let tone = if commit < before.commit { Tone::Wrong } else { Tone::Strong };
        let first = before.commit.min(commit) + 1;
        let part = Part::new(Topic::Commit, format!("commit {commit}")).tone(tone);
        parts.push(part.entries(first, commit.max(before.commit)));
    }
    if let Some(applied) = changes.applied {
        let first = before.applied.min(applied) + 1;
        let part = Part::new(Topic::Commit, format!("applied {applied}"));
        parts.push(part.entries(first, applied.max(before.applied)));
    }
    parts.extend(peers("next", &changes.next));
    parts.extend(peers("match", &changes.matched));
    parts
}

/// What a server that starts has read from its disk.
pub(super) fn restored(changes: &Changes) -> Vec<Part> {
    let mut words = Vec::new();
    words.extend(changes.term.map(|term| format!("term {term}")));
    words.extend(changes.vote.flatten().map(|vote| format!("vote {vote}")));
    words.extend(changes.snapshot.map(|s| format!("snapshot to {}@{}", s.index, s.term)));
    if !changes.appended.is_empty() {
        words.push(format!("log {}", entry_list(&changes.appended)));
    }
    let part = Part::new(Topic::Save, format!("reads {}", words.join(", ")));
    let first = changes.appended.first().map_or(1, |entry| entry.index);
    vec![part.entries(first, changes.appended.last().map_or(0, |entry| entry.index))]
}

fn vote(
    me: ServerId,
    before: &Server,
    changes: &Changes,
    asked: Option<(ServerId, u64)>,
) -> Option<Part> {
    let term = changes.term.unwrap_or(before.term);
    let new_term = changes.term.is_some();
    let (text, tone) = match (before.vote, changes.vote) {
        (None, None) if new_term => ("no vote".to_string(), Tone::Plain),
        (_, None) if !new_term => return None,
        (Some(old), None) => {
            let itself = old == me && changes.role.unwrap_or(before.role) != Role::Follower;
            match asked {
                _ if itself => ("votes for itself again".to_string(), Tone::Plain),
                // It was asked again by the one whom it had voted for.
                Some(asked) if asked == (old, term) => (format!("votes {old} again"), Tone::Plain),
                _ => (format!("vote {old} KEPT"), Tone::Wrong),
            }
        }
        (None, Some(Some(new))) => (cast(me, new), Tone::Strong),
        (Some(old), Some(Some(new))) if new_term => {
            (format!("{} (was {old})", cast(me, new)), Tone::Strong)
        }
        (Some(old), Some(Some(new))) => (format!("vote {old}→{new} IN ONE TERM"), Tone::Wrong),
        (Some(old), Some(None)) if new_term => (format!("vote {old} cleared"), Tone::Plain),
        (Some(old), Some(None)) => (format!("vote {old} cleared IN ONE TERM"), Tone::Wrong),
        (None, _) => return None,
    };
    Some(Part::new(Topic::Vote, text).tone(tone))
}

fn cast(me: ServerId, candidate: ServerId) -> String {
    if me == candidate { "votes for itself".to_string() } else { format!("votes {candidate}") }
}

fn log(before: &Server, changes: &Changes) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Some(snapshot) = changes.snapshot {
        let text = format!("snapshot to {}@{}", snapshot.index, snapshot.term);
        let tone = if snapshot.index < before.snapshot.index { Tone::Wrong } else { Tone::Plain };
        let part = Part::new(Topic::Snapshot, text).tone(tone);
        parts.push(part.entries(before.snapshot.index + 1, snapshot.index));
    }
    if let Some(last) = changes.truncated {
        let (end, _) = before.last();
        let tone = if last < before.commit { Tone::Wrong } else { Tone::Strong };
        let part = Part::new(Topic::Append, format!("log CUT to {last}")).tone(tone);
        parts.push(part.entries(last + 1, end));
    }
    if let (Some(first), Some(last)) = (changes.appended.first(), changes.appended.last()) {
        let part = Part::new(Topic::Append, format!("log +{}", entry_list(&changes.appended)));
        parts.push(part.entries(first.index, last.index));
    }
    parts
}

/// `match[1]=5`; `next all=6` if it is the same for several.
fn peers(name: &str, known: &std::collections::BTreeMap<ServerId, u64>) -> Option<Part> {
    let mut values: Vec<u64> = known.values().copied().collect();
    values.dedup();
    let text = match values[..] {
        [] => return None,
        [value] if known.len() > 1 => format!("{name} all={value}"),
        _ => {
            let each: Vec<_> =
                known.iter().map(|(peer, at)| format!("{name}[{peer}]={at}")).collect();
            each.join(" ")
        }
    };
    let part = Part::new(Topic::Append, text);
    Some(match values[..] {
        [value] => part.entries(value, value),
        _ => part,
    })
}
