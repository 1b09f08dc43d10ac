//! All Rafts through all columns, one on each core at a time.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::column::{Bench, Column, Verdict};
use crate::scratch::Scratch;

/// A verdict for each column.
pub type Verdicts = Vec<(&'static Column, Verdict)>;

/// Runs each of the `rafts`, of which the first so many are `right`, through the `columns`, and hands
/// what came of it to `each`, in order.
pub fn run_all(
    rafts: &[&str],
    right: usize,
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
                    let Some(raft) = rafts.get(place) else { break };
                    let verdicts = verdicts(raft, columns, bench, place < right, &report);
                    // Nobody listens any more only if the main thread is gone.
                    let _ = results.send((*raft, verdicts));
                }
            });
        }
        drop(results);
        let mut early: Vec<(&str, Result<Verdicts, String>)> = Vec::new();
        let mut shown = 0;
        for result in arrived {
            early.push(result);
            while let Some(at) = early.iter().position(|(raft, _)| rafts.get(shown) == Some(raft)) {
                each(shown, early.swap_remove(at).1);
                shown += 1;
            }
        }
    });
}

/// Runs one Raft through the columns; those that were not needed are [`Verdict::Skipped`].
fn verdicts(
    raft: &str,
    columns: &[&'static Column],
    bench: &Bench,
    is_right: bool,
    report: &Path,
) -> Result<Verdicts, String> {
    let mut verdicts: Verdicts = columns.iter().map(|&column| (column, Verdict::Skipped)).collect();
    let mut places: Vec<usize> = (0..columns.len()).collect();
    if bench.until_caught {
        places.sort_by_key(|&place| columns[place].place());
    }
    for place in places {
        verdicts[place].1 = columns[place].run(bench, raft, is_right, report)?;
        if bench.until_caught && matches!(verdicts[place].1, Verdict::Caught(_)) {
            break;
        }
    }
    Ok(verdicts)
}
