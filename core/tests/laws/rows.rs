//! Rollup rows are a pure fold of events, however those are cut into pages.

use crate::draw::{any_event, cut, cuts};
use crate::given::{self, card, name};
use crate::naive::start_text;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Amount, Bill, BillError, CardRef, Catalog, Component, Currency, Decision, Dimensions, Event, Group, Instant, Page, Row, Rows, Stored,
    Totals, Usage, WindowKind, bill,
};

fn stored(event: Event, version: u32) -> Stored {
    let cost = event.cost_override.unwrap_or_else(|| Amount::from_units(i128::from(event.quantities.units)).unwrap());
    Stored { event, cost, card: CardRef { id: name("default"), version }, decision: Decision::Allow }
}

/// Any event as it was recorded.
pub(crate) fn any_stored() -> impl Strategy<Value = Stored> {
    let decision = prop_oneof![Just(Decision::Allow), Just(Decision::Warn), Just(Decision::Deny)];
    (any_event(), 1_u32..4, decision).prop_map(|(event, version, decision)| Stored { decision, ..stored(event, version) })
}

/// Events of few operations, sessions and hours, so that rows are shared.
fn similar_events() -> impl Strategy<Value = Vec<Stored>> {
    let place = ("[ab]", "[st]", prop::option::of("[xy]"), 0_i64..3);
    vec((any_stored(), place), 0..40).prop_map(|events| {
        let similar = |(mut stored, (of, tier, session, hour)): (Stored, (String, String, Option<String>, i64))| {
            let at = given::at("2026-11-22T10:10:00Z").plus_seconds(hour * 3000);
            stored.event.timestamp = at;
            stored.event.dimensions = Dimensions::of(name(&of));
            stored.event.dimensions.tier = name(&tier);
            stored.event.dimensions.session = session.as_deref().map(name);
            stored.event.dimensions.agent = stored.event.task.clone();
            stored
        };
        events.into_iter().map(similar).collect()
    })
}

fn folded(pages: &[Vec<Stored>]) -> Rows {
    let mut rows = Rows::default();
    for events in pages {
        let page = Page { received: given::at("2026-11-22T12:00:00Z"), config_version: 1, currency: Currency::USD, events: events.clone() };
        rows.add_page(&page).unwrap();
    }
    rows
}

fn group(dimensions: &Dimensions, card: &CardRef, overridden: bool) -> Group {
    Group { operation: dimensions.operation.clone(), tier: dimensions.tier.clone(), card: card.clone(), overridden }
}

fn billed<'a>(catalog: &Catalog, parts: impl Iterator<Item = (Group, &'a Totals)>) -> Result<Bill, BillError> {
    let mut groups: BTreeMap<Group, Totals> = BTreeMap::new();
    for (group, totals) in parts {
        groups.entry(group).or_default().add(totals)?;
    }
    bill(Currency::USD, &groups, catalog)
}

/// The bill for `events`, each priced by `catalog`.
pub(crate) fn bill_of_events(catalog: &Catalog, events: &[Event]) -> Result<Bill, BillError> {
    let priced = events.iter().map(|event| {
        let priced = catalog.price(None, event).unwrap();
        let group = group(&event.dimensions, &priced.card, event.cost_override.is_some());
        (group, Totals::of(event, priced.cost))
    });
    let priced: Vec<_> = priced.collect();
    billed(catalog, priced.iter().map(|(group, totals)| (group.clone(), totals)))
}

/// Three versions of a card that prices `a` and `b` at tiers `s` and `t`.
fn three_versions() -> Catalog {
    let mut catalog = Catalog::default();
    for version in 1..4 {
        let mut card = card("default", version, u64::from(version));
        let prices = given::operation(&[
            (Component::Unit, given::price("0.0015", u64::from(version))),
            (Component::TokenIn, given::price("2.50", 1_000_000)),
        ]);
        card.operations.extend(["a", "b"].map(|of| (name(of), prices.clone())));
        card.tiers.extend([("s", "1"), ("t", "1.5")].map(|(tier, factor)| (name(tier), given::factor(factor))));
        catalog.insert(card);
    }
    catalog
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_cut_into_pages_in_any_order_folds_to_the_same_rows(
        events in similar_events(),
        shuffled in any::<prop::sample::Index>(),
        one in cuts(20),
        other in cuts(5),
    ) {
        let mut turned = events.clone();
        turned.rotate_left(shuffled.index(events.len().max(1)));
        turned.reverse();
        let rows = folded(&cut(&events, &one));
        prop_assert_eq!(&rows, &folded(&cut(&turned, &other)));
        let hours: BTreeSet<_> = rows.0.keys().map(|row| row.hour.to_string()).collect();
        let expected = events.iter().map(|stored| start_text(WindowKind::Hour, &stored.event.timestamp.to_string()));
        prop_assert_eq!(hours, expected.collect::<BTreeSet<_>>());
    }

    #[test]
    fn rows_are_read_as_they_were_written(events in vec(any_stored(), 0..30)) {
        let rows = folded(&[events]);
        let mut read = Rows::default();
        let mut last = None;
        for (hour, number, chunk) in rows.encode() {
            prop_assert!(last < Some((hour, number)), "chunks are ordered and numbered apart");
            last = Some((hour, number));
            for (row, totals) in Rows::decode(&chunk).unwrap() {
                prop_assert_eq!(row.hour, hour);
                // A row may come in parts.
                read.0.entry(row).or_default().add(&totals).unwrap();
            }
        }
        prop_assert_eq!(read, rows);
    }

    #[test]
    fn damaged_rows_never_panic(events in vec(any_stored(), 1..4), place in any::<prop::sample::Index>(), byte in any::<u8>(), noise in vec(any::<u8>(), 0..100)) {
        for (_, _, mut chunk) in folded(&[events]).encode() {
            let place = place.index(chunk.len());
            chunk[place] = byte;
            let _ = Rows::decode(&chunk);
            let _ = Rows::decode(&chunk[..place]);
        }
        let _ = Rows::decode(&noise);
    }

    #[test]
    fn a_bill_from_rows_is_the_bill_from_events(events in similar_events()) {
        let catalog = three_versions();
        let rows = folded(std::slice::from_ref(&events));
        let from_rows = billed(&catalog, rows.0.iter().map(|(row, totals)| (group(&row.dimensions, &row.card, row.overridden), totals)));
        let each: Vec<_> = events
            .iter()
            .map(|stored| {
                let group = group(&stored.event.dimensions, &stored.card, stored.event.cost_override.is_some());
                (group, Totals::of(&stored.event, stored.cost))
            })
            .collect();
        let from_events = billed(&catalog, each.iter().map(|(group, totals)| (group.clone(), totals)));
        prop_assert_eq!(&from_rows, &from_events);
        prop_assert_eq!(from_rows.unwrap().events, u64::try_from(events.len()).unwrap());
    }

    #[test]
    fn usage_from_rows_is_the_usage_of_events(events in similar_events()) {
        let mut from_rows = Usage::default();
        for (Row { dimensions, .. }, totals) in &folded(std::slice::from_ref(&events)).0 {
            from_rows.add(dimensions, totals).unwrap();
        }
        let mut from_events = Usage::default();
        for stored in &events {
            from_events.add(&stored.event.dimensions, &Totals::of(&stored.event, stored.cost)).unwrap();
        }
        prop_assert_eq!(&from_rows, &from_events);
        let tasks: BTreeSet<_> = events.iter().filter_map(|stored| stored.event.task.clone()).collect();
        let taskless = events.iter().filter(|stored| stored.event.task.is_none()).count();
        prop_assert_eq!(from_rows.totals.total_tasks(), u64::try_from(tasks.len() + taskless).unwrap());
        let tokens = events.iter().map(|stored| u128::from(stored.event.quantities.tokens())).sum::<u128>();
        prop_assert_eq!(from_rows.totals.tokens(), tokens);
    }
}

#[test]
fn an_hour_too_large_for_one_item_is_cut_into_several() {
    let in_session = |number: usize| {
        let mut event = given::event("e", "a");
        event.dimensions.session = Some(name(&format!("{number:04}{}", "x".repeat(124))));
        event.dimensions.agent = event.dimensions.session.clone();
        stored(event, 1)
    };
    let rows = folded(&[(0..2500).map(in_session).collect()]);
    let chunks = rows.encode();
    assert_eq!(chunks.iter().map(|(_, number, _)| *number).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(chunks.iter().all(|(_, _, bytes)| bytes.len() <= 380_000));
    let read = chunks.iter().flat_map(|(_, _, bytes)| Rows::decode(bytes).unwrap());
    assert_eq!(Rows(read.collect()), rows);
}

#[test]
fn a_row_of_many_tasks_takes_several_entries_that_each_fit_an_item() {
    let at: Instant = "2026-11-22T10:00:00Z".parse().unwrap();
    let stored = |task: usize| {
        let mut event = Event::new(name("e"), at, name("op"));
        event.task = Some(name(&format!("task-{task:0123}")));
        Stored { event, cost: Amount::ZERO, card: CardRef { id: name("default"), version: 1 }, decision: Decision::Allow }
    };
    let mut rows = Rows::default();
    let events = (0..7_000).map(stored).collect();
    rows.add_page(&Page { received: at, config_version: 1, currency: Currency::USD, events }).unwrap();
    let mut merged = Rows::default();
    for (_, _, chunk) in rows.encode() {
        assert!(chunk.len() <= 400_000, "{}", chunk.len());
        for (row, totals) in Rows::decode(&chunk).unwrap() {
            merged.0.entry(row).or_default().add(&totals).unwrap();
        }
    }
    assert_eq!(merged, rows);
}
