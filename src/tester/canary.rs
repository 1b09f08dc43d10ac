//! The canary: a thread that sleeps for short times and notes how late it wakes up. When a test
//! fails on a host that stood still meanwhile, the report says so; the verdict stays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::labsync::{Instant, thread};

const NAP: Duration = Duration::from_millis(20);
/// Lateness that may spoil a test: a third of the shortest heartbeat interval that is usual.
const SUSPECT: Duration = Duration::from_millis(30);

/// Watches the host until dropped.
pub(super) struct Canary {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    worst_ns: AtomicU64,
    over: AtomicBool,
}

impl Canary {
    pub fn start() -> Canary {
        let shared = Arc::new(Shared::default());
        let canary = Canary { shared: shared.clone() };
        thread::spawn("canary", move || {
            while !shared.over.load(Ordering::Relaxed) {
                let start = Instant::now();
                thread::sleep(NAP);
                let late = start.elapsed().saturating_sub(NAP).as_nanos() as u64;
                shared.worst_ns.fetch_max(late, Ordering::Relaxed);
            }
        });
        canary
    }

    /// What to say of the host, if it stalled for so long that the test may have suffered.
    pub fn suspicion(&self) -> Option<String> {
        let worst = Duration::from_nanos(self.shared.worst_ns.load(Ordering::Relaxed));
        (worst >= SUSPECT).then(|| {
            let ms = worst.as_millis();
            format!("timing-suspect: the host stalled {ms} ms during this test")
        })
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
    }
}
