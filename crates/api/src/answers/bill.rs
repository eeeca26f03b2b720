//! Bills.

use crate::answers::event::CardRef;
use serde::{Deserialize, Serialize};
use tollgate_core::{
    Amount, Bill, Charge, Component, Currency, ExchangeRate, Instant, Item, Line, Name,
};

/// What a tenant owes for a range of time, as an estimate.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Bill"))]
pub struct BillAnswer {
    /// Whose it is.
    pub tenant_id: Name,
    /// From when on.
    pub period_start: Instant,
    /// Up to when.
    pub period_end: Instant,
    /// The currency of all of it.
    pub currency: Currency,
    /// By operation, tier, card version, exchange rate and component.
    pub line_items: Vec<BillLine>,
    /// The sum of the lines' amounts.
    pub subtotal: String,
    /// The same before rounding.
    pub subtotal_exact: Amount,
    /// What credit paid of it.
    pub credits_applied: String,
    /// What is to be paid.
    pub total: String,
    /// How many events the lines come from.
    pub total_events: i64,
    /// The deployment's; null where it has none.
    pub constitutional_hash: Option<String>,
}

/// A line of a bill: `gross` = `quantity` x `rate`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BillLine {
    /// What was used.
    pub operation: Name,
    /// Its price class.
    pub tier: Name,
    /// What is charged for: a component of the rate card; `override` = the price came with
    /// the events; `percentage` = the share of those on top; `package` = packages of units;
    /// `minimum` = what was missing to the least that is asked for; `unpriced` = nothing
    /// had a price for them.
    pub component: LineComponent,
    /// From how many `tokens_in` on the prices hold; null = of all sizes.
    pub over: Option<u64>,
    /// The version that priced it; null where nothing had a price for it.
    pub rate_card: Option<CardRef>,
    /// The rate that converted the card's currency; null where it is the tenant's.
    pub exchange_rate: Option<ExchangeRate>,
    /// How many events.
    pub count: i64,
    /// How much of the component.
    pub quantity: i128,
    /// The price of one, exact: a decimal, or a fraction such as `1/3`; null where the
    /// line has none, such as an override.
    pub rate: Option<String>,
    /// Before discounts, exact.
    pub gross: Amount,
    /// Taken off by volume, exact.
    pub discount: Amount,
    /// What is left, rounded to the currency's minor unit.
    pub amount: String,
}

/// What a line is charged for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum LineComponent {
    /// A component.
    Component(Component),
    /// Something else.
    Charge(Charge),
}

impl From<Item> for LineComponent {
    fn from(item: Item) -> Self {
        match item {
            Item::Component(component) => Self::Component(component),
            Item::Charge(charge) => Self::Charge(charge),
        }
    }
}

impl BillAnswer {
    /// The bill of `tenant` from the first of `period` to the second.
    #[must_use]
    pub fn new(
        tenant: &Name,
        period: (Instant, Instant),
        (bill, currency): (&Bill, Currency),
        hash: Option<&str>,
    ) -> Self {
        let digits = currency.minor_digits();
        Self {
            tenant_id: tenant.clone(),
            period_start: period.0,
            period_end: period.1,
            currency,
            line_items: bill
                .lines
                .iter()
                .map(|line| line_of(line, digits))
                .collect(),
            subtotal: bill.subtotal.fixed(digits),
            subtotal_exact: bill.unrounded,
            credits_applied: Amount::ZERO.fixed(digits),
            total: bill.subtotal.fixed(digits),
            total_events: bill.events,
            constitutional_hash: hash.map(str::to_owned),
        }
    }
}

fn line_of(line: &Line, digits: u32) -> BillLine {
    let group = &line.group;
    let card = group.card.as_ref();
    BillLine {
        operation: group.operation.clone(),
        tier: group.tier.clone(),
        component: line.item.into(),
        over: card.map(|card| card.over).filter(|over| *over > 0),
        rate_card: card.map(Into::into),
        exchange_rate: card.and_then(|card| card.exchange),
        count: line.count,
        quantity: line.quantity,
        rate: line.rate.map(|rate| rate.to_string()),
        gross: line.gross,
        discount: line.discount,
        amount: line.amount.fixed(digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::parse_card;
    use serde_json::json;
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
        let card = Some(CardRef {
            id: name("c1"),
            version: 1,
            over: 0,
            exchange: None,
        });
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
        let period = ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"];
        let [start, end] = period.map(|at| at.parse().unwrap());
        let bill = BillAnswer::new(&tenant, (start, end), (&bill, Currency::USD), Some("h"));
        let body = serde_json::to_value(bill).unwrap();
        let line = json!({"operation":"x","tier":"standard","component":"unit","over":null,
            "rate_card":{"id":"c1","version":1},"exchange_rate":null,"count":2,"quantity":4,
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
        assert_eq!(body["subtotal_exact"], json!("1.458333333333333333"));
        assert_eq!(
            (&body["total_events"], &body["constitutional_hash"]),
            (&json!(4), &json!("h"))
        );
    }
}
