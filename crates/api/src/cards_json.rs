//! Rate cards and prices in answers.

use crate::figures::amount;
use serde_json::{Map, Value, json};
use tollgate_core::{
    Card, Catalog, DiscountMode, Instant, Operation, Price, Unpriced, VolumeDiscount,
};

/// A card version, in the shape that `PUT /rate-cards/{id}` takes, with its
/// `version`.
#[must_use]
pub fn card_json(card: &Card) -> Value {
    let tiers = card
        .tiers
        .iter()
        .map(|(name, factor)| (name.to_string(), amount(factor.to_amount())));
    let operations = card
        .operations
        .iter()
        .map(|(name, operation)| (name.to_string(), operation_json(operation)));
    let unpriced = match card.unpriced {
        Unpriced::Reject => "reject",
        Unpriced::Free => "free",
    };
    json!({
        "id": card.id.as_str(),
        "version": card.version,
        "currency": card.currency.code(),
        "effective_from": card.effective_from.to_string(),
        "tiers": tiers.collect::<Map<_, _>>(),
        "unpriced": unpriced,
        "operations": operations.collect::<Map<_, _>>(),
    })
}

fn operation_json(operation: &Operation) -> Value {
    let prices = operation.prices.iter();
    let mut fields: Map<String, Value> = prices
        .map(|(component, price)| (component.as_str().to_owned(), price_json(price)))
        .collect();
    if !operation.volume_discounts.is_empty() {
        let mode = match operation.discount_mode {
            DiscountMode::Graduated => "graduated",
            DiscountMode::Volume => "volume",
        };
        let step =
            |step: &VolumeDiscount| json!({"from": step.from, "discount": amount(step.discount)});
        fields.insert(
            "volume_discounts".to_owned(),
            operation.volume_discounts.iter().map(step).collect(),
        );
        fields.insert("discount_mode".to_owned(), mode.into());
    }
    Value::Object(fields)
}

fn price_json(price: &Price) -> Value {
    if price.per == 1 {
        return amount(price.amount);
    }
    json!({"amount": amount(price.amount), "per": price.per})
}

/// `GET /costs`: every price of every card's version in force at `at`, at the
/// factor 1; `source` is `card@version`.
#[must_use]
pub fn costs_json(catalog: &Catalog, at: Instant) -> Value {
    let in_force = catalog
        .cards()
        .filter_map(|(id, _)| catalog.in_force(id.as_str(), at));
    let costs: Vec<Value> = in_force.flat_map(card_costs).collect();
    json!({"costs": costs})
}

fn card_costs(card: &Card) -> impl Iterator<Item = Value> + '_ {
    let source = format!("{}@{}", card.id, card.version);
    card.operations.iter().flat_map(move |(name, operation)| {
        let source = source.clone();
        operation.prices.iter().map(move |(component, price)| {
            json!({
                "operation": name.as_str(),
                "component": component.as_str(),
                "unit_price": amount(price.amount),
                "per": price.per,
                "currency": card.currency.code(),
                "source": source,
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::parse_card;

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
        let costs = |at: &str| {
            let costs = costs_json(&catalog, at.parse().unwrap());
            costs["costs"]
                .as_array()
                .unwrap()
                .iter()
                .find(|cost| cost["operation"] == "x")
                .cloned()
        };
        let expected = |price: &str, source: &str| {
            Some(json!({
                "operation":"x","component":"api_call","unit_price":price,"per":7,
                "currency":"EUR","source":source,
            }))
        };
        assert_eq!(costs("2025-12-31T00:00:00Z"), None);
        assert_eq!(costs("2026-01-31T00:00:00Z"), expected("3", "c1@3"));
        assert_eq!(costs("2026-02-01T00:00:00Z"), expected("2", "c1@2"));
    }
}
