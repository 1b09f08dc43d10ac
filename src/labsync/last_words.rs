//! Some simulated runs can end only with their process: a thread that never gives up its turn, a
//! stack without room. Why is told before.

use std::io::Write;
use std::sync::OnceLock;

static LAST_WORDS: OnceLock<fn(&str) -> bool> = OnceLock::new();

/// Sets what is done before such an end; the first one stays. It gets the message; if it answers
/// true, somebody has been told, and the message is not printed.
pub fn before_end_of_process(last_words: fn(&str) -> bool) {
    LAST_WORDS.get_or_init(|| last_words);
}

/// Ends the process because of `why`, in the run `label`.
pub(super) fn end_process(label: &str, why: &str) -> ! {
    if LAST_WORDS.get().is_some_and(|last_words| last_words(why)) {
        std::process::exit(101);
    }
    let text = format!("  ... FAILED --  {label}: {}\n", why.replace('\n', "\n      "));
    let mut out = std::io::stdout().lock();
    // Nobody may be reading; the exit code tells as well.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    std::process::exit(101);
}
