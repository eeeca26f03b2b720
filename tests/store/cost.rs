//! What recording costs, in write units as DynamoDB counts them.

use serde_json::{Value, json};
use tollgate_service::Commit;
use tollgate_tests::{TestApp, TestReply, TestStore};

const BATCH: usize = 90;

/// An event as an agent's platform sends it.
fn event(id: &str, task: bool) -> Value {
    let mut event = json!({
        "id": id, "tenant_id": "acme", "operation": "agent_message", "timestamp": "2026-11-22T09:59:59.123Z",
        "tokens_in": 1200, "tokens_out": 300, "api_calls": 1, "duration_ms": 840, "latency_ms": "12.5",
        "agent_id": "agent-7", "consumer_id": "consumer-3", "session_id": "session-0123456789", "model": "gpt-4o", "provider": "openai",
    });
    if task {
        event["task_id"] = json!(format!("task-of-{id}"));
    }
    event
}

async fn app(limited: bool) -> TestApp {
    let app = TestApp::on(TestStore::Embedded).await;
    app.post("/events", event("first", false)).await.expect(201);
    if limited {
        let limit = |id, measure, hard| json!({ "id": id, "scope": "agent", "measure": measure, "window": "month", "hard": hard });
        app.limit(
            "acme",
            json!([
                limit("events", "events", 1_000_000),
                limit("tokens", "tokens", 1_000_000_000)
            ]),
        )
        .await;
    }
    app.store.take_commits();
    app
}

/// The write units of the commits since the last look.
fn units(app: &TestApp) -> u64 {
    let commits = app.store.take_commits().into_iter();
    commits
        .map(|commit| match commit.outcome {
            Ok(Commit::Done { write_units }) => write_units,
            other => panic!("{other:?}"),
        })
        .sum()
}

async fn batch(app: &TestApp, name: &str, task: bool) -> TestReply {
    let events: Vec<Value> = (0..BATCH)
        .map(|i| event(&format!("{name}-{i}"), task))
        .collect();
    let reply = app
        .post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
    assert_eq!(reply.at("/recorded"), BATCH);
    reply
}

#[tokio::test]
async fn an_event_without_limits_costs_4_write_units() {
    let app = app(false).await;
    app.post("/events", event("e", false)).await.expect(201);
    assert_eq!(units(&app), 4);
    app.put_card(
        "eu",
        json!({ "currency": "EUR", "operations": { "eu": { "unit": "0.5" } } }),
    )
    .await
    .expect(200);
    app.put(
        "/exchange-rates",
        json!({ "base": "USD", "rates": { "EUR": "1.08" } }),
    )
    .await
    .expect(200);
    app.store.take_commits();
    let mut converted = event("converted", false);
    (converted["operation"], converted["budget_node"]) = (json!("eu"), json!("team-x"));
    app.post("/events", converted).await.expect(201);
    assert_eq!(units(&app), 4, "converted, under a budget node");
}

#[tokio::test]
async fn an_event_with_one_limited_scope_costs_6_write_units_and_7_with_a_task() {
    let app = app(true).await;
    app.post("/events", event("plain", false)).await.expect(201);
    let plain = units(&app);
    app.post("/events", event("tasked", true)).await.expect(201);
    let tasked = units(&app);
    println!("single event: {plain} write units, with a task id {tasked}");
    assert!(plain <= 6, "{plain}");
    assert!(tasked <= 7, "{tasked}");
}

#[tokio::test]
async fn a_batch_of_90_costs_at_most_2_4_write_units_an_event_and_3_4_with_tasks() {
    let app = app(true).await;
    batch(&app, "plain", false).await;
    let commits = app.store.take_commits();
    assert_eq!(commits.len(), 1, "one transaction");
    let Ok(Commit::Done { write_units: plain }) = commits[0].outcome else {
        panic!("{commits:?}")
    };
    batch(&app, "tasked", true).await;
    let tasked = units(&app);
    let each = |units: u64| format!("{}.{:02}", units / 90, units % 90 * 100 / 90);
    println!(
        "{BATCH} events: {} write units each, with task ids {}",
        each(plain),
        each(tasked)
    );
    assert!(plain * 10 <= 24 * 90, "{plain}");
    assert!(tasked * 10 <= 34 * 90, "{tasked}");
}

#[tokio::test]
async fn a_hold_with_one_limited_scope_costs_6_write_units_and_its_capture_10() {
    let app = app(true).await;
    let post = async |path: &str, body: Value| {
        app.post(path, body).await.expect(201);
        units(&app)
    };
    let mut used = event("e", false);
    used.as_object_mut().expect("an event").remove("timestamp");
    let held = [
        post("/holds", json!({ "id": "one", "event": { "tenant_id": "acme", "operation": "agent_message", "agent_id": "agent-7" } })).await,
        post("/holds", json!({ "id": "e", "event": event("e", false) })).await,
    ];
    let captured = post("/holds/e/capture", json!({ "event": used })).await;
    app.post("/holds/one/release", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    let released = units(&app);
    println!("hold: {held:?} write units, capture {captured}, release {released}");
    // The first of a process puts the tenant on the list of those with open holds, up to
    // the end of an hour.
    assert_eq!((held, captured, released), ([6 + 1, 6], 10, 6));
}

#[tokio::test]
async fn a_void_costs_what_its_event_did_and_an_audit_entry_and_again_nothing() {
    let app = app(true).await;
    app.post("/events", event("e", false)).await.expect(201);
    let recorded = units(&app);
    let void = async || {
        app.post(
            "/events/e/void",
            json!({ "tenant_id": "acme", "reason": "sent twice" }),
        )
        .await
    };
    void().await.expect(201);
    let voided = units(&app);
    void().await.expect(200);
    println!("event: {recorded} write units, its void {voided}");
    assert_eq!((recorded, voided, units(&app)), (6, 8, 0));
}

#[tokio::test]
async fn a_denied_event_and_a_replay_write_nothing() {
    let app = app(false).await;
    app.limit("acme", json!([{ "id": "one", "scope": "tenant", "measure": "events", "window": "month", "hard": 1 }])).await;
    app.store.take_commits();
    app.post("/events", event("second", false))
        .await
        .expect(429);
    app.post("/events", event("third", false)).await.expect(429);
    app.post("/events", event("first", false)).await.expect(200);
    let events: Vec<Value> = (0..BATCH).map(|i| event(&format!("b-{i}"), true)).collect();
    let denied = app
        .post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
    assert_eq!(denied.at("/rejected"), BATCH);
    let done = app
        .store
        .take_commits()
        .into_iter()
        .filter(|commit| matches!(commit.outcome, Ok(Commit::Done { .. })));
    assert_eq!(done.count(), 0);
}

#[tokio::test]
async fn a_question_writes_nothing() {
    let app = app(true).await;
    app.post("/check", event("e", false)).await.expect(200);
    app.post("/usage/validate", event("e", false))
        .await
        .expect(200);
    for path in [
        "/usage/acme",
        "/limits/acme",
        "/quota/acme",
        "/billing/acme",
        "/usage?tenant_id=acme",
        "/usage/summary?tenant_id=acme",
    ] {
        app.get(path).await.expect(200);
    }
    app.post(
        "/usage/purge",
        json!({ "tenant_id": "acme", "dry_run": true }),
    )
    .await
    .expect(200);
    let written: usize = app
        .store
        .take_commits()
        .iter()
        .flat_map(|commit| &commit.writes)
        .filter(|write| !write.key.pk.ends_with("|W"))
        .count();
    assert_eq!(written, 0, "but for how far the hours are rolled up");
}

#[tokio::test]
async fn alerts_cost_nothing_until_a_threshold_is_crossed_and_then_2_write_units_or_4_where_they_are_sent()
 {
    let mut costs = Vec::new();
    for alerts in [
        None,
        Some(json!({})),
        Some(json!({ "url": "https://hooks.example.com/a" })),
    ] {
        let app = app(false).await;
        if let Some(alerts) = alerts {
            app.put("/alerts/acme", alerts).await.expect(200);
        }
        let limit = json!({ "id": "l", "scope": "agent", "measure": "events", "window": "month", "hard": 8 });
        app.limit("acme", json!([limit])).await;
        app.store.take_commits();
        let mut cost = Vec::new();
        for n in 2..=8 {
            app.post("/events", event(&format!("e{n}"), false))
                .await
                .expect(201);
            let commits = app.store.take_commits().into_iter();
            let done = |commit: tollgate_tests::Recorded| match commit.outcome {
                Ok(Commit::Done { write_units }) => Some(write_units),
                _ => None,
            };
            cost.push(commits.filter_map(done).sum::<u64>());
        }
        costs.push(cost);
    }
    // 4 of 8 is 50 %, 7 is 80 %: an item each, and where it is sent an entry.
    assert_eq!(
        costs,
        [
            vec![6; 7],
            vec![6, 6, 8, 6, 6, 8, 8],
            vec![6, 6, 10, 6, 6, 10, 10]
        ]
    );
}

/// A sealed batch of so many events as an agent's platform sends them.
async fn sealed(app: &TestApp, id: &str, count: usize) -> u64 {
    app.store.take_commits();
    let of = |number: usize| {
        let mut event = event("", false);
        event.as_object_mut().expect("an event").remove("id");
        event["tokens_in"] = json!(1000 + number * 7 % 900);
        event["tokens_out"] = json!(100 + number * 13 % 400);
        event["latency_ms"] = json!(format!("{}.5", 200 + number % 777));
        event["session_id"] = json!(format!("session-{}", number % 40));
        event
    };
    let events: Vec<Value> = (0..count).map(of).collect();
    let body = json!({ "batch_id": id, "events": events });
    let reply = app.post("/events/batch", body).await.expect(200);
    assert_eq!(reply.at("/recorded"), count);
    units(app)
}

#[tokio::test]
async fn a_sealed_batch_with_one_limited_scope_costs_at_most_a_fifth_of_a_write_unit_an_event() {
    let app = app(true).await;
    for (count, most) in [(100, 20), (1000, 60)] {
        let units = sealed(&app, &format!("b-{count}"), count).await;
        println!("a sealed batch of {count}: {units} write units");
        assert!(units <= most, "{units} for {count}");
    }
}
