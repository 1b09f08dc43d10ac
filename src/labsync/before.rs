//! What a run has hidden: threads of its own making that it leaves behind, and a panic hook in
//! place of ours. What there was before it tells.

use std::collections::BTreeSet;
use std::time::Duration;

use super::os::Tid;
use super::state::{Failure, THREAD_GRACE};
use super::{foreign, os, panics};

/// How often a run that is over looks whether foreign threads are still there.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// So many of them are named in a report.
const MOST: usize = 5;

/// What there was before a run began.
pub(super) struct Before {
    tids: BTreeSet<Tid>,
}

impl Drop for Before {
    /// A panic that has failed this run is no other one's: runs may be nested.
    fn drop(&mut self) {
        foreign::take_panic();
    }
}

impl Before {
    /// Looks which threads there are.
    pub fn look() -> Before {
        foreign::take_panic();
        let tids = if foreign::are_blamed() { os::all_tids() } else { BTreeSet::new() };
        Before { tids }
    }

    /// Whether a run that has passed otherwise has hidden something: it has put a panic hook in
    /// place of ours, or has left threads behind that labsync did not start. `name` is the run's.
    pub fn check(&self, name: &str) -> Result<(), Failure> {
        let by_runner = |message| Failure { thread: name.to_string(), message, at: None };
        if !panics::is_hook_ours() {
            panics::install_hook_again();
            return Err(by_runner(
                "the harness's panic hook is gone, and a panic may have been lost: src/raft must \
                 not call std::panic::set_hook or take_hook"
                    .to_string(),
            ));
        }
        if !foreign::are_blamed() {
            return Ok(());
        }
        let mut looks = THREAD_GRACE.as_millis() / LOOK_EVERY.as_millis();
        loop {
            let left = self.foreign_now();
            if left.is_empty() {
                // It may have panicked when the body had returned already.
                return foreign::take_panic().map_or(Ok(()), Err);
            }
            if looks == 0 {
                return Err(by_runner(report(&left)));
            }
            looks -= 1;
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn foreign_now(&self) -> Vec<Tid> {
        os::not_ours().difference(&self.tids).copied().collect()
    }
}

fn report(left: &[Tid]) -> String {
    let seconds = THREAD_GRACE.as_secs();
    let mut text = format!(
        "{} left {seconds} s after the end that labsync did not start (std::thread::spawn?):",
        if left.len() == 1 {
            "a thread is".to_string()
        } else {
            format!("{} threads are", left.len())
        }
    );
    for tid in left.iter().take(MOST) {
        text.push_str(&format!("\n  thread {tid}, {}", os::what_it_does(*tid)));
    }
    if left.len() > MOST {
        text.push_str(&format!("\n  and {} more", left.len() - MOST));
    }
    text.push_str(
        "\nStart threads with labsync::thread::spawn, and let them end when kill() is called.",
    );
    text
}
