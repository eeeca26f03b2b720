//! Totals with who was seen.

use crate::event::dimension::Counted;
use crate::event::totals::{Overflow, Totals};
use crate::usage::members::Members;
use crate::usage::place::Place;
use serde::{Deserialize, Serialize};

/// Totals with who was seen, as numbers of one [`crate::Roster`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// The sums.
    pub totals: Totals,
    /// Those seen, in the order of [`Counted::ALL`]; of tasks, those of the events
    /// that name one.
    pub seen: [Members; Counted::COUNT],
}

impl Tally {
    /// Adds `other`.
    ///
    /// # Errors
    /// [`Overflow`], which leaves `self` in an unspecified state.
    pub fn add(&mut self, other: &Self) -> Result<(), Overflow> {
        let sets = self.seen.iter_mut().zip(&other.seen);
        sets.for_each(|(set, more)| set.extend(more));
        self.totals.add(&other.totals)
    }

    /// Adds those that `place` names.
    pub fn see(&mut self, place: &Place) {
        for (set, number) in self.seen.iter_mut().zip(place.numbers) {
            number.into_iter().for_each(|number| set.insert(number));
        }
    }

    /// How many distinct ones were seen.
    #[must_use]
    pub fn distinct(&self, of: Counted) -> u64 {
        let mut sets = Counted::ALL.into_iter().zip(&self.seen);
        let set = sets.find(|(counted, _)| *counted == of);
        set.map_or(0, |(_, set)| set.count())
    }

    /// Distinct tasks, and the events without one that are not voided.
    #[must_use]
    pub fn total_tasks(&self) -> u64 {
        self.distinct(Counted::Task)
            .saturating_add_signed(self.totals.taskless)
    }
}

impl From<Totals> for Tally {
    fn from(totals: Totals) -> Self {
        Self {
            totals,
            ..Self::default()
        }
    }
}
