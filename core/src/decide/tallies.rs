//! Counters while events are decided: what stands, and what was counted since.

use crate::decide::postings::{Amounts, Figures, Postings};
use crate::event::totals::Overflow;
use crate::ledger::attribute::Figure;
use crate::ledger::posting::Posting;
use crate::ledger::standing::Standing;
use crate::limit::counter::{Count, CounterKey};
use crate::money::amount::BOUND;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// Every counter that was touched so far. What `standing` does not hold is
/// taken as nothing.
pub(crate) struct Tallies<'a> {
    standing: &'a Standing,
    list: Vec<Tally>,
    /// Where the tallies are, once there are many.
    numbers: BTreeMap<CounterKey, usize>,
}

/// A counter while events are decided.
struct Tally {
    key: CounterKey,
    /// Mostly there is one.
    slots: SmallVec<[Slot; 1]>,
}

/// One figure of a counter. It is posted once it is counted.
struct Slot {
    figure: Figure,
    stood: Count,
    counted: bool,
    amount: i128,
    taken_max: i128,
}

/// Where a count is kept: the numbers of its tally, and of its slot there.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) tally: usize,
    slot: usize,
}

/// From a tally's number on, tallies are found by their keys.
const FEW: usize = 8;

impl<'a> Tallies<'a> {
    /// For about `counters` of them.
    pub(crate) fn new(standing: &'a Standing, counters: usize) -> Self {
        Self {
            standing,
            list: Vec::with_capacity(counters),
            numbers: BTreeMap::new(),
        }
    }

    fn slot(&self, place: Place) -> Option<&Slot> {
        self.list.get(place.tally)?.slots.get(place.slot)
    }

    /// The counter that a place is of.
    pub(crate) fn key(&self, place: Place) -> Option<&CounterKey> {
        self.list.get(place.tally).map(|tally| &tally.key)
    }

    /// What a place stands at, events admitted so far included.
    ///
    /// # Errors
    /// [`Overflow`] where it would leave its 38 digits.
    pub(crate) fn stands_at(&self, place: Place) -> Result<Option<Count>, Overflow> {
        let Some(slot) = self.slot(place) else {
            return Ok(None);
        };
        let used = slot.stood.used.checked_add(slot.amount).ok_or(Overflow)?;
        let held = slot.stood.held;
        Ok(Some(Count { used, held }))
    }

    /// What is taken of a place, events admitted so far included.
    pub(crate) fn taken(&self, place: Place) -> i128 {
        let taken = |slot: &Slot| slot.stood.taken().saturating_add(slot.amount);
        self.slot(place).map_or(0, taken)
    }

    /// Whether there is a tally of this number of which nothing is counted yet.
    pub(crate) fn is_new(&self, tally: usize) -> bool {
        let counts = |tally: &Tally| tally.slots.iter().any(|slot| slot.counted);
        self.list.get(tally).is_some_and(|tally| !counts(tally))
    }

    /// The counter that a place is of, and whether nothing is counted there yet.
    pub(crate) fn first_at(&self, place: Place) -> Option<(&CounterKey, bool)> {
        let tally = self.list.get(place.tally)?;
        let slot = tally.slots.get(place.slot)?;
        Some((&tally.key, !slot.counted))
    }

    fn find_tally(&self, key: &CounterKey) -> Option<usize> {
        if self.list.len() <= FEW {
            return self.list.iter().position(|tally| tally.key == *key);
        }
        self.numbers.get(key).copied()
    }

    fn make_tally(&mut self, key: CounterKey) -> usize {
        let number = self.list.len();
        if number == FEW {
            let known = self.list.iter().enumerate();
            self.numbers
                .extend(known.map(|(number, tally)| (tally.key.clone(), number)));
        }
        if number >= FEW {
            self.numbers.insert(key.clone(), number);
        }
        self.list.push(Tally {
            key,
            slots: SmallVec::new(),
        });
        number
    }

    /// The place of a figure of `key`, made if there is none.
    pub(crate) fn make_slot(&mut self, figure: &Figure, key: CounterKey) -> Option<Place> {
        let tally = match self.find_tally(&key) {
            Some(tally) => tally,
            None => self.make_tally(key),
        };
        let Tally { key, slots } = self.list.get_mut(tally)?;
        if let Some(slot) = slots.iter().position(|slot| slot.figure == *figure) {
            return Some(Place { tally, slot });
        }
        slots.push(Slot {
            figure: figure.clone(),
            stood: self.standing.count(key, figure),
            counted: false,
            amount: 0,
            taken_max: BOUND.saturating_sub(1),
        });
        Some(Place {
            tally,
            slot: slots.len().saturating_sub(1),
        })
    }

    /// Takes `amount` of a source that has `capacity`.
    pub(crate) fn take(&mut self, place: Place, amount: i128, capacity: i128) -> Option<Posting> {
        let tally = self.list.get_mut(place.tally)?;
        let slot = tally.slots.get_mut(place.slot)?;
        slot.counted = true;
        slot.amount = slot.amount.saturating_add(amount);
        slot.taken_max = slot.taken_max.min(capacity.saturating_sub(slot.amount));
        Some(Posting::used(
            tally.key.clone(),
            slot.figure.clone(),
            amount,
        ))
    }

    /// Counts what is requested of a place that stood at `count`. Where it
    /// would pass the next of `steps`, which ascend, the store is to refuse.
    pub(crate) fn count(&mut self, place: Place, count: Count, requested: i128, steps: &[i128]) {
        let tally = self.list.get_mut(place.tally);
        let Some(slot) = tally.and_then(|tally| tally.slots.get_mut(place.slot)) else {
            return;
        };
        slot.counted = true;
        // A named and an "each" series since one version share the figure;
        // both were read before either counted, so the first one counts.
        if slot.stood.used.saturating_add(slot.amount) == count.used {
            slot.amount = slot.amount.saturating_add(requested);
        }
        let sum = count.taken().saturating_add(requested);
        let next = steps.iter().copied().find(|step| sum <= *step);
        let most = next.unwrap_or(i128::MAX).min(BOUND.saturating_sub(1));
        slot.taken_max = slot.taken_max.min(most.saturating_sub(slot.amount));
    }

    /// What was counted, as it is posted.
    pub(crate) fn into_postings(self) -> Postings {
        let amounts = |slot: Slot| {
            let amounts = Amounts {
                used: slot.amount,
                taken_max: Some(slot.taken_max),
                ..Amounts::default()
            };
            (slot.figure, amounts)
        };
        let mut counters = Vec::with_capacity(self.list.len());
        for Tally { key, slots } in self.list {
            let mut figures = Figures::new();
            for slot in slots.into_iter().filter(|slot| slot.counted) {
                figures.push(amounts(slot));
            }
            if !figures.is_empty() {
                counters.push((key, figures));
            }
        }
        Postings::of_counters(counters)
    }
}
