//! The watchdog: a simulated thread that never reaches a scheduling point would keep the turn for
//! ever. Nothing can take it away, so the process ends, with that thread's name, and with what it
//! does: it computes (`loop {}`), or it waits where labsync cannot see it (a `std` sleep or lock).
//!
//! A busy host must not make a right program look so: what counts is what the process has computed,
//! where the operating system tells (`/proc`).

use std::sync::atomic::Ordering;
use std::sync::{Arc, Once, Weak};
use std::time::Duration;

use super::turns::Sim;
use crate::{last_words, os};

/// How often the watchdog looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a run must be found at the same scheduling point: a step of a thread takes
/// microseconds.
const MOST_LOOKS: u32 = 20;
/// Of a run that has computed less meanwhile, because others keep the host busy: so often.
const MOST_LOOKS_IF_STARVED: u32 = 120;
/// What a thread that computes has used by then, at the least, in ticks of 10 ms.
const COMPUTED_TICKS: u64 = 500;
/// How often nothing in the process may be found computing, while the run stands still.
const MOST_LOOKS_ASLEEP: u32 = 4;

struct Watched {
    sim: Weak<Sim>,
    points: u64,
    looks: u32,
    looks_asleep: u32,
    /// What the process had used when the run stood still first, and at the last look.
    ticks: (u64, u64),
}

/// Why a run that stands still is ended.
enum Verdict {
    Computes,
    Asleep,
}

static WATCHED: parking_lot::Mutex<Vec<Watched>> = parking_lot::Mutex::new(Vec::new());

/// Watches a run until the result is dropped.
pub(crate) fn watch(sim: &Arc<Sim>) -> Unwatch {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let (ready, is_ready) = crossbeam_channel::bounded(1);
        let look = move || {
            os::join_ours();
            let _ = ready.send(());
            look_for_ever();
        };
        let thread = std::thread::Builder::new().name("watchdog".to_string()).spawn(look);
        assert!(thread.is_ok(), "the operating system cannot start the watchdog: {thread:?}");
        // It has allocated what it needs before a run begins: tests look at the process's memory.
        let _ = is_ready.recv();
    });
    let (points, ticks) = (u64::MAX, (0, 0));
    let sim_watched = Arc::downgrade(sim);
    WATCHED.lock().push(Watched { sim: sim_watched, points, looks: 0, looks_asleep: 0, ticks });
    Unwatch(Arc::downgrade(sim))
}

/// Ends the watch when dropped.
pub(crate) struct Unwatch(Weak<Sim>);

impl Drop for Unwatch {
    fn drop(&mut self) {
        WATCHED.lock().retain(|watched| !watched.sim.ptr_eq(&self.0));
    }
}

fn look_for_ever() {
    loop {
        let start = std::time::Instant::now();
        std::thread::sleep(LOOK_EVERY);
        if start.elapsed() > LOOK_EVERY * 2 {
            continue; // the process was stopped, or the host: nobody got anywhere
        }
        for watched in WATCHED.lock().iter_mut() {
            let Some(sim) = watched.sim.upgrade() else { continue };
            let points = sim.points.load(Ordering::Relaxed);
            if let Some(verdict) = watched.look(points) {
                end_process(&sim, &verdict, watched.looks.max(watched.looks_asleep));
            }
        }
    }
}

impl Watched {
    fn look(&mut self, points: u64) -> Option<Verdict> {
        let activity = os::activity();
        let rests = activity.is_some_and(|now| !now.runs && now.ticks == self.ticks.1);
        let waits_for_reader = rests && activity.is_some_and(|now| now.writes);
        if points != self.points || waits_for_reader {
            // It goes on, or it would if somebody read what it prints.
            let ticks = activity.map_or(0, |now| now.ticks);
            (self.points, self.looks, self.looks_asleep) = (points, 0, 0);
            self.ticks = (ticks, ticks);
            return None;
        }
        self.looks += 1;
        let Some(activity) = activity else {
            return (self.looks >= MOST_LOOKS).then_some(Verdict::Computes);
        };
        self.looks_asleep = if rests { self.looks_asleep + 1 } else { 0 };
        self.ticks.1 = activity.ticks;
        let computed = activity.ticks.saturating_sub(self.ticks.0) >= COMPUTED_TICKS;
        let most = if computed { MOST_LOOKS } else { MOST_LOOKS_IF_STARVED };
        if self.looks_asleep >= MOST_LOOKS_ASLEEP {
            return Some(Verdict::Asleep);
        }
        (self.looks >= most).then_some(Verdict::Computes)
    }
}

fn end_process(sim: &Sim, verdict: &Verdict, looks: u32) -> ! {
    let seconds = (LOOK_EVERY * looks).as_secs();
    let what = match verdict {
        Verdict::Computes => "It computes in a loop without waiting, locking or sleeping.",
        Verdict::Asleep => {
            "It waits outside labsync, where no virtual time passes: in a sleep, a lock, a channel or \
             park() of std, or in I/O. Take these from labsync."
        }
    };
    let world = sim.world.lock();
    let text = format!(
        "thread '{}' has not given up its turn for {seconds} s of real time, at {:.6} s of \
         virtual time.\n{what}",
        world.tasks[world.current].info.name,
        sim.now() as f64 / 1e9
    );
    last_words::end_process(&sim.label, &text)
}
