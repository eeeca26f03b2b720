//! Purging beside queries, recording and other purges, and across crashes.

use crate::chance::Chance;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{Attrs, Key, Name, Write, table};
use tollgate_service::{Memory, Query, Store, Tenancy};
use tollgate_tests::stored::in_one_version;
use tollgate_tests::{Fault, Gate, TestApp};

const TENANT: &str = "acme";
/// More pages than one transaction deletes.
const OLD_PAGES: usize = 70;
const OLD: &str = "2026-11-22T10:10:00Z";
const NEW: &str = "2026-12-28T10:10:00Z";
const NOW: &str = "2026-12-28T12:40:00Z";
const RANGE: &str = "start=2026-01-01T00:00:00Z&end=2027-12-01T00:00:00Z";
/// How many calls at either end are looked at one by one.
const ENDS: u64 = 16;

/// A store with a receipt hour whose events are past their retention, and one
/// whose events are not; all hours but the last few `rolled` up, or none.
async fn prepared(rolled: bool) -> Memory {
    let memory = Arc::new(Memory::default());
    let app = process(&memory);
    app.clock.set(OLD);
    for i in 0..OLD_PAGES {
        let timestamp = format!("2026-11-22T{:02}:05:00Z", 8 + i % 3);
        let event = json!({ "id": format!("old-{i}"), "agent_id": format!("a{}", i % 4), "tokens_in": i, "timestamp": timestamp });
        app.record(TENANT, event).await.expect(201);
    }
    app.clock.set(NEW);
    if rolled {
        tollgate_purge::scheduled(&app.app, &json!({ "action": "rollup" }))
            .await
            .expect("a rollup");
    }
    for i in 0..5 {
        app.record(TENANT, json!({ "id": format!("new-{i}"), "tokens_in": 1 }))
            .await
            .expect(201);
    }
    copy(&memory).await
}

/// The first and the last calls of so many, and some between them.
fn ends(calls: u64) -> impl Iterator<Item = u64> {
    (0..calls).filter(move |call| *call < ENDS || *call + ENDS >= calls || call % 97 == 0)
}

/// One of the processes that share the store.
fn process(memory: &Arc<Memory>) -> TestApp {
    let app = TestApp::over(
        memory.clone(),
        Tenancy::Shared {
            settle: Duration::ZERO,
        },
    );
    app.clock.set(NOW);
    app
}

async fn copy(from: &Memory) -> Memory {
    let memory = Memory::default();
    let put = |(key, attrs)| Write::put(key, attrs);
    let writes: Vec<Write> = from.dump().into_iter().map(put).collect();
    for chunk in writes.chunks(100) {
        memory.commit(chunk).await.expect("a commit");
    }
    memory
}

/// What the tenant used and owes of the events that a purge touches.
async fn totals(app: &TestApp) -> Value {
    let usage = app
        .get(&format!("/usage/{TENANT}?{RANGE}"))
        .await
        .expect(200);
    let bill = app
        .get(&format!("/billing/{TENANT}?{RANGE}"))
        .await
        .expect(200)
        .json();
    let lines = bill["line_items"]
        .as_array()
        .expect("lines")
        .iter()
        .filter(|line| line["operation"] == "agent_message");
    json!({ "events": usage.at("/operations/agent_message"), "tokens": usage.at("/total_tokens"), "lines": lines.collect::<Vec<_>>() })
}

async fn purge(app: &TestApp) -> Value {
    let order = json!({ "tenant_id": TENANT, "older_than_days": 35, "dry_run": false });
    app.post("/usage/purge", order).await.expect(200).json()
}

/// How many pages the old and the new day have.
async fn pages(memory: &Memory) -> [usize; 2] {
    let tenant = Name::new(TENANT).expect("a tenant");
    let mut pages = [0; 2];
    let hours = (0..2).flat_map(|day| (0..24).map(move |hour| (day, hour)));
    for (day, hour) in hours {
        let date = ["2026-11-22", "2026-12-28"][day];
        let pages = &mut pages[day];
        let query = Query::of(table::pages(&tenant, &format!("{date}T{hour:02}|00")));
        let slice = memory.query(&query).await.expect("a query");
        // What is left to expire is gone.
        let kept = slice
            .items
            .iter()
            .filter(|(_, attrs)| !attrs.contains_key(table::TTL));
        *pages += kept.count();
    }
    pages
}

/// The records of the closed hours, each chained to the one before, and how
/// far they go.
fn hours(memory: &Memory) -> BTreeMap<Key, Attrs> {
    let tenant = Name::new(TENANT).expect("a tenant");
    let months = ["2026-11", "2026-12"].map(|month| table::hours(&tenant, month));
    let mut items = in_one_version(memory.dump());
    items.retain(|key, _| months.contains(&key.pk) || *key == table::watermark(&tenant));
    items
}

/// Holds a call of `app`: the one that is its `number`th from now on.
fn hold(app: &TestApp, number: u64, after: bool) -> Gate {
    let (gate, at) = (Gate::default(), app.store.calls() + number);
    let held = if after {
        Fault::HeldAfter(gate.clone())
    } else {
        Fault::HeldBefore(gate.clone())
    };
    app.store.rule(move |call| {
        if call.number == at {
            held.clone()
        } else {
            Fault::None
        }
    });
    gate
}

/// How many calls `work` makes in a process of its own.
async fn calls_of<F: Future>(prepared: &Memory, work: impl FnOnce(Arc<TestApp>) -> F) -> u64 {
    let app = Arc::new(process(&Arc::new(copy(prepared).await)));
    work(app.clone()).await;
    app.store.calls()
}

async fn totals_of(prepared: &Memory) -> Value {
    totals(&process(&Arc::new(copy(prepared).await))).await
}

#[tokio::test(start_paused = true)]
async fn a_purge_keeps_the_totals_and_removes_the_pages() {
    let memory = Arc::new(prepared(false).await);
    let app = process(&memory);
    let before = totals(&app).await;
    assert_eq!(
        (&before["events"], pages(&memory).await),
        (&json!(OLD_PAGES + 5), [OLD_PAGES, 5])
    );
    assert_eq!(purge(&app).await["removed"], OLD_PAGES);
    assert_eq!((totals(&app).await, pages(&memory).await), (before, [0, 5]));
    assert_eq!(purge(&app).await["removed"], 0);
}

async fn crash_at(prepared: &Memory, expected: &Value, number: u64) {
    let memory = Arc::new(copy(prepared).await);
    let (purger, other) = (Arc::new(process(&memory)), process(&memory));
    let gate = hold(&purger, number, true);
    let purging = tokio::spawn(async move { purge(&purger).await });
    gate.arrived().await;
    assert_eq!(
        totals(&other).await,
        *expected,
        "while call {number} stands"
    );
    let event = json!({ "id": "during", "operation": "hitl_approval" });
    other.record(TENANT, event.clone()).await.expect(201);
    assert_eq!(
        totals(&other).await,
        *expected,
        "beside a new event, while call {number} stands"
    );
    purging.abort();
    purging.await.expect_err("it stood at the gate");
    assert_eq!(
        totals(&other).await,
        *expected,
        "after a crash at call {number}"
    );
    purge(&process(&memory)).await;
    assert_eq!(
        (&totals(&other).await, pages(&memory).await),
        (expected, [0, 6]),
        "purged again after call {number}"
    );
    other.record(TENANT, event).await.expect(200);
}

#[tokio::test(start_paused = true)]
async fn totals_stand_still_at_every_call_of_a_purge_and_after_a_crash_there() {
    let mut crashes = 0;
    for rolled in [true, false] {
        let prepared = prepared(rolled).await;
        let expected = totals_of(&prepared).await;
        let calls = calls_of(&prepared, |app| async move { purge(&app).await }).await;
        for number in ends(calls) {
            crash_at(&prepared, &expected, number).await;
            crashes += 1;
        }
    }
    eprintln!("{crashes} crashes of a purge");
}

#[tokio::test(start_paused = true)]
async fn a_purge_passing_by_changes_no_query_under_way() {
    let prepared = prepared(true).await;
    let expected = totals_of(&prepared).await;
    let calls = calls_of(&prepared, |app| async move { totals(&app).await }).await;
    for number in 0..calls {
        let memory = Arc::new(copy(&prepared).await);
        let reader = Arc::new(process(&memory));
        let gate = hold(&reader, number, true);
        let reading = tokio::spawn(async move { totals(&reader).await });
        gate.arrived().await;
        purge(&process(&memory)).await;
        gate.open();
        assert_eq!(
            reading.await.expect("totals"),
            expected,
            "held at call {number}"
        );
    }
    eprintln!("{calls} calls of a query");
}

/// Two purges of which one stands after its call `slow` while the other goes
/// on to its call `fast`, and then lets the first one finish.
async fn meet(prepared: &Memory, expected: &(Value, BTreeMap<Key, Attrs>), slow: u64, fast: u64) {
    let memory = Arc::new(copy(prepared).await);
    let (one, other) = (Arc::new(process(&memory)), Arc::new(process(&memory)));
    let (waits, stops) = (hold(&one, slow, true), hold(&other, fast, false));
    let slow_purge = tokio::spawn(async move { purge(&one).await });
    waits.arrived().await;
    let mut fast_purge = tokio::spawn(async move { purge(&other).await });
    // What the first one did already may leave the other fewer calls to make.
    let done = tokio::select! {
        () = stops.arrived() => None,
        done = &mut fast_purge => Some(done),
    };
    waits.open();
    slow_purge.await.expect("a purge");
    stops.open();
    match done {
        Some(done) => done.expect("a purge"),
        None => fast_purge.await.expect("a purge"),
    };
    let met = format!("one at its call {slow}, the other at {fast}");
    let (totals_expected, hours_expected) = expected;
    assert_eq!(
        (&totals(&process(&memory)).await, pages(&memory).await),
        (totals_expected, [0, 5]),
        "{met}"
    );
    assert_eq!(hours(&memory), *hours_expected, "{met}");
    purge(&process(&memory)).await;
    assert_eq!(
        totals(&process(&memory)).await,
        *totals_expected,
        "{met}, and purged again"
    );
}

#[tokio::test(start_paused = true)]
async fn two_purges_at_once_keep_the_totals_wherever_they_meet() {
    let mut meetings = 0;
    for rolled in [true, false] {
        let prepared = prepared(rolled).await;
        let calls = calls_of(&prepared, |app| async move { purge(&app).await }).await;
        let alone = Arc::new(copy(&prepared).await);
        purge(&process(&alone)).await;
        let expected = (totals(&process(&alone)).await, hours(&alone));
        for slow in 0..ENDS.min(calls) {
            for fast in calls.saturating_sub(9)..calls {
                meet(&prepared, &expected, slow, fast).await;
                meetings += 1;
            }
        }
    }
    eprintln!("{meetings} meetings of two purges");
}

#[tokio::test(start_paused = true)]
async fn faulty_rollups_and_purges_hour_after_hour_keep_the_totals() {
    for seed in 1..=4 {
        println!("seed {seed}");
        let mut chance = Chance::new(seed);
        let memory = Arc::new(prepared(true).await);
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
                0 => drop(
                    app.post(
                        "/usage/purge",
                        json!({ "older_than_days": 35, "dry_run": false }),
                    )
                    .await,
                ),
                1 => {
                    drop(tollgate_purge::scheduled(&app.app, &json!({ "action": "rollup" })).await)
                }
                _ => assert_eq!(totals(&process(&memory)).await, expected, "seed {seed}"),
            }
            app.clock.advance(600);
        }
        app.store.heal();
        purge(&app).await;
        assert_eq!(
            (totals(&app).await, pages(&memory).await),
            (expected, [0, 5]),
            "seed {seed}"
        );
    }
}
