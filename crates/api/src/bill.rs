//! Bills in answers.

use crate::exchange::with_exchange;
use crate::figures::{amount, count};
use crate::usage::with_hash;
use serde_json::{Value, json};
use tollgate_core::{Bill, Component, Currency, Instant, Line, Name};

/// Whose bill it is, and for when.
#[derive(Clone, Copy, Debug)]
pub struct BillRange<'a> {
    /// Who owes it.
    pub tenant: &'a Name,
    /// The first instant billed.
    pub start: Instant,
    /// The first instant no longer billed.
    pub end: Instant,
    /// The currency of all amounts.
    pub currency: Currency,
}

/// `GET /billing/{tenant_id}`. Each line's `amount`, and the sums of those, are
/// rounded to the minor unit and written with its digits; `gross`, `discount`
/// and `subtotal_unrounded` are exact.
#[must_use]
pub fn bill_json(range: BillRange<'_>, bill: &Bill, hash: Option<&str>) -> Value {
    let digits = range.currency.minor_digits();
    let lines: Vec<Value> = bill
        .lines
        .iter()
        .map(|line| line_json(line, digits))
        .collect();
    let mut body = json!({
        "tenant_id": range.tenant.as_str(),
        "period_start": range.start.to_string(),
        "period_end": range.end.to_string(),
        "currency": range.currency.code(),
        "line_items": lines,
        "subtotal": bill.subtotal.fixed(digits),
        "subtotal_unrounded": amount(bill.unrounded),
        "credits_applied": tollgate_core::Amount::ZERO.fixed(digits),
        "total": bill.subtotal.fixed(digits),
        "total_events": bill.events,
    });
    with_hash(&mut body, hash);
    body
}

fn line_json(line: &Line, digits: u32) -> Value {
    let group = &line.group;
    let mut body = json!({
        "operation": group.operation.as_str(),
        "tier": group.tier.as_str(),
        "component": line.component.map_or("override", Component::as_str),
        "rate_card": {"id": group.card.id.as_str(), "version": group.card.version},
        "count": line.count,
        "quantity": count(line.quantity),
        "rate": line.rate.map(|rate| rate.to_string()),
        "gross": amount(line.gross),
        "discount": amount(line.discount),
        "amount": line.amount.fixed(digits),
    });
    with_exchange(&mut body, &group.card);
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::parse_card;
    use std::collections::BTreeMap;
    use tollgate_core::{CardRef, Catalog, Group, Totals, bill};

    #[test]
    fn lines_are_rounded_once_and_the_exact_sum_stays_visible() {
        let name = |text| Name::new(text).unwrap();
        let mut catalog = Catalog::default();
        let card = parse_card(
            "c1",
            br#"{"currency":"USD","operations":{"x":{"unit":{"amount":"1","per":3}}}}"#,
        )
        .unwrap();
        catalog.insert(card.into_card(1, 1, Instant::EPOCH));
        let card = CardRef {
            id: name("c1"),
            version: 1,
            exchange: None,
        };
        let group = |overridden| Group {
            operation: name("x"),
            tier: Name::standard(),
            card: card.clone(),
            overridden,
        };
        let units = |units| tollgate_core::Quantities {
            units,
            ..tollgate_core::Quantities::default()
        };
        let totals = |used, cost: &str| Totals {
            events: 2,
            cost: cost.parse::<tollgate_core::Amount>().unwrap().into(),
            ..Totals::from(&units(used))
        };
        let groups = BTreeMap::from([
            (group(false), totals(4, "0")),
            (group(true), totals(1, "0.125")),
        ]);
        let bill = bill(Currency::USD, &groups, &catalog).unwrap();
        let tenant = name("acme");
        let range = BillRange {
            tenant: &tenant,
            start: "2026-11-01T00:00:00Z".parse().unwrap(),
            end: "2026-12-01T00:00:00Z".parse().unwrap(),
            currency: Currency::USD,
        };
        let body = bill_json(range, &bill, Some("h"));
        let line = json!({"operation":"x","tier":"standard","component":"unit",
            "rate_card":{"id":"c1","version":1},"count":2,"quantity":4,
            "rate":"1/3","gross":"1.333333333333333333","discount":"0","amount":"1.33"});
        assert_eq!(body["line_items"][0], line);
        assert_eq!(body["line_items"][1]["component"], json!("override"));
        assert_eq!(
            (
                &body["line_items"][1]["rate"],
                &body["line_items"][1]["amount"]
            ),
            (&json!(null), &json!("0.12"))
        );
        assert_eq!(
            (&body["subtotal"], &body["total"], &body["credits_applied"]),
            (&json!("1.45"), &json!("1.45"), &json!("0.00"))
        );
        assert_eq!(body["subtotal_unrounded"], json!("1.458333333333333333"));
        assert_eq!(
            (&body["total_events"], &body["constitutional_hash"]),
            (&json!(4), &json!("h"))
        );
    }
}
