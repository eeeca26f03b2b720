//! The prices of one operation.

use crate::event::name::Name;
use crate::event::quantities::{Component, QUANTITY_MAX};
use crate::money::amount::Amount;
use crate::money::rate::{Rate, gcd};
use crate::price::factor::Factor;
use crate::words::words;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Prices by component.
pub type Prices = BTreeMap<Component, Price>;

/// The prices of one operation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Operation {
    /// By component. A part of the tokens without a price costs what its whole costs;
    /// any other component without one costs nothing.
    pub prices: Prices,
    /// What takes the place of some prices for large inputs, ascending.
    #[serde(default)]
    pub over: Vec<Over>,
    /// Price classes of its own; they come before the card's.
    #[serde(default)]
    pub tiers: BTreeMap<Name, Tier>,
    /// Discounts on `unit` by quantity, ascending by `from`.
    pub volume_discounts: Vec<VolumeDiscount>,
    /// How the discounts apply.
    pub discount_mode: DiscountMode,
    /// Units that are sold in packages, in place of a price of one.
    #[serde(default)]
    pub packages: Option<Packages>,
    /// What a bill asks for it at least, at each tier at which it was used.
    #[serde(default)]
    pub minimum: Option<Amount>,
    /// The share of a price that comes with an event which is charged on top of it.
    #[serde(default)]
    pub percentage: Option<Amount>,
}

/// An amount for `per` of a quantity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Price {
    /// The amount, with at most 15 fraction digits.
    pub amount: Amount,
    /// How many it pays for: 1 to [`Price::PER_MAX`].
    pub per: u64,
}

/// Prices of events whose `tokens_in` exceed a figure, for all that they use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Over {
    /// The figure.
    pub tokens_in: u64,
    /// Whether the figure itself is enough.
    pub inclusive: bool,
    /// What takes the place of the prices of the same components.
    pub prices: Prices,
}

/// A price class of an operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Tier {
    /// All prices times a factor.
    Factor(Factor),
    /// Prices in place of those of the same components.
    Prices {
        /// By component.
        prices: Prices,
        /// What takes their place for large inputs, ascending.
        over: Vec<Over>,
    },
}

/// Units that are paid for by the package, each begun one in full.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Packages {
    /// How many units are in one: 1 to [`Price::PER_MAX`].
    pub size: u64,
    /// What one costs.
    pub price: Amount,
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

impl Price {
    /// The largest `per`: as large as a quantity can be.
    pub const PER_MAX: u64 = QUANTITY_MAX;

    /// The price of one at `factor`, in lowest terms; `None` out of range.
    #[must_use]
    pub fn rate(self, factor: Factor) -> Option<Rate> {
        let thousandths = self.amount.units().checked_div(1000)?;
        Rate::new(
            thousandths.checked_mul(factor.thousandths())?,
            i128::from(self.per),
        )
    }
}

impl Over {
    /// The smallest `tokens_in` that it is for.
    #[must_use]
    pub fn from(&self) -> u64 {
        self.tokens_in.saturating_add(u64::from(!self.inclusive))
    }
}

impl Packages {
    /// The price of a unit of which packages are full.
    pub(crate) fn price(self) -> Price {
        Price {
            amount: self.price,
            per: self.size,
        }
    }
}

impl Operation {
    /// Every list of prices that it has: its own first.
    pub fn lists(&self) -> impl Iterator<Item = &Prices> {
        let of_tiers = self.tiers.values().filter_map(|tier| match tier {
            Tier::Factor(_) => None,
            Tier::Prices { prices, over } => Some((prices, over)),
        });
        let of_tiers =
            of_tiers.flat_map(|(prices, over)| [prices].into_iter().chain(prices_of(over)));
        [&self.prices]
            .into_iter()
            .chain(prices_of(&self.over))
            .chain(of_tiers)
    }

    /// Whether the denominators of its prices have a common one that stays
    /// below 1e18, so that an event's cost is summed exactly and rounded once.
    #[must_use]
    pub fn is_summable(&self) -> bool {
        let packages = self.packages.iter().map(|packages| packages.size);
        let pers = self.lists().flat_map(BTreeMap::values).map(|of| of.per);
        let multiple = pers.chain(packages).try_fold(1_i128, |multiple, per| {
            let per = i128::from(per);
            multiple
                .checked_div(gcd(multiple, per))?
                .checked_mul(per)
                .filter(|m| *m <= crate::money::amount::ONE)
        });
        multiple.is_some()
    }
}

fn prices_of(over: &[Over]) -> impl Iterator<Item = &Prices> {
    over.iter().map(|over| &over.prices)
}
