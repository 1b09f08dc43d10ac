//! What the lab costs: `make bench`. Each figure stands beside its goal, and beside that of an
//! earlier run, if one was kept (`make bench COMPARE=1`).
//!
//! # Layout
//! `ground.rs`: locks, threads, encoding, calls; `cluster.rs`: Raft itself, latency, throughput, and
//! how both grow; `table.rs`: figures, goals, and the comparison.

use std::process::ExitCode;

use raftlab::runner::cpu_time;

mod cluster;
mod ground;
mod table;

use table::Table;

const USAGE: &str = "\
usage: make bench [COMPARE=1] [ONLY=ground|raft|growth]
  COMPARE=1   beside each figure its ratio to the run that was kept before
the figures are kept in target/bench.json, a run before them in target/bench-before.json
";

fn main() -> ExitCode {
    let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
    let only = std::env::var("ONLY").unwrap_or_default();
    if !["", "ground", "raft", "growth"].contains(&only.as_str()) {
        eprint!("bench: ONLY={only:?} is no part of it\n{USAGE}");
        return ExitCode::from(2);
    }
    if cpu_time().is_none() {
        eprintln!("note: no CPU times on this system; the figures are wall-clock times");
    }
    let mut table = Table::new(set("COMPARE"));
    let wanted = |part: &str| only.is_empty() || only == part;
    if wanted("ground") {
        ground::measure_all(&mut table);
    }
    if wanted("raft") {
        cluster::latency(&mut table);
        cluster::throughput(&mut table);
    }
    if wanted("growth") {
        cluster::growth(&mut table);
    }
    match table.keep() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("bench: {problem}");
            ExitCode::FAILURE
        }
    }
}
