//! The pieces of which a line is made.

use clap::ValueEnum;

use crate::trace::ServerId;

/// What a piece is about. `--topic` takes these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Topic {
    /// What the test does: cuts, crashes, checks.
    Test,
    /// Elections: terms, votes, roles.
    Vote,
    /// The log, and how it is copied.
    Append,
    /// AppendEntries without entries.
    Heartbeat,
    /// What is committed and applied.
    Commit,
    /// Snapshots.
    Snapshot,
    /// What is written to the disk.
    Save,
    /// Messages that were lost.
    Lost,
    /// The code's own log lines.
    Log,
}

impl Topic {
    /// Its name, as `--topic` takes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Topic::Test => "test",
            Topic::Vote => "vote",
            Topic::Append => "append",
            Topic::Heartbeat => "heartbeat",
            Topic::Commit => "commit",
            Topic::Snapshot => "snapshot",
            Topic::Save => "save",
            Topic::Lost => "lost",
            Topic::Log => "log",
        }
    }
}

/// How a piece is said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Tone {
    /// As any other.
    Plain,
    /// It matters: a leader, entries deleted.
    Strong,
    /// No right Raft does this, or hardly any.
    Wrong,
}

/// Which way a message goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrow {
    /// It is sent.
    Out,
    /// It arrives.
    In,
    /// It is lost.
    Lost,
}

/// A piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// What it is about.
    pub topic: Topic,
    /// How it is said.
    pub tone: Tone,
    /// Of a message: to or from whom.
    pub peers: Option<(Arrow, Vec<ServerId>)>,
    /// The words.
    pub text: String,
    /// The indices of the log that it is about, the ends included.
    pub entries: Option<(u64, u64)>,
}

impl Part {
    /// Plain words.
    #[must_use]
    pub fn new(topic: Topic, text: impl Into<String>) -> Part {
        Part { topic, tone: Tone::Plain, peers: None, text: text.into(), entries: None }
    }

    /// With another tone.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Part {
        Part { tone, ..self }
    }

    /// A message to or from a server.
    #[must_use]
    pub fn message(self, arrow: Arrow, peer: ServerId) -> Part {
        Part { peers: Some((arrow, vec![peer])), ..self }
    }

    /// About these entries; none if they end before they begin.
    #[must_use]
    pub fn entries(self, first: u64, last: u64) -> Part {
        Part { entries: (first <= last).then_some((first, last)), ..self }
    }

    /// As it is shown: `→0,1 RequestVote t8`.
    #[must_use]
    pub fn shown(&self) -> String {
        let Some((arrow, peers)) = &self.peers else { return self.text.clone() };
        let sign = match arrow {
            Arrow::Out => '→',
            Arrow::In => '←',
            Arrow::Lost => '✗',
        };
        let peers: Vec<_> = peers.iter().map(ToString::to_string).collect();
        format!("{sign}{} {}", peers.join(","), self.text)
    }

    /// Takes the other in, if it is the same message to or from another server.
    pub fn join(&mut self, other: &Part) -> bool {
        let same = (self.topic, self.tone, &self.text) == (other.topic, other.tone, &other.text);
        match (&mut self.peers, &other.peers) {
            (Some((arrow, peers)), Some((others, more))) if same && arrow == others => {
                peers.extend(more);
                true
            }
            _ => false,
        }
    }
}
