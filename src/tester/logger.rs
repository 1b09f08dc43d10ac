//! Log lines of the code under test, on standard error, when `VERBOSE=1`.

use std::io::Write;

use log::{LevelFilter, Log, Metadata, Record};

use crate::labsync::{Instant, thread};

struct Logger;

impl Log for Logger {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let seconds = Instant::now().since_start().as_secs_f64();
        let thread = thread::current_name();
        // A reader that went away is no reason to fail the test.
        let _ = writeln!(std::io::stderr(), "{seconds:9.4} [{thread}] {}", record.args());
    }

    fn flush(&self) {}
}

/// From now on log lines are shown, with seconds: real ones since the process began, or virtual
/// ones since the run did.
pub(super) fn install() {
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(LevelFilter::Trace);
    }
}
