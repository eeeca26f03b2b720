//! What a tenant pays now.

use crate::answers::event::CardRef;
use crate::answers::list::List;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tollgate_core::{
    Amount, Card, Catalog, Component, Currency, Instant, Name, Operation, Over, Tier,
};

/// A price in force.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cost {
    /// What is priced.
    pub operation: Name,
    /// Which figure of it.
    pub component: Component,
    /// The price class.
    pub tier: Name,
    /// From how many `tokens_in` on it holds; null = of all sizes, or of all below.
    pub over: Option<u64>,
    /// The price of `per` at this tier.
    pub unit_price: Amount,
    /// How many it is the price of.
    pub per: u64,
    /// The currency of the price.
    pub currency: Currency,
    /// The version that has it.
    pub rate_card: CardRef,
}

/// Every price that a tenant who names `cards` pays at `at`.
#[must_use]
pub fn costs(catalog: &Catalog, cards: &[Name], at: Instant) -> List<Cost> {
    let mut seen = BTreeSet::new();
    let mut costs = Vec::new();
    for card in catalog.cards_in_force(cards, at) {
        for (name, operation) in &card.operations {
            // Of several that name it, the first prices it.
            if seen.insert(name.clone()) {
                costs.extend(costs_of(card, name, operation));
            }
        }
    }
    List::new(costs, None)
}

/// The prices of an operation at each tier, for each size of inputs.
fn costs_of(card: &Card, name: &Name, operation: &Operation) -> Vec<Cost> {
    let tiers: BTreeSet<&Name> = card.tiers.keys().chain(operation.tiers.keys()).collect();
    let mut costs = Vec::new();
    for tier in tiers {
        let mut sizes: BTreeSet<u64> = operation.over.iter().map(Over::from).collect();
        if let Some(Tier::Prices { over, .. }) = operation.tiers.get(tier) {
            sizes.extend(over.iter().map(Over::from));
        }
        sizes.insert(0);
        for size in sizes {
            let class = card.class(operation, tier, size);
            costs.extend(class.iter().flat_map(|class| class.prices_at_tier()).map(
                |(component, price)| Cost {
                    operation: name.clone(),
                    component,
                    tier: tier.clone(),
                    over: (size > 0).then_some(size),
                    unit_price: price.amount,
                    per: price.per,
                    currency: card.currency,
                    rate_card: CardRef {
                        id: card.id.clone(),
                        version: card.version,
                    },
                },
            ));
        }
    }
    costs
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
            let costs = costs(&catalog, &[Name::new("c1").unwrap()], at.parse().unwrap()).data;
            let mut of_x = costs
                .into_iter()
                .filter(|cost| cost.operation.as_str() == "x");
            of_x.next().map(|cost| serde_json::to_value(cost).unwrap())
        };
        let expected = |price: &str, version: u32| {
            Some(json!({
                "operation":"x","component":"api_call","tier":"standard","over":null,
                "unit_price":price,"per":7,
                "currency":"EUR","rate_card":{"id":"c1","version":version},
            }))
        };
        assert_eq!(cost("2025-12-31T00:00:00Z"), None);
        assert_eq!(cost("2026-01-31T00:00:00Z"), expected("3", 3));
        assert_eq!(cost("2026-02-01T00:00:00Z"), expected("2", 2));
    }
}
