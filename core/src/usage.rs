//! Totals of a tenant's use over a range, from events and rollups alike.

use crate::Name;
use crate::totals::{Dimensions, Overflow, Totals};
use alloc::collections::{BTreeMap, BTreeSet};

/// What was used, in total and by operation and tier.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Everything.
    pub totals: Totals,
    /// Events by operation.
    pub operations: BTreeMap<Name, u64>,
    /// Events by tier.
    pub tiers: BTreeMap<Name, u64>,
    /// The agents seen.
    pub agents: BTreeSet<Name>,
    /// The consumers seen.
    pub consumers: BTreeSet<Name>,
}

impl Usage {
    /// Adds what was used in one place.
    ///
    /// # Errors
    /// [`Overflow`] where a total leaves its range.
    pub fn add(&mut self, at: &Dimensions, totals: &Totals) -> Result<(), Overflow> {
        self.totals.add(totals)?;
        for (counts, name) in [(&mut self.operations, &at.operation), (&mut self.tiers, &at.tier)] {
            let count = counts.entry(name.clone()).or_default();
            *count = count.checked_add(totals.events).ok_or(Overflow)?;
        }
        self.agents.extend(at.agent.iter().cloned());
        self.consumers.extend(at.consumer.iter().cloned());
        Ok(())
    }
}
