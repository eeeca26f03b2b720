//! Bills, folded from what was recorded.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use crate::usage::scan::Ask;
use std::collections::BTreeMap;
use tollgate_core::{
    Bill, Currency, Dimension, Group, Name, Place, Range, Roster, Tally, Totals, View, bill,
};

impl Service {
    /// What `tenant` owes for `range`, and in which currency.
    ///
    /// # Errors
    /// [`Failure::RangePurged`] where the range cuts through an hour whose
    /// pages are purged.
    pub async fn bill(&self, tenant: &Name, range: Range) -> Result<(Bill, Currency), Failure> {
        let ask = Ask {
            view: View::Use,
            hourly: false,
            people: false,
        };
        let begin = |_: &mut Roster| Ok(BTreeMap::new());
        let add =
            |groups: &mut BTreeMap<Group, Totals>, _, place: &Place, tally: &Tally| match group(
                place,
            ) {
                Some(group) => groups.entry(group).or_default().add(&tally.totals),
                None => Ok(()),
            };
        let (groups, _) = self.gather(tenant, range, ask, begin, add).await?;
        let snapshot = self.snapshot(tenant).await?;
        let currency = snapshot.rules.config().currency.unwrap_or(Currency::USD);
        let named = groups.keys().filter_map(|group| group.card.as_ref());
        let catalog = self.find_cards(&snapshot.catalog, named).await?;
        Ok((bill(currency, &groups, &catalog)?, currency))
    }
}

/// What is billed apart; rows of [`View::Use`] always say.
fn group(place: &Place) -> Option<Group> {
    Some(Group {
        operation: place.name(Dimension::Operation).cloned()?,
        tier: place.name(Dimension::Tier).cloned()?,
        card: place.card.clone(),
        overridden: place.overridden,
    })
}
