//! Ctrl-C: what is graded is kept, and whoever interrupts should know it.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// From now on an interruption tells how many are `done`; what runs ends with this program.
pub fn announce(done: Arc<AtomicUsize>, count: usize) {
    for (signal, code) in [(SIGINT, 130), (SIGTERM, 143)] {
        let has_come = Arc::new(AtomicBool::new(false));
        if flag::register(signal, has_come.clone()).is_err() {
            continue; // then the signal ends this program without a word
        }
        let done = done.clone();
        let watch = move || {
            while !has_come.load(Ordering::SeqCst) {
                thread::sleep(LOOK_EVERY);
            }
            eprintln!("\ngrading: {}", told(done.load(Ordering::SeqCst), count));
            exit(code);
        };
        thread::Builder::new()
            .name(format!("signal {signal}"))
            .spawn(watch)
            .expect("a thread more can be started");
    }
}

fn told(done: usize, count: usize) -> String {
    format!("interrupted: {done} of {count} graded and kept; the same command goes on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interruption_tells_what_is_kept() {
        assert_eq!(told(3, 12), "interrupted: 3 of 12 graded and kept; the same command goes on");
    }
}
