//! Voided events leave everything that adds up as if they had never been sent.

use crate::given::{at, card_ref, name};
use crate::ledger::{Batch, Recorder, TENANT};
use crate::rows::{bill_of_stored, page, similar_events};
use crate::streams::{SET, batches, choices, config, events, parts, shuffled};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use tollgate_core::{
    Answer, Circumstances, Currency, Decision, Event, Guard, Instant, Marker, Mode, Page, Place,
    Role, Roster, Rows, Rules, Standing, Stored, Tally, Totals, View, Voidable, WindowKind, table,
    void, void_id,
};

/// What voids `stored`, as it is recorded.
fn against(stored: &Stored) -> Stored {
    let mut void = Stored {
        voids: Some(stored.event.id.clone()),
        ..stored.clone()
    };
    void.event.id = void_id(&stored.event.id);
    void
}

/// Rows of several receipt hours, as questions read them: the sums of each
/// place that are not nothing.
fn sums(hours: &[Vec<Stored>], view: View) -> BTreeMap<(Instant, Place), Totals> {
    let (mut roster, mut all) = (Roster::default(), Rows::default());
    for hour in hours {
        let mut rows = Rows::default();
        rows.add_page(&page(hour.clone()), &mut roster).unwrap();
        for chunk in rows.seen(view, 3600).unwrap().encode().unwrap() {
            for (place, tally) in Rows::decode(&chunk.bytes).unwrap() {
                all.0
                    .entry((chunk.span, place))
                    .or_default()
                    .add(&tally)
                    .unwrap();
            }
        }
    }
    let kept = all
        .0
        .into_iter()
        .map(|(key, tally): (_, Tally)| (key, tally.totals));
    kept.filter(|(_, totals)| *totals != Totals::default())
        .collect()
}

impl Recorder {
    /// Takes an event back, as the service does.
    fn void(&mut self, event: &Event, received: Instant, number: usize) {
        let marker = self.ledger.marker(event).unwrap();
        let place: usize = marker.page.rsplit('/').next().unwrap().parse().unwrap();
        let stands =
            |key: &tollgate_core::Key| marker.page.split('/').nth(1) == Some(key.sk.as_str());
        let stored = self
            .ledger
            .pages
            .iter()
            .find(|(key, ..)| stands(key))
            .unwrap()
            .1
            .events[place]
            .clone();
        let page_id = format!("V{number:06}");
        let (tenant, mode) = (name(TENANT), Mode::Observe);
        let at = Circumstances {
            tenant: &tenant,
            mode,
            received,
            page_id: &page_id,
            seed: [7; 32],
            standing: &Standing::new(),
        };
        let voidable = Voidable {
            stored,
            currency: Currency::USD,
            draws: Vec::new(),
            marked_until: None,
        };
        let voided = void(&self.rules, &voidable, at).unwrap();
        assert_eq!(
            voided.writes,
            void(&self.rules, &voidable, at).unwrap().writes,
            "a plan is pure"
        );
        self.ledger.commit(&voided.writes, Mode::Observe).unwrap();
        // A second time is refused at the marker, and changes nothing.
        let again = void(
            &self.rules,
            &voidable,
            Circumstances {
                page_id: "again",
                ..at
            },
        )
        .unwrap();
        assert_eq!(
            self.ledger.commit(&again.writes, Mode::Observe),
            Err(vec![1])
        );
        assert_eq!(again.writes[1].role, Role::Marker(0));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn counters_stand_as_if_voided_events_had_never_been_sent(
        mut config in config(8), events in events(30), parts in parts(), choices in choices(), seed in any::<u64>(), voids in vec(any::<bool>(), 30),
    ) {
        config.limits.retain(|limit| limit.window != WindowKind::Second);
        let observed = |events: &[Event]| {
            let mut recorder = Recorder::new(config.clone(), at(SET));
            for batch in batches(events, &parts, &choices) {
                recorder.record(Batch { mode: Mode::Observe, ..batch });
            }
            recorder
        };
        let is_voided = |place: usize| voids[place % voids.len()];
        let left: Vec<Event> = events.iter().enumerate().filter(|(place, _)| !is_voided(*place)).map(|(_, event)| event.clone()).collect();
        let mut recorder = observed(&events);
        let voided: Vec<Event> = events.iter().enumerate().filter(|(place, _)| is_voided(*place)).map(|(_, event)| event.clone()).collect();
        for (number, event) in shuffled(&voided, seed).iter().enumerate() {
            recorder.void(event, at("2026-11-24T00:00:00Z"), number);
        }
        prop_assert_eq!(recorder.ledger.counters(), observed(&left).ledger.counters());
    }

    #[test]
    fn rows_and_bills_are_as_if_voided_events_had_never_been_sent(
        events in similar_events(), hours_of in vec((0_usize..4, prop::option::of(0_usize..4)), 40),
    ) {
        let events: Vec<_> = events.into_iter().zip(hours_of).map(|(stored, (hour, voided_in))| (stored, hour, voided_in)).collect();
        let hours = |with_voided: bool| {
            let mut hours = vec![Vec::new(); 4];
            for (stored, hour, voided_in) in events.iter().filter(|(_, _, voided_in)| with_voided || voided_in.is_none()) {
                let stored = Stored { voids: None, ..stored.clone() };
                if let Some(later) = voided_in {
                    hours[*later].push(against(&stored));
                }
                hours[*hour].push(stored);
            }
            hours
        };
        let (with, without) = (hours(true), hours(false));
        for view in View::ALL {
            // Without agents, consumers and tasks, whose numbers depend on who else was there.
            let of = |hours: &[Vec<Stored>]| -> BTreeMap<(Instant, Place), Totals> {
                let mut sum: BTreeMap<(Instant, Place), Totals> = BTreeMap::new();
                for ((span, place), totals) in sums(hours, view) {
                    sum.entry((span, place.without_people())).or_default().add(&totals).unwrap();
                }
                sum.into_iter().filter(|(_, totals)| *totals != Totals::default()).collect()
            };
            prop_assert_eq!(of(&with), of(&without), "{:?}", view);
        }
        let [with, without] = [with, without].map(|hours| bill_of_stored(&hours.concat()));
        prop_assert_eq!(with, without);
    }
}

#[test]
fn what_voids_an_event_is_of_its_time_place_and_price_and_known_by_its_id() {
    let mut recorder = Recorder::new(tollgate_core::Config::default(), at(SET));
    let mut event = crate::given::event("e1", "hitl_approval");
    (event.task, event.metadata) = (Some(name("t1")), Some("{}".to_owned()));
    let batch = Batch {
        events: vec![event.clone()],
        mode: Mode::Enforce,
        received: at("2026-11-22T10:00:00Z"),
        reads: false,
        rival: vec![],
    };
    recorder.record(batch);
    recorder.void(&event, at("2026-11-23T10:00:00Z"), 1);
    let (
        key,
        Page {
            received, events, ..
        },
        _,
    ) = recorder.ledger.pages.last().unwrap().clone();
    let [stored] = events.as_slice() else {
        panic!("one event")
    };
    assert_eq!(
        (key.pk.as_str(), received),
        ("T|acme|E|2026-11-23T10|00", at("2026-11-23T10:00:00Z"))
    );
    // sha256("e1")
    assert_eq!(
        stored.event.id.as_str(),
        "void-8b5cc4df7eec7d32a7814eca4af047ae"
    );
    assert_eq!(
        (stored.voids.as_ref(), stored.decision),
        (Some(&name("e1")), Decision::Allow)
    );
    let same = Event {
        id: stored.event.id.clone(),
        metadata: None,
        ..event.clone()
    };
    assert_eq!(stored.event, same);
    assert_eq!(
        (stored.totals(), stored.cost.to_string()),
        (Totals::of(&same, stored.cost).negated(), "0.05".to_owned())
    );
    let marker: Marker = recorder.ledger.marker(&stored.event).unwrap();
    let Answer {
        timestamp, cost, ..
    } = marker.answer;
    assert_eq!(
        (timestamp, cost.to_string().as_str()),
        (event.timestamp, "-0.05")
    );
}

#[test]
fn a_void_is_remembered_as_long_as_its_event() {
    let rules = Rules::new(std::sync::Arc::new(tollgate_core::Config::default()));
    let (tenant, received) = (name(TENANT), at("2026-11-23T10:00:00Z"));
    let circumstances = Circumstances {
        tenant: &tenant,
        mode: Mode::Observe,
        received,
        page_id: "P",
        seed: [7; 32],
        standing: &Standing::new(),
    };
    let event = crate::given::event("e1", "hitl_approval");
    let card = card_ref("default", 1);
    let stored = Stored {
        event,
        cost: "0.05".parse().unwrap(),
        card,
        decision: Decision::Allow,
        voids: None,
    };
    let expires = |marked_until: Option<Instant>| {
        let voided = void(
            &rules,
            &Voidable {
                stored: stored.clone(),
                currency: Currency::USD,
                draws: Vec::new(),
                marked_until,
            },
            circumstances,
        )
        .unwrap();
        assert_eq!(voided.writes[1].guards, [Guard::Absent]);
        let tollgate_core::Change::Put(attrs) = &voided.writes[1].change else {
            panic!("a marker")
        };
        attrs[table::TTL].as_number().unwrap()
    };
    let own = expires(None);
    assert_eq!(
        own,
        i128::from(received.plus_seconds(401 * 86_400).unix_seconds())
    );
    assert_eq!(expires(Some(received)), own);
    let later = received.plus_seconds(900 * 86_400);
    assert_eq!(expires(Some(later)), i128::from(later.unix_seconds()));
}

#[test]
fn what_voids_an_event_gives_no_rate_back() {
    let limit = tollgate_core::Quota {
        rate_limit_per_second: Some(1),
        ..Default::default()
    };
    let config = tollgate_core::Config {
        limits: limit.limits(),
        ..Default::default()
    };
    let mut recorder = Recorder::new(config, at(SET));
    let received = at("2026-11-22T10:00:00.25Z");
    let event = crate::given::event("e1", "hitl_approval");
    recorder.record(Batch {
        events: vec![event.clone()],
        mode: Mode::Enforce,
        received,
        reads: false,
        rival: vec![],
    });
    let before = recorder.ledger.counters();
    assert_eq!(before.len(), 2, "used, and used and held");
    recorder.void(&event, received, 1);
    assert_eq!(recorder.ledger.counters(), before);
}
