//! How a run ended, and which server the verdict speaks of.

use super::teller::server_of_thread;
use crate::trace::{ServerId, Trace};

/// A failed run's verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The rule that is broken, by whom: the message without what is indented.
    pub sentence: String,
    /// The rest, a line each: states, what was heard last.
    pub rest: Vec<String>,
    /// Where it showed.
    pub place: String,
    /// The server that has broken the rule, if the message names one.
    pub guilty: Option<ServerId>,
    /// The server in whose thread it showed, which may be another one.
    pub noticed: Option<ServerId>,
}

impl Verdict {
    /// That of a run which has failed.
    #[must_use]
    pub fn of(trace: &Trace) -> Option<Verdict> {
        let failure = trace.failure()?;
        let mut lines = failure.message.lines();
        let mut sentence = lines.next().unwrap_or_default().trim().to_string();
        let mut rest: Vec<String> = Vec::new();
        for line in lines {
            if rest.is_empty() && !line.starts_with(' ') && !line.trim().is_empty() {
                sentence = format!("{sentence} {}", line.trim());
            } else {
                rest.push(line.trim_end().to_string());
            }
        }
        let at = failure.at.iter().map(|at| format!(" at {at}"));
        let place = format!("in thread '{}'{}", failure.thread, at.collect::<String>());
        let there = |server: &ServerId| *server < trace.servers;
        let noticed = server_of_thread(&failure.thread).filter(there);
        let guilty = server_in(&sentence).filter(there).or(noticed);
        Some(Verdict { sentence, rest, place, guilty, noticed })
    }
}

/// The server that a message names first: `server 3 voted`, `server=4`.
fn server_in(text: &str) -> Option<ServerId> {
    text.match_indices("server").find_map(|(at, word)| {
        let rest = text[at + word.len()..].strip_prefix([' ', '='])?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}
