//! Bills: what a tenant owes for a range, line by line, a pure function of
//! totals, rate cards and exchange rates.

use crate::event::name::Name;
use crate::event::quantities::Component;
use crate::event::totals::{Overflow, Totals};
use crate::money::amount::{Amount, ONE};
use crate::money::currency::Currency;
use crate::money::rate::{Rate, gcd, mul_div, round_half_even};
use crate::price::card::{DiscountMode, Operation, VolumeDiscount};
use crate::price::catalog::{CardRef, Catalog};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// What totals are billed by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Group {
    /// What was used.
    pub operation: Name,
    /// Its price class.
    pub tier: Name,
    /// The version that priced it, and the exchange rate that converted it.
    pub card: CardRef,
    /// Whether the cost was given with the events instead.
    pub overridden: bool,
}

/// One line: one component of one operation at one tier by one card version and
/// exchange rate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Where it comes from.
    pub group: Group,
    /// What is charged for; `None` = the override.
    pub component: Option<Component>,
    /// How many events.
    pub count: i64,
    /// How much of the component.
    pub quantity: i128,
    /// The price of one at this tier, converted; `None` for overrides.
    pub rate: Option<Rate>,
    /// `quantity x rate`, unrounded.
    pub gross: Amount,
    /// Taken off by volume, unrounded.
    pub discount: Amount,
    /// `gross - discount`, rounded half-even once, to the minor unit.
    pub amount: Amount,
}

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
/// Volume discounts count the units of an operation and tier over all groups
/// given, older card versions first.
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
        versions.sort_by_key(|(group, _)| (in_order(catalog, &group.card), group.overridden));
        let billed = versions.iter().filter(|(group, _)| !group.overridden);
        let total = billed.fold(0_i128, |sum, (_, totals)| {
            sum.saturating_add(totals.priced_by(Component::Unit))
        });
        let mut before = 0_i128;
        for (group, totals) in versions {
            bill.events = bill.events.checked_add(totals.events).ok_or(Overflow)?;
            if group.overridden {
                let is_empty = totals.events == 0 && totals.cost.is_zero();
                if !is_empty {
                    bill.lines.push(override_line(group, totals, digits)?);
                }
                continue;
            }
            let card = catalog.card(group.card.id.as_str(), Some(group.card.version));
            let card = card
                .ok_or_else(|| BillError::MissingCard(group.card.id.clone(), group.card.version))?;
            let factor = card.tiers.get(tier).copied();
            if let (Some(prices), Some(factor)) = (card.operations.get(operation), factor) {
                let volume = Volume { before, total };
                bill.lines
                    .extend(lines(group, totals, prices, factor, volume, digits)?);
            }
            before = before
                .checked_add(totals.priced_by(Component::Unit))
                .ok_or(Overflow)?;
        }
    }
    for line in &bill.lines {
        let net = line.gross.checked_sub(line.discount).ok_or(Overflow)?;
        bill.unrounded = bill.unrounded.checked_add(net).ok_or(Overflow)?;
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

/// When a card version came into force, then when it was put.
fn in_order(catalog: &Catalog, card: &CardRef) -> Option<(crate::time::instant::Instant, u64)> {
    catalog
        .card(card.id.as_str(), Some(card.version))
        .map(|card| (card.effective_from, card.sequence))
}

fn override_line(group: &Group, totals: &Totals, digits: u32) -> Result<Line, Overflow> {
    let gross = totals.cost()?;
    Ok(Line {
        group: group.clone(),
        component: None,
        count: totals.events,
        quantity: i128::from(totals.events),
        rate: None,
        gross,
        discount: Amount::ZERO,
        amount: gross.rounded(digits),
    })
}

/// Where a group's units lie among all units of its operation and tier.
#[derive(Clone, Copy)]
struct Volume {
    before: i128,
    total: i128,
}

fn lines(
    group: &Group,
    totals: &Totals,
    prices: &Operation,
    tier: crate::price::card::Factor,
    volume: Volume,
    digits: u32,
) -> Result<Vec<Line>, Overflow> {
    let mut lines = Vec::new();
    for (component, rate) in prices.rates(tier, group.card.exchange) {
        let quantity = prices.billed(component, totals);
        if quantity == 0 {
            continue;
        }
        let rate = rate.ok_or(Overflow)?;
        let gross = rate.times(quantity).ok_or(Overflow)?;
        let charged = match component {
            Component::Unit => charged(prices, quantity, volume),
            _ => Some(Charged {
                weight: quantity,
                of: 1,
            }),
        };
        let charged = charged.ok_or(Overflow)?;
        let net = charged.at(rate, 18).ok_or(Overflow)?;
        let amount = charged.at(rate, digits).ok_or(Overflow)?;
        let discount = gross.checked_sub(net).ok_or(Overflow)?;
        let (group, count) = (group.clone(), totals.events);
        lines.push(Line {
            group,
            component: Some(component),
            count,
            quantity,
            rate: Some(rate),
            gross,
            discount,
            amount,
        });
    }
    Ok(lines)
}

/// The quantity that is left to pay after discounts: `weight / of`, exactly.
#[derive(Clone, Copy)]
struct Charged {
    weight: i128,
    of: i128,
}

impl Charged {
    /// Its price at `rate`, rounded once, half-even, to `digits`.
    fn at(self, rate: Rate, digits: u32) -> Option<Amount> {
        let step = 10_u128.checked_pow(18_u32.checked_sub(digits)?)?;
        let divisor = u128::try_from(rate.denominator.checked_mul(self.of)?).ok()?;
        let (quotient, rest) = mul_div(
            u128::try_from(rate.numerator).ok()?,
            self.weight.unsigned_abs(),
            divisor,
        )?;
        let steps = round_half_even(quotient, rest, divisor, step)?;
        let units = i128::try_from(steps.checked_mul(step)?).ok()?;
        Amount::from_units(units.checked_mul(self.weight.signum())?)
    }
}

fn charged(prices: &Operation, quantity: i128, volume: Volume) -> Option<Charged> {
    let steps = &prices.volume_discounts;
    // Discounts as whole parts of the least common `of`.
    let divisor = steps
        .iter()
        .fold(ONE, |divisor, step| gcd(divisor, step.discount.units()));
    let of = ONE.checked_div(divisor)?;
    let parts = |step: &VolumeDiscount| step.discount.units().checked_div(divisor);
    let mut weight = quantity.checked_mul(of)?;
    for (step, slice) in discounted(prices, quantity, volume)? {
        weight = weight.checked_sub(slice.checked_mul(parts(step)?)?)?;
    }
    Some(Charged { weight, of })
}

/// The discounts that apply, each with the quantity that gets it.
fn discounted(
    prices: &Operation,
    quantity: i128,
    volume: Volume,
) -> Option<Vec<(&VolumeDiscount, i128)>> {
    let steps = &prices.volume_discounts;
    match prices.discount_mode {
        DiscountMode::Volume => {
            let reached = steps
                .iter()
                .rfind(|step| i128::from(step.from) <= volume.total);
            Some(reached.map(|step| (step, quantity)).into_iter().collect())
        }
        DiscountMode::Graduated => {
            let end = volume.before.checked_add(quantity)?;
            let nexts = steps
                .iter()
                .skip(1)
                .map(|step| i128::from(step.from))
                .chain([i128::MAX]);
            let slice = |(step, next): (_, i128)| {
                let step: &VolumeDiscount = step;
                let within = |at: i128| at.max(i128::from(step.from)).min(next);
                (step, within(end).saturating_sub(within(volume.before)))
            };
            Some(steps.iter().zip(nexts).map(slice).collect())
        }
    }
}
