//! The watchdog: a simulated thread that never reaches a scheduling point (`loop {}`) would keep
//! the turn for ever. Nothing can take it away, so the process ends, with that thread's name.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Once, OnceLock, Weak};
use std::time::Duration;

use super::Sim;
use crate::labsync::foreign;

/// How often the watchdog looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a run must be found at the same scheduling point: a step of a thread takes
/// microseconds.
const MOST_LOOKS: u32 = 20;

struct Watched {
    sim: Weak<Sim>,
    points: u64,
    looks: u32,
}

static WATCHED: parking_lot::Mutex<Vec<Watched>> = parking_lot::Mutex::new(Vec::new());

/// Watches a run until the result is dropped.
pub(super) fn watch(sim: &Arc<Sim>) -> Unwatch {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let (ready, is_ready) = crossbeam_channel::bounded(1);
        let look = move || {
            foreign::join_ours();
            let _ = ready.send(());
            look_for_ever();
        };
        let thread = std::thread::Builder::new().name("watchdog".to_string()).spawn(look);
        assert!(thread.is_ok(), "the operating system cannot start the watchdog: {thread:?}");
        // It has allocated what it needs before a run begins: tests look at the process's memory.
        let _ = is_ready.recv();
    });
    WATCHED.lock().push(Watched { sim: Arc::downgrade(sim), points: u64::MAX, looks: 0 });
    Unwatch(Arc::downgrade(sim))
}

/// Ends the watch when dropped.
pub(super) struct Unwatch(Weak<Sim>);

impl Drop for Unwatch {
    fn drop(&mut self) {
        WATCHED.lock().retain(|watched| !watched.sim.ptr_eq(&self.0));
    }
}

fn look_for_ever() {
    loop {
        std::thread::sleep(LOOK_EVERY);
        for watched in WATCHED.lock().iter_mut() {
            let Some(sim) = watched.sim.upgrade() else { continue };
            let points = sim.points.load(Ordering::Relaxed);
            watched.looks = if points == watched.points { watched.looks + 1 } else { 0 };
            watched.points = points;
            if watched.looks >= MOST_LOOKS {
                end_process(&sim);
            }
        }
    }
}

/// What is done with the watchdog's message before it ends the process.
static LAST_WORDS: OnceLock<fn(&str) -> bool> = OnceLock::new();

/// Sets what is done before the watchdog ends the process; the first one stays. It gets the
/// message; if it answers true, somebody has been told, and the watchdog does not print it.
pub fn before_end_of_process(last_words: fn(&str) -> bool) {
    LAST_WORDS.get_or_init(|| last_words);
}

fn end_process(sim: &Sim) -> ! {
    let seconds = (LOOK_EVERY * MOST_LOOKS).as_secs();
    let world = sim.world.lock();
    let text = format!(
        "thread '{}' has not given up its turn for {seconds} s of real time, at {:.6} s of \
         virtual time.\nIt computes in a loop without waiting, locking or sleeping.",
        world.tasks[world.current].info.name,
        sim.now() as f64 / 1e9
    );
    if LAST_WORDS.get().is_some_and(|last_words| last_words(&text)) {
        std::process::exit(101);
    }
    let text = format!("  ... FAILED --  {}: {}\n", sim.label, text.replace('\n', "\n      "));
    let mut out = std::io::stdout().lock();
    // Nobody may be reading; the exit code tells as well.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    std::process::exit(101);
}
