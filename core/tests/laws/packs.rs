//! One transaction takes as many events as fit, and never more.

use crate::given::{at, event, name};
use crate::ledger::{Batch, Recorder, TENANT};
use crate::naive::Naive;
use crate::streams::{SET, config, events};
use proptest::prelude::*;
use std::sync::Arc;
use tollgate_core::{
    ACTIONS_MAX, Attrs, Change, Config, Decision, Event, Guard, Layer, Limit, Measure, Mode,
    OnUnavailable, Planned, Role, Rules, Scope, SoftMode, TREE_DEPTH_MAX, Value, WindowKind, Write,
    table,
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

/// The places of the events that are recorded.
fn admitted(plan: &Planned) -> Vec<usize> {
    let places = plan.events.iter().enumerate();
    let admitted = places.filter(|(_, event)| event.answer.is_some());
    admitted.map(|(place, _)| place).collect()
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
        let plan = recorder.blind_plan(&drafts, &batch);
        let mut naive = Naive::new(TENANT, &config, at(SET));
        let admitted = admitted(&plan);
        for place in &admitted {
            let cost = drafts[*place].priced.cost.units();
            naive.count(&events[*place], cost, batch.received, mode);
        }
        let items = if admitted.is_empty() { 0 } else { 1 + admitted.len() + naive.items.len() };
        prop_assert_eq!(plan.writes.len(), items);
        prop_assert!(items <= ACTIONS_MAX);
        let page = (!admitted.is_empty()).then_some(Role::Page);
        let markers = admitted.iter().copied().map(Role::Marker);
        let counters = vec![Role::Counter; naive.items.len()];
        let expected: Vec<Role> = page.into_iter().chain(markers).chain(counters).collect();
        let roles: Vec<Role> = plan.writes.iter().map(|write| write.role).collect();
        prop_assert_eq!(roles, expected);
        let taken = plan.events.len();
        if let (Some(event), Some(draft)) = (events.get(taken), drafts.get(taken)) {
            naive.count(event, draft.priced.cost.units(), batch.received, mode);
            prop_assert!(2 + admitted.len() + naive.items.len() > ACTIONS_MAX, "one more would fit");
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
    let drafts = recorder.drafts(&events);
    let plan = recorder.blind_plan(&drafts, &arriving(Mode::Enforce));
    let is_counter = |write: &&Write| write.role == Role::Counter;
    let counters = plan.writes.iter().filter(is_counter).count();
    assert_eq!(
        (counters, plan.events.len(), plan.writes.len()),
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
        event.dimensions.path = (0..TREE_DEPTH_MAX)
            .map(|depth| long(number, &format!("node{depth}")))
            .collect();
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
    let drafts = recorder.drafts(&events);
    let plan = recorder.blind_plan(&drafts, &arriving(Mode::Enforce));
    let Change::Put(attrs) = &plan.writes[0].change else {
        panic!("the page comes first")
    };
    let bytes = attrs[table::BODY].as_bytes().unwrap().len();
    assert!(bytes <= 300_000, "{bytes} bytes");
    let taken = plan.events.len();
    assert!((60..98).contains(&taken), "{taken} events");
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
    let older = recorder.blind_plan(&drafts, &arriving(Mode::Enforce));
    let newer = Config::clone(recorder.rules.config())
        .renewed(at(SET))
        .unwrap();
    recorder.rules = Rules::new(Arc::new(newer));
    let drafts = recorder.drafts(&[event("new", "agent_message")]);
    let newer = recorder.blind_plan(&drafts, &arriving(Mode::Enforce));
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

/// What is there already is tested at once, and what is added to it later.
#[test]
fn while_a_series_is_filled_its_limits_are_tested_against_what_it_holds_so_far() {
    let config = limited(vec![limit(
        Scope::Tenant,
        WindowKind::Total,
        Measure::Events,
        Some(2),
    )]);
    let mut recorder = Recorder::new(Config::default(), at(SET));
    let counting = config.renewed(at(SET)).unwrap();
    assert!(counting.is_counting());
    recorder.rules = Rules::new(Arc::new(counting));
    let batch = arriving(Mode::Enforce);
    let drafts = recorder.drafts(&["a", "b", "c"].map(|id| event(id, "agent_message")));
    let plan = recorder.blind_plan(&drafts, &batch);
    let decisions: Vec<Decision> = plan.rulings().map(|ruling| ruling.decision).collect();
    assert_eq!(
        decisions,
        [Decision::Allow, Decision::Allow, Decision::Deny]
    );
    recorder.ledger.commit(&plan.writes, batch.mode).unwrap();
    let one_more = recorder.drafts(&[event("d", "agent_message")]);
    let blind = recorder.blind_plan(&one_more, &batch);
    assert_eq!(
        recorder.ledger.commit(&blind.writes, batch.mode),
        Err(vec![2]),
        "the counter refuses"
    );
    let standing = recorder
        .ledger
        .standing(&recorder.rules, &one_more, batch.mode, batch.received);
    let read = recorder.plan(&one_more, &batch, &standing);
    let ruling = &read.events[0].ruling;
    assert_eq!(
        (ruling.decision, ruling.violations[0].count.used),
        (Decision::Deny, 2)
    );
    assert_eq!(ruling.limits.len(), 1);
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
        .rules
        .counters(&drafts, batch.mode, batch.received)
        .remove(0);
    let hold = Change::Update {
        add: vec![("u:events:1".into(), 2)],
        set: vec![],
    };
    let held = hold.applied(None).unwrap();
    let counter = table::counter(&name(TENANT), &key);
    recorder.ledger.items.insert(counter.clone(), held);
    let blind = recorder.blind_plan(&drafts, &batch);
    assert_eq!(
        recorder.ledger.commit(&blind.writes, batch.mode),
        Err(vec![3])
    );
    let standing = recorder
        .ledger
        .standing(&recorder.rules, &drafts, batch.mode, batch.received);
    let plan = recorder.plan(&drafts, &batch, &standing);
    assert!(
        plan.rulings()
            .map(|ruling| ruling.decision)
            .eq([Decision::Allow, Decision::Deny])
    );
    let count = plan.events[1].ruling.violations[0].count;
    assert_eq!((count.taken(), count.held, count.used), (3, 2, 1));
    recorder.ledger.commit(&plan.writes, batch.mode).unwrap();
    let item = &recorder.ledger.items[&counter];
    assert_eq!(
        (&item["u:events:1"], &item["n:events:1"]),
        (&Value::N(3), &Value::N(1))
    );
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
    let write = Write::delete(table::config(&name(TENANT)));
    assert_eq!(write.change.applied(Some(&item)), None);
}
