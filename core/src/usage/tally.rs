//! Totals with who was seen.

use crate::event::totals::{Overflow, Totals};
use crate::usage::members::Members;
use crate::usage::place::Place;
use serde::{Deserialize, Serialize};

/// Totals with who was seen, as numbers of one [`crate::Roster`].
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// The sums.
    pub totals: Totals,
    /// Distinct agents.
    pub agents: Members,
    /// Distinct consumers.
    pub consumers: Members,
    /// Distinct tasks among the events that name one.
    pub tasks: Members,
}

impl Tally {
    /// Adds `other`.
    ///
    /// # Errors
    /// [`Overflow`], which leaves `self` in an unspecified state.
    pub fn add(&mut self, other: &Self) -> Result<(), Overflow> {
        self.agents.extend(&other.agents);
        self.consumers.extend(&other.consumers);
        self.tasks.extend(&other.tasks);
        self.totals.add(&other.totals)
    }

    /// Adds those that `place` names.
    pub fn see(&mut self, place: &Place) {
        let sets = [
            (&mut self.agents, place.agent),
            (&mut self.consumers, place.consumer),
            (&mut self.tasks, place.task),
        ];
        sets.into_iter()
            .for_each(|(set, number)| number.into_iter().for_each(|number| set.insert(number)));
    }

    /// Distinct tasks, and the events without one that are not voided.
    #[must_use]
    pub fn total_tasks(&self) -> u64 {
        self.tasks
            .count()
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
