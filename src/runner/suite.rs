//! What a suite is made of, and what its tests may say: what all of the runner knows.

use crate::labsync::{Failure, Kernel, Leaf, RunOptions};

/// How a line in the message of a failure begins, if the failed step rests on a rule with tests of
/// its own, in the same suite: behind it are their names, with commas between. For the runner
/// (`causes.rs`), which does not show it.
pub const FIRST_SEE: &str = "first see: ";

/// What the test that runs in this process is about, if it says so.
static SUBJECT: Leaf<Option<&'static str>> = Leaf::new(None);

/// Says what the test is about: a failure that does not say so itself, a panic of Raft's, begins
/// with it.
pub fn about(subject: &'static str) {
    SUBJECT.with(|known| *known = Some(subject));
}

/// What the test is about that has just ended.
pub(super) fn take_subject() -> Option<&'static str> {
    SUBJECT.with(Option::take)
}

/// A test of a suite.
#[derive(Clone, Copy, Debug)]
pub struct LabTest {
    /// The function's name, `test_initial_election_2a`.
    pub name: &'static str,
    /// The test; it fails by panicking.
    pub body: fn(),
}

/// A test's name as users write it.
pub(super) fn short(test: &str) -> &str {
    test.strip_prefix("test_").unwrap_or(test)
}

/// The exit code of a run with failed tests, the same as libtest's.
pub(super) const FAILED: u8 = 101;
/// The exit code for a command line that makes no sense.
pub(super) const USAGE: u8 = 2;

/// Says more of a failed run.
pub type Explain = fn(&Failed<'_>) -> String;

/// A suite whose tests make sense in simulated runs only.
pub struct AlwaysSimulated {
    /// The seeds 1 to this are run if the command line does not say.
    pub usual_seeds: u64,
    /// What to print below a failure.
    pub explain: Option<Explain>,
}

/// A simulated run that failed.
pub struct Failed<'a> {
    /// The test.
    pub test: LabTest,
    /// How it was run.
    pub options: &'a RunOptions,
    /// On which kernel.
    pub kernel: Kernel,
    /// Why it failed.
    pub failure: &'a Failure,
}
