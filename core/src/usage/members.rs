//! Sets of numbers: which agents, consumers or tasks of a roster were seen.

use alloc::vec::Vec;
use roaring::RoaringBitmap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of roster numbers, compressed. Union is associative, commutative and
/// idempotent, which makes distinct counts exact over any split.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Members(RoaringBitmap);

impl Eq for Members {}

impl Members {
    /// Adds one.
    pub fn insert(&mut self, number: u32) {
        self.0.insert(number);
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: &Self) {
        if !other.0.is_empty() {
            self.0 |= &other.0;
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter()
    }

    /// The same as sets of at most `size` numbers each; none for an empty set.
    #[must_use]
    pub fn parts(&self, size: usize) -> Vec<Self> {
        let all: Vec<u32> = self.iter().collect();
        all.chunks(size.max(1))
            .map(|part| part.iter().copied().collect())
            .collect()
    }

    /// The runs of neighbours as gap (from the end of the run before) and
    /// length less one, alternating.
    fn runs(&self) -> Vec<u32> {
        let mut runs = Vec::new();
        let (mut from, mut end) = (0_u32, None);
        for number in self.iter() {
            if let Some(last) = runs.last_mut().filter(|_| end == Some(number)) {
                *last = u32::saturating_add(*last, 1);
            } else {
                runs.extend([number.saturating_sub(from), 0]);
            }
            end = number.checked_add(1);
            from = number;
        }
        runs
    }

    fn of_runs(runs: &[u32]) -> Option<Self> {
        let mut set = RoaringBitmap::new();
        let mut from = 0_u32;
        for run in runs.chunks(2) {
            let [gap, more] = run else { return None };
            let first = from.checked_add(*gap)?;
            from = first.checked_add(*more)?;
            set.insert_range(first..=from);
        }
        Some(Self(set))
    }
}

impl FromIterator<u32> for Members {
    fn from_iter<I: IntoIterator<Item = u32>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

/// Runs of neighbours, so that a set that misses few costs few bytes.
impl Serialize for Members {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.runs().serialize(to)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let runs = Vec::<u32>::deserialize(from)?;
        Self::of_runs(&runs).ok_or_else(|| serde::de::Error::custom("a set of numbers is damaged"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_as_it_was_written_and_runs_cost_little() {
        let max = u32::MAX;
        for numbers in [
            vec![],
            vec![0],
            vec![max],
            vec![0, max],
            vec![5, 6, 7, 9, 11, 12],
            vec![max - 1, max],
        ] {
            let set: Members = numbers.iter().copied().collect();
            let bytes = postcard::to_allocvec(&set).unwrap();
            let read: Members = postcard::from_bytes(&bytes).unwrap();
            assert_eq!((read.iter().collect::<Vec<_>>(), read), (numbers, set));
        }
        let dense: Members = (0..10_000).filter(|number| number % 100 != 7).collect();
        assert!(postcard::to_allocvec(&dense).unwrap().len() < 300);
        assert!(
            postcard::from_bytes::<Members>(&postcard::to_allocvec(&vec![1_u32, max]).unwrap())
                .is_err()
        );
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let set: Members = (0..10).collect();
        let parts = set.parts(4);
        assert_eq!(
            parts.iter().map(Members::count).collect::<Vec<_>>(),
            [4, 4, 2]
        );
        let mut sum = Members::default();
        parts.iter().for_each(|part| sum.extend(part));
        assert_eq!(sum, set);
    }

    extern crate std;
    use alloc::vec;
}
