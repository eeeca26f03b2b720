//! What counters were read to hold.

use crate::ledger::attribute::{Figure, Reading};
use crate::ledger::posting::Posting;
use crate::limit::counter::{Count, CounterKey};
use crate::limit::scope::Scope;
use alloc::collections::BTreeMap;

/// What counters stood at when they were read. What is not in it stood at
/// nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Standing(BTreeMap<CounterKey, Reading>);

impl Standing {
    /// Nothing was read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what `counter` was read to hold.
    pub fn insert(&mut self, counter: CounterKey, reading: Reading) {
        self.0.insert(counter, reading);
    }

    /// What `counter` was read to hold; `None` = it was not read, or holds nothing.
    #[must_use]
    pub fn reading(&self, counter: &CounterKey) -> Option<&Reading> {
        self.0.get(counter)
    }

    /// What it was read to hold, to be changed.
    pub fn reading_mut(&mut self, counter: CounterKey) -> &mut Reading {
        self.0.entry(counter).or_default()
    }

    /// What `counter` stands at in one figure.
    #[must_use]
    pub fn count(&self, counter: &CounterKey, figure: &Figure) -> Count {
        let reading = self.reading(counter);
        reading
            .and_then(|reading| reading.counts.get(figure))
            .copied()
            .unwrap_or_default()
    }

    /// Takes off what `posting` posted, as far as the counter was read.
    pub fn undo(&mut self, posting: &Posting) {
        let reading = self.0.get_mut(&posting.counter);
        if let Some(count) = reading.and_then(|reading| reading.counts.get_mut(&posting.figure)) {
            count.used = count.used.saturating_sub(posting.used);
            count.held = count.held.saturating_sub(posting.held);
        }
    }

    /// Whether anything is held of any counter.
    #[must_use]
    pub fn holds_any(&self) -> bool {
        let mut counts = self.0.values().flat_map(|reading| reading.counts.values());
        counts.any(|count| count.held != 0)
    }

    /// By counter.
    pub fn iter(&self) -> impl Iterator<Item = (&CounterKey, &Reading)> {
        self.0.iter()
    }

    /// How many sources of credit it holds.
    #[must_use]
    pub fn sources(&self) -> usize {
        self.0
            .keys()
            .filter(|counter| counter.scope == Scope::Credit)
            .count()
    }
}

impl FromIterator<(CounterKey, Reading)> for Standing {
    fn from_iter<I: IntoIterator<Item = (CounterKey, Reading)>>(readings: I) -> Self {
        Self(readings.into_iter().collect())
    }
}
