//! Of any cards put in any order, the one that prices an event is found by looking
//! at all of them.

use crate::given::{at, card, event, name, operation, price};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use tollgate_core::{
    Amount, Card, Catalog, Component, DAY_SECONDS, Event, ExchangeTable, Instant, Name, PriceError,
};

fn day() -> impl Strategy<Value = Instant> {
    (0_i64..6).prop_map(|day| at("2026-11-20T00:00:00Z").plus_seconds(day * DAY_SECONDS))
}

fn of() -> impl Strategy<Value = &'static str> {
    select(["x", "y"].as_slice())
}

/// Cards in the order that they were put, each the next version of its id; some take the
/// place of those of before that they are in force from before.
fn cards() -> impl Strategy<Value = Vec<Card>> {
    let id = select(["default", "a", "b"].as_slice());
    let one = (
        id,
        day(),
        btree_set(of(), 0..3),
        proptest::option::of(0_i64..4),
    );
    vec(one, 0..9).prop_map(|drawn| {
        let mut cards: Vec<Card> = Vec::new();
        for (sequence, (id, effective_from, operations, replaces)) in (1..).zip(drawn) {
            let mut versions = cards.iter().filter(|card| card.id.as_str() == id);
            let before: Vec<&Card> = versions.by_ref().collect();
            let mut replaced = before
                .last()
                .map_or_else(BTreeSet::new, |last| last.replaced.clone());
            // All of a stretch of time: else what is over would price again.
            let until = replaces.map(|days| effective_from.plus_seconds(days * DAY_SECONDS));
            let is_within = |card: &&&Card| {
                let (from, at) = (effective_from, card.effective_from);
                until.is_some_and(|until| from <= at && at <= until)
            };
            replaced.extend(before.iter().filter(is_within).map(|card| card.version));
            let version = u32::try_from(before.len() + 1).unwrap();
            let priced = operation(&[(Component::Unit, price("1", 1))]);
            let named = operations.into_iter().map(|of| (name(of), priced.clone()));
            cards.push(Card {
                effective_from,
                operations: named.collect(),
                replaced,
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
        let mut later = cards.iter().filter(|other| other.id == card.id);
        if later.any(|other| other.replaced.contains(&card.version)) {
            continue;
        }
        if has_begun && best.is_none_or(|best| best.effective_from <= card.effective_from) {
            best = Some(card);
        }
    }
    best
}

/// Cards that a tenant may name.
const NAMED: [&[&str]; 5] = [
    &["a"],
    &["b", "a"],
    &["a", "default"],
    &["b", "x", "a", "default"],
    &[],
];

fn chosen<'a>(cards: &'a [Card], named: &[Name], event: &Event) -> Result<&'a Card, PriceError> {
    let operation = &event.dimensions.operation;
    let mut first = None;
    for id in named {
        let Some(card) = in_force(cards, id.as_str(), event) else {
            continue;
        };
        if card.operations.contains_key(operation) {
            return Ok(card);
        }
        first = first.or(Some(card));
    }
    match first {
        Some(_) => Err(PriceError::UnknownOperation(operation.clone())),
        None => Err(PriceError::NoCard(event.timestamp)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_card_that_prices_an_event_is_the_one_found_by_looking_at_all(
        cards in cards(), of in of(), timestamp in day(), turn in any::<prop::sample::Index>(),
        named in select(NAMED.as_slice()),
    ) {
        let mut used = event("e", of);
        used.timestamp = timestamp;
        let mut turned = cards.clone();
        turned.rotate_left(turn.index(cards.len().max(1)));
        let mut catalog = Catalog::default();
        turned.into_iter().for_each(|card| catalog.insert(card));
        let named: Vec<Name> = named.iter().map(|id| name(id)).collect();
        let priced = catalog.price(&named, None, &used).map(|priced| {
            let card = priced.card.unwrap();
            (card.id, card.version)
        });
        let usual = [name("default")];
        let asked = if named.is_empty() { &usual[..] } else { &named };
        let expected = chosen(&cards, asked, &used).map(|card| (card.id.clone(), card.version));
        prop_assert_eq!(priced, expected);
    }
}

/// A version of either kind.
#[derive(Clone, Debug)]
enum Version {
    Card(Card),
    Rates(ExchangeTable),
}

impl Version {
    fn add_to(&self, catalog: &mut Catalog) {
        match self.clone() {
            Self::Card(card) => catalog.insert(card),
            Self::Rates(table) => catalog.insert_exchange(table),
        }
    }

    fn place(&self) -> (u64, Instant) {
        match self {
            Self::Card(card) => (card.sequence, card.effective_from),
            Self::Rates(table) => (table.sequence, table.effective_from),
        }
    }
}

/// Cards, and exchange rates put between them.
fn versions() -> impl Strategy<Value = Vec<Version>> {
    let tables = vec((select(["USD", "EUR"].as_slice()), day()), 0..6);
    (cards(), tables).prop_map(|(cards, tables)| {
        let mut versions: Vec<Version> = cards.into_iter().map(Version::Card).collect();
        for (number, (base, effective_from)) in (1_u32..).zip(tables) {
            let rate = Amount::from_units(i128::from(number)).unwrap();
            let table = ExchangeTable {
                version: number,
                sequence: 0,
                base: base.parse().unwrap(),
                rates: [("GBP".parse().unwrap(), rate)].into(),
                effective_from,
            };
            let place = usize::try_from(number).unwrap() * 5 % (versions.len() + 1);
            versions.insert(place, Version::Rates(table));
        }
        let (mut sequence, mut number) = (0, 0);
        for version in &mut versions {
            sequence += 1;
            match version {
                Version::Card(card) => card.sequence = sequence,
                Version::Rates(table) => {
                    number += 1;
                    (table.sequence, table.version) = (sequence, number);
                }
            }
        }
        versions
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn what_is_listed_and_what_of_the_past_was_in_force_prices_as_all_versions_do(
        versions in versions(), moves in vec((day(), 0..3_usize), 15),
        of in of(), timestamp in day(),
    ) {
        // Each put may move some of what is over by some clock.
        let (mut whole, mut listed) = (Catalog::default(), Catalog::default());
        let (mut past, mut since): (Vec<(Instant, Version)>, _) = (Vec::new(), None);
        for (version, (before, most)) in versions.iter().zip(&moves) {
            if let Version::Card(card) = version {
                let held = listed.card(card.id.as_str(), None);
                let replaces = held.is_some_and(|held| held.replaced.len() < card.replaced.len());
                // Refused: whose time such a version would take is not at hand.
                prop_assume!(!replaces || listed.lacks(card.effective_from).is_none());
            }
            version.add_to(&mut whole);
            version.add_to(&mut listed);
            let mut over = listed.over(*before);
            over.truncate(*most);
            since = since.max(over.last().map(|(end, _)| *end));
            let mut kept: BTreeSet<u64> = versions.iter().map(|of| of.place().0).collect();
            for (end, sequence) in over {
                kept.remove(&sequence);
                let moved = versions.iter().find(|of| of.place().0 == sequence).unwrap();
                past.push((end, moved.clone()));
            }
            listed.retain(&kept);
            listed.set_since(since);
        }
        let mut used = event("e", of);
        used.timestamp = timestamp;
        let told = |catalog: &Catalog| {
            let rates = ["USD", "EUR"].map(|base| {
                catalog.exchange("GBP".parse().unwrap(), base.parse().unwrap(), timestamp)
            });
            let cards = ["a", "b", "default"].map(name);
            (catalog.price(&cards, None, &used), rates)
        };
        if listed.lacks(timestamp).is_some() {
            prop_assert_eq!(listed.price(&[], None, &used), Err(PriceError::NotHeld(timestamp)));
            let in_force = past.iter().filter(|(end, of)| of.place().1 <= timestamp && timestamp < *end);
            in_force.for_each(|(_, version)| version.add_to(&mut listed));
            listed.add_times([timestamp]);
        }
        prop_assert_eq!(told(&listed), told(&whole));
        // The newest of each are always at hand.
        for (id, versions) in whole.cards() {
            prop_assert_eq!(listed.card(id.as_str(), None), versions.last());
        }
        prop_assert_eq!(listed.exchanges().last(), whole.exchanges().last());
    }
}
