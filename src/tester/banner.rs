//! What a test prints: its banner, and the lab's line of figures when it has passed.

use super::config::{Config, Counts, server_name};
use crate::labsync::Instant;
use crate::raft::ServerId;
use crate::trace::{self, Event};

impl Config {
    /// Prints the test's banner and starts counting.
    pub fn begin(&self, banner: &str) {
        println!("{banner} ...");
        trace::record(|| Event::Begin { text: banner.to_string() });
        *self.counts.lock() = self.count();
    }

    /// Prints the lab's line for a test that passed: seconds, servers, RPCs, bytes, commits.
    pub fn end(&self) {
        trace::record(|| Event::End {});
        let (now, then) = (self.count(), *self.counts.lock());
        println!(
            "  ... Passed --  {:4.1}  {} {:4} {:7} {:4}",
            then.began.elapsed().as_secs_f64(),
            self.servers(),
            now.rpcs - then.rpcs,
            now.bytes - then.bytes,
            now.max_index - then.max_index
        );
    }

    /// Prints a warning; the test goes on.
    pub fn warn(&self, message: &str) {
        println!("warning: {message}");
        trace::record(|| Event::Warning { text: message.to_string() });
    }

    fn count(&self) -> Counts {
        Counts {
            began: Instant::now(),
            rpcs: self.rpc_total(),
            bytes: self.bytes_total(),
            max_index: self.services.max_index(),
        }
    }

    /// The number of RPCs that reached a server since it was last started.
    #[must_use]
    pub fn rpc_count(&self, server: ServerId) -> usize {
        self.network.get_count(&server_name(server))
    }

    /// The number of RPCs sent, lost ones included.
    #[must_use]
    pub fn rpc_total(&self) -> usize {
        self.network.get_total_count()
    }

    /// The bytes sent in RPCs and delivered replies.
    #[must_use]
    pub fn bytes_total(&self) -> u64 {
        self.network.get_total_bytes()
    }
}
