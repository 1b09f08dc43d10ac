//! A part of all runs: where several machines share them, each takes every n-th.

use std::fmt;

/// The `number`th of `of` parts, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Shard {
    number: u64,
    of: u64,
}

impl Shard {
    /// Reads "2/5".
    pub fn parse(text: &str) -> Option<Shard> {
        let (number, of) = text.split_once('/')?;
        let (number, of) = (number.parse().ok()?, of.parse().ok()?);
        (1..=of).contains(&number).then_some(Shard { number, of })
    }

    /// Whether the run at this place, counted from 0, belongs to it.
    pub fn has(self, place: u128) -> bool {
        place % u128::from(self.of) == u128::from(self.number - 1)
    }

    /// How many of so many runs belong to it.
    pub fn size_of(self, runs: u64) -> u64 {
        runs / self.of + u64::from(self.number <= runs % self.of)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_run_belongs_to_one_shard() {
        for of in [1, 2, 5, 28] {
            let shards: Vec<_> = (1..=of).map(|number| Shard { number, of }).collect();
            for runs in [0, 1, 27, 28, 61] {
                assert_eq!(shards.iter().map(|shard| shard.size_of(runs)).sum::<u64>(), runs);
                for shard in &shards {
                    let count = (0..runs).filter(|&place| shard.has(place.into())).count();
                    assert_eq!(count as u64, shard.size_of(runs), "{shard} of {runs}");
                }
            }
        }
    }

    #[test]
    fn a_shard_is_a_number_of_a_count() {
        assert_eq!(Shard::parse("2/5").map(|shard| shard.to_string()).as_deref(), Some("2/5"));
        for wrong in ["", "2", "0/5", "6/5", "0/0", "a/5", "2/b", "-1/5", "1/5/6"] {
            assert_eq!(Shard::parse(wrong), None, "{wrong:?}");
        }
    }
}
