//! Bills: what a tenant owes for a range, line by line, a pure function of
//! totals, rate cards and exchange rates.

use crate::bill::group::Group;
use crate::bill::line::{self, Charge, Line};
use crate::bill::volume::Volume;
use crate::event::name::Name;
use crate::event::quantities::Component;
use crate::event::totals::{Overflow, Totals};
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::price::catalog::Catalog;
use crate::time::instant::Instant;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The lines of a range and their sums.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bill {
    /// By operation, tier, card version, exchange rate and component.
    pub lines: Vec<Line>,
    /// Σ amount.
    pub subtotal: Amount,
    /// Σ (gross - discount): the same before rounding.
    pub unrounded: Amount,
    /// How many events the lines come from.
    pub events: i64,
}

/// Why a bill cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// An event names a card version that the catalog does not hold.
    #[error("rate card `{0}` version {1} is missing")]
    MissingCard(Name, u32),
    /// A sum left its range.
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// The bill for `groups` in `currency`.
///
/// Volume discounts, packages and minimums count the units of an operation and tier
/// over all groups given, older card versions first.
///
/// # Errors
/// [`BillError`] for a card version the catalog lacks and for sums out of range.
pub fn bill(
    currency: Currency,
    groups: &BTreeMap<Group, Totals>,
    catalog: &Catalog,
) -> Result<Bill, BillError> {
    let digits = currency.minor_digits();
    let mut bill = Bill {
        lines: Vec::new(),
        subtotal: Amount::ZERO,
        unrounded: Amount::ZERO,
        events: 0,
    };
    for ((operation, tier), mut versions) in by_operation(groups) {
        versions.sort_by_key(|(group, _)| (in_order(catalog, group), group.overridden));
        for (_, totals) in &versions {
            bill.events = bill.events.checked_add(totals.events).ok_or(Overflow)?;
        }
        bill.lines.extend(operation_lines(
            (operation, tier),
            &versions,
            catalog,
            digits,
        )?);
    }
    for line in &bill.lines {
        bill.unrounded = bill.unrounded.checked_add(line.net()?).ok_or(Overflow)?;
        bill.subtotal = bill.subtotal.checked_add(line.amount).ok_or(Overflow)?;
    }
    Ok(bill)
}

type Versions<'a> = Vec<(&'a Group, &'a Totals)>;

fn by_operation(groups: &BTreeMap<Group, Totals>) -> BTreeMap<(&Name, &Name), Versions<'_>> {
    let mut map: BTreeMap<(&Name, &Name), Versions<'_>> = BTreeMap::new();
    for (group, totals) in groups {
        map.entry((&group.operation, &group.tier))
            .or_default()
            .push((group, totals));
    }
    map
}

/// When a card version came into force, then when it was put, then from which size of
/// inputs on.
fn in_order(catalog: &Catalog, group: &Group) -> Option<(Instant, u64, u64)> {
    let by = group.card.as_ref()?;
    let card = catalog.card(by.id.as_str(), Some(by.version))?;
    Some((card.effective_from, card.sequence, by.over))
}

/// The lines of one operation at one tier.
fn operation_lines(
    (operation, tier): (&Name, &Name),
    versions: &[(&Group, &Totals)],
    catalog: &Catalog,
    digits: u32,
) -> Result<Vec<Line>, BillError> {
    let mut lines = Vec::new();
    let mut volume = Volume {
        before: 0,
        packaged: 0,
        total: units_sold(versions)?,
    };
    let mut least = None;
    for (group, totals) in versions {
        let Some(by) = &group.card else {
            let events = (totals.events, i128::from(totals.events));
            let nothing = Line::lump((group, Charge::Unpriced), events, Amount::ZERO, digits);
            lines.extend((totals.events != 0).then_some(nothing));
            continue;
        };
        let card = catalog.card(by.id.as_str(), Some(by.version));
        let prices = card.and_then(|card| card.operations.get(operation));
        let minimum = prices.and_then(|prices| prices.minimum);
        least = minimum.map(|minimum| (*group, by, minimum));
        if group.overridden {
            let share = prices.and_then(|prices| prices.percentage);
            lines.extend(line::given(group, totals, share, digits)?);
            continue;
        }
        let card = card.ok_or_else(|| BillError::MissingCard(by.id.clone(), by.version))?;
        let class = prices.and_then(|prices| card.class(prices, tier, by.over));
        if let Some(class) = &class {
            lines.extend(line::lines(group, totals, class, volume, digits)?);
        }
        let units = totals.priced_by(Component::Unit);
        volume.before = volume.before.checked_add(units).ok_or(Overflow)?;
        if class.is_some_and(|class| class.packages().is_some()) {
            volume.packaged = volume.packaged.checked_add(units).ok_or(Overflow)?;
        }
    }
    let is_used = |(group, totals): &(&Group, &Totals)| group.card.is_some() && totals.events != 0;
    let is_used = versions.iter().any(is_used);
    if let Some((group, by, minimum)) = least.filter(|_| is_used) {
        let minimum = by.exchange.map_or(Some(minimum), |by| by.convert(minimum));
        let missing = missing(minimum.ok_or(Overflow)?, &lines)?;
        let missing = missing.map(|of| Line::lump((group, Charge::Minimum), (0, 1), of, digits));
        lines.extend(missing);
    }
    Ok(lines)
}

/// The units that a card prices: neither prices of their own do, nor does nothing.
fn units_sold(versions: &[(&Group, &Totals)]) -> Result<i128, Overflow> {
    let is_sold = |(group, _): &&(&Group, &Totals)| group.card.is_some() && !group.overridden;
    let sold = versions.iter().filter(is_sold);
    let units = |(_, totals): &(&Group, &Totals)| totals.priced_by(Component::Unit);
    sold.map(units)
        .try_fold(0_i128, i128::checked_add)
        .ok_or(Overflow)
}

/// What `lines` lack of `minimum`.
fn missing(minimum: Amount, lines: &[Line]) -> Result<Option<Amount>, Overflow> {
    let mut missing = minimum;
    for line in lines {
        missing = missing.checked_sub(line.net()?).ok_or(Overflow)?;
    }
    Ok(Some(missing).filter(|missing| *missing > Amount::ZERO))
}
