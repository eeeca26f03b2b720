//! Which card prices an event, and the prices of system 000.

use crate::given::{at, card, event, factor, name, operation, price, usd};
use tollgate_core::{
    Amount, Card, Catalog, Component, Event, Instant, Name, PriceError, Priced, Unpriced,
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
fn price_of(cards: &[Card], tenant_card: Option<&str>, event: &Event) -> String {
    match catalog(cards).price(tenant_card.map(name).as_ref(), event) {
        Ok(priced) => format!("{}/{} {}", priced.card.id, priced.card.version, priced.cost),
        Err(refusal) => refusal.to_string(),
    }
}

#[test]
fn the_card_put_last_among_those_that_name_the_operation_prices_it() {
    let default = pricing("default", 1, 9, "1", &["chat"]);
    let older = pricing("older", 1, 1, "2", &["chat"]);
    let newer = pricing("newer", 1, 2, "3", &["chat"]);
    let other = pricing("other", 1, 8, "4", &["embed"]);
    let chat = event("e", "chat");
    for (cards, expected) in [
        (vec![default.clone()], "default/1 1"),
        (vec![default.clone(), older.clone()], "older/1 2"),
        (
            vec![default.clone(), older.clone(), newer.clone()],
            "newer/1 3",
        ),
        (
            vec![newer.clone(), older.clone(), default.clone()],
            "newer/1 3",
        ),
        (vec![default.clone(), other.clone()], "default/1 1"),
        (
            vec![other.clone()],
            "no rate card is in force at 2026-11-22T10:00:00Z",
        ),
        (vec![], "no rate card is in force at 2026-11-22T10:00:00Z"),
    ] {
        assert_eq!(price_of(&cards, None, &chat), expected);
    }
    let put_again = pricing("older", 2, 3, "5", &["chat"]);
    assert_eq!(
        price_of(&[default.clone(), older, newer, put_again], None, &chat),
        "older/2 5"
    );
    assert_eq!(
        price_of(&[default, other], None, &event("e", "draw")),
        "operation `draw` has no price"
    );
}

/// What is put does not change what happened before it is in force.
#[test]
fn a_version_that_is_not_in_force_yet_makes_no_card_the_last_put() {
    let older = pricing("older", 1, 1, "2", &["chat"]);
    let newer = pricing("newer", 1, 2, "3", &["chat"]);
    let put_again = since(
        pricing("older", 2, 3, "5", &["chat"]),
        "2026-12-01T00:00:00Z",
    );
    let mut chat = event("e", "chat");
    let cards = [older, newer, put_again];
    for (timestamp, expected) in [
        ("2026-11-22T10:00:00Z", "newer/1 3"),
        ("2026-11-30T23:59:59.999999999Z", "newer/1 3"),
        ("2026-12-01T00:00:00Z", "older/2 5"),
    ] {
        chat.timestamp = at(timestamp);
        assert_eq!(price_of(&cards, None, &chat), expected, "{timestamp}");
    }
}

#[test]
fn a_card_that_prices_all_of_time_prices_what_others_did_from_when_it_was_put() {
    let default = pricing("default", 1, 1, "1", &["chat", "draw"]);
    let older = pricing("older", 1, 2, "2", &["chat"]);
    let mut taking = pricing("taking", 1, 3, "3", &["chat", "embed", "draw"]);
    taking.takes_over = Some(at("2026-11-20T00:00:00Z"));
    let cards = [default, older, taking];
    for (of, before, from_then_on) in [
        ("chat", "older/1 2", "taking/1 3"),
        ("draw", "default/1 1", "taking/1 3"),
        ("embed", "taking/1 3", "taking/1 3"),
    ] {
        let mut used = event("e", of);
        used.timestamp = at("2026-11-19T23:59:59.999999999Z");
        assert_eq!(price_of(&cards, None, &used), before, "{of}");
        assert_eq!(
            price_of(&cards, Some("taking"), &used),
            "taking/1 3",
            "{of}"
        );
        used.timestamp = at("2026-11-20T00:00:00Z");
        assert_eq!(price_of(&cards, None, &used), from_then_on, "{of}");
    }
}

#[test]
fn the_tenants_card_prices_all_of_its_events() {
    let cards = [
        pricing("default", 1, 1, "1", &["chat"]),
        pricing("special", 1, 2, "2", &["embed"]),
        pricing("last", 1, 3, "3", &["chat", "embed"]),
    ];
    for (tenant_card, of, expected) in [
        (None, "chat", "last/1 3"),
        (Some("default"), "chat", "default/1 1"),
        (Some("special"), "embed", "special/1 2"),
        (Some("special"), "chat", "operation `chat` has no price"),
        (
            Some("absent"),
            "chat",
            "no rate card is in force at 2026-11-22T10:00:00Z",
        ),
    ] {
        assert_eq!(
            price_of(&cards, tenant_card, &event("e", of)),
            expected,
            "{tenant_card:?} {of}"
        );
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
        assert_eq!(price_of(&cards, None, &chat), expected);
        assert_eq!(
            price_of(&[&cards[3..], &cards[..3]].concat(), None, &chat),
            expected,
            "in any order of loading"
        );
    }
}

#[test]
fn a_card_counts_only_where_a_version_in_force_names_the_operation() {
    let default = pricing("default", 1, 1, "1", &["chat"]);
    let later = since(
        pricing("later", 1, 2, "2", &["chat"]),
        "2026-12-01T00:00:00Z",
    );
    let dropped = pricing("dropped", 1, 3, "3", &["chat"]);
    let without = since(
        pricing("dropped", 2, 4, "4", &["embed"]),
        "2026-11-01T00:00:00Z",
    );
    let chat = event("e", "chat");
    assert_eq!(
        price_of(&[default.clone(), later], None, &chat),
        "default/1 1"
    );
    assert_eq!(
        price_of(&[default.clone(), dropped.clone()], None, &chat),
        "dropped/1 3"
    );
    assert_eq!(
        price_of(&[default, dropped, without], None, &chat),
        "default/1 1"
    );
}

#[test]
fn what_a_card_does_not_price_is_refused_or_free_by_its_choice() {
    let mut free = pricing("default", 1, 1, "1", &["chat"]);
    free.unpriced = Unpriced::Free;
    assert_eq!(
        price_of(std::slice::from_ref(&free), None, &event("e", "draw")),
        "default/1 0"
    );
    let reject = pricing("default", 1, 1, "1", &["chat"]);
    assert_eq!(
        price_of(&[reject], None, &event("e", "draw")),
        "operation `draw` has no price"
    );
    let mut odd = event("e", "chat");
    odd.dimensions.tier = name("gold");
    assert_eq!(
        price_of(std::slice::from_ref(&free), None, &odd),
        "rate card `default` has no tier `gold`"
    );
    odd.dimensions.operation = name("draw");
    assert_eq!(
        price_of(&[free], None, &odd),
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
        price_of(std::slice::from_ref(&dear), None, &chat),
        "default/1 1400"
    );
    for given in ["0", "0.05", "1000000000000000"] {
        chat.cost_override = Some(usd(given));
        assert_eq!(
            price_of(std::slice::from_ref(&dear), None, &chat),
            format!("default/1 {given}")
        );
    }
    chat.cost_override = Some(usd("1000000000000000.01"));
    assert_eq!(
        price_of(std::slice::from_ref(&dear), None, &chat),
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
    let priced = held.price(None, &chat).unwrap();
    let mut dearer = pricing("default", 2, 2, "9", &["chat"]);
    dearer.tiers.insert(name("triple"), factor("3"));
    held.insert(dearer);
    chat.quantities.units = 3;
    let like = |tier: &str, cost: Option<&str>| {
        let mut used = chat.clone();
        used.dimensions.tier = name(tier);
        used.cost_override = cost.map(usd);
        let priced = held.price_like(&priced, &name("double"), &used);
        priced.map(|(Priced { cost, card, .. }, by_held_tier)| {
            (format!("{}/{} {cost}", card.id, card.version), by_held_tier)
        })
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
        held.price(None, &event("e", "chat")).unwrap().cost,
        usd("1")
    );
    let unknown = PriceError::UnknownOperation(name("embed"));
    assert_eq!(held.price(None, &event("e", "embed")), Err(unknown));
    assert_eq!(held.card("default", None).unwrap().version, 1);
    assert!(held.card("default", Some(2)).is_none());
}

#[test]
fn the_built_in_card_is_in_force_from_the_first_instant_on() {
    let first: Instant = "0001-01-01T00:00:00Z".parse().unwrap();
    let mut early = event("e", "audit_write");
    early.timestamp = first;
    assert_eq!(
        Catalog::built_in().price(None, &early).unwrap().cost,
        usd("0.001")
    );
}

/// The sum of `count` events by the built-in card.
fn built_in(count: u64, of: &str, tier: &str) -> Amount {
    let mut one = event("e", of);
    one.dimensions.tier = name(tier);
    let priced = Catalog::built_in().price(None, &one).unwrap();
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
