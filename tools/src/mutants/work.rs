//! All Rafts through all columns, one on each core at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::column::{Bench, Column, Verdict};
use crate::scratch::Scratch;

/// A verdict for each column.
pub type Verdicts = Vec<(&'static Column, Verdict)>;

/// Runs each of the `rafts` through the `columns`, and hands what came of it to `each`, in order.
pub fn run_all(
    rafts: &[&str],
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
                while let Some(raft) = rafts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdicts = columns.iter().map(|&column| {
                        column.run(bench, raft, &report).map(|verdict| (column, verdict))
                    });
                    // Nobody listens any more only if the main thread is gone.
                    let _ = results.send((*raft, verdicts.collect()));
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
