//! All Rafts through all columns, one on each core at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::column::{Bench, Column, Verdict};
use crate::scratch::Scratch;

/// A verdict for each column.
pub type Verdicts = Vec<(&'static Column, Verdict)>;

/// A Raft to be run.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    pub raft: &'a str,
    pub is_right: bool,
    /// Its patch says that nothing catches it.
    pub is_excused: bool,
}

/// Runs each of the Rafts through the `columns`, and hands what came of it to `each`, in order.
pub fn run_all(
    runs: &[Run<'_>],
    columns: &[&'static Column],
    bench: &Bench,
    scratch: &Scratch,
    mut each: impl FnMut(usize, Result<Verdicts, String>),
) {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let next = AtomicUsize::new(0);
    let (results, arrived) = mpsc::channel();
    thread::scope(|scope| {
        for worker in 0..cores {
            let (next, results, report) = (&next, results.clone(), scratch.report_file(worker));
            scope.spawn(move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(run) = runs.get(place) else { break };
                    let verdicts = verdicts(run, columns, bench, &report);
                    // Nobody listens any more only if the main thread is gone.
                    let _ = results.send((place, verdicts));
                }
            });
        }
        drop(results);
        let mut early: BTreeMap<usize, Result<Verdicts, String>> = BTreeMap::new();
        let mut shown = 0;
        for (place, verdicts) in arrived {
            early.insert(place, verdicts);
            while let Some(verdicts) = early.remove(&shown) {
                each(shown, verdicts);
                shown += 1;
            }
        }
    });
}

/// Runs one Raft through the columns; those that were not needed are [`Verdict::Skipped`].
fn verdicts(
    run: &Run<'_>,
    columns: &[&'static Column],
    bench: &Bench,
    report: &Path,
) -> Result<Verdicts, String> {
    let mut verdicts: Verdicts = columns.iter().map(|&column| (column, Verdict::Skipped)).collect();
    let mut places: Vec<usize> = (0..columns.len()).collect();
    if bench.until_caught {
        places.sort_by_key(|&place| columns[place].place());
        if run.is_excused {
            places.truncate(1); // all of them cost the most, and find nothing
        }
    }
    for place in places {
        verdicts[place].1 = columns[place].run(bench, run.raft, run.is_right, report)?;
        if bench.until_caught && matches!(verdicts[place].1, Verdict::Caught(_)) {
            break;
        }
    }
    Ok(verdicts)
}
