//! Totals of a tenant's use over a range, from events and rollups alike.

use crate::event::dimension::Dimension;
use crate::event::name::Name;
use crate::event::totals::Overflow;
use crate::usage::place::Place;
use crate::usage::tally::Tally;
use alloc::collections::BTreeMap;

/// What was used, in total and by operation and tier, agents, consumers and
/// tasks as numbers of one [`crate::Roster`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Everything.
    pub tally: Tally,
    /// Events by operation, where rows keep it.
    pub operations: BTreeMap<Name, i64>,
    /// Events by tier, where rows keep it.
    pub tiers: BTreeMap<Name, i64>,
}

impl Usage {
    /// Adds what was used in one place.
    ///
    /// # Errors
    /// [`Overflow`] where a total leaves its range.
    pub fn add(&mut self, place: &Place, tally: &Tally) -> Result<(), Overflow> {
        self.tally.see(place);
        self.tally.add(tally)?;
        for (counts, dimension) in [
            (&mut self.operations, Dimension::Operation),
            (&mut self.tiers, Dimension::Tier),
        ] {
            let Some(name) = place.name(dimension) else {
                continue;
            };
            let count = counts.entry(name.clone()).or_default();
            *count = count.checked_add(tally.totals.events).ok_or(Overflow)?;
        }
        Ok(())
    }
}
