//! The log: the entries that follow the last snapshot. The only place where an index meets the
//! position of an entry in memory; everybody else speaks of [`Index`] alone.
//!
//! ```text
//!  index   1 .. snapshot_index | snapshot_index + 1 .. last_index
//!          in the snapshot     | entries[0]         .. entries[len - 1]
//! ```
//!
//! Without a snapshot, `snapshot_index` and `snapshot_term` are 0: the entry "before the log", which
//! all servers agree on.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::rpc::{Entry, Index, Term};
use crate::labgob::EncodedVec;

/// A log whose beginning may have been replaced by a snapshot (§7).
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub struct Log {
    snapshot_index: Index,
    snapshot_term: Term,
    entries: EncodedVec<Entry>,
    /// How often the log was changed, so that `persist` knows when there is nothing to save.
    #[serde(skip)]
    changes: u64,
}

impl Log {
    /// The last index that the snapshot covers; 0 without a snapshot.
    pub fn snapshot_index(&self) -> Index {
        self.snapshot_index
    }

    /// The term of the entry at [`Log::snapshot_index`].
    pub fn snapshot_term(&self) -> Term {
        self.snapshot_term
    }

    /// The index of the last entry; the snapshot's when there are no entries after it.
    pub fn last_index(&self) -> Index {
        self.snapshot_index + self.entries.len() as Index
    }

    /// The term of the last entry.
    pub fn last_term(&self) -> Term {
        self.entries.last().map_or(self.snapshot_term, |entry| entry.term)
    }

    /// The term of the entry at `index`; none if it lies beyond the end, or inside the snapshot.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.snapshot_index {
            return Some(self.snapshot_term);
        }
        self.position(index).map(|at| self.entries[at].term)
    }

    /// All entries behind the snapshot.
    pub fn all(&self) -> &[Entry] {
        &self.entries
    }

    /// The same, owned.
    pub fn into_entries(self) -> Vec<Entry> {
        self.entries.into_vec()
    }

    /// How often the log has been changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Copies of the entries in `range`, all of which must be in the log.
    pub fn entries(&self, range: RangeInclusive<Index>) -> Vec<Entry> {
        if range.is_empty() {
            return Vec::new();
        }
        match (self.position(*range.start()), self.position(*range.end())) {
            (Some(first), Some(last)) => self.entries[first..=last].to_vec(),
            _ => panic!("entries {range:?} of a log with {:?}", self.indices()),
        }
    }

    /// Copies of the entries from `first` to the end.
    pub fn entries_from(&self, first: Index) -> Vec<Entry> {
        self.entries(first..=self.last_index())
    }

    /// The first index of `term`, given that the entry at `index` has that term.
    pub fn first_index_of_term(&self, term: Term, index: Index) -> Index {
        let earlier = (self.snapshot_index + 1..index).rev();
        earlier.take_while(|&i| self.term_at(i) == Some(term)).last().unwrap_or(index)
    }

    /// The last index of `term` that is at most `limit`, if there is one.
    pub fn last_index_of_term(&self, term: Term, limit: Index) -> Option<Index> {
        let candidates = (self.snapshot_index..=limit.min(self.last_index())).rev();
        let mut newest_first = candidates.skip_while(|&i| self.term_at(i) > Some(term));
        newest_first.next().filter(|&i| self.term_at(i) == Some(term))
    }

    /// Adds an entry at the end; its index.
    ///
    /// # Panics
    /// If its term is older than that of the entry before it.
    pub fn append(&mut self, entry: Entry) -> Index {
        let (last, term) = (self.last_term(), entry.term);
        assert!(term >= last, "an entry of term {term} after one of term {last}");
        self.entries.push(entry);
        self.changes += 1;
        self.last_index()
    }

    /// Drops the entry at `index` and all that follow it.
    pub fn truncate_from(&mut self, index: Index) {
        if let Some(at) = self.position(index) {
            self.entries.truncate(at);
            self.changes += 1;
        }
    }

    /// The snapshot now covers everything up to `index`; the entries after it stay.
    ///
    /// # Panics
    /// If there is no entry at `index`.
    pub fn compact_to(&mut self, index: Index) {
        let Some(at) = self.position(index) else {
            panic!("compact to {index} a log with {:?}", self.indices());
        };
        self.snapshot_term = self.entries[at].term;
        self.snapshot_index = index;
        self.entries.drop_first(at + 1);
        self.changes += 1;
    }

    /// The log is now nothing but a snapshot up to `index`.
    pub fn reset_to(&mut self, index: Index, term: Term) {
        self.snapshot_index = index;
        self.snapshot_term = term;
        self.entries.truncate(0);
        self.changes += 1;
    }

    fn indices(&self) -> RangeInclusive<Index> {
        self.snapshot_index + 1..=self.last_index()
    }

    fn position(&self, index: Index) -> Option<usize> {
        self.indices().contains(&index).then(|| (index - self.snapshot_index - 1) as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log of entries with these terms after a snapshot up to `snapshot` of term 1.
    fn log(snapshot: Index, terms: &[Term]) -> Log {
        let mut log = Log::default();
        log.reset_to(snapshot, u64::from(snapshot > 0));
        for &term in terms {
            log.append(Entry { term, command: Default::default() });
        }
        log
    }

    #[test]
    fn an_empty_log_ends_before_the_first_entry() {
        let log = log(0, &[]);
        assert_eq!((log.last_index(), log.last_term()), (0, 0));
        assert_eq!((log.term_at(0), log.term_at(1)), (Some(0), None));
        assert!(log.entries_from(1).is_empty());
    }

    #[test]
    fn indices_count_on_from_the_snapshot() {
        let log = log(10, &[2, 3]);
        assert_eq!((log.last_index(), log.last_term()), (12, 3));
        let terms: Vec<_> = (9..=13).map(|i| log.term_at(i)).collect();
        assert_eq!(terms, [None, Some(1), Some(2), Some(3), None]);
        assert_eq!(log.entries(12..=12)[0].term, 3);
    }

    #[test]
    fn terms_are_found_by_their_first_and_last_index() {
        let log = log(4, &[1, 2, 2, 2, 5]); // indices 5 to 9
        assert_eq!(log.first_index_of_term(2, 8), 6);
        assert_eq!(log.first_index_of_term(2, 7), 6);
        assert_eq!(log.first_index_of_term(1, 5), 5);
        assert_eq!(log.last_index_of_term(2, 9), Some(8));
        assert_eq!(log.last_index_of_term(2, 7), Some(7), "nothing beyond the limit counts");
        assert_eq!(log.last_index_of_term(1, 9), Some(5));
        assert_eq!(log.last_index_of_term(3, 9), None);
        assert_eq!(log.last_index_of_term(5, 8), None);
    }

    #[test]
    fn compaction_keeps_the_entries_after_the_index() {
        let mut log = log(4, &[1, 2, 3]);
        log.compact_to(6);
        assert_eq!((log.snapshot_index(), log.snapshot_term()), (6, 2));
        assert_eq!((log.last_index(), log.last_term()), (7, 3));
        log.compact_to(7);
        assert_eq!((log.last_index(), log.last_term()), (7, 3));
    }

    #[test]
    fn truncation_drops_the_entry_and_all_that_follow_it() {
        let mut log = log(4, &[1, 2, 3]);
        log.truncate_from(6);
        assert_eq!((log.last_index(), log.last_term()), (5, 1));
        log.truncate_from(6);
        assert_eq!(log.last_index(), 5, "nothing is there to drop");
    }

    #[test]
    #[should_panic(expected = "an entry of term 2 after one of term 3")]
    fn terms_never_fall_along_the_log() {
        log(0, &[3, 2]);
    }
}
