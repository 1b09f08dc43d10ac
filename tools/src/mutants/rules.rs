//! The reader's rule: does a message name the rule that a bug breaks, or one beside it?
//!
//! `mutants/rules.txt` has a fixed list of rules. Each has a name, a sentence, the words that name
//! it in a message, and the rules beside it:
//!
//! ```text
//! vote-once: RequestVote, receiver 2: one vote a term
//!   words: votes once in a term
//!   words: two + votes
//!   beside: vote-on-disk
//! ```
//!
//! A bug's patch says which rules it breaks (`rule: vote-once`). A message names a rule if its head
//! has all phrases of one of the rule's lines of `words` (` + ` stands between them; capitals do
//! not count). Nobody judges: whoever finds a message good enough has to write down which words tell.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// All rules, by their names.
#[derive(Default)]
pub struct Rules(BTreeMap<String, Rule>);

#[derive(Default)]
struct Rule {
    sentence: String,
    /// Phrases that stand together, all in small letters.
    words: Vec<Vec<String>>,
    beside: Vec<String>,
}

/// What a message tells of a bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Score {
    /// It names the broken rule.
    Rule,
    /// It names a rule beside it.
    Beside,
    /// It names neither.
    Neither,
}

impl Score {
    /// For the table.
    pub fn word(self) -> &'static str {
        match self {
            Score::Rule => "rule",
            Score::Beside => "beside",
            Score::Neither => "no",
        }
    }
}

impl Rules {
    /// Reads the file.
    pub fn read(file: &Path) -> Result<Rules, String> {
        let text = fs::read_to_string(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        Rules::parse(&text).map_err(|problem| format!("{}: {problem}", file.display()))
    }

    fn parse(text: &str) -> Result<Rules, String> {
        let mut rules = BTreeMap::new();
        let mut current: Option<(String, Rule)> = None;
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let (key, value) = line.split_once(": ").ok_or(format!("no \": \" in {line:?}"))?;
            match (key.trim(), &mut current) {
                ("words", Some((_, rule))) => {
                    rule.words
                        .push(value.split(" + ").map(|word| word.trim().to_lowercase()).collect());
                }
                ("beside", Some((_, rule))) => {
                    rule.beside.extend(value.split_whitespace().map(ToString::to_string));
                }
                (name, _) if !key.starts_with(' ') => {
                    rules.extend(current.take());
                    let rule = Rule { sentence: value.to_string(), ..Rule::default() };
                    current = Some((name.to_string(), rule));
                }
                (other, _) => return Err(format!("{other:?} is neither words nor beside")),
            }
        }
        rules.extend(current);
        let rules = Rules(rules);
        rules.0.values().flat_map(|rule| &rule.beside).try_for_each(|name| rules.check(name))?;
        Ok(rules)
    }

    /// An error if there is no such rule.
    pub fn check(&self, name: &str) -> Result<(), String> {
        if self.0.contains_key(name) { Ok(()) } else { Err(format!("there is no rule {name:?}")) }
    }

    /// The rule in a sentence.
    pub fn sentence(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |rule| rule.sentence.as_str())
    }

    /// Whether `message` names one of the `broken` rules, or one beside them.
    pub fn judge(&self, broken: &[String], message: &str) -> Score {
        let head = head(message);
        let named = |name: &String| self.0.get(name).is_some_and(|rule| rule.is_named_in(&head));
        let rules = || broken.iter().filter_map(|name| self.0.get(name));
        if broken.iter().any(named) {
            Score::Rule
        } else if rules().any(|rule| rule.beside.iter().any(named)) {
            Score::Beside
        } else {
            Score::Neither
        }
    }
}

impl Rule {
    fn is_named_in(&self, head: &str) -> bool {
        self.words.iter().any(|phrases| phrases.iter().all(|phrase| head.contains(phrase)))
    }
}

/// What a reader sees first: the message's first three lines that are not empty, in small letters
/// and without line breaks.
fn head(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.take(3).collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch;

    const TEXT: &str = "# words\none: A server votes once\n  words: votes + Once\n  words: twice\n\
                        two: It is on disk\n  words: on disk\n  beside: one\n";

    fn broken(name: &str) -> Vec<String> {
        vec![name.to_string()]
    }

    #[test]
    fn a_message_names_a_rule_by_all_words_of_a_line() {
        let rules = Rules::parse(TEXT).unwrap();
        assert_eq!(rules.sentence("one"), "A server votes once");
        assert_eq!(rules.judge(&broken("one"), "It votes\n\nmore than once"), Score::Rule);
        assert_eq!(rules.judge(&broken("one"), "it voted twice"), Score::Rule);
        assert_eq!(rules.judge(&broken("one"), "it votes"), Score::Neither);
        assert_eq!(rules.judge(&broken("two"), "it voted twice"), Score::Beside);
        assert_eq!(rules.judge(&broken("one"), "not on disk"), Score::Neither);
        assert_eq!(rules.judge(&broken("one"), "a\nb\nc\ntwice"), Score::Neither, "too far below");
    }

    #[test]
    fn each_planted_bug_names_rules_that_there_are() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mutants");
        let rules = Rules::read(&folder.join("rules.txt")).unwrap();
        for patch in patch::read_all(&folder).unwrap() {
            let name = &patch.name;
            assert!(!patch.rules.is_empty(), "mutants/{name}.patch has no line \"rule: ...\"");
            for rule in &patch.rules {
                assert_eq!(rules.check(rule), Ok(()), "mutants/{name}.patch");
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let parse = |text: &str| Rules::parse(text).err().unwrap();
        assert!(parse("one: x\n  beside: two\n").contains("\"two\""));
        assert!(parse("one: x\n  word: two\n").contains("\"word\""));
        assert!(parse("one\n").contains("\"one\""));
    }
}
