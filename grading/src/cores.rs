//! Each worker has a core of its own, as far as there are enough.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that this program may use.
pub fn cores() -> Vec<usize> {
    let allowed = sched_getaffinity(None).unwrap_or_default();
    (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect()
}

/// Keeps this thread, and all that it starts, to one of the cores.
pub fn keep_to(cores: &[usize], worker: usize) {
    if cores.is_empty() {
        return;
    }
    let mut only = CpuSet::new();
    only.set(cores[worker % cores.len()]);
    // Where it is not allowed, all share all cores.
    let _ = sched_setaffinity(None, &only);
}
