//! Rate cards: versioned prices of operations in one currency.

use crate::event::name::Name;
use crate::event::quantities::{Component, Quantities};
use crate::event::totals::Totals;
use crate::money::amount::Amount;
use crate::money::currency::Currency;
use crate::money::rate::{Rate, gcd, mul_div};
use crate::price::exchange::ExchangeRate;
use crate::time::instant::Instant;
use crate::words::words;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The id of the card that prices what no other names.
pub(crate) const DEFAULT: &str = "default";

/// One version of a rate card. Versions never change; a correction is a new one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Card {
    /// The card.
    pub id: Name,
    /// 1 for its first version, and so on.
    pub version: u32,
    /// The place of this version among all versions of all cards.
    pub sequence: u64,
    /// The currency of all of its prices.
    pub currency: Currency,
    /// The first instant that it prices.
    pub effective_from: Instant,
    /// Price factors by tier.
    pub tiers: BTreeMap<Name, Factor>,
    /// What becomes of an operation that it does not name.
    pub unpriced: Unpriced,
    /// Prices by operation.
    pub operations: BTreeMap<Name, Operation>,
    /// Where it prices all of time: when it was put. What came before, others price
    /// first.
    #[serde(default)]
    pub takes_over: Option<Instant>,
}

impl Card {
    /// Of several that name an operation and are in force at `at`, the one where
    /// this is highest prices it.
    pub(crate) fn precedence(&self, at: Instant) -> (bool, bool, u64) {
        let is_default = self.id.as_str() == DEFAULT;
        if self.takes_over.is_some_and(|since| at < since) {
            // The one that was put first was there first.
            return (false, !is_default, u64::MAX.saturating_sub(self.sequence));
        }
        (true, !is_default, self.sequence)
    }
}

words! {
    /// What becomes of an operation without a price.
    pub enum Unpriced {
        /// It is refused.
        Reject = "reject",
        /// It costs nothing.
        Free = "free",
    }
}

/// A tier's price factor in thousandths, from 0 to 1,000,000 times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Factor(u32);

impl Factor {
    /// 1: the listed price.
    pub const ONE: Self = Self(1000);

    /// From a decimal of at most 3 fraction digits, at most 1,000,000.
    #[must_use]
    pub fn new(factor: Amount) -> Option<Self> {
        let thousandth = 1_000_000_000_000_000;
        if factor.units() < 0 || factor.units().checked_rem(thousandth)? != 0 {
            return None;
        }
        let thousandths = u32::try_from(factor.units().checked_div(thousandth)?).ok()?;
        (thousandths <= 1_000_000_000).then_some(Self(thousandths))
    }

    /// The factor as a decimal.
    #[must_use]
    pub fn to_amount(self) -> Amount {
        let units = i128::from(self.0).checked_mul(1_000_000_000_000_000);
        units.and_then(Amount::from_units).unwrap_or_default()
    }
}

/// The prices of one operation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Operation {
    /// Prices by component; a component without one costs nothing.
    pub prices: BTreeMap<Component, Price>,
    /// Discounts on `unit` by quantity, ascending by `from`.
    pub volume_discounts: Vec<VolumeDiscount>,
    /// How the discounts apply.
    pub discount_mode: DiscountMode,
}

/// An amount for `per` of a quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Price {
    /// The amount, with at most 15 fraction digits.
    pub amount: Amount,
    /// How many it pays for: 1 to [`Price::PER_MAX`].
    pub per: u64,
}

impl Price {
    /// The largest `per`.
    pub const PER_MAX: u64 = 1_000_000_000;

    /// The price of one at `tier`, in lowest terms; `None` out of range.
    #[must_use]
    pub fn rate(self, tier: Factor) -> Option<Rate> {
        let thousandths = self.amount.units().checked_div(1000)?;
        Rate::new(
            thousandths.checked_mul(i128::from(tier.0))?,
            i128::from(self.per),
        )
    }
}

/// `discount` off from the quantity `from` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeDiscount {
    /// The quantity from which it applies.
    pub from: u64,
    /// The part taken off, 0 to 1.
    pub discount: Amount,
}

words! {
    /// How volume discounts apply.
    #[derive(Default)]
    pub enum DiscountMode {
        /// Each slice beyond a `from` gets that slice's discount.
        #[default]
        Graduated = "graduated",
        /// The whole quantity gets the discount of the last `from` it reaches.
        Volume = "volume",
    }
}

impl Operation {
    /// Whether the denominators of its prices have a common one that stays
    /// below 1e18, so that an event's cost is summed exactly and rounded once.
    #[must_use]
    pub fn is_summable(&self) -> bool {
        let multiple = self.prices.values().try_fold(1_i128, |multiple, price| {
            let per = i128::from(price.per);
            multiple
                .checked_div(gcd(multiple, per))?
                .checked_mul(per)
                .filter(|m| *m <= crate::money::amount::ONE)
        });
        multiple.is_some()
    }

    /// The rate of each priced component at `tier`, converted by `exchange`;
    /// `None` out of range.
    pub fn rates(
        &self,
        tier: Factor,
        exchange: Option<ExchangeRate>,
    ) -> impl Iterator<Item = (Component, Option<Rate>)> + '_ {
        let converted =
            move |rate: Rate| exchange.map_or(Some(rate), |exchange| rate.converted(exchange.rate));
        self.prices
            .iter()
            .map(move |(component, price)| (*component, price.rate(tier).and_then(converted)))
    }

    /// The cost of `used` at `tier`: each component's price times its
    /// quantity, summed exactly and rounded up once at 1e-18; `None` out of
    /// range.
    #[must_use]
    pub fn cost(&self, tier: Factor, used: &Quantities) -> Option<Amount> {
        self.cost_converted(tier, None, used)
    }

    /// The same converted by `exchange`, still rounded up only once.
    #[must_use]
    pub fn cost_converted(
        &self,
        tier: Factor,
        exchange: Option<ExchangeRate>,
        used: &Quantities,
    ) -> Option<Amount> {
        let mut whole = 0_i128;
        let mut rest = Rate::ZERO;
        for (component, rate) in self.rates(tier, exchange) {
            let Rate {
                numerator,
                denominator,
            } = rate?;
            let quantity =
                self.charged(component, |part| used.priced_by(part), u64::saturating_sub);
            let (quotient, part) = mul_div(
                u128::try_from(numerator).ok()?,
                u128::from(quantity),
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
        let up = rest
            .numerator
            .checked_add(rest.denominator.checked_sub(1)?)?
            .checked_div(rest.denominator)?;
        whole.checked_add(up).and_then(Amount::from_units)
    }

    /// The part of `used` that `component` is charged for: as for one event,
    /// since every charge is linear.
    #[must_use]
    pub fn billed(&self, component: Component, used: &Totals) -> i128 {
        self.charged(component, |part| used.priced_by(part), i128::saturating_sub)
    }

    /// Input tokens that were cached are charged apart where they have a price.
    fn charged<T>(
        &self,
        component: Component,
        used: impl Fn(Component) -> T,
        less: impl Fn(T, T) -> T,
    ) -> T {
        match component {
            Component::TokenIn if self.prices_cached() => {
                less(used(component), used(Component::CachedTokenIn))
            }
            _ => used(component),
        }
    }

    fn prices_cached(&self) -> bool {
        self.prices.contains_key(&Component::CachedTokenIn)
    }
}
