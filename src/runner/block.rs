//! The block that stands below a failed run, the same few lines for each: what BROKE, WHY, where
//! it was NOTICED, and what to type NEXT.

use std::path::Path;

use super::suite::short;

/// The columns that a label takes.
const LABEL: usize = 9;
/// The columns that a line has, if `COLUMNS` does not say.
const WIDTH: usize = 100;

/// How a failure's message begins, or what it has in it; the tests of Figure 2 that have the rule
/// alone (`T=` of `make test-figure2`); the page that explains it. The first that fits counts.
const RULES: &[(&str, &str, &str)] = &[
    ("never asked for votes", "votes_anew_in_each_term_2a", RECEIVER),
    (", now for server", "votes_once_per_term_2a", RECEIVER),
    ("without its own vote", "candidate_votes_for_itself_2a", "docs/figure2.md#candidates"),
    ("has the votes of", "requests_carry_what_was_decided_2b", WAITING),
    ("votes go to logs", "vote_needs_an_up_to_date_log_2b", RECEIVER),
    ("Leader Completeness", "vote_needs_an_up_to_date_log_2b", RECEIVER),
    ("Election Safety", "votes", "docs/figure2.md#requestvote"),
    ("a newer term", "newer_term", "docs/figure2.md#all-servers"),
    ("terms only rise", "survives_2c", PERSISTENT),
    ("persistent state", "survive", PERSISTENT),
    ("Leader Append-Only", "election_keeps_uncommitted_entries_2b", LEADERS),
    ("Log Matching", "conflicting", "docs/figure2.md#appendentries"),
    ("State Machine Safety", "commit", LEADERS),
    ("the commit rule", "entries_of_earlier_terms_commit_with_an_own_one_2b", LEADERS),
    (
        "match_index (",
        "success_covers_what_was_sent_2b",
        "docs/figure2.md#volatile-state-on-leaders",
    ),
    ("next_index (", "refus", "docs/figure2.md#volatile-state-on-leaders"),
    ("indices", "snapshot", "docs/figure2.md#installsnapshot-figure-13"),
    ("a candidate that hears", "candidate_yields_to_the_leader_of_its_term_2a", CANDIDATES),
    ("with votes from a majority", "majority_of_votes_makes_a_leader_2a", CANDIDATES),
    ("when the election timeout", "timeout_starts_an_election_2a", "docs/figure2.md#followers"),
    ("votedFor belongs", "votes_anew_in_each_term_2a", RECEIVER),
    ("refused, a leader", "refused_leader_tries_further_back_2b", LEADERS),
    ("an entry that a majority", "majority_commits_2b", LEADERS),
    ("commitIndex goes up", "commit_index_follows_the_leaders_2b", "docs/figure2.md#all-servers"),
    ("too many RPC bytes", "acknowledged_entries_are_not_sent_again_2b", LEADERS),
    ("too many RPCs", "heartbeats_are_repeated_2a", LEADERS),
    ("threads left", "killed_server_falls_silent_2a", "docs/threads.md#the-threads"),
    ("locking rule broken", "", RULES_OF_LOCKING),
    ("deadlock", "", RULES_OF_LOCKING),
    ("livelock", "", RULES_OF_LOCKING),
];
const RECEIVER: &str = "docs/figure2.md#requestvote";
const LEADERS: &str = "docs/figure2.md#leaders";
const CANDIDATES: &str = "docs/figure2.md#candidates";
const PERSISTENT: &str = "docs/figure2.md#persistent-state-on-all-servers";
const WAITING: &str = "docs/threads.md#rule-5-after-a-wait-look-again";
const RULES_OF_LOCKING: &str = "docs/threads.md#the-rules-of-locking";
/// The page for all other messages.
const MESSAGES: &str = "docs/questions.md#why-does-my-test-fail";

/// A failure's message, cut where the labels stand.
struct Message<'a> {
    broke: Vec<&'a str>,
    why: Vec<&'a str>,
    noticed: Vec<&'a str>,
}

impl<'a> Message<'a> {
    /// What led there is indented, or says so; where it was noticed stands at the end.
    fn of(text: &'a str) -> Message<'a> {
        let mut lines: Vec<&str> = text.lines().collect();
        let is_place = |line: &str| {
            ["in thread '", "in the critical section that"].iter().any(|s| line.starts_with(s))
        };
        let places = lines.iter().rev().take_while(|line| is_place(line)).count();
        let noticed = lines.split_off(lines.len() - places);
        let is_why = |line: &&str| line.starts_with(' ') || line.starts_with("what led there");
        let first = lines.iter().position(is_why).filter(|&first| first > 0);
        let why = lines.split_off(first.unwrap_or(lines.len()));
        Message { broke: lines, why, noticed }
    }
}

/// What broke, why, and where it was noticed.
pub(super) fn told(failure: &str) -> String {
    let message = Message::of(failure);
    labelled("BROKE", &message.broke)
        + &labelled("WHY", &message.why)
        + &labelled("NOTICED", &message.noticed)
}

/// What to type, and what to read: the run once `again`, its trace, its rule.
pub(super) fn next(suite: &str, again: String, trace: Option<&str>, failure: &str) -> String {
    let mut lines = vec![again];
    // A script has no cluster that could be drawn: VERBOSE=1 prints what was said, and the Raft's
    // own log lines between.
    if let Some(trace) = trace.filter(|_| suite != "figure2") {
        lines.push(format!("make log F={trace}"));
        lines.push(format!("make view F={trace}    (in a browser)"));
    }
    if suite == "raft" || suite == "nemesis" {
        let rule = RULES.iter().find(|(words, ..)| failure.contains(words));
        let (_, tests, page) = rule.copied().unwrap_or(("", "", MESSAGES));
        if !tests.is_empty() && Path::new("tests/figure2").is_dir() {
            lines.push(format!("make test-figure2 T={}    (the rule alone)", short(tests)));
        }
        lines.push(page.to_string());
    }
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    labelled("NEXT", &lines)
}

/// The lines as they stand in the block, the label before the first.
pub(super) fn labelled<S: AsRef<str>>(label: &str, lines: &[S]) -> String {
    let mut text = String::new();
    for (place, line) in lines.iter().flat_map(|line| wrapped(line.as_ref())).enumerate() {
        let label = if place == 0 { label } else { "" };
        text.push_str(format!("  {label:LABEL$}{line}").trim_end());
        text.push('\n');
    }
    text
}

/// A line, broken between words where it is too long; what follows is indented a little more. One
/// with a command stays as it is, since it will be copied.
fn wrapped(line: &str) -> Vec<String> {
    if line.contains("make ") {
        return vec![line.to_string()];
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let room = columns.unwrap_or(WIDTH).max(40) - LABEL - 2;
    let indent = line.len() - line.trim_start().len();
    let mut lines = vec![" ".repeat(indent)];
    for word in line.trim_start().split(' ') {
        let last = lines.last_mut().expect("there is one from the beginning");
        let begun = !last.trim_start().is_empty();
        if begun && last.chars().count() + 1 + word.chars().count() > room {
            lines.push(" ".repeat(indent + 2) + word);
        } else {
            last.push_str(if begun { " " } else { "" });
            last.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_cut_into_what_why_and_where() {
        let text = "Election Safety (Figure 3) is broken: one\n  server 3: term 8\n    last heard\n\
                    in the critical section that began at a.rs:1\nin thread 'raft-2' at b.rs:2:3";
        let expected = "  BROKE    Election Safety (Figure 3) is broken: one\n  \
                        WHY        server 3: term 8\n               last heard\n  \
                        NOTICED  in the critical section that began at a.rs:1\n           \
                        in thread 'raft-2' at b.rs:2:3\n";
        assert_eq!(told(text), expected);
        assert_eq!(told("one line"), "  BROKE    one line\n");
        let story = told("a rule\nexpected: a\nhappened: b\nwhat led there:\n  0.0 n0 starts");
        assert!(story.contains("  WHY      what led there:\n"), "{story}");
        // A message of a student's own may begin as it likes.
        assert_eq!(
            told("  indented\nin thread 'x' at y"),
            "  BROKE      indented\n  NOTICED  in thread 'x' at y\n"
        );
    }

    #[test]
    fn a_long_line_is_broken_between_words() {
        let long = format!("  {}end", "a word and ".repeat(12));
        let lines: Vec<String> = labelled("WHY", &[&long]).lines().map(String::from).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines.iter().all(|line| line.len() <= WIDTH), "{lines:?}");
        assert!(lines[1].starts_with("               "), "{lines:?}");
        assert_eq!(wrapped("  two  spaces  inside"), ["  two  spaces  inside"]);
        assert_eq!(wrapped(&"x".repeat(300)).len(), 1);
        assert_eq!(wrapped(&format!("make nemesis PLAN='{long}'")).len(), 1);
    }

    #[test]
    fn what_to_type_next_fits_the_failure() {
        let say = |suite, trace, failure| {
            next(suite, "make replay T=x SEED=1".to_string(), trace, failure)
        };
        let rule =
            "Election Safety is broken: server 3 voted for server 3 in term 8, now for server 4";
        let text = say("raft", Some("target/traces/x-1.trace"), rule);
        for line in [
            "NEXT     make replay T=x SEED=1",
            "make log F=target/traces/x-1.trace",
            "make test-figure2 T=votes_once_per_term_2a",
            "docs/figure2.md#requestvote",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(say("raft", None, "something else").ends_with(&format!("{MESSAGES}\n")));
        let again = "  NEXT     make replay T=x SEED=1\n";
        assert_eq!(say("labrpc", None, rule), again);
        assert_eq!(say("figure2", Some("target/traces/x-1.trace"), rule), again);
    }

    #[test]
    fn the_tests_and_pages_that_are_named_exist() {
        let read = |folder: &str| -> String {
            let files = std::fs::read_dir(folder).expect("it is there");
            files.filter_map(|file| std::fs::read_to_string(file.ok()?.path()).ok()).collect()
        };
        let tests = read("tests/figure2");
        for (words, names, page) in RULES.iter().copied().chain([("", "", MESSAGES)]) {
            assert!(tests.contains(names), "{words}: no test of Figure 2 has {names} in its name");
            let (file, heading) = page.split_once('#').expect("it names a heading");
            let slug = |line: &str| {
                let words = line.trim_start_matches(['#', ' ']).to_lowercase().replace(' ', "-");
                words.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect::<String>()
            };
            let text = std::fs::read_to_string(file).expect("the page is there");
            let there = text.lines().any(|line| line.starts_with('#') && slug(line) == heading);
            assert!(there, "{words}: there is no {page}");
        }
    }
}
