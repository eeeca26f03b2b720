//! Of any cards put in any order, the one that prices an event is found by looking
//! at all of them.

use crate::given::{at, card, event, name, operation, price};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use tollgate_core::{Card, Catalog, Component, DAY_SECONDS, Event, Instant, PriceError};

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
        btree_map(of(), day(), 0..3),
    );
    vec(one, 0..9).prop_map(|drawn| {
        let mut cards: Vec<Card> = Vec::new();
        for (sequence, (id, effective_from, operations, taken_over)) in (1..).zip(drawn) {
            let before = cards.iter().filter(|card| card.id.as_str() == id).count();
            let version = u32::try_from(before + 1).unwrap();
            let priced = operation(&[(Component::Unit, price("1", 1))]);
            let named = operations.into_iter().map(|of| (name(of), priced.clone()));
            cards.push(Card {
                effective_from,
                operations: named.collect(),
                taken_over: taken_over
                    .into_iter()
                    .map(|(of, at)| (name(of), at))
                    .collect(),
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
    let prices = |card: &&Card| {
        let since = card.taken_over.get(operation);
        let has_it = since.is_none_or(|since| *since <= event.timestamp);
        has_it && card.operations.contains_key(operation)
    };
    let candidate = |id| in_force(cards, id, event).filter(prices);
    let mut best = [candidate("a"), candidate("b")]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    best.sort_by_key(|card| card.sequence);
    let found = best.pop().or_else(|| in_force(cards, "default", event));
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
