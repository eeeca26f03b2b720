//! The same event again: whatever way it comes, it counts once.

use super::events::full;
use crate::given::{Open, events_of, merged, refused, without};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// The figures that a replay repeats.
fn figures(reply: &TestReply, at: &str) -> Vec<Value> {
    ["cost", "currency", "decision"]
        .iter()
        .map(|field| reply.at(&format!("{at}/{field}")))
        .collect()
}

#[tokio::test]
async fn a_replay_has_the_figures_of_the_first_time_and_changes_nothing() {
    let open = Open::new();
    let app = &open.app;
    let first = app.post("/events", full()).await.expect(201);
    app.put_card(
        "default",
        json!({ "currency": "USD", "operations": { "gpt-4o": { "unit": 9 } } }),
    )
    .await
    .expect(200);
    let before = open.dump();
    app.clock.advance(3600);
    for (body, path) in [
        (full(), "/events"),
        (full(), "/events?mode=observe"),
        (full(), "/events?backfill=true"),
        (
            merged(
                full(),
                json!({ "latency_ms": 12.5, "compliance_score": 0.970, "cost_override": 5e-2 }),
            ),
            "/events",
        ),
        (
            merged(
                full(),
                json!({ "timestamp": "2026-11-22T10:59:58.500+01:00" }),
            ),
            "/events",
        ),
        (without(full(), &["timestamp"]), "/events"),
    ] {
        let again = app.post(path, body).await.expect(200);
        let expected = merged(first.json(), json!({ "replayed": true }));
        assert_eq!(again.json(), expected, "{path}");
    }
    for path in ["/events/batch", "/events/batch?mode=observe"] {
        let again = app
            .post(path, json!({ "events": [full()] }))
            .await
            .expect(200);
        assert_eq!(
            (again.at("/replayed"), again.at("/results/0/status")),
            (json!(1), json!("replayed"))
        );
        assert_eq!(figures(&again, "/results/0"), figures(&first, ""));
    }
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn defaults_spelt_out_are_the_same_event() {
    let app = TestApp::new().await;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    let spelt = json!({
        "id": "e1", "timestamp": null, "tier": "standard", "units": 1, "tokens_in": 0, "tokens_out": 0, "cached_tokens_in": 0,
        "tokens_processed": 0, "api_calls": 0, "duration_ms": 0, "data_bytes": 0, "compliance_score": "1.0",
    });
    app.record("acme", spelt).await.expect(200);
    assert_eq!(events_of(&app, "acme").await, 1);
}

#[tokio::test]
async fn a_timestamp_that_was_left_out_is_not_compared() {
    let app = TestApp::new().await;
    let first = app.record("acme", json!({ "id": "e1" })).await.expect(201);
    app.clock.advance(60);
    for fields in [
        json!({ "id": "e1" }),
        json!({ "id": "e1", "timestamp": "2026-11-22T09:00:00Z" }),
    ] {
        let again = app.record("acme", fields).await.expect(200);
        assert_eq!(again.at("/timestamp"), first.at("/timestamp"));
    }
    app.record(
        "acme",
        json!({ "id": "e2", "timestamp": "2026-11-22T09:00:00Z" }),
    )
    .await
    .expect(201);
    app.record("acme", json!({ "id": "e2" })).await.expect(200);
    let other = app
        .record(
            "acme",
            json!({ "id": "e2", "timestamp": "2026-11-22T09:00:01Z" }),
        )
        .await;
    refused(&other, 409, "event_id_reused");
}

#[tokio::test]
async fn other_content_under_the_same_id_is_refused_whichever_field_it_is() {
    let open = Open::new();
    let app = &open.app;
    app.post("/events", full()).await.expect(201);
    let before = open.dump();
    let others = json!({
        "timestamp": "2026-11-22T09:59:58.6Z", "operation": "agent_message", "tier": "standard", "units": 3, "tokens_in": 1201,
        "tokens_out": 301, "cached_tokens_in": 201, "tokens_processed": 8, "api_calls": 4, "duration_ms": 841, "latency_ms": "12.51",
        "compliance_score": "0.98", "data_bytes": 1, "agent_id": "a2", "consumer_id": "c2", "session_id": "s2", "task_id": "t/2",
        "tool_server": "srv2", "tool_name": "find", "model": "gpt-4o", "provider": "azure", "budget_node": "team/y", "cost_override": "0.06",
        "metadata": { "any": ["json", 1.5] },
    });
    let parts = json!({
        "cache_write_tokens_in": 101, "cache_write_1h_tokens_in": 51, "audio_tokens_in": 41, "cached_audio_tokens_in": 31,
        "image_tokens_in": 21, "video_tokens_in": 11, "reasoning_tokens_out": 101, "audio_tokens_out": 51, "image_tokens_out": 26,
        "searches": 4, "images": 3, "pages": 5, "characters": 901,
    });
    let others = merged(others, parts);
    for (field, other) in others.as_object().expect("fields") {
        for value in [other.clone(), Value::Null] {
            // Without these the event would be another question, or none.
            if value.is_null()
                && matches!(
                    field.as_str(),
                    "timestamp" | "operation" | "tokens_in" | "tokens_out"
                )
            {
                continue;
            }
            let twin = merged(full(), json!({ field.as_str(): value }));
            let problem = refused(&app.post("/events", twin).await, 409, "event_id_reused");
            assert_eq!(problem["event_id"], "evt-1", "{field}");
        }
    }
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn a_twin_that_could_not_be_recorded_anyway_is_still_a_twin() {
    let app = TestApp::new().await;
    app.record(
        "acme",
        json!({ "id": "e1", "timestamp": "2026-11-22T10:00:00Z" }),
    )
    .await
    .expect(201);
    for fields in [
        json!({ "id": "e1", "operation": "unknown" }),
        json!({ "id": "e1", "tier": "unknown" }),
        json!({ "id": "e1", "timestamp": "2020-01-01T00:00:00Z" }),
    ] {
        refused(&app.record("acme", fields).await, 409, "event_id_reused");
    }
}

#[tokio::test]
async fn a_replay_comes_too_late_only_when_the_dedupe_window_is_over() {
    let app = TestApp::new().await;
    let event = json!({ "id": "e1", "timestamp": "2026-10-18T10:00:00Z" });
    app.record("acme", event.clone()).await.expect(201);
    for _ in 0..5 {
        app.clock.advance(35 * 86_400);
        app.record("acme", event.clone()).await.expect(200);
    }
    let key = app.key("acme", &["enforce"]).await;
    let body = merged(json!({ "operation": "agent_message" }), event);
    assert_eq!(
        crate::given::post_as(&app, &key, "/events", &body)
            .await
            .expect(200)
            .at("/replayed"),
        true
    );
}

#[tokio::test]
async fn the_retry_of_the_event_that_filled_the_budget_is_a_replay() {
    let app = TestApp::new().await;
    app.limit("acme", json!([{ "id": "one", "scope": "tenant", "measure": "events", "window": "total", "hard": 1 }])).await;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    refused(
        &app.record("acme", json!({ "id": "e2" })).await,
        429,
        "usage_limit_exceeded",
    );
    app.record("acme", json!({ "id": "e1" })).await.expect(200);
    refused(
        &app.record("acme", json!({ "id": "e1", "units": 2 })).await,
        409,
        "event_id_reused",
    );
    let batch = json!({ "events": [
        { "id": "e3", "tenant_id": "acme", "operation": "agent_message" },
        { "id": "e1", "tenant_id": "acme", "operation": "agent_message" },
    ] });
    let reply = app.post("/events/batch", batch).await.expect(200);
    assert_eq!(
        (reply.at("/results/0/status"), reply.at("/results/1/status")),
        (json!("rejected"), json!("replayed"))
    );
}

#[tokio::test]
async fn a_denied_event_may_come_again_once_there_is_room() {
    let app = TestApp::new().await;
    let limit = |hard: u64| json!([{ "id": "cap", "scope": "tenant", "measure": "events", "window": "total", "hard": hard }]);
    app.limit("acme", limit(0)).await;
    refused(
        &app.record("acme", json!({ "id": "e1" })).await,
        429,
        "usage_limit_exceeded",
    );
    app.limit("acme", limit(1)).await;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
}
