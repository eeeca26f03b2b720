//! What keys may say of events: prices, modes and times.

use crate::given::{events_of, get_as, merged, pointers, post_as, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

fn event(fields: Value) -> Value {
    merged(json!({ "operation": "agent_message" }), fields)
}

#[tokio::test]
async fn only_the_scope_price_or_an_operator_overrides_costs() {
    let app = TestApp::new().await;
    let plain = app.key("acme", &["ingest"]).await;
    let agent = app.key("acme", &["enforce"]).await;
    let pricing = app.key("acme", &["ingest", "price"]).await;
    let priced = event(json!({ "cost_override": "0.05" }));
    for key in [&plain, &agent] {
        refused(
            &post_as(&app, key, "/events", &priced).await,
            403,
            "forbidden",
        );
        refused(
            &post_as(&app, key, "/check", &priced).await,
            403,
            "forbidden",
        );
        let batch = json!({ "events": [priced, event(json!({}))] });
        let reply = post_as(&app, key, "/events/batch", &batch)
            .await
            .expect(200);
        assert_eq!(reply.at("/results/0/problem/code"), "forbidden");
        assert_eq!(reply.at("/results/1/status"), "recorded");
        post_as(
            &app,
            key,
            "/events",
            &event(json!({ "cost_override": null })),
        )
        .await
        .expect(201);
    }
    let validated = post_as(&app, &plain, "/usage/validate", &priced)
        .await
        .expect(200);
    assert_eq!(validated.at("/valid"), false);
    assert_eq!(
        post_as(&app, &pricing, "/events", &priced)
            .await
            .expect(201)
            .at("/cost"),
        "0.05"
    );
    assert_eq!(
        post_as(&app, &pricing, "/check", &priced)
            .await
            .expect(200)
            .at("/cost"),
        "0.05"
    );
    assert_eq!(
        app.record("acme", priced).await.expect(201).at("/cost"),
        "0.05"
    );
}

#[tokio::test]
async fn an_agents_key_cannot_look_past_limits() {
    let app = TestApp::new().await;
    let key = app.key("acme", &["enforce"]).await;
    post_as(&app, &key, "/events", &event(json!({})))
        .await
        .expect(201);
    post_as(&app, &key, "/events?mode=enforce", &event(json!({})))
        .await
        .expect(201);
    let batch = json!({ "events": [event(json!({}))] });
    post_as(&app, &key, "/events/batch", &batch)
        .await
        .expect(200);
    post_as(&app, &key, "/check", &event(json!({})))
        .await
        .expect(200);
    refused(
        &post_as(&app, &key, "/events?mode=observe", &event(json!({}))).await,
        403,
        "forbidden",
    );
    refused(
        &post_as(&app, &key, "/events/batch?mode=observe", &batch).await,
        403,
        "forbidden",
    );
    for path in ["/usage", "/usage/batch", "/usage/validate"] {
        refused(
            &post_as(&app, &key, path, &json!({})).await,
            403,
            "forbidden",
        );
    }
    for path in [
        "/usage",
        "/usage/acme",
        "/usage/summary",
        "/quota/acme",
        "/limits/acme",
        "/billing/acme",
        "/costs",
        "/rate-cards",
    ] {
        refused(&get_as(&app, &key, path).await, 403, "forbidden");
    }
    assert_eq!(events_of(&app, "acme").await, 3);
}

#[tokio::test]
async fn an_agents_key_records_what_is_at_most_five_minutes_old() {
    let app = TestApp::new().await;
    let key = app.key("acme", &["enforce"]).await;
    for (timestamp, accepted) in [
        ("2026-11-22T09:55:00Z", true),
        ("2026-11-22T09:54:59.999999999Z", false),
        ("2026-11-22T10:05:00Z", true),
        ("2026-11-22T10:05:00.000000001Z", false),
    ] {
        let event = event(json!({ "timestamp": timestamp }));
        let reply = post_as(&app, &key, "/events", &event).await;
        let batch = post_as(&app, &key, "/events/batch", &json!({ "events": [event] }))
            .await
            .expect(200);
        if accepted {
            reply.expect(201);
            assert_eq!(batch.at("/recorded"), 1, "{timestamp}");
        } else {
            assert_eq!(
                pointers(&refused(&reply, 422, "invalid_event")),
                "/timestamp"
            );
            assert_eq!(batch.at("/results/0/problem/status"), 422, "{timestamp}");
        }
    }
    let both = app.key("acme", &["enforce", "ingest"]).await;
    post_as(
        &app,
        &both,
        "/events",
        &event(json!({ "timestamp": "2026-11-20T10:00:00Z" })),
    )
    .await
    .expect(201);
    post_as(&app, &both, "/events?mode=observe", &event(json!({})))
        .await
        .expect(201);
}

#[tokio::test]
async fn reading_and_recording_are_different_scopes() {
    let app = TestApp::new().await;
    let keys = app.keys("acme").await;
    for path in [
        "/events",
        "/events/batch",
        "/usage",
        "/usage/batch",
        "/usage/validate",
        "/check",
    ] {
        refused(
            &post_as(&app, &keys.read, path, &event(json!({}))).await,
            403,
            "forbidden",
        );
    }
    for path in [
        "/usage",
        "/usage/acme",
        "/usage/summary",
        "/usage/tasks/t1",
        "/events/e1",
        "/quota/acme",
        "/limits/acme",
    ] {
        refused(&get_as(&app, &keys.ingest, path).await, 403, "forbidden");
    }
}

#[tokio::test]
async fn backfill_is_for_operators() {
    let app = TestApp::new().await;
    let key = app.keys("acme").await.ingest;
    refused(
        &post_as(&app, &key, "/events?backfill=true", &event(json!({}))).await,
        403,
        "forbidden",
    );
    post_as(&app, &key, "/events?backfill=false", &event(json!({})))
        .await
        .expect(201);
    for query in [
        "mode=loud",
        "backfill=yes",
        "backfill=1",
        "mode=",
        "mode=observe&mode=enforce",
        "dry=1",
    ] {
        let problem = refused(
            &post_as(&app, &key, &format!("/events?{query}"), &event(json!({}))).await,
            400,
            "invalid_request",
        );
        assert_eq!(
            pointers(&problem),
            format!("?{}", query.split('=').next().expect("a name"))
        );
    }
}
