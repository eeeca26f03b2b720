//! What is charged over a range: packages, minimums, shares, and what has no price.

use super::{cost, group, of, prices, pricing, used_of};
use crate::given::{card, name, usd};
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Bill, Card, Catalog, Charge, Component, Currency, Factor, Group, Item, Name, Operation,
    Packages, Priced, Quantities, Totals, Unpriced, VolumeDiscount, bill,
};

/// The bill of `units` of an operation, in as many events.
fn billed(operation: &Operation, units: &[u64]) -> Bill {
    let catalog = pricing(operation, Factor::ONE, Unpriced::Reject);
    let mut groups: BTreeMap<Group, Totals> = BTreeMap::new();
    for units in units {
        let event = of(
            Quantities {
                units: *units,
                ..Quantities::NONE
            },
            "standard",
        );
        let priced = catalog.price(&[], None, &event).unwrap();
        let totals = Totals::of(&event, priced.cost);
        groups
            .entry(group("standard", &priced))
            .or_default()
            .add(&totals)
            .unwrap();
    }
    bill(Currency::USD, &groups, &catalog).unwrap()
}

fn lines(bill: &Bill) -> Vec<(Item, i128, String)> {
    let line = |line: &tollgate_core::Line| (line.item, line.quantity, line.amount.to_string());
    bill.lines.iter().map(line).collect()
}

#[test]
fn each_begun_package_is_paid_for_in_full_once_a_range() {
    let operation = Operation {
        packages: Some(Packages {
            size: 1000,
            price: usd("2"),
        }),
        ..Operation::default()
    };
    for (units, packages, amount) in [
        (&[1][..], 1, "2"),
        (&[999], 1, "2"),
        (&[1000], 1, "2"),
        (&[1001], 2, "4"),
        (&[400, 400, 400], 2, "4"),
        (&[1000, 1000, 1], 3, "6"),
    ] {
        let expected = (Item::Charge(Charge::Package), packages, amount.to_owned());
        assert_eq!(lines(&billed(&operation, units)), [expected], "{units:?}");
    }
    let used = used_of("units 250");
    assert_eq!(
        cost(&operation, used, "standard"),
        "0.5",
        "an event costs its share"
    );
}

/// By three versions of a card: in packages, at a price for each, in packages again.
#[test]
fn only_units_in_packages_begin_them() {
    let packed = Operation {
        packages: Some(Packages {
            size: 1000,
            price: usd("2"),
        }),
        ..Operation::default()
    };
    let single = Operation {
        prices: prices(&[(Component::Unit, "0.1", 1)]),
        ..Operation::default()
    };
    let mut catalog = Catalog::default();
    let mut groups: BTreeMap<Group, Totals> = BTreeMap::new();
    for (version, operation, units) in [(1, &packed, 1000), (2, &single, 500), (3, &packed, 400)] {
        let mut version = card("default", version, u64::from(version));
        let event = of(used_of(&format!("units {units}")), "standard");
        version.effective_from = event.timestamp;
        version.operations.insert(name("op"), operation.clone());
        catalog.insert(version);
        let priced = catalog.price(&[], None, &event).unwrap();
        let totals = Totals::of(&event, priced.cost);
        groups.insert(group("standard", &priced), totals);
    }
    let package = (Item::Charge(Charge::Package), 1, "2".to_owned());
    assert_eq!(
        lines(&bill(Currency::USD, &groups, &catalog).unwrap()),
        [
            package.clone(),
            (Item::Component(Component::Unit), 500, "50".to_owned()),
            package,
        ]
    );
}

/// Neither a discount nor a minimum comes of what nothing priced.
#[test]
fn what_has_no_price_counts_towards_nothing() {
    let half = VolumeDiscount {
        from: 100,
        discount: usd("0.5"),
    };
    let operation = Operation {
        prices: prices(&[(Component::Unit, "1", 1)]),
        volume_discounts: vec![half],
        minimum: Some(usd("200")),
        ..Operation::default()
    };
    let catalog = pricing(&operation, Factor::ONE, Unpriced::Reject);
    let event = of(used_of("units 60"), "standard");
    let priced = catalog.price(&[], None, &event).unwrap();
    let nothing = catalog.unpriced(&[], None, event.timestamp);
    let of = |priced: &Priced| (group("standard", priced), Totals::of(&event, priced.cost));
    let both = BTreeMap::from([of(&priced), of(&nothing)]);
    let unpriced = (Item::Charge(Charge::Unpriced), 1, "0".to_owned());
    assert_eq!(
        lines(&bill(Currency::USD, &both, &catalog).unwrap()),
        [
            unpriced.clone(),
            (Item::Component(Component::Unit), 60, "60".to_owned()),
            (Item::Charge(Charge::Minimum), 1, "140".to_owned()),
        ]
    );
    let mut voided = Totals::of(&event, priced.cost);
    voided.add(&voided.negated()).unwrap();
    let voided = BTreeMap::from([(group("standard", &priced), voided), of(&nothing)]);
    let billed = bill(Currency::USD, &voided, &catalog).unwrap();
    assert_eq!(lines(&billed), [unpriced]);
}

#[test]
fn what_is_missing_to_the_minimum_is_a_line_of_its_own() {
    let operation = Operation {
        prices: prices(&[(Component::Unit, "0.10", 1)]),
        minimum: Some(usd("50")),
        ..Operation::default()
    };
    let of_units = |quantity, amount: &str| {
        (
            Item::Component(Component::Unit),
            quantity,
            amount.to_owned(),
        )
    };
    let missing = |amount: &str| (Item::Charge(Charge::Minimum), 1, amount.to_owned());
    for (units, expected) in [
        (1, vec![of_units(1, "0.1"), missing("49.9")]),
        (499, vec![of_units(499, "49.9"), missing("0.1")]),
        (500, vec![of_units(500, "50")]),
        (501, vec![of_units(501, "50.1")]),
    ] {
        assert_eq!(lines(&billed(&operation, &[units])), expected);
    }
    assert_eq!(lines(&billed(&operation, &[])), []);
}

#[test]
fn a_share_is_charged_on_top_of_the_price_that_comes_with_an_event() {
    let operation = Operation {
        percentage: Some(usd("0.03")),
        ..Operation::default()
    };
    let catalog = pricing(&operation, Factor::ONE, Unpriced::Reject);
    let mut event = of(Quantities::default(), "standard");
    let mut groups: BTreeMap<Group, Totals> = BTreeMap::new();
    for (given, expected) in [("10", "10.3"), ("0.1", "0.103"), ("0", "0")] {
        event.cost_override = Some(usd(given));
        let priced = catalog.price(&[], None, &event).unwrap();
        assert_eq!(priced.cost.to_string(), expected);
        let group = Group {
            overridden: true,
            ..group("standard", &priced)
        };
        groups
            .entry(group)
            .or_default()
            .add(&Totals::of(&event, priced.cost))
            .unwrap();
    }
    let billed = bill(Currency::USD, &groups, &catalog).unwrap();
    let line = |charge, amount: &str| (Item::Charge(charge), 3, amount.to_owned());
    assert_eq!(
        lines(&billed),
        [
            line(Charge::Override, "10.1"),
            line(Charge::Percentage, "0.3")
        ]
    );
    assert_eq!(billed.unrounded, usd("10.403"));
}

/// What nothing has a price for costs nothing and is named.
#[test]
fn what_is_only_observed_without_a_price_is_a_line_of_nothing() {
    let catalog = pricing(&Operation::default(), Factor::ONE, Unpriced::Reject);
    let event = of(Quantities::default(), "standard");
    let priced = catalog.unpriced(&[], None, event.timestamp);
    assert_eq!(
        (priced.cost, priced.currency, &priced.card),
        (Amount::ZERO, Currency::USD, &None)
    );
    let groups = BTreeMap::from([(group("standard", &priced), Totals::of(&event, priced.cost))]);
    let billed = bill(Currency::USD, &groups, &catalog).unwrap();
    let expected = (Item::Charge(Charge::Unpriced), 1, "0".to_owned());
    assert_eq!((lines(&billed), billed.events), (vec![expected], 1));
    let mut catalog = catalog;
    catalog.insert(Card {
        currency: "EUR".parse().unwrap(),
        effective_from: event.timestamp.plus_seconds(1),
        ..card("later", 1, 2)
    });
    assert_eq!(
        catalog
            .unpriced(&[name("later")], None, event.timestamp)
            .currency,
        "EUR".parse().unwrap(),
        "a card that is not in force yet fixes the currency, too"
    );
    let none: &[Name] = &[name("nowhere")];
    assert_eq!(
        catalog.unpriced(none, None, event.timestamp).currency,
        Currency::USD
    );
}
