//! Bills are pure functions of totals and cards, rounded once per line.

use crate::draw::{discount_mode, discounts, operation, price, quantities};
use crate::given::{self, card, card_ref, name};
use crate::oracle::{Exact, half_even, in_units, ratio, value};
use num_bigint::BigInt;
use num_traits::Zero;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Amount, Bill, BillError, Card, Catalog, Charge, Component, Currency, DiscountMode, Event,
    Factor, Group, Instant, Item, Operation, Price, Quantities, Totals, Unpriced, VolumeDiscount,
    bill,
};

/// The use of `op` at tier `standard` under each version in turn.
type Versions = Vec<(Operation, Totals)>;

fn billed(currency: Currency, versions: &Versions) -> Result<Bill, BillError> {
    let mut catalog = Catalog::default();
    let mut groups = BTreeMap::new();
    for (version, (prices, totals)) in (1_u32..).zip(versions) {
        let mut card = card("default", version, u64::from(version));
        card.operations.insert(name("op"), prices.clone());
        catalog.insert(card);
        let group = Group {
            operation: name("op"),
            tier: name("standard"),
            card: card_ref("default", version),
            overridden: false,
        };
        groups.insert(group, *totals);
    }
    bill(currency, &groups, &catalog)
}

fn usd(versions: &Versions) -> Bill {
    billed(Currency::USD, versions).unwrap()
}

fn units(units: u64) -> Totals {
    Totals::from(&Quantities {
        units,
        ..Quantities::default()
    })
}

/// What is taken off, one unit after another.
fn discount_by_unit(prices: &Operation, before: i128, quantity: i128, total: i128) -> Exact {
    let rate = value(prices.prices[&Component::Unit].amount);
    let reached = |unit: i128| match prices.discount_mode {
        DiscountMode::Graduated => unit,
        DiscountMode::Volume => total,
    };
    let part = |unit: i128| {
        let step = prices
            .volume_discounts
            .iter()
            .rfind(|step| i128::from(step.from) <= reached(unit));
        step.map_or(Exact::zero(), |step| value(step.discount))
    };
    (before..before + quantity).fold(Exact::zero(), |sum, unit| sum + &rate * part(unit))
}

/// A price that ends, with discounts that end, so that nothing is rounded.
fn discounted() -> impl Strategy<Value = Operation> {
    (0_i128..10_i128.pow(12), discounts(200), discount_mode()).prop_map(
        |(amount, volume_discounts, discount_mode)| Operation {
            prices: BTreeMap::from([(
                Component::Unit,
                Price {
                    amount: Amount::from_units(amount * 10_i128.pow(9)).unwrap(),
                    per: 1,
                },
            )]),
            volume_discounts,
            discount_mode,
            ..Operation::default()
        },
    )
}

fn currency() -> impl Strategy<Value = Currency> {
    proptest::sample::select(["USD", "JPY", "KWD", "CLF"].as_slice())
        .prop_map(|code| code.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_line_is_quantity_times_rate_rounded_once(
        mut prices in operation(5),
        steps in discounts(1_000_000),
        mode in discount_mode(),
        events in proptest::collection::vec(quantities(), 1..4),
        currency in currency(),
    ) {
        prices.volume_discounts = steps;
        prices.discount_mode = mode;
        let mut totals = Totals::default();
        for used in &events {
            let mut event = given::event("e", "op");
            event.quantities = *used;
            totals.add(&Totals::of(&event, Amount::ZERO)).unwrap();
        }
        let mut listed: Vec<_> = prices.prices.iter().collect();
        listed.sort_by_key(|(component, _)| Component::ALL.iter().position(|of| of == *component));
        let exact = listed.into_iter().map(|(component, price)| {
            let quantity = events.iter().map(|used| crate::oracle::quantity(&prices.prices, *component, used));
            let quantity: i128 = quantity.map(i128::from).sum();
            (*component, quantity, value(price.amount) / BigInt::from(price.per) * BigInt::from(quantity))
        });
        let exact: Vec<_> = exact.filter(|(_, quantity, _)| *quantity > 0).collect();
        let Ok(bill) = billed(currency, &vec![(prices.clone(), totals)]) else {
            let is_huge = |(_, _, gross): &(Component, i128, Exact)| *gross > ratio(100_000_000_000_u64, 1);
            prop_assert!(exact.iter().any(is_huge), "refused: {:?}", exact);
            return Ok(());
        };
        prop_assert_eq!(bill.lines.len(), exact.len());
        let (mut subtotal, mut unrounded) = (Exact::zero(), Exact::zero());
        for (line, (component, quantity, gross)) in bill.lines.iter().zip(exact) {
            prop_assert_eq!((line.item, line.quantity), (Item::Component(component), quantity));
            prop_assert_eq!(value(line.gross), half_even(&gross, 18));
            let net = value(line.gross) - value(line.discount);
            prop_assert_eq!(value(line.amount), half_even(&net, currency.minor_digits()));
            subtotal += value(line.amount);
            unrounded += net;
        }
        prop_assert_eq!((value(bill.subtotal), value(bill.unrounded)), (subtotal, unrounded));
    }

    #[test]
    fn discounts_are_those_of_the_units_one_by_one(
        versions in proptest::collection::vec((discounted(), 0_u64..120), 1..4),
    ) {
        let versions: Versions = versions.into_iter().map(|(prices, used)| (prices, units(used))).collect();
        let total = versions.iter().map(|(_, totals)| totals.priced_by(Component::Unit)).sum();
        let bill = usd(&versions);
        let mut before = 0;
        let mut lines = bill.lines.iter();
        for (prices, totals) in versions.iter().filter(|(_, totals)| totals.priced_by(Component::Unit) > 0) {
            let line = lines.next().unwrap();
            let rate = value(prices.prices[&Component::Unit].amount);
            prop_assert_eq!(value(line.gross), rate * BigInt::from(totals.priced_by(Component::Unit)));
            prop_assert_eq!(value(line.discount), discount_by_unit(prices, before, totals.priced_by(Component::Unit), total));
            before += totals.priced_by(Component::Unit);
        }
        prop_assert!(lines.next().is_none());
    }

    #[test]
    fn more_use_never_costs_less_by_graduated_discounts(
        price in price(),
        steps in discounts(5000),
        less in 0_u64..10_000,
        more in 0_u64..10_000,
    ) {
        prop_assume!(value(price.amount) < ratio(100_000_000_000_u64, 1));
        let mut prices = given::operation(&[(Component::Unit, price)]);
        prices.volume_discounts = steps;
        let [a, b] = [less, less + more].map(|used| usd(&vec![(prices.clone(), units(used))]));
        prop_assert!(a.subtotal <= b.subtotal, "{} then {}", a.subtotal, b.subtotal);
        // Each part of a line is itself within half a unit of 1e-18.
        let fall = in_units(&(value(a.unrounded) - value(b.unrounded)));
        prop_assert!(fall <= ratio(10, 1), "{} then {}", a.unrounded, b.unrounded);
    }

    #[test]
    fn overrides_are_billed_as_they_were_given(costs in proptest::collection::vec(crate::draw::modest_amount(), 1..5)) {
        let mut totals = Totals::default();
        for cost in &costs {
            totals.add(&Totals::of(&given::event("e", "op"), *cost)).unwrap();
        }
        let group = Group { operation: name("op"), tier: name("any"), card: card_ref("gone", 7), overridden: true };
        let bill = bill(Currency::USD, &BTreeMap::from([(group, totals)]), &Catalog::default()).unwrap();
        let sum = costs.iter().fold(Exact::zero(), |sum, cost| sum + value(*cost));
        prop_assert_eq!(value(bill.unrounded), sum.clone());
        prop_assert_eq!(value(bill.subtotal), half_even(&sum, 2));
        let [line] = bill.lines.as_slice() else { panic!("one line") };
        prop_assert_eq!((line.item, line.rate, line.count), (Item::Charge(Charge::Override), None, i64::try_from(costs.len()).unwrap()));
    }
}

#[test]
fn a_discount_begins_beyond_its_quantity_or_applies_to_the_whole_from_it() {
    let prices = |mode| {
        let mut prices = given::operation(&[(Component::Unit, given::price("0.01", 1))]);
        let step = |from, part: &str| tollgate_core::VolumeDiscount {
            from,
            discount: given::usd(part),
        };
        prices.volume_discounts = vec![step(100, "0.10"), step(200, "0.50")];
        prices.discount_mode = mode;
        prices
    };
    use DiscountMode::{Graduated, Volume};
    for (mode, used, discount, amount) in [
        (Graduated, 99, "0", "0.99"),
        (Graduated, 100, "0", "1"),
        (Graduated, 101, "0.001", "1.01"),
        (Graduated, 199, "0.099", "1.89"),
        (Graduated, 200, "0.1", "1.9"),
        (Graduated, 201, "0.105", "1.9"),
        (Graduated, 300, "0.6", "2.4"),
        (Volume, 99, "0", "0.99"),
        (Volume, 100, "0.1", "0.9"),
        (Volume, 101, "0.101", "0.91"),
        (Volume, 199, "0.199", "1.79"),
        (Volume, 200, "1", "1"),
        (Volume, 201, "1.005", "1"),
    ] {
        let bill = usd(&vec![(prices(mode), units(used))]);
        let [line] = bill.lines.as_slice() else {
            panic!("one line")
        };
        assert_eq!(
            (
                line.discount.to_string().as_str(),
                line.amount.to_string().as_str()
            ),
            (discount, amount),
            "{mode:?} {used}"
        );
        // The same use, cut in two by a new card version, gets the same discount.
        for cut in [1, 50, 98] {
            let parts = usd(&vec![
                (prices(mode), units(cut)),
                (prices(mode), units(used - cut)),
            ]);
            assert_eq!(
                (parts.unrounded, parts.lines.len()),
                (bill.unrounded, 2),
                "{mode:?} {used} {cut}"
            );
        }
    }
}

/// Source: sources.md section 2, vector A14; 1 microcent is 1e-8 USD.
#[test]
fn two_operations_at_two_tiers_are_two_lines() {
    let mut flat = card("default", 1, 1);
    for tier in ["enhanced", "deliberation", "enterprise"] {
        flat.tiers.insert(name(tier), Factor::ONE);
    }
    for (of, unit) in [
        ("constitutional_validation", "0.001"),
        ("deliberation_request", "0.01"),
    ] {
        let prices = given::operation(&[(Component::Unit, given::price(unit, 1))]);
        flat.operations.insert(name(of), prices);
    }
    let mut without_factors = Catalog::default();
    without_factors.insert(flat);
    for (catalog, unrounded, subtotal) in [
        (without_factors, "0.011", "0.01"),
        (Catalog::built_in(), "0.031", "0.03"),
    ] {
        let validation = given::event("a", "constitutional_validation");
        let mut deliberation = given::event("b", "deliberation_request");
        deliberation.dimensions.tier = name("deliberation");
        let bill = crate::rows::bill_of_events(&catalog, &[validation, deliberation]).unwrap();
        assert_eq!((bill.lines.len(), bill.events), (2, 2));
        assert_eq!(bill.unrounded, given::usd(unrounded));
        assert_eq!(
            bill.subtotal,
            bill.lines.iter().fold(Amount::ZERO, |sum, line| sum
                .checked_add(line.amount)
                .unwrap())
        );
        assert_eq!(bill.unrounded.rounded(2), given::usd(subtotal));
    }
}

#[test]
fn a_missing_card_version_is_said() {
    let event: Event = given::event("e", "op");
    let group = Group {
        operation: name("op"),
        tier: name("standard"),
        card: card_ref("gone", 2),
        overridden: false,
    };
    let groups = BTreeMap::from([(group, Totals::of(&event, Amount::ZERO))]);
    let refusal = bill(Currency::USD, &groups, &Catalog::default()).unwrap_err();
    assert_eq!(refusal.to_string(), "rate card `gone` version 2 is missing");
}

#[test]
fn a_line_is_rounded_once_from_its_exact_value() {
    let bill = one_line("1e-15", 3, "0.001", 15_000_000_000_000_001, &[]);
    assert_eq!(bill.subtotal.to_string(), "0.01");
    let free = one_line("1", 3, "1", 4, &[(0, "1"), (2, "1")]);
    assert_eq!(free.unrounded, Amount::ZERO);
}

/// The bill of so many units of one operation, graduated.
fn one_line(amount: &str, per: u64, tier: &str, units: i128, discounts: &[(u64, &str)]) -> Bill {
    let volume_discounts = discounts
        .iter()
        .map(|(from, discount)| VolumeDiscount {
            from: *from,
            discount: discount.parse().unwrap(),
        })
        .collect();
    let prices = BTreeMap::from([(
        Component::Unit,
        Price {
            amount: amount.parse().unwrap(),
            per,
        },
    )]);
    let operation = Operation {
        prices,
        volume_discounts,
        discount_mode: DiscountMode::Graduated,
        ..Operation::default()
    };
    let mut catalog = Catalog::default();
    catalog.insert(Card {
        id: name("default"),
        version: 1,
        sequence: 1,
        currency: Currency::USD,
        effective_from: Instant::EPOCH,
        tiers: BTreeMap::from([(
            name("standard"),
            Factor::new(tier.parse().unwrap()).unwrap(),
        )]),
        unpriced: Unpriced::Reject,
        operations: BTreeMap::from([(name("op"), operation)]),
        replaced: BTreeSet::new(),
        source: None,
    });
    let group = Group {
        operation: name("op"),
        tier: name("standard"),
        card: card_ref("default", 1),
        overridden: false,
    };
    let mut totals = Totals::from(&Quantities::default());
    totals.quantities.0[0] = units;
    bill(Currency::USD, &BTreeMap::from([(group, totals)]), &catalog).unwrap()
}
