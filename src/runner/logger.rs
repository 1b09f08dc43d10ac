//! Log lines of the code under test: on standard error when `VERBOSE=1`, and in the trace.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use log::{LevelFilter, Log, Metadata, Record};

use crate::labsync::{Instant, thread};
use crate::trace::{self, Event};

struct Logger {
    /// Whether standard error gets the lines.
    shows: AtomicBool,
}

static LOGGER: Logger = Logger { shows: AtomicBool::new(false) };

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        // Formatted first: it may run any code, which has its own to record.
        let text = record.args().to_string();
        if self.shows.load(Ordering::Relaxed) {
            let seconds = Instant::now().since_start().as_secs_f64();
            let thread = thread::current_name();
            // A reader that went away is no reason to fail the test.
            let _ = writeln!(std::io::stderr(), "{seconds:9.4} [{thread}] {text}");
        }
        let level = || record.level().as_str().to_lowercase();
        trace::record(|| Event::Log { level: level(), text });
    }

    fn flush(&self) {}
}

/// From now on log lines are shown, with seconds: real ones since the process began, or virtual
/// ones since the run did.
pub(super) fn show() {
    LOGGER.shows.store(true, Ordering::Relaxed);
    hear();
}

/// From now on log lines are made, for the trace if nobody else wants them.
pub(super) fn hear() {
    // An error means that there is a logger: this one, from an earlier call, or the test's own.
    let _ = log::set_logger(&LOGGER);
    log::set_max_level(LevelFilter::Trace);
}
