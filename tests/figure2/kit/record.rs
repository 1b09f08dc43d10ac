//! The record of a test: what was said and done, in order, for the report of a failure; and what
//! the server under test had on its disk at each moment.

use std::fmt::Display;
use std::sync::Arc;

use raftlab::labsync::{Condvar, Instant, Leaf, thread};
use raftlab::raft::{OnDisk, Persister, View, Watcher};
use raftlab::runner::{self, FIRST_SEE};

use super::rules::Rule;

/// How many lines of the exchange a report shows: the last ones.
const SHOWN: usize = 40;

/// What a sentence has behind it when the test runs on a snapshot.
const ON_GROUND: &str = " -- so too with a snapshot underneath (§7)";

/// Looked into by everybody, the network and the disk included.
pub struct Record {
    /// The sentence of the paper that the test is about.
    sentence: &'static str,
    notes: Leaf<Notes>,
    /// Notified when a request of the server's arrives, when one is answered or lost, when
    /// something is applied, and when the server saves.
    pub changed: Condvar,
}

#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    /// All that was ever on the server's disk since its last start, in order.
    disks: Vec<OnDisk>,
    /// The disk as it was when the server last did something that others could see.
    seen: OnDisk,
    /// A report has been made: the exchange need not be shown again.
    reported: bool,
    /// The server has a snapshot below what the test speaks of.
    on_ground: bool,
}

impl Record {
    pub fn new(sentence: &'static str) -> Arc<Record> {
        runner::about(sentence);
        Arc::new(Record { sentence, notes: Leaf::default(), changed: Condvar::new() })
    }

    /// Adds a line, with the time; also to the log, where it stands between the server's own lines.
    pub fn note(&self, what: impl Display) {
        log::info!("{what}");
        let line = format!("{:8.3}  {what}", Instant::now().since_start().as_secs_f64());
        self.notes.with(|notes| notes.lines.push(line));
    }

    /// The server has let others see something: what it is true by must be on its disk by now.
    pub fn seen_by_others(&self) {
        self.notes.with(|notes| notes.seen = notes.disks.last().cloned().unwrap_or_default());
    }

    /// The disk as it was when the server last let others see something.
    pub fn disk_when_seen(&self) -> OnDisk {
        self.notes.with(|notes| notes.seen.clone())
    }

    /// All that was ever on the disk since the last start: a crash may leave any of these.
    pub fn disks(&self) -> Vec<OnDisk> {
        self.notes.with(|notes| notes.disks.clone())
    }

    /// A disk with that content, watched from now on.
    pub fn disk(self: &Arc<Record>, content: OnDisk) -> Persister {
        let disk = Persister::new();
        disk.save(content.raft_state.clone(), content.snapshot.clone());
        self.notes.with(|notes| {
            notes.disks = vec![content.clone()];
            notes.seen = content;
        });
        disk.watched_by(self.clone())
    }

    /// The server has got the snapshot below all that follows: what came before is no part of it.
    pub fn begin_on_ground(&self) {
        self.notes.with(|notes| {
            let last = notes.disks.last().cloned().unwrap_or_default();
            *notes = Notes {
                disks: vec![last.clone()],
                seen: last,
                on_ground: true,
                ..Notes::default()
            };
        });
    }

    /// The report of a failure: the sentence, what it asks for, what happened, and how.
    pub fn report(&self, expected: impl Display, happened: impl Display) -> String {
        let names = self.names_of([].iter());
        self.report_of(&format!("{}{names}", self.sentence), expected, happened)
    }

    /// The same for a step that rests on `rules`, which have tests of their own: whoever breaks one
    /// fails here too, and is told where to look first. The first and the last are named.
    pub fn report_of_step(
        &self,
        rules: &[Rule],
        expected: impl Display,
        happened: impl Display,
    ) -> String {
        let mut sentence = self.sentence.to_string();
        let named = [rules.first(), rules.last().filter(|_| rules.len() > 1)];
        let is_other = |rule: &&Rule| self.name_of(rule.tests[0]) != thread::current_name();
        for (rule, words) in
            named.into_iter().flatten().filter(is_other).zip(["this step rests", "and"])
        {
            sentence.push_str(&format!("\n{words} on: {}", rule.rule));
        }
        let names = self.names_of(rules.iter().flat_map(|rule| rule.tests));
        self.report_of(&format!("{sentence}{names}"), expected, happened)
    }

    /// The same for a rule that holds in every test.
    pub fn report_of_rule(
        &self,
        rule: Rule,
        expected: impl Display,
        happened: impl Display,
    ) -> String {
        let names = self.names_of(rule.tests.iter());
        self.report_of(&format!("{}{names}", rule.rule), expected, happened)
    }

    /// The line that names tests for the runner; of this one itself, those before it may explain
    /// more.
    fn names_of<'a>(&self, tests: impl Iterator<Item = &'a &'a str>) -> String {
        let test = thread::current_name();
        let mut names = Vec::new();
        if let Some(base) = test.strip_suffix("_on_a_snapshot_2d") {
            names.extend(["2a", "2b", "2c", "2d"].map(|part| format!("{base}_{part}")));
        }
        names.extend(tests.map(|name| self.name_of(name)).take_while(|name| *name != test));
        if names.is_empty() { String::new() } else { format!("\n{FIRST_SEE}{}", names.join(", ")) }
    }

    /// The name of a test as it is now: on a snapshot, if this one is.
    fn name_of(&self, name: &str) -> String {
        match name.rsplit_once('_') {
            Some((name, _)) if self.notes.with(|notes| notes.on_ground) => {
                format!("test_{name}_on_a_snapshot_2d")
            }
            _ => format!("test_{name}"),
        }
    }

    /// The same for a sentence that holds in every test.
    pub fn report_of(
        &self,
        sentence: &str,
        expected: impl Display,
        happened: impl Display,
    ) -> String {
        let on_ground = self.notes.with(|notes| {
            notes.reported = true;
            notes.on_ground
        });
        let sentence = match sentence.split_once('\n') {
            _ if !on_ground => sentence.to_string(),
            Some((first, rest)) => format!("{first}{ON_GROUND}\n{rest}"),
            None => format!("{sentence}{ON_GROUND}"),
        };
        let exchange = self.exchange();
        let subject = match sentence.contains(self.sentence) {
            true => String::new(),
            false => format!("\nseen in the test of: {}", self.sentence),
        };
        format!("{sentence}{subject}\nexpected: {expected}\nhappened: {happened}\n{exchange}")
    }

    /// What to show when a failure has not been reported here: a panic of the server's, say.
    pub fn unreported(&self) -> Option<String> {
        let reported = self.notes.with(|notes| notes.reported);
        (!reported).then(|| {
            format!(
                "{}\nthe test was cut short, for the reason below\n{}",
                self.sentence,
                self.exchange()
            )
        })
    }

    fn exchange(&self) -> String {
        self.notes.with(|notes| {
            let first = notes.lines.len().saturating_sub(SHOWN);
            let mut text = "what led there (n0 is the server under test):".to_string();
            if notes.on_ground {
                text.push_str(
                    "\n  n0 begins with a snapshot up to entry 100, of term 10. All numbers here count \
                     from there:\n  3@2 is what n0 calls 103@12.",
                );
            }
            if first > 0 {
                text.push_str(&format!("\n  ... {first} earlier lines (VERBOSE=1 prints them)"));
            }
            for line in &notes.lines[first..] {
                text.push_str("\n  ");
                text.push_str(line);
            }
            text
        })
    }
}

impl Watcher for Record {
    fn saved(&self, disk: &OnDisk) {
        let (state, snapshot) = (disk.raft_state.len(), disk.snapshot.len());
        self.note(format_args!(
            "n0        saves a state of {state} bytes, a snapshot of {snapshot}"
        ));
        self.notes.with(|notes| notes.disks.push(disk.clone()));
        self.changed.notify_all();
    }

    fn shown(&self, _: &View<'_>, _: &OnDisk) {
        // Any Raft passes or fails here by what it does, whether it shows itself or not.
    }
}
