//! `rate_limit_per_second`: events by receipt second, in enforce mode.

use crate::given::refused;
use serde_json::{Value, json};
use tollgate_tests::TestApp;

async fn limited(per_second: u64) -> TestApp {
    let app = TestApp::new().await;
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "rate_limit_per_second": per_second }),
    )
    .await
    .expect(200);
    app
}

#[tokio::test]
async fn the_rate_holds_in_every_second() {
    let app = limited(2).await;
    for second in 0..3 {
        app.clock.set(&format!("2026-11-22T10:00:0{second}.999Z"));
        for _ in 0..2 {
            app.record("acme", json!({ "timestamp": "2026-11-22T09:00:00Z" }))
                .await
                .expect(201);
        }
        for _ in 0..2 {
            let reply = app
                .record("acme", json!({ "timestamp": "2026-11-22T08:00:00Z" }))
                .await;
            let problem = refused(&reply, 429, "usage_limit_exceeded");
            assert_eq!(
                (reply.header("retry-after"), &problem["feature_key"]),
                ("1", &json!("events"))
            );
            assert_eq!(reply.header("ratelimit-policy"), "\"quota:rate\";q=2;w=1");
            assert_eq!(reply.header("ratelimit"), "\"quota:rate\";r=0;t=1");
            assert_eq!(problem["violations"][0]["window"], "second");
        }
    }
}

#[tokio::test]
async fn the_second_is_the_receipts_and_not_the_events() {
    let app = limited(1).await;
    app.record("acme", json!({ "timestamp": "2026-11-22T09:00:00Z" }))
        .await
        .expect(201);
    refused(
        &app.record("acme", json!({ "timestamp": "2026-11-22T09:00:01Z" }))
            .await,
        429,
        "usage_limit_exceeded",
    );
    app.clock.advance(1);
    app.record("acme", json!({ "timestamp": "2026-11-22T09:00:00Z" }))
        .await
        .expect(201);
}

#[tokio::test]
async fn what_is_observed_is_neither_limited_nor_counted() {
    let app = limited(1).await;
    for _ in 0..3 {
        let event = json!({ "tenant_id": "acme", "operation": "agent_message" });
        assert_eq!(
            app.post("/events?mode=observe", event)
                .await
                .expect(201)
                .at("/decision"),
            "allow"
        );
    }
    app.record("acme", json!({})).await.expect(201);
    refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
}

#[tokio::test]
async fn replays_do_not_use_up_the_rate_and_are_not_refused_by_it() {
    let app = limited(1).await;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    for _ in 0..3 {
        app.record("acme", json!({ "id": "e1" })).await.expect(200);
    }
    app.clock.advance(1);
    app.record("acme", json!({ "id": "e1" })).await.expect(200);
    app.record("acme", json!({ "id": "e2" })).await.expect(201);
}

#[tokio::test]
async fn a_batch_is_as_many_events_as_it_holds() {
    let app = limited(3).await;
    let batch = |from: u32| {
        let event =
            |n| json!({ "id": format!("e{n}"), "tenant_id": "acme", "operation": "agent_message" });
        json!({ "events": (from..from + 5).map(event).collect::<Vec<Value>>() })
    };
    let reply = app.post("/events/batch", batch(0)).await.expect(200);
    assert_eq!(
        (reply.at("/recorded"), reply.at("/rejected")),
        (json!(3), json!(2))
    );
    app.clock.advance(1);
    let reply = app.post("/events/batch", batch(0)).await.expect(200);
    assert_eq!(
        (reply.at("/recorded"), reply.at("/replayed")),
        (json!(2), json!(3))
    );
}

#[tokio::test]
async fn a_rate_of_zero_lets_nothing_in_and_none_everything() {
    let app = limited(0).await;
    refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    app.post("/quota", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    for _ in 0..5 {
        app.record("acme", json!({})).await.expect(201);
    }
}

#[tokio::test]
async fn a_rate_is_one_tenants_own() {
    let app = limited(1).await;
    app.record("acme", json!({})).await.expect(201);
    refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    for _ in 0..3 {
        app.record("other", json!({})).await.expect(201);
    }
}
