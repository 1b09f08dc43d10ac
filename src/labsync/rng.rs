//! Random numbers: each thread has a stream of its own, and all streams of a run come from the
//! run's seed. A thread's stream is seeded from its parent's and its rank among the
//! parent's children, so that it does not depend on how threads happen to interleave.
//!
//! A thread outside a run gets a stream that differs from process to process.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};

use rand::distr::uniform::{SampleRange, SampleUniform};
use rand::distr::{Distribution, StandardUniform};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

thread_local! {
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
    static CHILDREN: Cell<u64> = const { Cell::new(0) };
    /// Made when first asked: most RPC threads never are.
    static STREAM: RefCell<Option<SmallRng>> = const { RefCell::new(None) };
}

/// A random value from `range`, each equally likely.
///
/// # Panics
/// If the range is empty.
#[must_use]
pub fn random_range<T: SampleUniform>(range: impl SampleRange<T>) -> T {
    with_stream(|stream| stream.random_range(range))
}

/// True with the given probability.
///
/// # Panics
/// If `probability` is not between 0 and 1.
#[must_use]
pub fn random_bool(probability: f64) -> bool {
    with_stream(|stream| stream.random_bool(probability))
}

/// A random value of a type; for numbers each value is equally likely.
#[must_use]
pub fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    with_stream(|stream| stream.random())
}

/// A seed that differs from call to call and from process to process, for a run without one.
#[must_use]
pub fn fresh_seed() -> u64 {
    // The standard library seeds its hash maps from the operating system's randomness.
    RandomState::new().hash_one(std::process::id())
}

fn with_stream<T>(draw: impl FnOnce(&mut SmallRng) -> T) -> T {
    STREAM.with_borrow_mut(|stream| {
        draw(stream.get_or_insert_with(|| SmallRng::seed_from_u64(seed())))
    })
}

/// A thread's stream, while another thread runs in its place.
#[derive(Default)]
pub(super) struct Locals {
    seed: Option<u64>,
    children: u64,
    stream: Option<SmallRng>,
}

impl Locals {
    /// Exchanges these with the current ones.
    pub fn swap(&mut self) {
        self.seed = SEED.replace(self.seed);
        self.children = CHILDREN.replace(self.children);
        self.stream = STREAM.replace(self.stream.take());
    }
}

fn seed() -> u64 {
    SEED.get().unwrap_or_else(|| {
        let seed = fresh_seed();
        SEED.set(Some(seed));
        seed
    })
}

/// Starts the current thread's stream anew.
pub(super) fn set_seed(seed: u64) {
    SEED.set(Some(seed));
    CHILDREN.set(0);
    STREAM.set(None);
}

/// The seed for the next thread that the current one spawns.
pub(super) fn seed_of_child() -> u64 {
    let child = CHILDREN.get() + 1;
    CHILDREN.set(child);
    mix(seed() ^ mix(child))
}

/// A bijection that spreads close numbers far apart (the finaliser of SplitMix64).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
