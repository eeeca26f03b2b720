//! Nothing passes a limit, everything counts once, and no refusal is made up.

use crate::draw::cut;
use crate::given::at;
use crate::ledger::{Batch, Outcome, Recorder};
use crate::naive::Naive;
use crate::streams::{SET, batches, choices, config, events, parts, shuffled};
use proptest::prelude::*;
use std::collections::BTreeSet;
use tollgate_core::{Config, Event, Mode, WindowKind};

/// All batches recorded; what each plan decided is checked on the way.
fn recorded(config: &Config, batches: Vec<Batch>) -> Recorder {
    let mut recorder = Recorder::new(config.clone(), at(SET));
    for batch in batches {
        recorder.record(batch);
    }
    recorder
}

fn in_mode(mut batches: Vec<Batch>, mode: Mode) -> Vec<Batch> {
    batches.iter_mut().for_each(|batch| batch.mode = mode);
    batches
}

fn stored_events(recorder: &Recorder) -> Vec<Event> {
    let pages = recorder.ledger.pages.iter();
    pages
        .flat_map(|(_, page, _)| page.events.iter().map(|stored| stored.event.clone()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn nothing_is_admitted_past_a_hard_limit(config in config(8), events in events(40), parts in parts(), choices in choices()) {
        let mut recorder = Recorder::new(config, at(SET));
        for batch in in_mode(batches(&events, &parts, &choices), Mode::Enforce) {
            recorder.record(batch);
            prop_assert_eq!(recorder.naive.passed(), None);
        }
    }

    #[test]
    fn each_counter_is_the_sum_of_the_events_in_the_pages(config in config(8), events in events(40), parts in parts(), choices in choices()) {
        let recorder = recorded(&config, batches(&events, &parts, &choices));
        let mut naive = Naive::new(crate::ledger::TENANT, &config, at(SET));
        for (_, page, mode) in &recorder.ledger.pages {
            naive.count_page(page, *mode);
        }
        prop_assert_eq!(recorder.ledger.counters(), naive.sums);
        prop_assert_eq!(recorder.ledger.counter_items(), naive.items);
    }

    #[test]
    fn an_event_is_in_one_page_and_its_marker_says_where(config in config(4), events in events(40), parts in parts(), choices in choices()) {
        let recorder = recorded(&config, batches(&events, &parts, &choices));
        let mut ids = BTreeSet::new();
        for (key, page, _) in &recorder.ledger.pages {
            for (place, stored) in page.events.iter().enumerate() {
                prop_assert!(ids.insert(stored.event.id.clone()), "recorded twice");
                let marker = recorder.ledger.marker(&stored.event).unwrap();
                let stretch = key.pk.strip_prefix("T|acme|E|").unwrap();
                prop_assert_eq!(&marker.page, &format!("{stretch}/{}/{place}", key.sk));
                let answer = (marker.answer.cost, marker.answer.decision, marker.answer.timestamp);
                prop_assert_eq!(answer, (stored.cost, stored.decision, stored.event.timestamp));
            }
        }
    }

    #[test]
    fn what_is_sent_again_changes_nothing(
        config in config(6), events in events(40), parts in parts(), choices in choices(), seed in any::<u64>(), others in parts(),
    ) {
        let mut recorder = recorded(&config, batches(&events, &parts, &choices));
        let before = recorder.ledger.items.clone();
        let again = shuffled(&stored_events(&recorder), seed);
        for batch in batches(&again, &others, &choices) {
            let outcomes = recorder.record(Batch { received: at("2026-11-25T00:00:00Z"), ..batch });
            prop_assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Replayed), "{:?}", outcomes);
        }
        prop_assert_eq!(recorder.ledger.items, before);
    }

    #[test]
    fn what_was_denied_stays_denied(mut config in config(6), events in events(30), parts in parts(), choices in choices(), seed in any::<u64>()) {
        config.limits.retain(|limit| limit.window != WindowKind::Second);
        let mut recorder = recorded(&config, in_mode(batches(&events, &parts, &choices), Mode::Enforce));
        let before = recorder.ledger.items.clone();
        for batch in in_mode(batches(&shuffled(&events, seed), &parts, &choices), Mode::Enforce) {
            let outcomes = recorder.record(batch);
            prop_assert!(!outcomes.iter().any(|outcome| matches!(outcome, Outcome::Recorded(_))), "{:?}", outcomes);
        }
        prop_assert_eq!(recorder.ledger.items, before);
    }

    #[test]
    fn any_order_and_cut_of_observed_events_counts_the_same(
        config in config(8), events in events(40), parts in parts(), others in parts(), choices in choices(), seed in any::<u64>(),
    ) {
        let one = recorded(&config, in_mode(batches(&events, &parts, &choices), Mode::Observe));
        let two = recorded(&config, in_mode(batches(&shuffled(&events, seed), &others, &choices), Mode::Observe));
        prop_assert_eq!(one.ledger.counters(), two.ledger.counters());
        prop_assert_eq!(stored_events(&one).len(), events.len());
    }

    #[test]
    fn a_plan_made_on_older_readings_is_refused_or_true(
        config in config(8), events in events(30), first in parts(), mode in crate::streams::mode(), order in any::<u64>(),
    ) {
        let mut recorder = Recorder::new(config, at(SET));
        let batch = Batch { events: vec![], mode, received: at("2026-11-22T11:00:00Z"), reads: false, rival: vec![] };
        let parts = cut(&events, &first);
        let drafts: Vec<_> = parts.iter().map(|part| recorder.drafts(part)).collect();
        let plans: Vec<_> = drafts.iter().map(|drafts| recorder.blind_plan(drafts, &batch)).collect();
        let order = shuffled(&(0..plans.len()).collect::<Vec<_>>(), order);
        for number in order {
            if recorder.ledger.commit(&plans[number].writes, mode).is_ok() {
                recorder.assert_truthful(&plans[number], &drafts[number], &batch, false);
            }
        }
        if mode == Mode::Enforce {
            prop_assert_eq!(recorder.naive.passed(), None);
        }
        prop_assert_eq!(recorder.ledger.counters(), recorder.naive.sums);
    }
}
