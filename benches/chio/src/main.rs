//! One charge under four limits (in all, of a session, of an agent, of a tool)
//! by `chio-metering` and by `tollgate-core`, both in memory, in one process.
#![allow(deprecated, reason = "chio's enforcer names its successor, which is not in the crate")]

use chio_core::capability::scope::MonetaryAmount;
use chio_metering::{BudgetEnforcer, BudgetPolicy, CostMetadata};
use criterion::{Criterion, criterion_group, criterion_main};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hint::black_box;
use std::sync::Arc;
use tollgate_core::{
    Card, Catalog, Component, Config, Currency, Decision, Draft, Event, Factor, Instant, Layer, Limit, Measure, Mode, Name,
    OnUnavailable, Operation, Price, Rules, Ruling, Scope, SoftMode, Standing, Unpriced, WindowKind, decide,
};

/// No charge of the benchmark comes near it.
const FAR: u64 = u64::MAX / 2;
/// What a cent is in units of core.
const CENT: i128 = 10_i128.pow(16);

/// An enforcer whose four limits are all `cents`, and what it charges for.
fn chio(cents: u64) -> (BudgetEnforcer, CostMetadata) {
    let amount = || MonetaryAmount { units: cents, currency: "USD".to_owned() };
    let policy = BudgetPolicy {
        max_total: amount(),
        max_per_session: Some(amount()),
        max_per_agent: Some(amount()),
        max_per_tool: HashMap::from([("srv:search".to_owned(), amount())]),
        currency: "USD".to_owned(),
    };
    let [receipt, agent, server, tool] = ["r1", "a1", "srv", "search"].map(str::to_owned);
    let mut meta = CostMetadata::new(receipt, 1000, agent, server, tool);
    meta.session_id = Some("s1".to_owned());
    (BudgetEnforcer::new(policy), meta)
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

/// By which a call costs a cent.
fn card() -> Name {
    name("calls")
}

fn now() -> Instant {
    "2026-11-22T10:00:00Z".parse().expect("a time")
}

/// Four limits of `cents`, a card by which a call costs a cent, and a call.
fn tollgate(cents: u64) -> (Rules, Catalog, Draft) {
    let limit = |scope| Limit {
        id: name("budget"),
        layer: Layer::Limits,
        scope,
        scope_id: None,
        measure: Measure::Spend,
        window: WindowKind::Total,
        soft: None,
        hard: Some(i128::from(cents) * CENT),
        currency: Some(Currency::USD),
        soft_mode: SoftMode::Warn,
        on_unavailable: OnUnavailable::Deny,
    };
    let limits = [Scope::Tenant, Scope::Session, Scope::Agent, Scope::Tool].map(limit).to_vec();
    let config = Config { limits, ..Config::default() }.renewed(now()).expect("limits");
    let version = config.version;
    let config = config.activated(version);
    let cent = Price { amount: "0.01".parse().expect("an amount"), per: 1 };
    let call = Operation { prices: BTreeMap::from([(Component::Unit, cent)]), ..Operation::default() };
    let mut catalog = Catalog::built_in();
    catalog.insert(Card {
        id: card(),
        version: 1,
        sequence: 1,
        currency: Currency::USD,
        effective_from: "2026-01-01T00:00:00Z".parse().expect("a time"),
        tiers: BTreeMap::from([(name("standard"), Factor::ONE)]),
        unpriced: Unpriced::Reject,
        operations: BTreeMap::from([(name("call"), call)]),
        replaced: BTreeSet::new(),
        source: None,
    });
    let mut event = Event::new(name("evt-1"), now(), name("call"));
    let of = &mut event.dimensions;
    [of.session, of.agent, of.tool_server, of.tool_name] = ["s1", "a1", "srv", "search"].map(|id| Some(name(id)));
    event.quantities.units = 1;
    let priced = catalog.price(&[card()], None, &event).expect("a price");
    (Rules::new(Arc::new(config)), catalog, Draft::new(event, priced, true))
}

/// Decides, and counts what is admitted.
fn decide_and_count(rules: &Rules, standing: &mut Standing, drafts: &[Draft]) -> Ruling {
    // It was received when it happened.
    let received = drafts[0].event.timestamp;
    let mut decided = decide(rules, standing, Mode::Enforce, received, drafts).expect("a decision");
    for posting in decided.postings {
        let counts = &mut standing.reading_mut(posting.counter).counts;
        let count = counts.entry(posting.figure).or_default();
        count.used = count.used.checked_add(posting.used).expect("in range");
    }
    decided.verdicts.remove(0).ruling
}

fn one_charge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one charge, four limits");
    let (mut enforcer, meta) = chio(FAR);
    group.bench_function("chio-metering: check, record", |bencher| {
        bencher.iter(|| {
            enforcer.check(black_box(&meta), black_box(1)).expect("room");
            enforcer.record(black_box(&meta), black_box(1));
        });
    });
    let (rules, catalog, mut draft) = tollgate(FAR);
    let cards = [card()];
    let mut standing = Standing::new();
    group.bench_function("tollgate-core: decide, count", |bencher| {
        bencher.iter(|| assert_eq!(decide_and_count(&rules, &mut standing, black_box(std::slice::from_ref(&draft))).decision, Decision::Allow));
    });
    let pack_of_90 = vec![draft.clone(); 90];
    let mut standing = Standing::new();
    group.throughput(criterion::Throughput::Elements(90));
    group.bench_function("chio-metering: check, record, 90 times", |bencher| {
        bencher.iter(|| {
            for _ in 0..90 {
                enforcer.check(black_box(&meta), black_box(1)).expect("room");
                enforcer.record(black_box(&meta), black_box(1));
            }
        });
    });
    group.bench_function("tollgate-core: decide, count, a pack of 90", |bencher| {
        bencher.iter(|| decide_and_count(&rules, &mut standing, black_box(&pack_of_90)));
    });
    group.throughput(criterion::Throughput::Elements(1));
    let mut standing = Standing::new();
    group.bench_function("tollgate-core: price, decide, count", |bencher| {
        bencher.iter(|| {
            draft.priced = catalog.price(&cards, None, black_box(&draft.event)).expect("a price");
            assert_eq!(decide_and_count(&rules, &mut standing, std::slice::from_ref(&draft)).decision, Decision::Allow);
        });
    });
    group.bench_function("tollgate-core: price, decide", |bencher| {
        bencher.iter(|| {
            draft.priced = catalog.price(&cards, None, black_box(&draft.event)).expect("a price");
            decide(&rules, &standing, Mode::Enforce, draft.event.timestamp, std::slice::from_ref(&draft)).expect("a decision")
        });
    });
    group.finish();
}

/// What each says of one cent more where a budget of `u64::MAX` cents is spent.
fn at_the_end_of_the_range(_: &mut Criterion) {
    let (mut enforcer, meta) = chio(u64::MAX);
    enforcer.record(&meta, u64::MAX);
    let passes = enforcer.check(&meta, 1).is_ok();
    enforcer.record(&meta, 1);
    println!("a budget of u64::MAX cents, all spent, and one cent more:");
    println!("  chio-metering: check {}, and {} cents spent after it", if passes { "passes" } else { "refuses" }, enforcer.total_spent());
    let (rules, _, draft) = tollgate(u64::MAX);
    let mut standing = Standing::new();
    decide_and_count(&rules, &mut standing, std::slice::from_ref(&draft));
    let counters: Vec<_> = standing.iter().map(|(counter, _)| counter.clone()).collect();
    for counter in counters {
        for count in standing.reading_mut(counter).counts.values_mut() {
            count.used = i128::from(u64::MAX) * CENT;
        }
    }
    let ruling = decide_and_count(&rules, &mut standing, std::slice::from_ref(&draft));
    let standing: Vec<i128> = standing.iter().flat_map(|(_, reading)| reading.counts.values()).map(|count| count.used / CENT).collect();
    println!(
        "  tollgate-core: {}, naming {} limits, and {} cents spent after it",
        ruling.decision.as_str(),
        ruling.violations.len(),
        standing[0]
    );
    assert_eq!((passes, ruling.decision, ruling.violations.len()), (true, Decision::Deny, 4));
    assert!(standing.iter().all(|cents| *cents == i128::from(u64::MAX)));
}

criterion_group!(benches, at_the_end_of_the_range, one_charge);
criterion_main!(benches);
