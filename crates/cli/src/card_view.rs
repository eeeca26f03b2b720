//! What a rate card says, however it is written.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tollgate_core::{Amount, Instant, Rate};

/// What a rate card says: two texts of it are equal when they price alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CardView {
    currency: String,
    effective_from: Option<Instant>,
    tiers: Option<BTreeMap<String, Amount>>,
    is_free_if_unpriced: bool,
    operations: BTreeMap<String, Pricing>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Pricing {
    prices: BTreeMap<String, Rate>,
    discounts: Vec<(Amount, Amount)>,
    is_volume: bool,
}

#[derive(Deserialize)]
struct Wire {
    currency: String,
    effective_from: Option<Instant>,
    tiers: Option<BTreeMap<String, Box<RawValue>>>,
    unpriced: Option<String>,
    #[serde(default)]
    operations: BTreeMap<String, BTreeMap<String, Box<RawValue>>>,
}

#[derive(Deserialize)]
struct WirePrice {
    amount: Box<RawValue>,
    per: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct WireDiscount {
    from: Box<RawValue>,
    discount: Box<RawValue>,
}

impl CardView {
    /// From JSON; `None` where it is no rate card.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(text).ok()?;
        let tiers = match &wire.tiers {
            Some(tiers) => Some(
                tiers
                    .iter()
                    .map(|(tier, factor)| Some((tier.clone(), number(factor)?)))
                    .collect::<Option<_>>()?,
            ),
            None => None,
        };
        let operations = wire
            .operations
            .iter()
            .map(|(name, fields)| Some((name.clone(), Pricing::of(fields)?)));
        Some(Self {
            currency: wire.currency,
            effective_from: wire.effective_from,
            tiers,
            is_free_if_unpriced: wire.unpriced.as_deref() == Some("free"),
            operations: operations.collect::<Option<_>>()?,
        })
    }

    /// Whether `stored`, in which the server has filled in what this leaves
    /// out, says the same.
    pub(crate) fn is_said_by(&self, stored: &Self) -> bool {
        let same_start =
            self.effective_from.is_none() || self.effective_from == stored.effective_from;
        same_start
            && self.tiers_match(stored)
            && self.currency == stored.currency
            && self.is_free_if_unpriced == stored.is_free_if_unpriced
            && self.operations == stored.operations
    }

    /// Tiers left out are the standard one at the listed price.
    fn tiers_match(&self, stored: &Self) -> bool {
        match (&self.tiers, &stored.tiers, Amount::whole(1)) {
            (None, Some(stored), Some(one)) => stored.iter().eq([(&"standard".to_string(), &one)]),
            (mine, stored, _) => mine == stored,
        }
    }
}

impl Pricing {
    fn of(fields: &BTreeMap<String, Box<RawValue>>) -> Option<Self> {
        let mut pricing = Self::default();
        for (name, raw) in fields {
            match name.as_str() {
                "volume_discounts" => pricing.discounts = discounts(raw)?,
                "discount_mode" => pricing.is_volume = raw.get() == r#""volume""#,
                _ if raw.get() == "null" => {}
                _ => {
                    pricing.prices.insert(name.clone(), price(raw)?);
                }
            }
        }
        pricing.is_volume &= !pricing.discounts.is_empty();
        Some(pricing)
    }
}

fn discounts(raw: &RawValue) -> Option<Vec<(Amount, Amount)>> {
    let wire: Vec<WireDiscount> = serde_json::from_str(raw.get()).ok()?;
    let mut discounts: Vec<_> = wire
        .iter()
        .map(|wire| Some((number(&wire.from)?, number(&wire.discount)?)))
        .collect::<Option<_>>()?;
    discounts.sort_unstable();
    Some(discounts)
}

/// A price of one, or an amount `per` a whole number.
fn price(raw: &RawValue) -> Option<Rate> {
    if let Some(amount) = number(raw) {
        return Rate::new(amount.units(), 1);
    }
    let wire: WirePrice = serde_json::from_str(raw.get()).ok()?;
    let per = match &wire.per {
        Some(per) => per.get().trim_matches('"').parse().ok()?,
        None => 1,
    };
    Rate::new(number(&wire.amount)?.units(), per)
}

/// A number or a string of one, by its text, exactly.
fn number(raw: &RawValue) -> Option<Amount> {
    raw.get().trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"currency":"USD","effective_from":"2026-01-01T00:00:00Z","tiers":{"standard":1},
        "operations":{"gpt-4o":{"token_in":{"amount":"2.50","per":1000000},"token_out":1e-5}}}"#;

    fn is_same(file: &str, stored: &str) -> bool {
        CardView::parse(file)
            .unwrap()
            .is_said_by(&CardView::parse(stored).unwrap())
    }

    #[test]
    fn another_spelling_of_the_same_prices_is_no_change() {
        let stored = r#"{"id":"azure","version":3,"sequence":9,"currency":"USD","effective_from":"2026-01-01T01:00:00+01:00",
            "unpriced":"reject","tiers":{"standard":"1.0"},"operations":{"gpt-4o":
            {"token_in":"0.0000025","token_out":{"amount":"0.00001","per":1},"volume_discounts":[],"discount_mode":"graduated"}}}"#;
        assert!(is_same(FILE, stored));
    }

    #[test]
    fn what_a_file_leaves_out_is_as_the_server_fills_it_in() {
        let file = r#"{"currency":"USD","operations":{"a":{"unit":"1"}}}"#;
        let stored = r#"{"currency":"USD","effective_from":"2026-01-01T00:00:00Z","unpriced":"reject","tiers":{"standard":"1"},"operations":{"a":{"unit":"1"}}}"#;
        assert!(is_same(file, stored));
        assert!(!is_same(
            file,
            &stored.replace(r#"{"standard":"1"}"#, r#"{"standard":"2"}"#)
        ));
    }

    #[test]
    fn every_change_of_meaning_is_a_change() {
        for (part, other) in [
            ("USD", "EUR"),
            ("2026-01-01", "2026-01-02"),
            (r#""standard":1"#, r#""standard":2"#),
            ("2.50", "2.51"),
            ("1000000", "100000"),
            ("1e-5", "1.0000001e-5"),
            ("token_out", "unit"),
            (r#""tiers""#, r#""unpriced":"free","tiers""#),
            (
                r#"1e-5"#,
                r#"1e-5,"volume_discounts":[{"from":10,"discount":"0.1"}]"#,
            ),
        ] {
            assert!(
                !is_same(FILE, &FILE.replace(part, other)),
                "{part} -> {other}"
            );
        }
        assert_eq!(CardView::parse(r#"{"operations":[]}"#), None);
    }
}
