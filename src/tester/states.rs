//! What a failure shows of each server, when a test has waited in vain.

use std::fmt::Write;

use crate::raft::ServerId;

use super::Config;

/// The longest line of a report, in characters.
const WIDTH: usize = 98;

impl Config {
    /// What explains that nothing goes on, where that is evident, with the rule and its test of
    /// Figure 2; then how each server is. To be appended to the message of a test that has waited
    /// in vain.
    #[must_use]
    pub fn states(&self) -> String {
        let mut text = String::new();
        let mut connected = Vec::new();
        for server in 0..self.servers() {
            let (is_up, is_connected) = (self.is_up(server), self.is_connected(server));
            if is_up && is_connected {
                connected.push(server);
            }
            text.push_str(&wrapped(&self.state_of(server, is_up, is_connected)));
        }
        let symptom = self.oracle.as_ref().and_then(|oracle| oracle.symptom(&connected));
        let symptom = symptom.map_or(String::new(), |(what, rule, test)| {
            let again = format!("see  make test-figure2 T={test}");
            [format!("{what},"), format!("but {rule}"), again]
                .iter()
                .map(|line| wrapped(line))
                .collect()
        });
        symptom + &text
    }

    fn state_of(&self, server: ServerId, is_up: bool, is_connected: bool) -> String {
        let place = match (is_up, is_connected) {
            (false, _) => "crashed",
            (true, false) => "cut off",
            (true, true) => "connected",
        };
        let mut line = format!("server {server} ({place})");
        if is_up {
            // What Raft itself would say may have to wait for a lock that is never released.
            if let Some(oracle) = &self.oracle {
                let _ = write!(line, ": {}", oracle.plight_of(server)); // to a String: cannot fail
            } else {
                let applied = self.services.histories()[server].len();
                let _ = write!(line, ": applied {applied} (ORACLE=off: no more is known)");
            }
        }
        line
    }
}

/// A line of its own, indented, and broken where it is too long.
fn wrapped(line: &str) -> String {
    let mut text = String::new();
    let mut column = WIDTH;
    for word in line.split(' ') {
        let length = word.chars().count();
        if column + 1 + length > WIDTH {
            let indent = if text.is_empty() { "\n " } else { "\n     " };
            text.push_str(indent);
            column = indent.len() - 1;
        }
        text.push(' ');
        text.push_str(word);
        column += 1 + length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::wrapped;

    #[test]
    fn long_lines_are_broken_between_words() {
        assert_eq!(wrapped("server 0: well"), "\n  server 0: well");
        let text = wrapped(&["word"; 50].join(" "));
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() <= 98 && line.ends_with("word")));
        assert!(lines[1].starts_with("      word"));
    }
}
