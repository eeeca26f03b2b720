//! Which card prices an event, and the prices of system 000.

use crate::given::{at, card, event, factor, name, operation, price, usd};
use tollgate_core::{
    Amount, Card, Catalog, Component, Defaults, Event, Instant, Name, PriceError, Priced, Unpriced,
};

/// A card whose named operations cost `unit` each.
fn pricing(id: &str, version: u32, sequence: u64, unit: &str, operations: &[&str]) -> Card {
    let mut card = card(id, version, sequence);
    let priced = operation(&[(Component::Unit, price(unit, 1))]);
    card.operations
        .extend(operations.iter().map(|of| (name(of), priced.clone())));
    card
}

fn since(mut card: Card, from: &str) -> Card {
    card.effective_from = at(from);
    card
}

fn catalog(cards: &[Card]) -> Catalog {
    let mut catalog = Catalog::default();
    cards.iter().cloned().for_each(|card| catalog.insert(card));
    catalog
}

/// `card/version cost`, or the refusal.
fn price_of(cards: &[Card], named: &[&str], event: &Event) -> String {
    let named: Vec<Name> = named.iter().map(|id| name(id)).collect();
    match catalog(cards).price(&named, None, event) {
        Ok(priced) => shown(&priced),
        Err(refusal) => refusal.to_string(),
    }
}

fn shown(priced: &Priced) -> String {
    let card = priced.card.as_ref().unwrap();
    format!("{}/{} {}", card.id, card.version, priced.cost)
}

/// What is put for one tenant reprices no other.
#[test]
fn a_card_that_nobody_names_prices_nothing() {
    let default = pricing("default", 1, 1, "1", &["chat"]);
    let special = pricing("special", 1, 9, "0.01", &["chat", "draw"]);
    let cards = [default, special];
    assert_eq!(price_of(&cards, &[], &event("e", "chat")), "default/1 1");
    assert_eq!(
        price_of(&cards, &[], &event("e", "draw")),
        "operation `draw` has no price"
    );
}

#[test]
fn the_first_of_the_tenants_cards_that_names_the_operation_prices_it() {
    let later = since(
        pricing("later", 1, 4, "4", &["chat"]),
        "2026-12-01T00:00:00Z",
    );
    let cards = [
        pricing("default", 1, 1, "1", &["chat", "draw"]),
        pricing("special", 1, 2, "2", &["embed"]),
        pricing("last", 1, 3, "3", &["chat", "embed"]),
        later,
    ];
    for (named, of, expected) in [
        (&[][..], "chat", "default/1 1"),
        (&["default"], "chat", "default/1 1"),
        (&["last", "special"], "embed", "last/1 3"),
        (&["special", "last"], "embed", "special/1 2"),
        (&["special", "last", "default"], "draw", "default/1 1"),
        (&["later", "default"], "chat", "default/1 1"),
        (&["special"], "chat", "operation `chat` has no price"),
        (
            &["absent"],
            "chat",
            "no rate card is in force at 2026-11-22T10:00:00Z",
        ),
        (
            &["later"],
            "chat",
            "no rate card is in force at 2026-11-22T10:00:00Z",
        ),
    ] {
        assert_eq!(
            price_of(&cards, named, &event("e", of)),
            expected,
            "{named:?} {of}"
        );
    }
}

#[test]
fn defaults_name_the_cards_of_tenants_that_name_none() {
    let cards = [
        pricing("default", 1, 1, "1", &["chat", "draw"]),
        pricing("ours", 1, 2, "2", &["chat"]),
    ];
    let mut held = catalog(&cards);
    held.set_defaults(Defaults {
        version: 1,
        sequence: 3,
        rate_cards: vec![name("ours"), name("default")],
    });
    // What is older is not taken.
    held.set_defaults(Defaults::default());
    for (named, of, expected) in [
        (&[][..], "chat", "ours/1 2"),
        (&[], "draw", "default/1 1"),
        (&["default"], "chat", "default/1 1"),
    ] {
        let named: Vec<Name> = named.iter().map(|id| name(id)).collect();
        let priced = held.price(&named, None, &event("e", of)).unwrap();
        assert_eq!(shown(&priced), expected);
    }
}

/// Wrong, then right since the start of the month: the right version prices, though the
/// wrong one came into force later.
#[test]
fn a_version_that_is_replaced_prices_nothing() {
    let first = since(
        pricing("default", 1, 1, "1", &["chat"]),
        "2026-01-01T00:00:00Z",
    );
    let wrong = since(
        pricing("default", 2, 2, "50", &["chat"]),
        "2026-11-20T00:00:00Z",
    );
    let right = since(
        pricing("default", 3, 3, "2", &["chat"]),
        "2026-11-01T00:00:00Z",
    );
    let mut replacing = right.clone();
    replacing.replaced.insert(2);
    let mut later = since(
        pricing("default", 4, 4, "3", &["chat"]),
        "2026-11-25T00:00:00Z",
    );
    later.replaced.insert(2);
    let chat = event("e", "chat");
    for (cards, expected) in [
        (vec![first.clone(), wrong.clone()], "default/2 50"),
        (vec![first.clone(), wrong.clone(), right], "default/2 50"),
        (
            vec![first.clone(), wrong.clone(), replacing.clone()],
            "default/3 2",
        ),
        (vec![first, wrong, replacing, later], "default/3 2"),
    ] {
        assert_eq!(price_of(&cards, &[], &chat), expected);
    }
}

#[test]
fn the_version_in_force_at_the_timestamp_prices_the_event() {
    let cards = [
        since(
            pricing("default", 1, 1, "1", &["chat"]),
            "2026-01-01T00:00:00Z",
        ),
        since(
            pricing("default", 2, 2, "2", &["chat"]),
            "2026-03-01T00:00:00Z",
        ),
        since(
            pricing("default", 3, 3, "3", &["chat"]),
            "2026-02-01T00:00:00Z",
        ),
        since(
            pricing("default", 4, 4, "4", &["chat"]),
            "2026-03-01T00:00:00Z",
        ),
        since(
            pricing("default", 5, 5, "5", &["chat"]),
            "2026-02-15T00:00:00Z",
        ),
    ];
    for (timestamp, expected) in [
        (
            "2025-12-31T23:59:59.999999999Z",
            "no rate card is in force at 2025-12-31T23:59:59.999999999Z",
        ),
        ("2026-01-01T00:00:00Z", "default/1 1"),
        ("2026-01-31T23:59:59.999999999Z", "default/1 1"),
        ("2026-02-01T01:00:00+01:00", "default/3 3"),
        ("2026-02-14T23:59:59Z", "default/3 3"),
        ("2026-02-28T23:59:59Z", "default/5 5"),
        // Two versions take effect at once: the one put later prices, not one
        // put later still that took effect before.
        ("2026-03-01T00:00:00Z", "default/4 4"),
    ] {
        let mut chat = event("e", "chat");
        chat.timestamp = at(timestamp);
        assert_eq!(price_of(&cards, &[], &chat), expected);
        assert_eq!(
            price_of(&[&cards[3..], &cards[..3]].concat(), &[], &chat),
            expected,
            "in any order of loading"
        );
    }
}

#[test]
fn what_a_card_does_not_price_is_refused_or_free_by_its_choice() {
    let mut free = pricing("default", 1, 1, "1", &["chat"]);
    free.unpriced = Unpriced::Free;
    assert_eq!(
        price_of(std::slice::from_ref(&free), &[], &event("e", "draw")),
        "default/1 0"
    );
    let reject = pricing("default", 1, 1, "1", &["chat"]);
    assert_eq!(
        price_of(&[reject], &[], &event("e", "draw")),
        "operation `draw` has no price"
    );
    let mut odd = event("e", "chat");
    odd.dimensions.tier = name("gold");
    assert_eq!(
        price_of(std::slice::from_ref(&free), &[], &odd),
        "rate card `default` has no tier `gold`"
    );
    odd.dimensions.operation = name("draw");
    assert_eq!(
        price_of(&[free], &[], &odd),
        "rate card `default` has no tier `gold`"
    );
}

#[test]
fn an_override_is_the_price_of_the_whole_event() {
    let mut dear = pricing("default", 1, 1, "100", &["chat"]);
    dear.tiers.insert(name("double"), factor("2"));
    let mut chat = event("e", "chat");
    chat.dimensions.tier = name("double");
    chat.quantities.units = 7;
    assert_eq!(
        price_of(std::slice::from_ref(&dear), &[], &chat),
        "default/1 1400"
    );
    for given in ["0", "0.05", "1000000000000000"] {
        chat.cost_override = Some(usd(given));
        assert_eq!(
            price_of(std::slice::from_ref(&dear), &[], &chat),
            format!("default/1 {given}")
        );
    }
    chat.cost_override = Some(usd("1000000000000000.01"));
    assert_eq!(
        price_of(std::slice::from_ref(&dear), &[], &chat),
        "the cost is out of range"
    );
}

/// A hold priced so and so is captured so, whatever was put since.
#[test]
fn what_is_priced_like_another_has_its_card_and_version() {
    let mut card = pricing("default", 1, 1, "2", &["chat"]);
    card.tiers.insert(name("double"), factor("2"));
    let mut held = catalog(&[card]);
    let mut chat = event("e", "chat");
    chat.dimensions.tier = name("double");
    let priced = held.price(&[], None, &chat).unwrap();
    let mut dearer = pricing("default", 2, 2, "9", &["chat"]);
    dearer.tiers.insert(name("triple"), factor("3"));
    held.insert(dearer);
    chat.quantities.units = 3;
    let like = |tier: &str, cost: Option<&str>| {
        let mut used = chat.clone();
        used.dimensions.tier = name(tier);
        used.cost_override = cost.map(usd);
        let priced = held.price_like(&priced, &name("double"), &used);
        priced.map(|(priced, by_held_tier)| (shown(&priced), by_held_tier))
    };
    for (tier, cost, expected, by_held_tier) in [
        ("double", None, "default/1 12", false),
        ("standard", None, "default/1 6", false),
        ("triple", None, "default/1 12", true),
        ("triple", Some("0.5"), "default/1 0.5", false),
    ] {
        let found = like(tier, cost);
        assert_eq!(
            found,
            Ok((expected.to_owned(), by_held_tier)),
            "{tier} {cost:?}"
        );
    }
    assert_eq!(
        like("double", Some("1000000000000001")),
        Err(PriceError::Range)
    );
    let gone = Catalog::default().price_like(&priced, &Name::standard(), &chat);
    assert_eq!(gone, Err(PriceError::NoCard(chat.timestamp)));
}

#[test]
fn a_version_once_held_never_changes() {
    let mut held = catalog(&[pricing("default", 1, 1, "1", &["chat"])]);
    held.insert(pricing("default", 1, 2, "2", &["chat", "embed"]));
    assert_eq!(
        held.price(&[], None, &event("e", "chat")).unwrap().cost,
        usd("1")
    );
    let unknown = PriceError::UnknownOperation(name("embed"));
    assert_eq!(held.price(&[], None, &event("e", "embed")), Err(unknown));
    assert_eq!(held.card("default", None).unwrap().version, 1);
    assert!(held.card("default", Some(2)).is_none());
}

#[test]
fn the_built_in_card_is_in_force_from_the_first_instant_on() {
    let first: Instant = "0001-01-01T00:00:00Z".parse().unwrap();
    let mut early = event("e", "audit_write");
    early.timestamp = first;
    assert_eq!(
        Catalog::built_in().price(&[], None, &early).unwrap().cost,
        usd("0.001")
    );
}

/// The sum of `count` events by the built-in card.
fn built_in(count: u64, of: &str, tier: &str) -> Amount {
    let mut one = event("e", of);
    one.dimensions.tier = name(tier);
    let priced = Catalog::built_in().price(&[], None, &one).unwrap();
    (0..count)
        .try_fold(Amount::ZERO, |sum, _| sum.checked_add(priced.cost))
        .unwrap()
}

/// One microcent is 1e-8 USD.
fn microcents(count: i128) -> Amount {
    Amount::from_units(count * 10_i128.pow(10)).unwrap()
}

/// Source: sources.md section 2, vectors A1 to A9.
#[test]
fn the_vectors_of_system_000_hold_to_the_microcent() {
    for (vector, count, of, expected) in [
        ("A1", 1, "agent_message", 50_000),
        ("A2", 19, "agent_message", 950_000),
        ("A2", 20, "agent_message", 1_000_000),
        ("A2", 21, "agent_message", 1_050_000),
        ("A3", 9, "constitutional_validation", 900_000),
        ("A3", 10, "constitutional_validation", 1_000_000),
        ("A4", 4, "policy_evaluation", 800_000),
        ("A4", 5, "policy_evaluation", 1_000_000),
        ("A6", 1, "audit_write", 100_000),
        ("A6", 10, "audit_write", 1_000_000),
        ("A6", 25, "audit_write", 2_500_000),
        ("A7", 1, "deliberation_request", 1_000_000),
        ("A7", 1, "hitl_approval", 5_000_000),
        ("A7", 3, "hitl_approval", 15_000_000),
        ("A7", 1, "blockchain_anchor", 500_000),
        ("A7", 2, "blockchain_anchor", 1_000_000),
        ("A7", 3, "blockchain_anchor", 1_500_000),
    ] {
        assert_eq!(
            built_in(count, of, "standard"),
            microcents(expected),
            "{vector}: {count} {of}"
        );
    }
    let tiers = ["standard", "enhanced", "deliberation", "enterprise"];
    let four = tiers.map(|tier| built_in(1, "hitl_approval", tier));
    let sum = four.into_iter().try_fold(Amount::ZERO, Amount::checked_add);
    assert_eq!(
        sum,
        Some(microcents(37_500_000)),
        "A9: the original multipliers"
    );
}
