//! Lines of a bill.

use crate::bill::group::Group;
use crate::bill::volume::{Charged, Volume, begun, discounted};
use crate::event::quantities::Component;
use crate::event::totals::{Overflow, Totals};
use crate::money::amount::{Amount, ONE};
use crate::money::rate::Rate;
use crate::price::class::Class;
use crate::price::operation::Price;
use crate::words::words;
use alloc::vec::Vec;

/// One line: one component of one operation at one tier by one card version, `over`
/// and exchange rate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Where it comes from.
    pub group: Group,
    /// What is charged for.
    pub item: Item,
    /// How many events.
    pub count: i64,
    /// How much of it.
    pub quantity: i128,
    /// The price of one at this tier, converted; `None` where there is none.
    pub rate: Option<Rate>,
    /// `quantity x rate`, unrounded.
    pub gross: Amount,
    /// Taken off by volume, unrounded.
    pub discount: Amount,
    /// `gross - discount`, rounded half-even once, to the minor unit.
    pub amount: Amount,
}

/// What a line is charged for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Item {
    /// A component.
    Component(Component),
    /// Something else.
    Charge(Charge),
}

words! {
    /// What a line is charged for that is no component of an event.
    pub enum Charge {
        /// Packages of units.
        Package = "package",
        /// Prices that came with the events.
        Override = "override",
        /// A share of those.
        Percentage = "percentage",
        /// What is missing to the least that is asked for.
        Minimum = "minimum",
        /// Nothing, since nothing had a price for it.
        Unpriced = "unpriced",
    }
}

impl Line {
    /// `quantity` of `item` for `gross`, without a price of one.
    pub(super) fn lump(
        (group, item): (&Group, Charge),
        (count, quantity): (i64, i128),
        gross: Amount,
        digits: u32,
    ) -> Self {
        Self {
            group: group.clone(),
            item: Item::Charge(item),
            count,
            quantity,
            rate: None,
            gross,
            discount: Amount::ZERO,
            amount: gross.rounded(digits),
        }
    }

    /// What is left of it, unrounded.
    pub(super) fn net(&self) -> Result<Amount, Overflow> {
        self.gross.checked_sub(self.discount).ok_or(Overflow)
    }
}

/// The lines of what was used by prices that came with the events, of which `share` was
/// charged on top.
pub(super) fn given(
    group: &Group,
    totals: &Totals,
    share: Option<Amount>,
    digits: u32,
) -> Result<Vec<Line>, Overflow> {
    let cost = totals.cost()?;
    if totals.events == 0 && cost == Amount::ZERO {
        return Ok(Vec::new());
    }
    let events = (totals.events, i128::from(totals.events));
    let on_top = share.filter(|share| *share != Amount::ZERO);
    let on_top = on_top.map(|share| {
        let whole = share.units().checked_add(ONE)?;
        Rate::new(share.units(), whole)?.times(cost.units())
    });
    let Some(on_top) = on_top else {
        return Ok(alloc::vec![Line::lump(
            (group, Charge::Override),
            events,
            cost,
            digits
        )]);
    };
    let on_top = on_top.ok_or(Overflow)?;
    let bare = cost.checked_sub(on_top).ok_or(Overflow)?;
    Ok(alloc::vec![
        Line::lump((group, Charge::Override), events, bare, digits),
        Line::lump((group, Charge::Percentage), events, on_top, digits),
    ])
}

/// The lines of what was used at the prices of `class`.
pub(super) fn lines(
    group: &Group,
    totals: &Totals,
    class: &Class<'_>,
    volume: Volume,
    digits: u32,
) -> Result<Vec<Line>, Overflow> {
    let exchange = group.card.as_ref().and_then(|card| card.exchange);
    let charged = class.charged(totals.quantities);
    let mut lines = Vec::new();
    for (component, price) in class.prices() {
        let used = charged.of(component);
        let packages = class.packages().filter(|_| component == Component::Unit);
        let (item, quantity, price) = match packages {
            Some(packages) => {
                let begun = begun(packages, used, volume).ok_or(Overflow)?;
                let price = Price {
                    amount: packages.price,
                    per: 1,
                };
                (Item::Charge(Charge::Package), begun, price)
            }
            None => (Item::Component(component), used, price),
        };
        if quantity == 0 {
            continue;
        }
        let rate = class.rate(price, exchange).ok_or(Overflow)?;
        let gross = rate.times(quantity).ok_or(Overflow)?;
        let whole = Some(Charged {
            weight: quantity,
            of: 1,
        });
        let charged = match item {
            Item::Component(Component::Unit) => discounted(class.operation, quantity, volume),
            Item::Component(_) | Item::Charge(_) => whole,
        };
        let charged = charged.ok_or(Overflow)?;
        let net = charged.at(rate, 18).ok_or(Overflow)?;
        lines.push(Line {
            group: group.clone(),
            item,
            count: totals.events,
            quantity,
            rate: Some(rate),
            gross,
            discount: gross.checked_sub(net).ok_or(Overflow)?,
            amount: charged.at(rate, digits).ok_or(Overflow)?,
        });
    }
    Ok(lines)
}
