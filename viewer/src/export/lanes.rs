//! Things that overlap in time, on lanes of which each has one at a time: slices of one track must
//! not overlap unless one lies in the other.

/// Lanes, as many as are needed.
#[derive(Default)]
pub(super) struct Lanes {
    /// For each lane when it gets free.
    free: Vec<u64>,
}

impl Lanes {
    /// A lane that is free from `begin`, which must not fall from call to call. It is taken until
    /// `end`.
    pub(super) fn take(&mut self, begin: u64, end: u64) -> usize {
        let lane = self.free.iter().position(|&free| free <= begin).unwrap_or(self.free.len());
        self.free.resize(self.free.len().max(lane + 1), 0);
        self.free[lane] = end;
        lane
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::Lanes;

    #[test]
    fn what_overlaps_gets_lanes_of_its_own() {
        let mut lanes = Lanes::default();
        assert_eq!(lanes.take(0, 10), 0);
        assert_eq!(lanes.take(5, 7), 1);
        assert_eq!(lanes.take(7, 20), 1);
        assert_eq!(lanes.take(10, 11), 0);
        assert_eq!(lanes.take(10, 11), 2);
        assert_eq!(lanes.count(), 3);
    }
}
