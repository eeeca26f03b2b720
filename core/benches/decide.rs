//! How long it takes to price and to decide: nanoseconds per event.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    missing_docs,
    reason = "a benchmark may panic, and its main function is made by a macro"
)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::sync::Arc;
use tollgate_core::{
    Card, Catalog, Circumstances, Component, Config, Currency, Defaults, Draft, Event, Factor,
    Instant, Layer, Limit, Measure, Mode, Name, OnUnavailable, Operation, Price, Rules, Scope,
    SoftMode, Standing, Unpriced, WindowKind, decide, plan,
};

const PACK: u64 = 90;

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// The card of the contract's example: `gpt-4o`, two components of which the
/// example event uses both.
fn catalog() -> Catalog {
    let price = |amount: &str| Price {
        amount: amount.parse().unwrap(),
        per: 1,
    };
    let prices = BTreeMap::from([
        (Component::TokenIn, price("0.0000025")),
        (Component::TokenOut, price("0.00001")),
    ]);
    let gpt_4o = Operation {
        prices,
        ..Operation::default()
    };
    let mut catalog = Catalog::built_in();
    catalog.insert(Card {
        id: name("models"),
        version: 1,
        sequence: 1,
        currency: Currency::USD,
        effective_from: at("2026-01-01T00:00:00Z"),
        tiers: BTreeMap::from([(name("standard"), Factor::ONE)]),
        unpriced: Unpriced::Reject,
        operations: BTreeMap::from([(name("gpt-4o"), gpt_4o)]),
        replaced: BTreeSet::new(),
        source: None,
    });
    catalog.set_defaults(Defaults {
        version: 1,
        sequence: 2,
        rate_cards: vec![name("models")],
    });
    catalog
}

fn event(number: u64) -> Event {
    let mut event = Event::new(
        name(&format!("evt-{number:08}")),
        at("2026-11-22T10:00:00Z"),
        name("gpt-4o"),
    );
    let d = &mut event.dimensions;
    [d.agent, d.session, d.tool_server, d.tool_name, d.model] =
        ["a1", "s1", "srv", "search", "gpt-4o"].map(|id| Some(name(id)));
    event.quantities.tokens_in = 1200 + number;
    event.quantities.tokens_out = 300;
    event
}

fn limit(scope: Scope) -> Limit {
    Limit {
        id: name("monthly"),
        layer: Layer::Limits,
        scope,
        scope_id: None,
        measure: Measure::Spend,
        window: WindowKind::Month,
        soft: None,
        hard: Some(10_i128.pow(24)),
        currency: Some(Currency::USD),
        soft_mode: SoftMode::Warn,
        on_unavailable: OnUnavailable::Deny,
    }
}

fn config(scopes: &[Scope]) -> Config {
    let config = Config {
        limits: scopes.iter().copied().map(limit).collect(),
        ..Config::default()
    };
    let renewed = config.renewed(at("2026-11-01T00:00:00Z")).unwrap();
    let version = renewed.version;
    renewed.activated(version)
}

const SCOPES: [(&str, &[Scope]); 2] = [
    ("one limit", &[Scope::Tenant]),
    (
        "four limits",
        &[Scope::Tenant, Scope::Agent, Scope::Session, Scope::Tool],
    ),
];

fn price_one(criterion: &mut Criterion) {
    let (catalog, event) = (catalog(), event(0));
    let mut group = criterion.benchmark_group("price");
    group.throughput(Throughput::Elements(1));
    group.bench_function("one event, two components", |bencher| {
        bencher.iter(|| catalog.price(&[], None, black_box(&event)).unwrap())
    });
    group.finish();
}

fn drafts(catalog: &Catalog, events: Vec<Event>) -> Vec<Draft> {
    let draft = |event: Event| {
        let priced = catalog.price(&[], None, &event).unwrap();
        Draft::new(event, priced, true)
    };
    events.into_iter().map(draft).collect()
}

fn circumstances<'a>(tenant: &'a Name, standing: &'a Standing) -> Circumstances<'a> {
    Circumstances {
        tenant,
        mode: Mode::Enforce,
        received: at("2026-11-22T10:00:01Z"),
        page_id: "01JD9Z6Q5T0000000000000000",
        seed: [7; 32],
        standing,
    }
}

/// Price, fingerprint, decide, and encode page, markers and counters.
fn price_and_plan(criterion: &mut Criterion) {
    let (catalog, tenant, standing) = (catalog(), name("acme-corp"), Standing::new());
    let events: Vec<Event> = (0..PACK).map(event).collect();
    let mut group = criterion.benchmark_group("price and plan a pack of 90");
    group.throughput(Throughput::Elements(PACK));
    for (limits, scopes) in SCOPES {
        let rules = Rules::new(Arc::new(config(scopes)));
        group.bench_function(limits, |bencher| {
            bencher.iter_batched(
                || events.clone(),
                |events| {
                    let drafts = drafts(&catalog, events);
                    let at = circumstances(&tenant, &standing);
                    let plan = plan(&rules, &drafts, at).unwrap();
                    let admitted = plan.events.iter().filter(|event| event.answer.is_some());
                    assert_eq!(admitted.count(), 90);
                    plan
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// The same without pages, markers and fingerprints: what it is to decide.
fn price_and_decide(criterion: &mut Criterion) {
    let (catalog, received, standing) = (catalog(), at("2026-11-22T10:00:01Z"), Standing::new());
    let draft = drafts(&catalog, vec![event(0)]).remove(0);
    let many = vec![draft.clone(); 90];
    for (size, drafts) in [("one event", vec![draft]), ("90 events", many)] {
        let mut group = criterion.benchmark_group(format!("price and decide {size}"));
        group.throughput(Throughput::Elements(u64::try_from(drafts.len()).unwrap()));
        for (limits, scopes) in SCOPES {
            let rules = Rules::new(Arc::new(config(scopes)));
            let mut drafts = drafts.clone();
            group.bench_function(limits, |bencher| {
                bencher.iter(|| {
                    for draft in &mut drafts {
                        draft.priced = catalog.price(&[], None, black_box(&draft.event)).unwrap();
                    }
                    decide(&rules, &standing, Mode::Enforce, received, &drafts).unwrap()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, price_one, price_and_plan, price_and_decide);
criterion_main!(benches);
