//! One transaction takes as many events as fit, and never more.

use crate::given::{at, event, name};
use crate::ledger::{Batch, Recorder, TENANT};
use crate::naive::Naive;
use crate::streams::{SET, config, events};
use proptest::prelude::*;
use std::sync::Arc;
use tollgate_core::{
    ACTIONS_MAX, Attrs, Change, Config, Decision, Event, Guard, Layer, Limit, Measure, Mode,
    OnUnavailable, Pack, Scope, SoftMode, Standing, Value, WindowKind, Write, table,
};

fn limit(scope: Scope, window: WindowKind, measure: Measure, hard: Option<i128>) -> Limit {
    Limit {
        id: name("l"),
        layer: Layer::Limits,
        scope,
        scope_id: None,
        measure,
        window,
        soft: Some(i128::MAX / 2),
        hard,
        currency: None,
        soft_mode: SoftMode::Warn,
        on_unavailable: OnUnavailable::Deny,
    }
}

fn limited(limits: Vec<Limit>) -> Config {
    Config {
        limits,
        ..Config::default()
    }
}

fn arriving(mode: Mode) -> Batch {
    Batch {
        events: vec![],
        mode,
        received: at("2026-11-22T11:00:00Z"),
        reads: false,
        rival: vec![],
    }
}

/// `events`, each in a session of its own where `apart` says so.
fn in_sessions(mut events: Vec<Event>, apart: u64) -> Vec<Event> {
    for (number, event) in events.iter_mut().enumerate() {
        if (apart >> (number % 64)) & 1 == 1 {
            event.dimensions.session = Some(name(&format!("s{number}")));
        }
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_pack_is_as_full_as_a_transaction_allows(config in config(10), events in events(150), apart in any::<u64>(), mode in crate::streams::mode()) {
        let mut recorder = Recorder::new(config.clone(), at(SET));
        let events = in_sessions(events, apart);
        let drafts = recorder.drafts(&events);
        let batch = arriving(mode);
        let plan = recorder.plan(&drafts, &batch, None);
        let mut naive = Naive::new(TENANT, &config, at(SET));
        for place in &plan.markers {
            naive.count(&events[*place], drafts[*place].priced.cost.units(), batch.received, mode);
        }
        let items = if plan.markers.is_empty() { 0 } else { 1 + plan.markers.len() + naive.counter_items() };
        prop_assert_eq!(plan.writes.len(), items);
        prop_assert!(items <= ACTIONS_MAX);
        prop_assert_eq!(plan.counters.len(), naive.counter_items());
        if let (Some(event), Some(draft)) = (events.get(plan.taken), drafts.get(plan.taken)) {
            naive.count(event, draft.priced.cost.units(), batch.received, mode);
            prop_assert!(2 + plan.markers.len() + naive.counter_items() > ACTIONS_MAX, "one more would fit");
        }
    }

    #[test]
    fn large_batches_are_recorded_in_several_packs(config in config(10), events in events(150), apart in any::<u64>()) {
        let mut recorder = Recorder::new(config, at(SET));
        let events = in_sessions(events, apart);
        recorder.record(Batch { events: events.clone(), ..arriving(Mode::Observe) });
        let stored: usize = recorder.ledger.pages.iter().map(|(_, page, _)| page.events.len()).sum();
        prop_assert_eq!(stored, events.len());
        prop_assert_eq!(recorder.ledger.counters(), recorder.naive.sums);
    }
}

#[test]
fn forty_counters_are_the_most_that_an_event_may_touch() {
    use Scope::{Agent, Consumer, Operation, Session, Tenant, Tool};
    use WindowKind::{Day, Hour, Month, Second, Total};
    let all = [Tenant, Agent, Consumer, Session, Tool, Operation];
    let each = all.into_iter().flat_map(|scope| {
        [Total, Second, Hour, Day, Month].map(|window| limit(scope, window, Measure::Events, None))
    });
    let mut recorder = Recorder::new(limited(each.collect()), at(SET));
    let mut full = event("e0", "agent_message");
    let d = &mut full.dimensions;
    [d.agent, d.consumer, d.session, d.tool_server, d.tool_name] =
        ["a", "c", "s", "srv", "t"].map(|id| Some(name(id)));
    let same = |number: usize| Event {
        id: name(&format!("e{number}")),
        ..full.clone()
    };
    let events: Vec<Event> = (0..100).map(same).collect();
    let plan = recorder.plan(&recorder.drafts(&events), &arriving(Mode::Enforce), None);
    assert_eq!(
        (plan.counters.len(), plan.taken, plan.writes.len()),
        (30, 69, 100)
    );
    let too_many = (0..201)
        .map(|_| limit(Tenant, Total, Measure::Events, None))
        .collect();
    assert!(limited(too_many).renewed(at(SET)).is_err());
}

/// DynamoDB takes items of at most 400 KB, their key and names included.
#[test]
fn the_largest_events_fit_into_one_item() {
    let mut recorder = Recorder::new(Config::default(), at(SET));
    let long = |number: usize, field: &str| {
        name(&format!(
            "{field}{number:03}{}",
            "x".repeat(128 - 3 - field.len())
        ))
    };
    let largest = |number: usize| {
        let mut event = event("e", "hitl_approval");
        event.id = long(number, "id");
        let d = &mut event.dimensions;
        let fields = ["agent", "consumer", "session", "srv", "tool", "model"];
        [
            d.agent,
            d.consumer,
            d.session,
            d.tool_server,
            d.tool_name,
            d.model,
        ] = fields.map(|field| Some(long(number, field)));
        event.task = Some(long(number, "task"));
        event.provider = Some(long(number, "prov"));
        event.latency_ms = "99999999999999999999".parse().ok();
        event.compliance_score = "0.999999999999999".parse().unwrap();
        event.cost_override = "999999999999999.9".parse().ok();
        event.metadata = Some("m".repeat(2048));
        let q = &mut event.quantities;
        [q.units, q.tokens_in, q.tokens_out, q.data_bytes] = [tollgate_core::QUANTITY_MAX; 4];
        event
    };
    let events: Vec<Event> = (0..100).map(largest).collect();
    let plan = recorder.plan(&recorder.drafts(&events), &arriving(Mode::Enforce), None);
    let Change::Put(attrs) = &plan.writes[0].change else {
        panic!("the page comes first")
    };
    let bytes = attrs[table::BODY].as_bytes().unwrap().len();
    assert!(bytes <= 300_000, "{bytes} bytes");
    assert!((60..98).contains(&plan.taken), "{} events", plan.taken);
}

#[test]
fn a_plan_under_older_limits_is_refused_once_newer_ones_counted() {
    let mut recorder = Recorder::new(
        limited(vec![limit(
            Scope::Tenant,
            WindowKind::Total,
            Measure::Events,
            Some(5),
        )]),
        at(SET),
    );
    let drafts = recorder.drafts(&[event("old", "agent_message")]);
    let older = recorder.plan(&drafts, &arriving(Mode::Enforce), None);
    let newer = Config::clone(recorder.pack.config())
        .renewed(at(SET))
        .unwrap();
    recorder.pack = Pack::new(Arc::new(newer));
    let drafts = recorder.drafts(&[event("new", "agent_message")]);
    let newer = recorder.plan(&drafts, &arriving(Mode::Enforce), None);
    recorder
        .ledger
        .commit(&newer.writes, Mode::Enforce)
        .unwrap();
    assert_eq!(
        recorder.ledger.commit(&older.writes, Mode::Enforce),
        Err(vec![2]),
        "the counter refuses"
    );
}

#[test]
fn while_a_series_is_filled_it_counts_and_tests_nothing() {
    let config = limited(vec![limit(
        Scope::Tenant,
        WindowKind::Total,
        Measure::Events,
        Some(0),
    )]);
    let mut recorder = Recorder::new(config.clone(), at(SET));
    let drafts = recorder.drafts(&[event("e", "agent_message")]);
    let denied = recorder.plan(&drafts, &arriving(Mode::Enforce), None);
    assert_eq!(
        (denied.rulings[0].decision, denied.writes.len()),
        (Decision::Deny, 0)
    );
    let counting = config.renewed(at(SET)).unwrap();
    assert!(counting.is_counting());
    recorder.pack = Pack::new(Arc::new(counting));
    let counted = recorder.plan(&drafts, &arriving(Mode::Enforce), None);
    assert_eq!(
        (counted.rulings[0].decision, counted.writes.len()),
        (Decision::Allow, 3)
    );
    assert!(counted.rulings[0].limits.is_empty());
}

/// Held amounts are part of what guards test, and apart from what is used.
#[test]
fn what_is_held_counts_against_a_limit() {
    let mut recorder = Recorder::new(
        limited(vec![limit(
            Scope::Tenant,
            WindowKind::Total,
            Measure::Events,
            Some(3),
        )]),
        at(SET),
    );
    let batch = arriving(Mode::Enforce);
    let drafts = recorder.drafts(&[event("a", "agent_message"), event("b", "agent_message")]);
    let key = recorder
        .pack
        .counters(&drafts, batch.mode, batch.received)
        .remove(0);
    let hold = Change::Update {
        add: vec![("u:events:1".into(), 2), ("h:events:1".into(), 2)],
        set: vec![],
    };
    let held = hold.applied(None).unwrap();
    recorder
        .ledger
        .items
        .insert(table::counter(&name(TENANT), &key), held);
    let blind = recorder.plan(&drafts, &batch, None);
    assert_eq!(
        recorder.ledger.commit(&blind.writes, batch.mode),
        Err(vec![3])
    );
    let standing: Standing =
        recorder
            .ledger
            .standing(&recorder.pack, &drafts, batch.mode, batch.received);
    let plan = recorder.plan(&drafts, &batch, Some(&standing));
    assert_eq!(
        plan.rulings
            .iter()
            .map(|ruling| ruling.decision)
            .collect::<Vec<_>>(),
        [Decision::Allow, Decision::Deny]
    );
    let violation = &plan.rulings[1].violations[0];
    assert_eq!(
        (
            violation.count.taken,
            violation.count.held,
            violation.count.used()
        ),
        (3, 2, 1)
    );
    recorder.ledger.commit(&plan.writes, batch.mode).unwrap();
}

#[test]
fn a_guard_says_what_must_hold() {
    let item = Attrs::from([
        ("n".into(), Value::N(5)),
        ("s".into(), Value::S("x".into())),
    ]);
    for (guard, with, without) in [
        (Guard::Absent, false, true),
        (Guard::Present, true, false),
        (Guard::AtMost("n".into(), 5), true, true),
        (Guard::AtMost("n".into(), 4), false, true),
        (Guard::AtMost("s".into(), 4), false, true),
        (Guard::AtMost("other".into(), 0), true, true),
        (Guard::Equals("n".into(), Value::N(5)), true, false),
        (Guard::Equals("n".into(), Value::N(4)), false, false),
        (Guard::Lacks("n".into()), false, true),
        (Guard::Lacks("other".into()), true, true),
    ] {
        assert_eq!(
            (guard.holds(Some(&item)), guard.holds(None)),
            (with, without),
            "{guard:?}"
        );
    }
    let write = Write {
        key: table::config(&name(TENANT)),
        change: Change::Delete,
        guards: vec![],
    };
    assert_eq!(write.change.applied(Some(&item)), None);
}
