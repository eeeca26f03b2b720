//! `GET /usage/summary`.

use super::{fields, five};
use crate::given::merged;
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// What every summary of all that `acme` used says beside its totals.
fn head() -> Value {
    json!({
        "tenant_id": "acme", "start": null, "end": null, "time_zone": "UTC", "currency": "USD",
    })
}

async fn summary(app: &TestApp, query: &str) -> Value {
    app.get(&format!("/usage/summary?tenant_id=acme&{query}"))
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn an_empty_summary_is_all_zeros() {
    let app = TestApp::new().await;
    let expected = json!({
        "total_tasks": 0, "total_events": 0, "tokens_in": 0, "tokens_out": 0, "total_tokens": 0,
        "total_duration_ms": 0, "total_api_calls": 0, "total_units": 0, "total_data_bytes": 0, "total_searches": 0, "total_images": 0,
        "total_cost": "0", "avg_tokens_per_task": null, "avg_duration_ms_per_task": null,
        "unique_agents": 0, "unique_consumers": 0,
    });
    assert_eq!(summary(&app, "").await, merged(head(), expected));
}

/// ASAP S3.
#[tokio::test]
async fn a_summary_adds_up_its_events() {
    let app = TestApp::new().await;
    let step = |fields: Value| {
        let base = json!({ "tenant_id": "acme", "consumer_id": "c1", "timestamp": "2026-02-17T12:00:00Z" });
        merged(base, fields)
    };
    app.clock.set("2026-02-17T14:00:00Z");
    let first = json!({ "task_id": "t1", "agent_id": "a1", "tokens_in": 10, "tokens_out": 20, "duration_ms": 100, "api_calls": 1 });
    let second = json!({ "task_id": "t2", "agent_id": "a2", "tokens_in": 5, "tokens_out": 15, "duration_ms": 200, "api_calls": 2 });
    app.post(
        "/usage/batch",
        json!({ "events": [step(first), step(second)] }),
    )
    .await
    .expect(201);
    let expected = json!({
        "total_tasks": 2, "total_events": 2, "tokens_in": 15, "tokens_out": 35, "total_tokens": 50,
        "total_duration_ms": 300, "total_api_calls": 3, "total_units": 2, "total_data_bytes": 0, "total_searches": 0, "total_images": 0,
        "total_cost": "0", "avg_tokens_per_task": "25.000000",
        "avg_duration_ms_per_task": "150.000000", "unique_agents": 2, "unique_consumers": 1,
    });
    assert_eq!(summary(&app, "").await, merged(head(), expected));
}

#[tokio::test]
async fn tasks_are_the_distinct_ones_and_the_events_without_one() {
    let app = TestApp::new().await;
    five(&app).await;
    let names = [
        "total_events",
        "total_tasks",
        "unique_agents",
        "unique_consumers",
        "total_cost",
    ];
    for (query, expected) in [
        (
            "",
            [json!(5), json!(4), json!(2), json!(2), json!("0.05225")],
        ),
        (
            "agent=a1",
            [json!(2), json!(2), json!(1), json!(2), json!("0.00125")],
        ),
        (
            "task_id=t1",
            [json!(2), json!(1), json!(1), json!(1), json!("0.001")],
        ),
        (
            "operation=hitl_approval",
            [json!(1), json!(1), json!(1), json!(1), json!("0.05")],
        ),
        (
            "tool_server=srv&end=2026-11-22T09:00:00.000000001Z",
            [json!(1), json!(1), json!(0), json!(0), json!("0.0005")],
        ),
        (
            "consumer=nobody",
            [json!(0), json!(0), json!(0), json!(0), json!("0")],
        ),
    ] {
        assert_eq!(
            fields(&summary(&app, query).await, names),
            expected,
            "{query}"
        );
    }
}

#[tokio::test]
async fn all_three_kinds_of_tokens_add_up() {
    let app = TestApp::new().await;
    app.record("acme", json!({ "tokens_in": 100, "cached_tokens_in": 40, "tokens_out": 10, "tokens_processed": 1 })).await.expect(201);
    assert_eq!(summary(&app, "").await["total_tokens"], 111);
}
