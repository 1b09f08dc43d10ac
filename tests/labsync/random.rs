//! Random numbers: all of a run come from its seed, whatever its threads' order.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use raftlab::lab_tests;
use raftlab::labsync::{self, Mutex, RunOptions, rng, thread};
use raftlab::runner::LabTest;

use crate::support::{LONG, MOMENT};

pub const TESTS: &[LabTest] = lab_tests![
    test_same_seed_same_numbers,
    test_numbers_do_not_depend_on_interleaving,
    test_numbers_of_a_child_do_not_depend_on_what_its_parent_drew,
    test_different_seeds_differ,
    test_streams_differ,
    test_a_run_inside_draws_nothing_from_the_test,
    test_ranges_and_probabilities,
    test_fresh_seeds_differ,
];

const CHILDREN: u64 = 4;

/// How a run's threads fall over each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    /// One after the other.
    InTurn,
    /// Side by side, those spawned last draw first, and the body draws in between.
    Jumbled,
}

fn some() -> Vec<u64> {
    (0..5).map(|_| rng::random()).collect()
}

/// Draws some numbers; then those of two children of its own.
fn child(nap: Duration) -> Vec<Vec<u64>> {
    thread::sleep(nap);
    let own = some();
    let elder = thread::spawn("elder", some);
    let younger = thread::spawn("younger", some);
    vec![own, elder.join(), younger.join()]
}

/// The streams of a run: the body's, then each child's with those of its own children.
fn streams(seed: u64, order: Order) -> Vec<Vec<u64>> {
    let result = Arc::new(Mutex::new(Vec::new()));
    let out = result.clone();
    let body = move || {
        let mut own = Vec::new();
        let mut families = Vec::new();
        let mut handles = Vec::new();
        for i in 0..CHILDREN {
            own.push(rng::random());
            let nap = if order == Order::Jumbled { (CHILDREN - i) as u32 } else { 0 } * MOMENT;
            let handle = thread::spawn(format!("child {i}"), move || child(nap));
            match order {
                Order::InTurn => families.extend(handle.join()),
                Order::Jumbled => handles.push(handle),
            }
        }
        own.push(rng::random());
        families.extend(handles.into_iter().flat_map(thread::JoinHandle::join));
        out.lock().extend([vec![own], families].concat());
    };
    let options = RunOptions { name: "random".to_string(), seed, limit: LONG };
    labsync::run(options, body).expect("nothing fails here");
    let streams = std::mem::take(&mut *result.lock());
    assert_eq!(streams.len() as u64, 1 + 3 * CHILDREN);
    streams
}

pub fn test_same_seed_same_numbers() {
    for seed in [0, 1, u64::MAX] {
        assert_eq!(streams(seed, Order::InTurn), streams(seed, Order::InTurn));
    }
}

pub fn test_numbers_do_not_depend_on_interleaving() {
    for seed in [2, 3] {
        let expected = streams(seed, Order::InTurn);
        assert_eq!(streams(seed, Order::Jumbled), expected);
        assert_eq!(streams(seed, Order::Jumbled), expected);
    }
}

pub fn test_numbers_of_a_child_do_not_depend_on_what_its_parent_drew() {
    let children = |draws: u64| {
        let parent = move || {
            let first = thread::spawn("first", some).join();
            (0..draws).for_each(|_| assert!(rng::random_bool(1.0)));
            [first, thread::spawn("second", some).join()]
        };
        let (result, value) = (Arc::new(Mutex::new(None)), Arc::new(parent));
        let out = result.clone();
        let options = RunOptions { name: "parent".to_string(), seed: 4, limit: LONG };
        labsync::run(options, move || *out.lock() = Some(value())).expect("nothing fails here");
        result.lock().take()
    };
    assert_eq!(children(0), children(3));
}

pub fn test_different_seeds_differ() {
    let seeds = [0, 1, 2, 3, 1 << 32, u64::MAX];
    let all: BTreeSet<_> = seeds.iter().flat_map(|&seed| streams(seed, Order::InTurn)).collect();
    assert_eq!(all.len() as u64, seeds.len() as u64 * (1 + 3 * CHILDREN), "no stream twice");
}

/// The body's, its children's, theirs: also of those that do the very same thing.
pub fn test_streams_differ() {
    let streams = streams(5, Order::Jumbled);
    let numbers: BTreeSet<u64> = streams.concat().into_iter().collect();
    assert_eq!(numbers.len(), streams.concat().len(), "no number twice: {streams:?}");
}

/// Runs and threads in them leave the stream of the thread that waits for them alone.
pub fn test_a_run_inside_draws_nothing_from_the_test() {
    let with_runs = || {
        streams(6, Order::Jumbled);
        some()
    };
    let (plain, disturbed) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
    for (out, runs) in [(&plain, false), (&disturbed, true)] {
        let out = out.clone();
        let options = RunOptions { name: "outer".to_string(), seed: 7, limit: LONG };
        let body = move || *out.lock() = if runs { with_runs() } else { some() };
        labsync::run(options, body).expect("nothing fails here");
    }
    assert_eq!(*plain.lock(), *disturbed.lock());
}

pub fn test_ranges_and_probabilities() {
    let mut seen = [0; 6];
    (0..6000).for_each(|_| seen[rng::random_range(0..6_usize)] += 1);
    assert!(seen.iter().all(|&count| (700..1300).contains(&count)), "a bad die: {seen:?}");
    assert!((0..1000).all(|_| (10..=12).contains(&rng::random_range(10..=12))));
    assert!((0..1000).all(|_| rng::random_bool(1.0) && !rng::random_bool(0.0)));
    let one_in_four = (0..8000).filter(|_| rng::random_bool(0.25)).count();
    assert!((1600..2400).contains(&one_in_four), "{one_in_four} of 8000 at 0.25");
}

pub fn test_fresh_seeds_differ() {
    let seeds: BTreeSet<u64> = (0..100).map(|_| rng::fresh_seed()).collect();
    assert_eq!(seeds.len(), 100);
}
