//! Bills, folded from what was recorded.

use crate::failure::Failure;
use crate::scan::{Part, Range};
use crate::service::Service;
use std::collections::BTreeMap;
use tollgate_core::{Bill, CardRef, Currency, Dimensions, Group, Name, Totals, bill};

impl Service {
    /// What `tenant` owes for `range`, and in which currency.
    ///
    /// # Errors
    /// [`Failure::RangePurged`] where the range cuts through an hour whose
    /// pages are purged.
    pub async fn bill(&self, tenant: &Name, range: Range) -> Result<(Bill, Currency), Failure> {
        let groups = self.fold(tenant, range, |groups: &mut BTreeMap<Group, Totals>, part| {
            let group = match &part {
                Part::Event(stored, _) => group(&stored.event.dimensions, &stored.card, stored.event.cost_override.is_some()),
                Part::Row(row, _) => group(&row.dimensions, &row.card, row.overridden),
            };
            let (_, totals) = part.totals();
            let mut totals = totals.into_owned();
            totals.tasks.clear();
            groups.entry(group).or_default().add(&totals)
        });
        let groups = groups.await?;
        let snapshot = self.snapshot(tenant).await?;
        let currency = snapshot.pack.config().currency.unwrap_or(Currency::USD);
        Ok((bill(currency, &groups, &snapshot.catalog)?, currency))
    }
}

fn group(at: &Dimensions, card: &CardRef, overridden: bool) -> Group {
    Group { operation: at.operation.clone(), tier: at.tier.clone(), card: card.clone(), overridden }
}
