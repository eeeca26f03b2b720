//! What is converted is converted exactly, rounded up once, and at the rate in
//! force.

use crate::draw::{factor, operation, quantities};
use crate::given::{at, card, converted_cost, event, name, usd};
use crate::oracle::{Exact, cost, half_even, in_units, ratio, to_amount, up_to_unit, value};
use num_bigint::BigInt;
use num_traits::Zero;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, CardRef, Catalog, Component, Currency, Event, ExchangeRate, ExchangeTable, Factor,
    Group, Item, Operation, PriceError, Quantities, Totals, bill,
};

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// A rate of at most 15 fraction digits, up to 1e9.
fn rate() -> impl Strategy<Value = Amount> {
    let units = prop_oneof![
        3 => (1_i128..200_000).prop_map(|n| n * 10_i128.pow(14)),
        2 => (1_i128..10_i128.pow(16)).prop_map(|n| n * 1000),
        1 => Just(1000),
        1 => Just(10_i128.pow(27)),
        1 => (1_i128..10_i128.pow(24)).prop_map(|n| n * 1000),
    ];
    units.prop_map(|units| Amount::from_units(units).unwrap())
}

fn exchange(rate: Amount) -> ExchangeRate {
    ExchangeRate {
        version: 1,
        from: currency("EUR"),
        rate,
    }
}

/// The exact cost in the currency converted into.
fn converted(operation: &Operation, tier: Factor, rate: Amount, used: &Quantities) -> Exact {
    cost(operation, &value(tier.to_amount()), used) * value(rate)
}

/// Whether every price fits a fraction of 127 bits, converted and not.
fn fits(operation: &Operation, tier: Factor, rate: Amount) -> bool {
    let most = BigInt::from(i128::MAX);
    operation.is_summable()
        && operation.prices.values().all(|price| {
            let plain = in_units(&(value(price.amount) * value(tier.to_amount())));
            let converted = &plain * value(rate) / BigInt::from(price.per);
            plain.to_integer() <= most && *converted.numer() <= most && *converted.denom() <= most
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_converted_cost_is_the_exact_product_rounded_up_once(operation in operation(8), tier in factor(), rate in rate(), used in quantities()) {
        let exact = converted(&operation, tier, rate, &used);
        let rounded = to_amount(&up_to_unit(&exact));
        match converted_cost(&operation, tier, Some(exchange(rate)), &used) {
            Some(cost) => {
                prop_assert_eq!(Some(cost), rounded);
                let error = in_units(&(value(cost) - exact));
                prop_assert!(error >= Exact::zero() && error < ratio(1, 1), "never below, and by less than 1e-18");
            }
            None => prop_assert!(rounded.is_none() || !fits(&operation, tier, rate), "{} has no cost", exact),
        }
    }

    #[test]
    fn an_override_is_converted_as_a_price_is(units in 0_i128..10_i128.pow(33), rate in rate()) {
        let given = Amount::from_units(units).unwrap();
        let exact = to_amount(&up_to_unit(&(value(given) * value(rate))));
        prop_assert_eq!(exchange(rate).convert(given), exact);
    }

    #[test]
    fn a_line_is_quantity_times_the_converted_rate_rounded_once(prices in operation(4), tier in factor(), rate in rate(), used in vec(quantities(), 1..4)) {
        prop_assume!(fits(&prices, tier, rate));
        let mut card = card("default", 1, 1);
        card.tiers = BTreeMap::from([(name("t"), tier)]);
        card.operations.insert(name("op"), prices.clone());
        let mut catalog = Catalog::default();
        catalog.insert(card);
        let mut totals = Totals::default();
        for used in &used {
            let mut event = event("e", "op");
            event.quantities = *used;
            totals.add(&Totals::of(&event, Amount::ZERO)).unwrap();
        }
        let card = Some(CardRef { id: name("default"), version: 1, over: 0, exchange: Some(exchange(rate)) });
        let group = Group { operation: name("op"), tier: name("t"), card, overridden: false };
        let costs: Option<Vec<Amount>> = used.iter().map(|used| converted_cost(&prices, tier, Some(exchange(rate)), used)).collect();
        let (Ok(bill), Some(costs)) = (bill(Currency::USD, &BTreeMap::from([(group, totals)]), &catalog), costs) else {
            let sum = used.iter().fold(Exact::zero(), |sum, used| sum + converted(&prices, tier, rate, used));
            prop_assert!(to_amount(&up_to_unit(&sum)).is_none() || sum > ratio(10_i128.pow(19), 1), "{} has no bill", sum);
            return Ok(());
        };
        let mut gross = Exact::zero();
        for line in &bill.lines {
            let Item::Component(component) = line.item else { panic!("{line:?}") };
            let one = crate::oracle::rate(&prices.prices[&component], &value(tier.to_amount())) * value(rate);
            let shown = line.rate.unwrap();
            prop_assert_eq!(ratio(shown.numerator, shown.denominator) / crate::oracle::one_in_units(), one.clone(), "the rate is exact");
            let exact = one * BigInt::from(line.quantity);
            prop_assert_eq!(value(line.gross), half_even(&exact, 18));
            prop_assert_eq!(value(line.amount), half_even(&exact, 2));
            gross += exact;
        }
        let sum = costs.iter().fold(Exact::zero(), |sum, cost| sum + value(*cost));
        let above = in_units(&(sum - gross));
        prop_assert!(above >= Exact::zero() && above < ratio(used.len(), 1), "the events cost what the bill says, but for their rounding up");
    }

    #[test]
    fn the_rate_in_force_is_of_the_latest_table_into_the_currency(tables in vec(table(), 0..8), day in 0_i64..40) {
        let mut catalog = Catalog::default();
        let tables: Vec<ExchangeTable> = (1..).zip(tables).map(|(version, table)| ExchangeTable { version, sequence: version.into(), ..table }).collect();
        tables.iter().rev().cloned().for_each(|table| catalog.insert_exchange(table));
        let now = at("2026-11-01T00:00:00Z").plus_seconds(day * 86_400);
        for (from, into) in [("EUR", "USD"), ("JPY", "USD"), ("USD", "EUR"), ("JPY", "EUR"), ("USD", "USD")] {
            let (from, into) = (currency(from), currency(into));
            let mut best: Option<&ExchangeTable> = None;
            for table in tables.iter().filter(|table| table.base == into && table.effective_from <= now) {
                // Later tables come later, so they win ties.
                if best.is_none_or(|best| best.effective_from <= table.effective_from) {
                    best = Some(table);
                }
            }
            let expected = best.and_then(|table| Some((table.version, *table.rates.get(&from)?)));
            let found = catalog.exchange(from, into, now);
            prop_assert_eq!(found.map(|rate| (rate.version, rate.rate)), expected);
            prop_assert!(found.is_none_or(|rate| rate.from == from));
        }
        prop_assert_eq!(catalog.exchanges().iter().map(|table| ExchangeTable::clone(table)).collect::<Vec<_>>(), tables);
    }
}

fn table() -> impl Strategy<Value = ExchangeTable> {
    let (codes, bases) = (
        prop_oneof![Just("EUR"), Just("JPY"), Just("USD")],
        prop_oneof![Just("USD"), Just("EUR")],
    );
    (bases, btree_map(codes, rate(), 1..3), 0_i64..30).prop_map(|(base, rates, day)| {
        ExchangeTable {
            version: 0,
            sequence: 0,
            base: currency(base),
            rates: rates
                .into_iter()
                .filter(|(code, _)| *code != base)
                .map(|(code, rate)| (currency(code), rate))
                .collect(),
            effective_from: at("2026-11-01T00:00:00Z").plus_seconds(day * 86_400),
        }
    })
}

/// The cost of one unit of `op` at 1 EUR for a tenant, and how it came to it.
fn cost_for(tenant: Option<&str>, tables: &[(&str, &str, &str)]) -> Result<String, PriceError> {
    let mut euro = card("euro", 1, 1);
    euro.currency = currency("EUR");
    euro.operations.insert(
        name("op"),
        crate::given::operation(&[(Component::Unit, crate::given::price("1", 3))]),
    );
    let mut catalog = Catalog::default();
    catalog.insert(euro);
    for (version, (base, from, rate)) in (1_u32..).zip(tables) {
        let rates = BTreeMap::from([(currency(from), usd(rate))]);
        let effective_from = at("2026-01-01T00:00:00Z");
        catalog.insert_exchange(ExchangeTable {
            version,
            sequence: version.into(),
            base: currency(base),
            rates,
            effective_from,
        });
    }
    let priced = catalog.price(&[name("euro")], tenant.map(currency), &event("e", "op"))?;
    let by = priced
        .card
        .unwrap()
        .exchange
        .map_or_else(String::new, |rate| {
            format!(" by {} {} {}", rate.version, rate.from, rate.rate)
        });
    Ok(format!("{} {}{by}", priced.cost, priced.currency))
}

#[test]
fn a_cost_is_in_the_tenants_currency_where_a_table_converts_into_it() {
    for (tenant, tables, expected) in [
        (
            None,
            &[("USD", "EUR", "1.08")][..],
            "0.333333333333333334 EUR",
        ),
        (
            Some("EUR"),
            &[("USD", "EUR", "1.08")],
            "0.333333333333333334 EUR",
        ),
        (
            Some("USD"),
            &[("USD", "EUR", "1.08")],
            "0.36 USD by 1 EUR 1.08",
        ),
        (
            Some("USD"),
            &[("USD", "EUR", "1.08"), ("USD", "EUR", "1.1")],
            "0.366666666666666667 USD by 2 EUR 1.1",
        ),
        (
            Some("USD"),
            &[("USD", "EUR", "1.08"), ("GBP", "EUR", "0.9")],
            "0.36 USD by 1 EUR 1.08",
        ),
        (
            Some("USD"),
            &[("USD", "EUR", "1.08"), ("USD", "GBP", "1.3")],
            "0.333333333333333334 EUR",
        ),
        (
            Some("USD"),
            &[("EUR", "USD", "0.93")],
            "0.333333333333333334 EUR",
        ),
        (
            Some("JPY"),
            &[("USD", "EUR", "1.08")],
            "0.333333333333333334 EUR",
        ),
    ] {
        assert_eq!(
            cost_for(tenant, tables).as_deref(),
            Ok(expected),
            "{tenant:?} {tables:?}"
        );
    }
}

#[test]
fn what_is_priced_like_another_is_converted_at_its_rate() {
    let mut euro = card("euro", 1, 1);
    euro.currency = currency("EUR");
    let prices = crate::given::operation(&[(Component::Unit, crate::given::price("1", 3))]);
    euro.operations.insert(name("op"), prices);
    let mut catalog = Catalog::default();
    catalog.insert(euro);
    let table = |version: u32, rate: &str| ExchangeTable {
        version,
        sequence: version.into(),
        base: Currency::USD,
        rates: BTreeMap::from([(currency("EUR"), usd(rate))]),
        effective_from: at("2026-01-01T00:00:00Z"),
    };
    catalog.insert_exchange(table(1, "1.08"));
    let mut event = event("e", "op");
    let held = catalog
        .price(&[name("euro")], Some(Currency::USD), &event)
        .unwrap();
    catalog.insert_exchange(table(2, "2"));
    event.quantities.units = 2;
    let standard = event.dimensions.tier.clone();
    let (like, _) = catalog.price_like(&held, &standard, &event).unwrap();
    assert_eq!((like.cost, like.currency), (usd("0.72"), Currency::USD));
    assert_eq!(like.card, held.card);
    event.cost_override = Some(usd("10"));
    let (like, _) = catalog.price_like(&held, &standard, &event).unwrap();
    assert_eq!(like.cost, usd("10.8"));
}

#[test]
fn an_event_costs_at_most_1e15_in_the_currency_converted_into() {
    assert_eq!(
        cost_for(Some("USD"), &[("USD", "EUR", "1000000000")]).as_deref(),
        Ok("333333333.333333333333333334 USD by 1 EUR 1000000000")
    );
    let mut euro = card("euro", 1, 1);
    euro.currency = currency("EUR");
    let mut catalog = Catalog::default();
    euro.operations.insert(
        name("op"),
        crate::given::operation(&[(Component::Unit, crate::given::price("1e9", 1))]),
    );
    catalog.insert(euro);
    let rates = BTreeMap::from([(currency("EUR"), usd("1e6"))]);
    catalog.insert_exchange(ExchangeTable {
        version: 1,
        sequence: 2,
        base: Currency::USD,
        rates,
        effective_from: at("2026-01-01T00:00:00Z"),
    });
    let mut event = event("e", "op");
    let price = |event: &Event| catalog.price(&[name("euro")], Some(Currency::USD), event);
    assert_eq!(price(&event).unwrap().cost, usd("1e15"));
    event.quantities.units = 2;
    assert_eq!(price(&event), Err(PriceError::Range));
}
