//! The prices that hold for an event: its operation's, at its tier, for its size.

use crate::event::name::Name;
use crate::event::quantities::{Component, Quantities, Table};
use crate::money::amount::Amount;
use crate::money::rate::{Rate, mul_div};
use crate::price::card::Card;
use crate::price::exchange::ExchangeRate;
use crate::price::factor::Factor;
use crate::price::operation::{Operation, Over, Packages, Price, Prices, Tier};

/// The prices that hold for an event of one operation, tier and size.
#[derive(Clone, Copy, Debug)]
pub struct Class<'a> {
    /// The operation that they are of.
    pub operation: &'a Operation,
    /// What all of them are multiplied by.
    pub factor: Factor,
    /// From how many `tokens_in` on they hold: the greatest `over` that is reached;
    /// 0 = from none on.
    pub over: u64,
    prices: Table<Option<Price>>,
    /// Whether units are sold in packages here.
    packages: Option<Packages>,
}

/// Why a class has no cost for what was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Uncosted {
    /// Tokens were used that it has no price for, though it has one for others.
    Unpriced(Component),
    /// The cost is beyond what an amount holds.
    Range,
}

impl Card {
    /// The prices of `operation` at `tier` for events of `tokens_in`; `None` where
    /// neither the operation nor the card has the tier. A price takes the place of
    /// another in this order: the operation's, those of its `over`, the tier's own,
    /// those of the tier's `over`.
    #[must_use]
    pub fn class<'a>(
        &self,
        operation: &'a Operation,
        tier: &Name,
        tokens_in: u64,
    ) -> Option<Class<'a>> {
        let own = operation.tiers.get(tier);
        let factor = match own {
            Some(Tier::Factor(factor)) => *factor,
            Some(Tier::Prices { .. }) => Factor::ONE,
            None => *self.tiers.get(tier)?,
        };
        let packages = operation.packages;
        let mut class = Class {
            operation,
            factor,
            over: 0,
            prices: Table([None; Component::COUNT]),
            packages,
        };
        class.place(&operation.prices);
        let unit = packages.map(Packages::price);
        if let Some(unit) = unit {
            class.prices.set(Component::Unit, Some(unit));
        }
        class.place_over(&operation.over, tokens_in);
        if let Some(Tier::Prices { prices, over }) = own {
            class.place(prices);
            class.place_over(over, tokens_in);
        }
        class.packages = packages.filter(|_| class.prices.of(Component::Unit) == unit);
        Some(class)
    }
}

impl Class<'_> {
    fn place(&mut self, prices: &Prices) {
        for (component, price) in prices {
            self.prices.set(*component, Some(*price));
        }
    }

    fn place_over(&mut self, over: &[Over], tokens_in: u64) {
        let reached = over.iter().filter(|over| over.from() <= tokens_in);
        if let Some(greatest) = reached.max_by_key(|over| over.from()) {
            self.over = self.over.max(greatest.from());
            self.place(&greatest.prices);
        }
    }

    /// Its packages of units, where they are sold so.
    #[must_use]
    pub fn packages(&self) -> Option<Packages> {
        self.packages
    }

    /// The price of each component that has one.
    pub fn prices(&self) -> impl Iterator<Item = (Component, Price)> + '_ {
        let prices = self.prices.iter();
        prices.filter_map(|(component, price)| Some((component, price?)))
    }

    /// The price of each component that has one, times the factor where that can be told
    /// as an amount of 18 digits for the same number, else as it is listed.
    pub fn prices_at_tier(&self) -> impl Iterator<Item = (Component, Price)> + '_ {
        self.prices().map(|(component, price)| {
            let times = price.amount.units().checked_div(1000);
            let times = times.and_then(|units| units.checked_mul(self.factor.thousandths()));
            let amount = times.and_then(Amount::from_units).unwrap_or(price.amount);
            (component, Price { amount, ..price })
        })
    }

    /// What one costs at `price`, converted by `exchange`; `None` out of range.
    #[must_use]
    pub fn rate(&self, price: Price, exchange: Option<ExchangeRate>) -> Option<Rate> {
        let rate = price.rate(self.factor)?;
        exchange.map_or(Some(rate), |exchange| rate.converted(exchange.rate))
    }

    /// How much each component is charged for, of what was used: what has no price
    /// of its own with what it costs the same as. For sums over events of the class
    /// the same as for each of them, since it is linear.
    #[must_use]
    pub fn charged(&self, used: Table<i128>) -> Table<i128> {
        let mut left = used;
        for (part, count) in used.iter().filter(|(_, count)| *count != 0) {
            if let Some(whole) = part.whole() {
                left.set(whole, left.of(whole).saturating_sub(count));
            }
        }
        // What another costs the same as comes before it.
        for component in Component::ALL.into_iter().rev() {
            let count = left.of(component);
            let unpriced = count != 0 && self.prices.of(component).is_none();
            if let Some(other) = component.priced_as().filter(|_| unpriced) {
                left.set(other, left.of(other).saturating_add(count));
                left.set(component, 0);
            }
        }
        left
    }

    /// Tokens that are charged for but have no price, where other tokens have one.
    fn unpriced(&self, charged: &Table<i128>) -> Option<Component> {
        let lacks = |component: &Component| {
            charged.of(*component) != 0 && self.prices.of(*component).is_none()
        };
        let mut lacking = [Component::TokenIn, Component::TokenOut]
            .into_iter()
            .filter(lacks);
        let first = lacking.next()?;
        self.prices_tokens().then_some(first)
    }

    /// Whether it has a price for tokens in or out, or for a part of them.
    #[must_use]
    pub fn prices_tokens(&self) -> bool {
        self.prices().any(|(component, _)| {
            let whole = component.whole().unwrap_or(component);
            matches!(whole, Component::TokenIn | Component::TokenOut)
        })
    }

    /// The cost of `used`: each component's price times its quantity, times the
    /// factor, converted by `exchange`, summed exactly and rounded up once at 1e-18.
    /// Tokens without a price are free where `free` says so.
    ///
    /// # Errors
    /// [`Uncosted`] where they are not, and out of range.
    pub fn cost(
        &self,
        exchange: Option<ExchangeRate>,
        used: &Quantities,
        free: bool,
    ) -> Result<Amount, Uncosted> {
        let charged = self.charged(used.to_table().map(i128::from));
        if let Some(component) = self.unpriced(&charged).filter(|_| !free) {
            return Err(Uncosted::Unpriced(component));
        }
        self.sum(exchange, &charged).ok_or(Uncosted::Range)
    }

    fn sum(&self, exchange: Option<ExchangeRate>, charged: &Table<i128>) -> Option<Amount> {
        let mut whole = 0_i128;
        let mut rest = Rate::ZERO;
        for (component, quantity) in charged.iter().filter(|(_, count)| *count != 0) {
            let Some(price) = self.prices.of(component) else {
                continue;
            };
            let Rate {
                numerator,
                denominator,
            } = self.rate(price, exchange)?;
            let (quotient, part) = mul_div(
                u128::try_from(numerator).ok()?,
                u128::try_from(quantity).ok()?,
                u128::try_from(denominator).ok()?,
            )?;
            whole = whole.checked_add(i128::try_from(quotient).ok()?)?;
            if part != 0 {
                rest = rest.plus(Rate {
                    numerator: i128::try_from(part).ok()?,
                    denominator,
                })?;
            }
        }
        if rest.numerator == 0 {
            return Amount::from_units(whole);
        }
        whole.checked_add(rest.ceil()?).and_then(Amount::from_units)
    }
}
