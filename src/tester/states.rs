//! What a failure shows of each server, when a test has waited in vain.

use std::fmt::Write;

use crate::raft::ServerId;

use super::config::Config;

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
            text.push_str(&format!("\n  {}", self.state_of(server, is_up, is_connected)));
        }
        let symptom = self.oracle.as_ref().and_then(|oracle| oracle.symptom(&connected));
        let symptom = symptom.map_or(String::new(), |(what, rule, test)| {
            format!("\n  {what},\n  but {rule}\n  see  make test-figure2 T={test}")
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
