//! The nemesis: random faults that the lab's own network never makes, against the whole cluster,
//! in simulated runs only. Everything comes from the seed, so that a failure comes back.
//!
//! # How it works
//! From the seed a [`Plan`](plan::Plan) is drawn (`draw.rs`): how many servers, how many clients,
//! which faults when. It is carried out (`act.rs`): requests are late by seconds or arrive twice,
//! one direction of a link is cut, leaders keep a minority, servers crash in the moment in
//! which a reply has left them, services dawdle, while clients (`clients.rs`) give commands to
//! leaders and to those that once were. In the end all is healed, and the cluster must agree
//! again soon. What must never happen is checked all the time, by the harness.
//!
//! A plan is a short text (`plan.rs`, `parse.rs`). When a seed fails, smaller plans are tried with
//! it as long as they fail in the same way (`shrink.rs`), and the smallest is printed.
//!
//! # Parts
//! A test for each Part of the lab, so that whoever has done the first can use it: 2A elections
//! alone, 2B replication without crashes, 2C crashes, 2D snapshots.

use std::process::ExitCode;

use raftlab::lab_tests;
use raftlab::runner::LabTest;
use raftlab::runner::{self, AlwaysSimulated};

use self::draw::Part;
use self::parse::test_nemesis_plans;

mod act;
mod clients;
mod draw;
mod parse;
mod plan;
mod shrink;

const TESTS: &[LabTest] = lab_tests![
    test_nemesis_2a,
    test_nemesis_2b,
    test_nemesis_2c,
    test_nemesis_2d,
    test_nemesis_plans,
];

/// Enough seeds to see that all works; `make nemesis` takes more.
const USUAL_SEEDS: u64 = 4;

fn main() -> ExitCode {
    if let Err(problem) = parse::given_plan() {
        eprintln!("nemesis: {problem}");
        return ExitCode::from(2);
    }
    let simulated = AlwaysSimulated { usual_seeds: USUAL_SEEDS, explain: Some(shrink::explain) };
    runner::main_simulated("nemesis", &[TESTS], &simulated)
}

fn test_nemesis_2a() {
    act::run(Part::A);
}

fn test_nemesis_2b() {
    act::run(Part::B);
}

fn test_nemesis_2c() {
    act::run(Part::C);
}

fn test_nemesis_2d() {
    act::run(Part::D);
}
