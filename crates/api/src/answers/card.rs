//! Rate cards and prices.

use crate::answers::event::CardRef;
use crate::answers::list::List;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Card, Catalog, Component, Currency, DiscountMode, Instant, Name, Operation, Unpriced,
};

/// A version of a rate card, in the shape that `PUT /rate-cards/{id}` takes, but for its
/// `version`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RateCardVersion {
    /// The card's id.
    pub id: Name,
    /// 1 for the first version, and so on.
    pub version: u32,
    /// The currency of all prices.
    pub currency: Currency,
    /// The first instant at which it prices.
    pub effective_from: Instant,
    /// Price classes: what prices are multiplied by.
    pub tiers: BTreeMap<Name, Amount>,
    /// What becomes of an operation without a price.
    pub unpriced: Unpriced,
    /// Prices by operation.
    pub operations: BTreeMap<Name, OperationPrices>,
}

/// The prices of an operation, by component; those that it lacks are left out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "ShownPrices"))]
pub struct OperationPrices {
    /// By component.
    #[serde(flatten)]
    pub prices: BTreeMap<Component, Price>,
    /// What is taken off the price of units from a quantity on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volume_discounts: Vec<VolumeDiscount>,
    /// How those apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discount_mode: Option<DiscountMode>,
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

/// A price in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cost {
    /// What is priced.
    pub operation: Name,
    /// Which figure of it.
    pub component: Component,
    /// The price of `per`, at the factor 1.
    pub unit_price: Amount,
    /// How many it is the price of.
    pub per: u64,
    /// The currency of the price.
    pub currency: Currency,
    /// The version that has it.
    pub rate_card: CardRef,
}

impl From<&Card> for RateCardVersion {
    fn from(card: &Card) -> Self {
        let tiers = card.tiers.iter();
        let operations = card.operations.iter();
        Self {
            id: card.id.clone(),
            version: card.version,
            currency: card.currency,
            effective_from: card.effective_from,
            tiers: tiers
                .map(|(name, factor)| (name.clone(), factor.to_amount()))
                .collect(),
            unpriced: card.unpriced,
            operations: operations
                .map(|(name, operation)| (name.clone(), operation.into()))
                .collect(),
        }
    }
}

impl From<&Operation> for OperationPrices {
    fn from(operation: &Operation) -> Self {
        let discounts = &operation.volume_discounts;
        let discount = |step: &tollgate_core::VolumeDiscount| VolumeDiscount {
            from: step.from,
            discount: step.discount,
        };
        let prices = operation.prices.iter();
        Self {
            prices: prices
                .map(|(component, price)| (*component, price.into()))
                .collect(),
            volume_discounts: discounts.iter().map(discount).collect(),
            discount_mode: (!discounts.is_empty()).then_some(operation.discount_mode),
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

/// Every price of every card's version in force at `at`.
#[must_use]
pub fn costs(catalog: &Catalog, at: Instant) -> List<Cost> {
    let in_force = catalog
        .cards()
        .filter_map(|(id, _)| catalog.in_force(id.as_str(), at));
    List::new(in_force.flat_map(costs_of).collect(), None)
}

fn costs_of(card: &Card) -> impl Iterator<Item = Cost> + '_ {
    card.operations.iter().flat_map(move |(name, operation)| {
        operation.prices.iter().map(move |(component, price)| Cost {
            operation: name.clone(),
            component: *component,
            unit_price: price.amount,
            per: price.per,
            currency: card.currency,
            rate_card: CardRef {
                id: card.id.clone(),
                version: card.version,
            },
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::parse_card;
    use serde_json::json;

    #[test]
    fn costs_are_those_of_the_versions_in_force() {
        let mut catalog = Catalog::built_in();
        for (version, from, price) in [
            (1, "2026-01-01T00:00:00Z", 1),
            (2, "2026-02-01T00:00:00Z", 2),
            (3, "2026-01-15T00:00:00Z", 3),
        ] {
            let body = format!(
                r#"{{"currency":"EUR","effective_from":"{from}","operations":{{"x":{{"api_call":{{"amount":{price},"per":7}}}}}}}}"#
            );
            let card = parse_card("c1", body.as_bytes()).unwrap();
            catalog.insert(card.into_card(version, u64::from(version), Instant::EPOCH));
        }
        let cost = |at: &str| {
            let costs = costs(&catalog, at.parse().unwrap()).data;
            let mut of_x = costs
                .into_iter()
                .filter(|cost| cost.operation.as_str() == "x");
            of_x.next().map(|cost| serde_json::to_value(cost).unwrap())
        };
        let expected = |price: &str, version: u32| {
            Some(json!({
                "operation":"x","component":"api_call","unit_price":price,"per":7,
                "currency":"EUR","rate_card":{"id":"c1","version":version},
            }))
        };
        assert_eq!(cost("2025-12-31T00:00:00Z"), None);
        assert_eq!(cost("2026-01-31T00:00:00Z"), expected("3", 3));
        assert_eq!(cost("2026-02-01T00:00:00Z"), expected("2", 2));
    }
}
