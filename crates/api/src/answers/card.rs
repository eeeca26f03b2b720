//! Rate cards and prices.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Amount, Card, Component, Currency, DiscountMode, Instant, Name, Operation, Over, Prices,
    Source, Tier, Unpriced,
};

/// A version of a rate card.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateCardVersion {
    /// The card's id.
    pub id: Name,
    /// 1 for the first version, and so on.
    pub version: u32,
    /// The version of the card that prices now; null where none does.
    pub in_force: Option<u32>,
    /// The currency of all prices.
    pub currency: Currency,
    /// The first instant at which it prices.
    pub effective_from: Instant,
    /// Price classes: what prices are multiplied by.
    pub tiers: BTreeMap<Name, Amount>,
    /// What becomes of an operation, or of tokens, without a price.
    pub unpriced: Unpriced,
    /// Prices by operation.
    pub operations: BTreeMap<Name, OperationPrices>,
    /// The versions of before that price nothing any more.
    pub replaced: BTreeSet<u32>,
    /// The price map that it was made from; null where it was made otherwise.
    pub source: Option<Source>,
}

/// A version that was put, and what is to be known of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateCardPut {
    /// The version.
    #[serde(flatten)]
    pub card: RateCardVersion,
    /// What it may not have been meant to do.
    pub warnings: Vec<CardWarning>,
}

/// What a version may not have been meant to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CardWarning {
    /// What kind it is.
    pub code: CardWarningCode,
    /// In words.
    pub detail: String,
    /// The operations that it is of; empty = the whole card.
    pub operations: Vec<Name>,
}

tollgate_core::words! {
    /// What kind of warning it is.
    pub enum CardWarningCode {
        /// Another version prices now and from then on.
        NeverInForce = "never_in_force",
        /// A version that was put before comes into force later, and takes its place.
        Superseded = "superseded",
        /// The version before had operations that this one lacks.
        OperationsDropped = "operations_dropped",
        /// An operation has a price for tokens in and none for tokens out, or the other
        /// way round.
        TokenPriceMissing = "token_price_missing",
    }
}

/// The prices of an operation, by component; those that it lacks are left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ShownPrices"))]
pub struct OperationPrices {
    /// By component.
    #[serde(flatten)]
    pub prices: BTreeMap<Component, Price>,
    /// What takes the place of some prices for large inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<OverPrices>,
    /// Price classes of its own; they come before the card's.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tiers: BTreeMap<Name, TierPrices>,
    /// What is taken off the price of units from a quantity on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_discounts: Vec<VolumeDiscount>,
    /// How those apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_mode: Option<DiscountMode>,
    /// Units that are sold in packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<PackagePrice>,
    /// What a bill asks for it at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Amount>,
    /// The share of a price that comes with an event which is charged on top of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Amount>,
}

/// Prices of events whose `tokens_in` exceed a figure, for all that they use.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OverPrices {
    /// The figure.
    pub tokens_in: u64,
    /// Whether the figure itself is enough.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub inclusive: bool,
    /// What takes the place of the prices of the same components.
    #[serde(flatten)]
    pub prices: BTreeMap<Component, Price>,
}

/// A price class of an operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum TierPrices {
    /// All prices times a factor.
    Factor(Amount),
    /// Prices in place of those of the same components.
    Prices {
        /// By component.
        #[serde(flatten)]
        prices: BTreeMap<Component, Price>,
        /// What takes their place for large inputs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        over: Vec<OverPrices>,
    },
}

/// Units that are paid for by the package, each begun one in full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PackagePrice {
    /// How many units are in one.
    pub size: u64,
    /// What one costs.
    pub price: Amount,
}

/// A price: of one, or of so many.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ShownPrice"))]
#[serde(untagged)]
pub enum Price {
    /// Of one.
    One(Amount),
    /// Of `per`.
    Many {
        /// The price of `per`.
        amount: Amount,
        /// How many it is the price of.
        per: u64,
    },
}

/// `discount` off from the quantity `from` on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VolumeDiscount {
    /// The quantity from which it applies.
    pub from: u64,
    /// The part taken off, 0 to 1.
    pub discount: Amount,
}

impl RateCardVersion {
    /// `card`, of which the version `in_force` prices now.
    #[must_use]
    pub fn new(card: &Card, in_force: Option<u32>) -> Self {
        let tiers = card.tiers.iter();
        let operations = card.operations.iter();
        Self {
            id: card.id.clone(),
            version: card.version,
            in_force,
            currency: card.currency,
            effective_from: card.effective_from,
            tiers: tiers
                .map(|(name, factor)| (name.clone(), factor.to_amount()))
                .collect(),
            unpriced: card.unpriced,
            operations: operations
                .map(|(name, operation)| (name.clone(), operation.into()))
                .collect(),
            replaced: card.replaced.clone(),
            source: card.source.clone(),
        }
    }
}

impl RateCardVersion {
    /// What of it a PUT can set, for a patch to be merged with. From when on the next
    /// version prices is its own.
    #[must_use]
    pub fn changeable(&self) -> impl Serialize + use<> {
        Changeable {
            currency: self.currency,
            tiers: self.tiers.clone(),
            unpriced: self.unpriced,
            operations: self.operations.clone(),
        }
    }
}

#[derive(Serialize)]
struct Changeable {
    currency: Currency,
    tiers: BTreeMap<Name, Amount>,
    unpriced: Unpriced,
    operations: BTreeMap<Name, OperationPrices>,
}

impl RateCardPut {
    /// The version `card` that was put after `before`; `in_force` prices at `now`, and
    /// another version after it from another time on.
    #[must_use]
    pub fn new(
        card: &Card,
        (before, next): (Option<&Card>, Option<(u32, Instant)>),
        in_force: Option<u32>,
        now: Instant,
    ) -> Self {
        let names = |operations: Vec<&Name>| operations.into_iter().cloned().collect();
        let warning = |code, detail: &str, operations: Vec<&Name>| CardWarning {
            code,
            detail: detail.to_owned(),
            operations: names(operations),
        };
        let mut warnings = Vec::new();
        if card.effective_from <= now && in_force != Some(card.version) {
            let detail = "another version came into force after this one does: it prices nothing from now on; `replaces` takes that one away";
            warnings.push(warning(CardWarningCode::NeverInForce, detail, Vec::new()));
        }
        if let Some((version, from)) = next {
            let detail = format!("version {version} was put for {from} and takes its place then");
            warnings.push(warning(CardWarningCode::Superseded, &detail, Vec::new()));
        }
        let had = before.map(|before| before.operations.keys());
        let dropped: Vec<&Name> = had
            .into_iter()
            .flatten()
            .filter(|name| !card.operations.contains_key(*name))
            .collect();
        if !dropped.is_empty() {
            let detail =
                "the version before has prices for these operations, and this one has none";
            warnings.push(warning(CardWarningCode::OperationsDropped, detail, dropped));
        }
        let halves: Vec<&Name> = card
            .operations
            .iter()
            .filter(|(_, operation)| lacks_a_side(operation))
            .map(|(name, _)| name)
            .collect();
        if !halves.is_empty() {
            let detail =
                "these operations have a price for tokens in or out, and none for the other";
            warnings.push(warning(CardWarningCode::TokenPriceMissing, detail, halves));
        }
        Self {
            card: RateCardVersion::new(card, in_force),
            warnings,
        }
    }
}

fn lacks_a_side(operation: &Operation) -> bool {
    let has = |component| operation.prices.contains_key(&component);
    has(Component::TokenIn) != has(Component::TokenOut)
}

impl From<&Operation> for OperationPrices {
    fn from(operation: &Operation) -> Self {
        let discounts = &operation.volume_discounts;
        let discount = |step: &tollgate_core::VolumeDiscount| VolumeDiscount {
            from: step.from,
            discount: step.discount,
        };
        let tiers = operation.tiers.iter();
        Self {
            prices: shown(&operation.prices),
            over: operation.over.iter().map(Into::into).collect(),
            tiers: tiers
                .map(|(name, tier)| (name.clone(), tier.into()))
                .collect(),
            volume_discounts: discounts.iter().map(discount).collect(),
            discount_mode: (!discounts.is_empty()).then_some(operation.discount_mode),
            packages: operation.packages.map(|packages| PackagePrice {
                size: packages.size,
                price: packages.price,
            }),
            minimum: operation.minimum,
            percentage: operation.percentage,
        }
    }
}

fn shown(prices: &Prices) -> BTreeMap<Component, Price> {
    let prices = prices.iter();
    prices
        .map(|(component, price)| (*component, price.into()))
        .collect()
}

impl From<&Over> for OverPrices {
    fn from(over: &Over) -> Self {
        Self {
            tokens_in: over.tokens_in,
            inclusive: over.inclusive,
            prices: shown(&over.prices),
        }
    }
}

impl From<&Tier> for TierPrices {
    fn from(tier: &Tier) -> Self {
        match tier {
            Tier::Factor(factor) => Self::Factor(factor.to_amount()),
            Tier::Prices { prices, over } => Self::Prices {
                prices: shown(prices),
                over: over.iter().map(Into::into).collect(),
            },
        }
    }
}

impl From<&tollgate_core::Price> for Price {
    fn from(price: &tollgate_core::Price) -> Self {
        let (amount, per) = (price.amount, price.per);
        if per == 1 {
            Self::One(amount)
        } else {
            Self::Many { amount, per }
        }
    }
}
