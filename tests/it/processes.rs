//! Several processes over one table are one service: what one changes the
//! others go by at once.

use crate::given::{card, get_as, limit, operators, post_as, refused};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

/// Two processes with clocks of their own.
fn two() -> [TestApp; 2] {
    let memory = Arc::new(Memory::default());
    let shared = || {
        TestApp::over(
            memory.clone(),
            Tenancy::Shared {
                settle: Duration::ZERO,
            },
        )
    };
    [shared(), shared()]
}

#[tokio::test]
async fn an_event_counts_once_whichever_process_it_comes_to() {
    let [one, other] = two();
    let event = json!({ "id": "e1", "units": 3 });
    let first = one.record("acme", event.clone()).await.expect(201);
    let again = other.record("acme", event).await.expect(200);
    assert_eq!(
        (again.at("/replayed"), again.at("/cost")),
        (json!(true), first.at("/cost"))
    );
    refused(
        &other.record("acme", json!({ "id": "e1" })).await,
        409,
        "event_id_reused",
    );
    let keyed = json!({ "tenant_id": "acme", "operation": "agent_message" });
    one.send(operators(
        "POST",
        "/events",
        &keyed,
        "idempotency-key",
        "k1",
    ))
    .await
    .expect(201);
    other
        .send(operators(
            "POST",
            "/events",
            &keyed,
            "idempotency-key",
            "k1",
        ))
        .await
        .expect(200);
}

#[tokio::test]
async fn limits_set_in_one_hold_in_the_other() {
    let [one, other] = two();
    other
        .record("acme", json!({ "id": "e1", "agent_id": "a1" }))
        .await
        .expect(201);
    one.limit(
        "acme",
        json!([limit(json!({ "scope": "agent", "hard": 2 }))]),
    )
    .await;
    other
        .record("acme", json!({ "id": "e2", "agent_id": "a1" }))
        .await
        .expect(201);
    for app in [&one, &other] {
        refused(
            &app.record("acme", json!({ "agent_id": "a1" })).await,
            429,
            "usage_limit_exceeded",
        );
    }
    other
        .limit(
            "acme",
            json!([limit(json!({ "scope": "agent", "hard": 3 }))]),
        )
        .await;
    one.record("acme", json!({ "id": "e3", "agent_id": "a1" }))
        .await
        .expect(201);
    refused(
        &other.record("acme", json!({ "agent_id": "a1" })).await,
        429,
        "usage_limit_exceeded",
    );
    let stale = json!({ "limits": [] });
    refused(
        &one.send(operators("PUT", "/limits/acme", &stale, "if-match", "1"))
            .await,
        412,
        "precondition_failed",
    );
}

#[tokio::test]
async fn a_key_made_in_one_works_in_the_other_and_is_revoked_for_both() {
    let [one, other] = two();
    let made = one
        .post("/keys", json!({ "tenant_id": "acme", "scopes": ["read"] }))
        .await
        .expect(201);
    let (id, key) = (made.at("/key_id"), made.at("/key"));
    let (id, key) = (id.as_str().expect("an id"), key.as_str().expect("a key"));
    for app in [&one, &other] {
        get_as(app, key, "/usage").await.expect(200);
    }
    other
        .call("DELETE", &format!("/keys/{id}"), "")
        .await
        .expect(200);
    for app in [&one, &other] {
        refused(&get_as(app, key, "/usage").await, 401, "unauthenticated");
    }
}

#[tokio::test]
async fn prices_settings_and_cursors_are_the_same_in_both() {
    let [one, other] = two();
    other
        .record("acme", json!({ "id": "e1" }))
        .await
        .expect(201);
    card(&one, "ai", json!({ "gpt-4o": { "unit": 7 } })).await;
    assert_eq!(
        other
            .record("acme", json!({ "id": "e2", "operation": "gpt-4o" }))
            .await
            .expect(201)
            .at("/cost"),
        "7"
    );
    one.put("/tenants/acme", json!({ "rate_cards": ["ai"] }))
        .await
        .expect(200);
    refused(
        &other
            .record("acme", json!({ "operation": "agent_message" }))
            .await,
        422,
        "invalid_event",
    );
    let page = one.get("/usage?tenant_id=acme&limit=1").await.expect(200);
    let cursor = page.at("/next_cursor");
    let next = other
        .get(&format!(
            "/usage?tenant_id=acme&cursor={}",
            cursor.as_str().expect("a cursor")
        ))
        .await
        .expect(200);
    assert_eq!(next.at("/data/0/id"), "e2");
    let key = other.key("acme", &["ingest"]).await;
    assert_eq!(
        post_as(&one, &key, "/check", &json!({ "operation": "gpt-4o" }))
            .await
            .expect(200)
            .at("/cost"),
        "7"
    );
}

#[tokio::test]
async fn a_clock_that_lags_by_minutes_changes_no_count() {
    let [one, other] = two();
    other.clock.advance(-240);
    one.limit(
        "acme",
        json!([limit(json!({ "window": "hour", "hard": 4 }))]),
    )
    .await;
    for n in 0..4 {
        let app = if n % 2 == 0 { &one } else { &other };
        app.record(
            "acme",
            json!({ "id": format!("e{n}"), "timestamp": "2026-11-22T10:00:00Z" }),
        )
        .await
        .expect(201);
    }
    for app in [&one, &other] {
        refused(
            &app.record("acme", json!({ "timestamp": "2026-11-22T10:00:00Z" }))
                .await,
            429,
            "usage_limit_exceeded",
        );
        assert_eq!(
            app.get("/usage/summary?tenant_id=acme")
                .await
                .at("/total_events"),
            4
        );
    }
}
