//! `POST /events/{event_id}/void`: what is taken back counts nowhere any more.

mod limits;
mod refusals;

use super::{bill, events};
use crate::given::{card_with, merged, without};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

const DAY: i64 = 86_400;

async fn void(app: &TestApp, id: &str) -> TestReply {
    app.post(
        &format!("/events/{id}/void"),
        json!({ "tenant_id": "acme" }),
    )
    .await
}

/// An event with every figure.
fn whole(id: &str) -> Value {
    json!({
        "id": id, "operation": "hitl_approval", "tier": "enhanced", "units": 2, "tokens_in": 12, "tokens_out": 3, "cached_tokens_in": 2,
        "tokens_processed": 7, "api_calls": 3, "duration_ms": 840, "latency_ms": "12.5", "compliance_score": "0.5", "data_bytes": 9,
        "agent_id": "a1", "consumer_id": "c1", "session_id": "s1", "task_id": "t1", "tool_server": "srv", "tool_name": "find",
        "model": "m1", "provider": "p1", "budget_node": "n1", "metadata": { "note": 1 }, "timestamp": "2026-11-22T09:30:00Z",
    })
}

/// All that adds up, but for who was there.
async fn totals(app: &TestApp, range: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        "/usage/acme?",
        "/billing/acme?",
        "/usage/summary?tenant_id=acme&",
        "/usage/aggregate?tenant_id=acme&group_by=day&",
    ] {
        let body = app.get(&format!("{path}{range}")).await.expect(200).json();
        let rows = body
            .get("data")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_else(|| vec![body]);
        let people = [
            "unique_agents",
            "unique_consumers",
            "total_tasks",
            "avg_tokens_per_task",
            "avg_duration_ms_per_task",
        ];
        all.extend(rows.into_iter().map(|row| without(row, &people)));
    }
    all.iter_mut()
        .flat_map(|body| body.as_object_mut())
        .for_each(|body| {
            for counts in ["operations", "tiers"] {
                if let Some(counts) = body.get_mut(counts).and_then(Value::as_object_mut) {
                    counts.retain(|_, count| *count != 0);
                }
            }
        });
    all.into_iter()
        .filter(|row| row["total_events"] != 0 || row.get("key").is_none())
        .collect()
}

const RANGE: &str = "start=2026-11-01&end=2026-12-01";

#[tokio::test]
async fn an_event_is_taken_back_once_and_both_say_so() {
    let app = TestApp::new().await;
    app.record("acme", whole("e1")).await.expect(201);
    app.clock.advance(3600);
    let first = app
        .post(
            "/events/e1/void?tenant_id=acme",
            json!({ "reason": "sent twice" }),
        )
        .await
        .expect(201);
    let id = "void-8b5cc4df7eec7d32a7814eca4af047ae";
    let expected = json!({
        "event_id": id, "voids": "e1", "voided": true, "replayed": false, "timestamp": "2026-11-22T09:30:00Z", "cost": "-0.15",
        "currency": "USD",
    });
    assert_eq!(first.json(), expected);
    app.clock.advance(3600);
    let again = void(&app, "e1").await.expect(200);
    assert_eq!(again.json(), merged(expected, json!({ "replayed": true })));
    assert_eq!(
        app.get("/events/e1?tenant_id=acme")
            .await
            .expect(200)
            .at("/voided"),
        true
    );
    let shown = app
        .get(&format!("/events/{id}?tenant_id=acme"))
        .await
        .expect(200)
        .json();
    let mut against = without(whole(id), &["metadata"]);
    for figure in [
        "units",
        "tokens_in",
        "tokens_out",
        "cached_tokens_in",
        "tokens_processed",
        "api_calls",
        "duration_ms",
        "data_bytes",
    ] {
        against[figure] = json!(-against[figure].as_i64().expect("a quantity"));
    }
    let added = json!({
        "tenant_id": "acme", "cost": "-0.15", "currency": "USD", "rate_card": { "id": "default", "version": 1 }, "decision": "allow",
        "received_at": "2026-11-22T11:00:00Z", "voids": "e1", "voided": false,
    });
    assert_eq!(shown, merged(against, added));
    let replay = app.record("acme", whole("e1")).await.expect(200);
    assert_eq!(
        ["/replayed", "/voided", "/cost"].map(|field| replay.at(field)),
        [json!(true), json!(true), json!("0.15")]
    );
    let other = merged(whole("e2"), json!({ "tenant_id": "acme" }));
    let first = merged(whole("e1"), json!({ "tenant_id": "acme" }));
    let batch = json!({ "events": [first.clone(), other.clone(), other] });
    let batch = app.post("/events/batch", batch).await.expect(200);
    let told = |index: usize| {
        ["status", "voided"].map(|field| batch.at(&format!("/results/{index}/{field}")))
    };
    assert_eq!(told(0), [json!("replayed"), json!(true)]);
    assert_eq!(told(1), [json!("recorded"), json!(false)]);
    assert_eq!(told(2), [json!("replayed"), json!(false)]);
    let elsewhere = merged(whole("e1"), json!({ "tenant_id": "beta" }));
    let changed = merged(first.clone(), json!({ "units": 7 }));
    let batch = json!({ "events": [elsewhere, first, changed] });
    let batch = app.post("/events/batch", batch).await.expect(200);
    let told = |index: usize| {
        ["status", "voided"].map(|field| batch.at(&format!("/results/{index}/{field}")))
    };
    assert_eq!(told(0), [json!("recorded"), json!(false)]);
    assert_eq!(told(1), [json!("replayed"), json!(true)]);
    assert_eq!(told(2), [json!("rejected"), json!(false)]);
    let entry = app.get("/audit").await.at("/data/0");
    assert_eq!(
        (&entry["action"], &entry["tenant_id"]),
        (&json!("event.void"), &json!("acme"))
    );
    assert_eq!(
        entry["detail"],
        json!({ "event_id": "e1", "voided_by": id, "reason": "sent twice" })
    );
}

#[tokio::test]
async fn lists_and_exports_show_it_with_negative_figures() {
    let app = TestApp::new().await;
    app.record(
        "acme",
        merged(whole("e1"), json!({ "cost_override": "0.5" })),
    )
    .await
    .expect(201);
    app.clock.advance(1);
    void(&app, "e1").await.expect(201);
    for path in [
        "/usage?tenant_id=acme",
        "/usage/export?tenant_id=acme",
        "/usage/tasks/t1?tenant_id=acme",
    ] {
        let reply = app.get(path).await.expect(200);
        let events = reply.at("/data").as_array().expect("events").clone();
        let figures: Vec<_> = events
            .iter()
            .map(|event| ["cost", "cost_override", "units"].map(|field| event[field].clone()))
            .collect();
        assert_eq!(
            figures,
            [
                [json!("0.5"), json!("0.5"), json!(2)],
                [json!("-0.5"), json!("-0.5"), json!(-2)]
            ],
            "{path}"
        );
        assert_eq!(
            (events[0].get("voids"), &events[1]["voids"]),
            (None, &json!("e1")),
            "{path}"
        );
    }
    let csv = app
        .get("/usage/export?tenant_id=acme&format=csv")
        .await
        .expect(200)
        .text;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let last: std::collections::BTreeMap<String, String> =
        rows.deserialize().last().expect("a row").expect("cells");
    let cells = ["cost", "cost_override", "tokens_in", "voids", "latency_ms"]
        .map(|column| last[column].as_str());
    assert_eq!(cells, ["-0.5", "-0.5", "-12", "e1", "12.5"]);
    let task = app.get("/usage/tasks/t1?tenant_id=acme").await;
    assert_eq!(
        (
            task.at("/total_events"),
            task.at("/total_cost"),
            task.at("/count")
        ),
        (json!(0), json!("0"), json!(2))
    );
}

#[tokio::test]
async fn totals_and_bills_are_as_if_it_had_never_been_sent() {
    let (with, without_it) = (TestApp::new().await, TestApp::new().await);
    for app in [&with, &without_it] {
        events(
            app,
            "acme",
            3,
            json!({ "operation": "agent_message", "latency_ms": 1, "tokens_in": 3 }),
        )
        .await;
    }
    let others = [
        whole("e1"),
        merged(
            whole("e2"),
            json!({ "cost_override": "0.0075", "task_id": null }),
        ),
        json!({ "id": "e3", "timestamp": "2026-11-20T07:45:00Z" }),
    ];
    for event in others {
        with.record("acme", event).await.expect(201);
    }
    let expected = totals(&without_it, RANGE).await;
    assert_ne!(totals(&with, RANGE).await, expected);
    // One in the same hour, one after its event is rolled up, one after its day is.
    for (id, wait) in [("e1", 3 * 3600), ("e2", 2 * DAY), ("e3", 0)] {
        void(&with, id).await.expect(201);
        with.clock.advance(wait);
        with.service().roll_up_all().await.expect("a rollup");
    }
    assert_eq!(totals(&with, RANGE).await, expected);
    for days in [2, 40] {
        with.clock.advance(days * DAY);
        with.post(
            "/usage/purge",
            json!({ "tenant_id": "acme", "older_than_days": 35 }),
        )
        .await
        .expect(200);
        assert_eq!(totals(&with, RANGE).await, expected, "{days}");
    }
    assert_eq!(
        with.get("/usage?tenant_id=acme").await.at("/count"),
        0,
        "all of it is purged"
    );
}

#[tokio::test]
async fn who_was_there_is_still_counted_and_a_task_of_its_own_is_not() {
    let app = TestApp::new().await;
    app.record(
        "acme",
        json!({ "id": "e1", "agent_id": "a1", "task_id": "t1" }),
    )
    .await
    .expect(201);
    app.record(
        "acme",
        json!({ "id": "e2", "agent_id": "a2", "latency_ms": 5 }),
    )
    .await
    .expect(201);
    void(&app, "e1").await.expect(201);
    void(&app, "e2").await.expect(201);
    let summary = app.get("/usage/summary?tenant_id=acme").await.expect(200);
    let figures = ["total_events", "total_tasks", "unique_agents", "total_cost"]
        .map(|field| summary.at(&format!("/{field}")));
    assert_eq!(figures, [json!(0), json!(1), json!(2), json!("0")]);
    let usage = app.get("/usage/acme").await.expect(200);
    assert_eq!(
        (
            usage.at("/avg_latency_ms"),
            usage.at("/avg_compliance_score")
        ),
        (json!(null), json!(null))
    );
    assert_eq!(usage.at("/operations"), json!({ "agent_message": 0 }));
    let agents = app.get("/usage/agents?tenant_id=acme").await.expect(200);
    assert_eq!(
        (
            agents.at("/count"),
            agents.at("/data/0/total_events"),
            agents.at("/data/1/total_tasks")
        ),
        (json!(2), json!(0), json!(0))
    );
    assert_eq!(
        (
            bill(&app).await.at("/line_items"),
            bill(&app).await.at("/total_events")
        ),
        (json!([]), json!(0))
    );
    assert_eq!(
        app.get("/usage/stats?tenant_id=acme")
            .await
            .at("/total_events"),
        4,
        "events as they are stored"
    );
}

#[tokio::test]
async fn a_converted_event_is_taken_back_at_the_rate_that_converted_it() {
    let app = TestApp::new().await;
    app.put("/tenants/acme", json!({ "currency": "USD" }))
        .await
        .expect(200);
    card_with(&app, "euro", json!({ "currency": "EUR", "operations": { "eu": { "unit": { "amount": "1", "per": 3 } } } })).await;
    for rate in ["1.08", "2"] {
        app.put(
            "/exchange-rates",
            json!({ "base": "USD", "rates": { "EUR": rate } }),
        )
        .await
        .expect(200);
        app.record("acme", json!({ "id": rate, "operation": "eu" }))
            .await
            .expect(201);
        app.clock.advance(60);
    }
    assert_eq!(void(&app, "1.08").await.expect(201).at("/cost"), "-0.36");
    let lines = bill(&app).await.at("/line_items");
    assert_eq!(
        (
            lines.as_array().map(Vec::len),
            &lines[0]["exchange_rate"]["version"]
        ),
        (Some(1), &json!(2))
    );
    assert_eq!(
        app.get("/usage/acme").await.at("/total_cost"),
        "0.666666666666666667"
    );
}
