//! Purging beside queries, recording and other purges, and across crashes.

use crate::chance::Chance;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{Change, Write, table};
use tollgate_service::{Memory, Query, Store, Tenancy};
use tollgate_tests::{Fault, Gate, TestApp};

const TENANT: &str = "acme";
/// More pages than one transaction deletes.
const OLD_PAGES: usize = 70;
const NOW: &str = "2026-11-23T12:40:00Z";
const RANGE: &str = "start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z";

/// A store with a receipt hour whose events are past their retention, and
/// one whose events are not.
async fn prepared() -> Memory {
    let memory = Arc::new(Memory::default());
    let app = process(&memory);
    app.clock.set("2026-11-23T08:10:00Z");
    for i in 0..OLD_PAGES {
        let timestamp = format!("2026-10-19T{:02}:15:00Z", 9 + i % 3);
        let event = json!({ "id": format!("old-{i}"), "agent_id": format!("a{}", i % 4), "tokens_in": i, "timestamp": timestamp });
        app.record(TENANT, event).await.expect(201);
    }
    app.clock.set("2026-11-23T10:10:00Z");
    for i in 0..5 {
        app.record(TENANT, json!({ "id": format!("new-{i}"), "tokens_in": 1 })).await.expect(201);
    }
    copy(&memory).await
}

/// One of the processes that share the store.
fn process(memory: &Arc<Memory>) -> TestApp {
    let app = TestApp::over(memory.clone(), Tenancy::Shared { settle: Duration::ZERO });
    app.clock.set(NOW);
    app
}

async fn copy(from: &Memory) -> Memory {
    let memory = Memory::default();
    let put = |(key, attrs)| Write { key, change: Change::Put(attrs), guards: Vec::new() };
    let writes: Vec<Write> = from.dump().into_iter().map(put).collect();
    for chunk in writes.chunks(100) {
        memory.commit(chunk).await.expect("a commit");
    }
    memory
}

/// What the tenant used and owes of the events that a purge touches.
async fn totals(app: &TestApp) -> Value {
    let usage = app.get(&format!("/usage/{TENANT}?{RANGE}")).await.expect(200);
    let bill = app.get(&format!("/billing/{TENANT}?{RANGE}")).await.expect(200).json();
    let lines = bill["line_items"].as_array().expect("lines").iter().filter(|line| line["operation"] == "agent_message");
    json!({ "events": usage.at("/operations/agent_message"), "tokens": usage.at("/total_tokens"), "lines": lines.collect::<Vec<_>>() })
}

async fn purge(app: &TestApp) -> Value {
    let order = json!({ "tenant_id": TENANT, "older_than_days": 35, "dry_run": false });
    app.post("/usage/purge", order).await.expect(200).json()
}

async fn pages(memory: &Memory) -> usize {
    let tenant = tollgate_core::Name::new(TENANT).expect("a tenant");
    memory.query(&Query::of(table::pages(&tenant, "2026-11-23"))).await.expect("a query").items.len()
}

/// Holds a call of `app`: the one that is its `number`th from now on.
fn hold(app: &TestApp, number: u64, after: bool) -> Gate {
    let (gate, at) = (Gate::default(), app.store.calls() + number);
    let held = if after { Fault::HeldAfter(gate.clone()) } else { Fault::HeldBefore(gate.clone()) };
    app.store.rule(move |call| if call.number == at { held.clone() } else { Fault::None });
    gate
}

#[tokio::test]
async fn a_purge_keeps_the_totals_and_removes_the_pages() {
    let memory = Arc::new(prepared().await);
    let app = process(&memory);
    let before = totals(&app).await;
    assert_eq!(before["events"], OLD_PAGES + 5);
    assert_eq!(purge(&app).await["removed"], OLD_PAGES);
    assert_eq!((totals(&app).await, pages(&memory).await), (before, 5));
    assert_eq!(purge(&app).await["removed"], 0);
}

/// How many calls `work` makes in a process of its own.
async fn calls_of<F: Future>(prepared: &Memory, work: impl FnOnce(Arc<TestApp>) -> F) -> u64 {
    let app = Arc::new(process(&Arc::new(copy(prepared).await)));
    work(app.clone()).await;
    app.store.calls()
}

#[tokio::test]
async fn totals_stand_still_at_every_call_of_a_purge_and_after_a_crash_there() {
    let prepared = prepared().await;
    let expected = totals(&process(&Arc::new(copy(&prepared).await))).await;
    let calls = calls_of(&prepared, |app| async move { purge(&app).await }).await;
    for number in 0..calls {
        let memory = Arc::new(copy(&prepared).await);
        let (purger, other) = (Arc::new(process(&memory)), process(&memory));
        let gate = hold(&purger, number, true);
        let purging = tokio::spawn(async move { purge(&purger).await });
        gate.arrived().await;
        assert_eq!(totals(&other).await, expected, "while call {number} stands");
        let event = json!({ "id": "during", "operation": "hitl_approval" });
        other.record(TENANT, event.clone()).await.expect(201);
        assert_eq!(totals(&other).await, expected, "beside a new event");
        purging.abort();
        purging.await.expect_err("it stood at the gate");
        assert_eq!(totals(&other).await, expected, "after a crash at call {number}");
        purge(&process(&memory)).await;
        assert_eq!((totals(&other).await, pages(&memory).await), (expected.clone(), 6), "purged again after call {number}");
        other.record(TENANT, event).await.expect(200);
        let old = json!({ "id": "old-3", "agent_id": "a3", "tokens_in": 3, "timestamp": "2026-10-19T09:15:00Z" });
        other.record(TENANT, old).await.expect(200);
        assert_eq!(totals(&other).await, expected, "a purged event is a replay for ever");
    }
    eprintln!("{calls} calls of a purge");
}

#[tokio::test]
async fn a_purge_passing_by_changes_no_query_under_way() {
    let prepared = prepared().await;
    let expected = totals(&process(&Arc::new(copy(&prepared).await))).await;
    let calls = calls_of(&prepared, |app| async move { totals(&app).await }).await;
    for number in 0..calls {
        let memory = Arc::new(copy(&prepared).await);
        let reader = Arc::new(process(&memory));
        let gate = hold(&reader, number, true);
        let reading = tokio::spawn(async move { totals(&reader).await });
        gate.arrived().await;
        purge(&process(&memory)).await;
        gate.open();
        assert_eq!(reading.await.expect("totals"), expected, "held at call {number}");
    }
    eprintln!("{calls} calls of a query");
}

#[tokio::test]
async fn two_purges_at_once_keep_the_totals_wherever_they_meet() {
    let prepared = prepared().await;
    let expected = totals(&process(&Arc::new(copy(&prepared).await))).await;
    let calls = calls_of(&prepared, |app| async move { purge(&app).await }).await;
    let mut meetings = 0;
    for slow in 0..calls {
        for fast in 0..calls {
            let memory = Arc::new(copy(&prepared).await);
            let (one, other) = (Arc::new(process(&memory)), Arc::new(process(&memory)));
            let (waits, stops) = (hold(&one, slow, true), hold(&other, fast, false));
            let slow_purge = tokio::spawn(async move { purge(&one).await });
            waits.arrived().await;
            let fast_purge = tokio::spawn(async move { purge(&other).await });
            stops.arrived().await;
            waits.open();
            slow_purge.await.expect("a purge");
            stops.open();
            fast_purge.await.expect("a purge");
            let after = process(&memory);
            assert_eq!(totals(&after).await, expected, "one at its call {slow}, the other at {fast}");
            assert_eq!(pages(&memory).await, 5);
            meetings += 1;
        }
    }
    eprintln!("{meetings} meetings of two purges");
}

#[tokio::test]
async fn faulty_rollups_and_purges_of_hours_on_end_keep_the_totals() {
    for seed in 1..=4 {
        println!("seed {seed}");
        let mut chance = Chance::new(seed);
        let memory = Arc::new(prepared().await);
        let app = process(&memory);
        let expected = totals(&app).await;
        let mut faults = chance.clone();
        app.store.rule(move |_| match faults.below(10) {
            0 => Fault::Before,
            1 => Fault::After,
            _ => Fault::None,
        });
        for _ in 0..30 {
            match chance.below(3) {
                0 => drop(app.post("/usage/purge", json!({ "older_than_days": 35, "dry_run": false })).await),
                1 => drop(tollgate_purge::scheduled(&app.app, &json!({ "action": "rollup" })).await),
                _ => assert_eq!(totals(&process(&memory)).await, expected, "seed {seed}"),
            }
            app.clock.advance(600);
        }
        app.store.heal();
        purge(&app).await;
        assert_eq!((totals(&app).await, pages(&memory).await), (expected, 5), "seed {seed}");
    }
}
