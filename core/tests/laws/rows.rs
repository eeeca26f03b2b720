//! Rollup rows are a pure fold of events, however those are cut into pages.

use crate::draw::{any_event, cut, cuts};
use crate::given::{self, card, name};
use crate::naive::start_text;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Amount, Bill, BillError, CardRef, Catalog, Component, Currency, DAY_SECONDS, Decision,
    Dimension, Dimensions, Event, ExchangeRate, Group, Label, Name, Page, Place, Roster, Rows,
    Stored, Tally, Totals, View, WindowKind, bill,
};

fn stored(event: Event, version: u32) -> Stored {
    let cost = event
        .cost_override
        .unwrap_or_else(|| Amount::from_units(i128::from(event.quantities.units)).unwrap());
    Stored {
        event,
        cost,
        card: given::card_ref("default", version),
        decision: Decision::Allow,
        voids: None,
    }
}

/// Any event as it was recorded.
pub(crate) fn any_stored() -> impl Strategy<Value = Stored> {
    let decision = prop_oneof![
        Just(Decision::Allow),
        Just(Decision::Warn),
        Just(Decision::Deny)
    ];
    let voids = prop::option::weighted(0.2, "[a-c]");
    (any_event(), 1_u32..4, decision, exchange(), voids).prop_map(
        |(event, version, decision, exchange, voids)| {
            let stored = stored(event, version);
            Stored {
                decision,
                card: stored.card.clone().map(|card| CardRef {
                    exchange,
                    over: u64::from(version) % 2 * 200_001,
                    ..card
                }),
                voids: voids.as_deref().map(name),
                ..stored
            }
        },
    )
}

/// The rate of a conversion, or none.
fn exchange() -> impl Strategy<Value = Option<ExchangeRate>> {
    let rate = (
        1_u32..3,
        prop_oneof![Just("EUR"), Just("JPY")],
        1_i128..10_i128.pow(20),
    );
    prop::option::of(rate.prop_map(|(version, from, units)| ExchangeRate {
        version,
        from: from.parse().unwrap(),
        rate: Amount::from_units(units).unwrap(),
    }))
}

/// Events of few operations, sessions and hours, so that rows are shared.
pub(crate) fn similar_events() -> impl Strategy<Value = Vec<Stored>> {
    let place = ("[ab]", "[st]", prop::option::of("[xy]"), 0_i64..3);
    vec((any_stored(), place), 0..40).prop_map(|events| {
        let similar = |(mut stored, (of, tier, session, hour)): (
            Stored,
            (String, String, Option<String>, i64),
        )| {
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

/// A page of `events`.
pub(crate) fn page(events: Vec<Stored>) -> Page {
    Page {
        received: given::at("2026-11-22T12:00:00Z"),
        config_version: 1,
        currency: Currency::USD,
        events,
        sealed: None,
    }
}

/// The rows of `pages`, everyone numbered in the order of `order`.
fn folded(order: &[Stored], pages: &[Vec<Stored>]) -> Rows {
    let (mut rows, mut roster) = (Rows::default(), Roster::default());
    Rows::default()
        .add_page(&page(order.to_vec()), &mut roster)
        .unwrap();
    for events in pages {
        rows.add_page(&page(events.clone()), &mut roster).unwrap();
    }
    rows
}

fn rows_of(events: &[Stored]) -> Rows {
    folded(events, &[events.to_vec()])
}

/// The rows again, read from their chunks.
fn read_back(rows: &Rows) -> Rows {
    let mut read = Rows::default();
    for chunk in rows.encode().unwrap() {
        assert!(chunk.bytes.len() <= 310_000, "{}", chunk.bytes.len());
        for (place, tally) in Rows::decode(&chunk.bytes).unwrap() {
            // A row may come in parts.
            read.0
                .entry((chunk.span, place))
                .or_default()
                .add(&tally)
                .unwrap();
        }
    }
    read
}

fn group(dimensions: &Dimensions, card: &Option<CardRef>, overridden: bool) -> Group {
    Group {
        operation: dimensions.operation.clone(),
        tier: dimensions.tier.clone(),
        card: card.clone(),
        overridden,
    }
}

fn billed<'a>(
    catalog: &Catalog,
    parts: impl Iterator<Item = (Group, &'a Totals)>,
) -> Result<Bill, BillError> {
    let mut groups: BTreeMap<Group, Totals> = BTreeMap::new();
    for (group, totals) in parts {
        groups.entry(group).or_default().add(totals)?;
    }
    bill(Currency::USD, &groups, catalog)
}

/// The bill for `events`, each priced by `catalog`.
pub(crate) fn bill_of_events(catalog: &Catalog, events: &[Event]) -> Result<Bill, BillError> {
    let priced = events.iter().map(|event| {
        let priced = catalog.price(&[], None, event).unwrap();
        let group = group(
            &event.dimensions,
            &priced.card,
            event.cost_override.is_some(),
        );
        (group, Totals::of(event, priced.cost))
    });
    let priced: Vec<_> = priced.collect();
    billed(
        catalog,
        priced.iter().map(|(group, totals)| (group.clone(), totals)),
    )
}

/// The bill for `events` as they were recorded, under three versions of a card.
pub(crate) fn bill_of_stored(events: &[Stored]) -> Result<Bill, BillError> {
    let each = events.iter().map(|stored| {
        let group = group(
            &stored.event.dimensions,
            &stored.card,
            stored.event.cost_override.is_some(),
        );
        (group, stored.totals())
    });
    let each: Vec<_> = each.collect();
    billed(
        &three_versions(),
        each.iter().map(|(group, totals)| (group.clone(), totals)),
    )
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
        card.operations
            .extend(["a", "b"].map(|of| (name(of), prices.clone())));
        card.tiers.extend(
            [("s", "1"), ("t", "1.5")].map(|(tier, factor)| (name(tier), given::factor(factor))),
        );
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
        let rows = folded(&events, &cut(&events, &one));
        prop_assert_eq!(&rows, &folded(&events, &cut(&turned, &other)));
        let hours: BTreeSet<_> = rows.0.keys().map(|(hour, _)| hour.to_string()).collect();
        let expected = events.iter().map(|stored| start_text(WindowKind::Hour, &stored.event.timestamp.to_string()));
        prop_assert_eq!(hours, expected.collect::<BTreeSet<_>>());
    }

    #[test]
    fn every_view_adds_up_to_the_same_and_is_read_as_it_was_written(events in vec(any_stored(), 0..30), by_day in any::<bool>()) {
        let rows = rows_of(&events);
        let seconds = if by_day { DAY_SECONDS } else { 3600 };
        let whole = |rows: &Rows| {
            let mut sum = Tally::default();
            for ((_, place), tally) in &rows.0 {
                sum.see(place);
                sum.add(tally).unwrap();
            }
            sum
        };
        for view in View::ALL {
            let seen = rows.seen(view, seconds).unwrap();
            prop_assert_eq!(whole(&seen), whole(&rows), "{:?}", view);
            prop_assert_eq!(&read_back(&seen), &seen, "{:?}", view);
            prop_assert!(seen.0.keys().all(|(span, place)| span.floor_to(seconds) == *span && place.within(view.kept()) == *place));
        }
    }

    #[test]
    fn days_of_hours_are_days_of_events(events in similar_events()) {
        let rows = rows_of(&events);
        for view in View::ALL {
            let hours = rows.seen(view, 3600).unwrap();
            let mut days = Rows::default();
            for ((span, place), tally) in &hours.0 {
                days.0.entry((span.floor_to(DAY_SECONDS), place.clone())).or_default().add(tally).unwrap();
            }
            prop_assert_eq!(&days, &rows.seen(view, DAY_SECONDS).unwrap(), "{:?}", view);
        }
    }

    #[test]
    fn damaged_rows_never_panic(events in vec(any_stored(), 1..4), place in any::<prop::sample::Index>(), byte in any::<u8>(), noise in vec(any::<u8>(), 0..100)) {
        for mut chunk in rows_of(&events).encode().unwrap() {
            let place = place.index(chunk.bytes.len());
            chunk.bytes[place] = byte;
            let _ = Rows::decode(&chunk.bytes);
            let _ = Rows::decode(&chunk.bytes[..place]);
        }
        let _ = Rows::decode(&noise);
    }

    #[test]
    fn a_bill_from_rows_is_the_bill_from_events(events in similar_events()) {
        let catalog = three_versions();
        let rows = rows_of(&events).seen(View::Use, DAY_SECONDS).unwrap();
        let of_place = |place: &Place| Group {
            operation: place.name(Dimension::Operation).cloned().unwrap(),
            tier: place.name(Dimension::Tier).cloned().unwrap(),
            card: place.card.clone(),
            overridden: place.overridden,
        };
        let from_rows = billed(&catalog, rows.0.iter().map(|((_, place), tally)| (of_place(place), &tally.totals)));
        let from_events = bill_of_stored(&events);
        prop_assert_eq!(&from_rows, &from_events);
        prop_assert_eq!(from_rows.unwrap().events, events.iter().map(|stored| stored.totals().events).sum::<i64>());
    }
}

#[test]
fn full_rows_know_the_budget_node_of_their_events_and_no_other_row_does() {
    let of_node = |node: Option<&str>| {
        let mut event = given::event("e", "a");
        event.dimensions.node = node.map(name);
        stored(event, 1)
    };
    let rows = rows_of(&[
        of_node(Some("team/x")),
        of_node(None),
        of_node(Some("team/x")),
    ]);
    for view in View::ALL {
        let seen = read_back(&rows.seen(view, 3600).unwrap());
        let nodes: Vec<_> = seen
            .0
            .iter()
            .map(|((_, place), tally)| {
                (
                    place.name(Dimension::Label(Label::Node)).map(Name::as_str),
                    tally.totals.events,
                )
            })
            .collect();
        let expected = if view == View::Full {
            vec![(None, 1), (Some("team/x"), 2)]
        } else {
            vec![(None, 3)]
        };
        assert_eq!(nodes, expected, "{view:?}");
    }
}

#[test]
fn an_hour_too_large_for_one_item_is_cut_into_several() {
    let in_session = |number: usize| {
        let mut event = given::event("e", "a");
        event.dimensions.session = Some(name(&format!("{number:04}{}", "x".repeat(124))));
        stored(event, 1)
    };
    let events: Vec<Stored> = (0..5000).map(in_session).collect();
    let rows = rows_of(&events).seen(View::Session, 3600).unwrap();
    assert_eq!(
        rows.encode()
            .unwrap()
            .iter()
            .map(|chunk| chunk.number)
            .collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    assert_eq!(read_back(&rows), rows);
}

#[test]
fn a_row_of_many_tasks_takes_several_entries_that_each_fit_an_item() {
    let of_task = |task: usize| {
        let mut event = given::event("e", "op");
        event.task = Some(name(&format!("task-{task}")));
        stored(event, 1)
    };
    // Every other one, so that the set has no runs.
    let order: Vec<Stored> = (0..140_000).map(of_task).collect();
    let seen: Vec<Stored> = order.iter().step_by(2).cloned().collect();
    let rows = folded(&order, &[seen])
        .seen(View::Totals, DAY_SECONDS)
        .unwrap();
    assert_eq!(rows.0.len(), 1);
    let entries = rows
        .encode()
        .unwrap()
        .iter()
        .map(|chunk| Rows::decode(&chunk.bytes).unwrap().len())
        .sum::<usize>();
    assert_eq!(entries, 4, "the sums, and three parts of the set");
    assert_eq!(read_back(&rows), rows);
}
