//! Messages in few words. `5@3` is the entry at index 5 of term 3, `t8` is term 8, `c4` says that
//! the leader has committed up to 4.

use super::part::{Part, Topic};
use crate::trace::{Entry, Message};

/// How much of a command, or of a value that is not known, is shown.
const SHORT: usize = 16;

/// The first characters of a long text.
#[must_use]
pub fn short(text: &str) -> String {
    if text.chars().count() <= SHORT {
        return text.to_string();
    }
    text.chars().take(SHORT - 1).chain(['…']).collect()
}

/// `5@3 x`, or `5@3..9@4` for several.
#[must_use]
pub fn entry_list(entries: &[Entry]) -> String {
    match entries {
        [] => "nothing".to_string(),
        [one] => format!("{}@{} {}", one.index, one.term, short(&one.command)),
        [first, .., last] => {
            format!("{}@{}..{}@{}", first.index, first.term, last.index, last.term)
        }
    }
}

/// What a request says.
pub(super) fn request(method: &str, message: &Message) -> Part {
    match message {
        Message::RequestVote(m) => Part::new(
            Topic::Vote,
            format!("RequestVote t{} last {}@{}", m.term, m.last_log_index, m.last_log_term),
        ),
        Message::Append(m) => {
            let prev = format!("prev {}@{}", m.prev_log_index, m.prev_log_term);
            let (term, commit) = (m.term, m.leader_commit);
            if m.entries.is_empty() {
                let text = format!("heartbeat t{term} {prev} c{commit}");
                return Part::new(Topic::Heartbeat, text);
            }
            let list = entry_list(&m.entries);
            let first = m.entries.first().map_or(0, |entry| entry.index);
            Part::new(Topic::Append, format!("Append t{term} {prev} [{list}] c{commit}"))
                .entries(first, m.last_index())
        }
        Message::Install(m) => {
            let to = format!("{}@{}", m.last_included_index, m.last_included_term);
            Part::new(Topic::Snapshot, format!("InstallSnapshot t{} to {to}", m.term))
                .entries(m.last_included_index, m.last_included_index)
        }
        other => Part::new(Topic::Test, format!("{method} {}", unknown(other))),
    }
}

/// What is answered, to which request.
pub(super) fn reply(method: &str, request: Option<&Message>, message: &Message) -> Part {
    match message {
        Message::VoteReply(m) if m.vote_granted => {
            Part::new(Topic::Vote, format!("vote granted t{}", m.term))
        }
        Message::VoteReply(m) => Part::new(Topic::Vote, format!("vote refused t{}", m.term)),
        Message::AppendReply(m) => append_reply(request, m.term, m.success, &{
            match m.conflict_term {
                Some(term) => format!("conflict {}@{term}", m.conflict_index),
                None => format!("conflict at {}", m.conflict_index),
            }
        }),
        Message::InstallReply(m) => Part::new(Topic::Snapshot, format!("snapshot ok t{}", m.term)),
        other => Part::new(Topic::Test, format!("{method} reply {}", unknown(other))),
    }
}

fn append_reply(request: Option<&Message>, term: u64, success: bool, conflict: &str) -> Part {
    let args = match request {
        Some(Message::Append(args)) => Some(args),
        _ => None,
    };
    if !success {
        // Of a term that is over, or of a log that differs.
        let stale = args.is_some_and(|args| args.term < term);
        let why = if stale { "stale term" } else { conflict };
        return Part::new(Topic::Append, format!("refused t{term} {why}"));
    }
    match args {
        Some(args) if !args.entries.is_empty() => {
            Part::new(Topic::Append, format!("ok to {} t{term}", args.last_index()))
                .entries(args.prev_log_index.saturating_add(1), args.last_index())
        }
        _ => Part::new(Topic::Heartbeat, format!("ok t{term}")),
    }
}

fn unknown(message: &Message) -> String {
    match message {
        Message::Other(Some(value)) => short(&value.to_string()),
        _ => "(not decoded)".to_string(),
    }
}

/// `RequestVote`, `Append`: the call's name in short.
pub(super) fn name_of(method: &str, request: Option<&Message>) -> String {
    match request {
        Some(Message::Append(m)) if m.entries.is_empty() => "heartbeat".to_string(),
        Some(Message::Append(_)) => "Append".to_string(),
        _ => method.strip_prefix("Raft.").unwrap_or(method).to_string(),
    }
}
