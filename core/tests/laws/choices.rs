//! Of any cards put in any order, the one that prices an event is found by looking
//! at all of them.

use crate::given::{at, card, event, name, operation, price};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use tollgate_core::{
    Amount, Card, Catalog, Component, DAY_SECONDS, Event, ExchangeTable, Instant, PriceError,
};

fn day() -> impl Strategy<Value = Instant> {
    (0_i64..6).prop_map(|day| at("2026-11-20T00:00:00Z").plus_seconds(day * DAY_SECONDS))
}

fn of() -> impl Strategy<Value = &'static str> {
    select(["x", "y"].as_slice())
}

/// Cards in the order that they were put, each the next version of its id.
fn cards() -> impl Strategy<Value = Vec<Card>> {
    let id = select(["default", "a", "b"].as_slice());
    let one = (
        id,
        day(),
        btree_set(of(), 0..3),
        proptest::option::of(day()),
    );
    vec(one, 0..9).prop_map(|drawn| {
        let mut cards: Vec<Card> = Vec::new();
        for (sequence, (id, effective_from, operations, takes_over)) in (1..).zip(drawn) {
            let before = cards.iter().filter(|card| card.id.as_str() == id).count();
            let version = u32::try_from(before + 1).unwrap();
            let priced = operation(&[(Component::Unit, price("1", 1))]);
            let named = operations.into_iter().map(|of| (name(of), priced.clone()));
            cards.push(Card {
                effective_from,
                operations: named.collect(),
                takes_over,
                ..card(id, version, sequence)
            });
        }
        cards
    })
}

/// The card of this id that is in force for the event: of two that took effect at
/// once, the later.
fn in_force<'a>(cards: &'a [Card], id: &str, event: &Event) -> Option<&'a Card> {
    let mut best: Option<&Card> = None;
    for card in cards.iter().filter(|card| card.id.as_str() == id) {
        let has_begun = card.effective_from <= event.timestamp;
        if has_begun && best.is_none_or(|best| best.effective_from <= card.effective_from) {
            best = Some(card);
        }
    }
    best
}

fn chosen<'a>(cards: &'a [Card], event: &Event) -> Result<&'a Card, PriceError> {
    let operation = &event.dimensions.operation;
    let names = |card: &&Card| card.operations.contains_key(operation);
    let is_late = |card: &&Card| card.takes_over.is_some_and(|since| event.timestamp < since);
    let candidate = |id| in_force(cards, id, event).filter(names);
    let default = candidate("default");
    let mut others = [candidate("a"), candidate("b")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    others.sort_by_key(|card| card.sequence);
    // The last put that was there in time, then `default`, then the first of those
    // that took over later.
    let in_time = others.iter().rev().copied().find(|card| !is_late(card));
    let found = in_time
        .or(default.filter(|card| !is_late(card)))
        .or_else(|| others.first().copied())
        .or_else(|| in_force(cards, "default", event));
    let found = found.ok_or(PriceError::NoCard(event.timestamp))?;
    let is_named = found.operations.contains_key(operation);
    is_named
        .then_some(found)
        .ok_or_else(|| PriceError::UnknownOperation(operation.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_card_that_prices_an_event_is_the_one_found_by_looking_at_all(
        cards in cards(), of in of(), timestamp in day(), turn in any::<prop::sample::Index>(),
    ) {
        let mut used = event("e", of);
        used.timestamp = timestamp;
        let mut turned = cards.clone();
        turned.rotate_left(turn.index(cards.len().max(1)));
        let mut catalog = Catalog::default();
        turned.into_iter().for_each(|card| catalog.insert(card));
        let priced = catalog.price(None, &used).map(|priced| (priced.card.id, priced.card.version));
        let expected = chosen(&cards, &used).map(|card| (card.id.clone(), card.version));
        prop_assert_eq!(priced, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_catalogue_that_forgot_what_was_over_prices_what_is_of_later_as_before(
        cards in cards(), of in of(), timestamp in day(), since in day(),
        tables in vec((select(["USD", "EUR"].as_slice()), day()), 0..6),
    ) {
        let mut whole = Catalog::default();
        cards.iter().cloned().for_each(|card| whole.insert(card));
        for (sequence, (base, effective_from)) in (100_u32..).zip(tables) {
            whole.insert_exchange(ExchangeTable {
                version: sequence,
                sequence: u64::from(sequence),
                base: base.parse().unwrap(),
                rates: [("GBP".parse().unwrap(), Amount::from_units(i128::from(sequence)).unwrap())].into(),
                effective_from,
            });
        }
        let mut kept = whole.clone();
        kept.forget(since);
        let mut used = event("e", of);
        used.timestamp = timestamp;
        let rates = |catalog: &Catalog| {
            ["USD", "EUR"].map(|base| catalog.exchange("GBP".parse().unwrap(), base.parse().unwrap(), timestamp))
        };
        if timestamp < since {
            prop_assert_eq!(kept.price(None, &used), Err(PriceError::NotHeld(timestamp)));
        } else {
            prop_assert_eq!(kept.price(None, &used), whole.price(None, &used));
            prop_assert_eq!(rates(&kept), rates(&whole));
        }
        // The newest stay, and what is left is not over.
        for (id, versions) in whole.cards() {
            prop_assert_eq!(kept.card(id.as_str(), None), versions.last());
        }
        prop_assert_eq!(kept.over(since), Vec::new());
        prop_assert_eq!(kept.exchanges().last(), whole.exchanges().last());
    }
}
