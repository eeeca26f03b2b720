//! Grants: each is made once by its id, and drawn until it expires.

use super::{grant, spend, stands};
use crate::given::{merged, refused};
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_grant_is_made_once_by_its_id_and_in_the_tenants_currency() {
    let app = TestApp::new().await;
    grant(&app, "g", "5", json!({})).await;
    let again = json!({ "id": "g", "amount": "5.00", "currency": "USD" });
    assert_eq!(
        app.post("/credits/acme", again)
            .await
            .expect(200)
            .at("/replayed"),
        true
    );
    refused(
        &app.post(
            "/credits/acme",
            json!({ "id": "g", "amount": "6", "currency": "USD" }),
        )
        .await,
        409,
        "conflict",
    );
    refused(
        &app.post(
            "/credits/acme",
            json!({ "id": "h", "amount": "6", "currency": "EUR" }),
        )
        .await,
        422,
        "currency_mismatch",
    );
    assert_eq!(
        stands(&app).await,
        "allowance -/- granted 5 used 0 held 0 expired 0 available 5 uncovered 0 g=0"
    );
    // Grants that are used up make room for others; at most 50 have something left.
    spend(&app, "5", json!({})).await.expect(201);
    for n in 0..50 {
        grant(&app, &format!("n{n}"), "1", json!({})).await;
    }
    refused(
        &app.post(
            "/credits/acme",
            json!({ "id": "n50", "amount": "1", "currency": "USD" }),
        )
        .await,
        422,
        "invalid_value",
    );
    spend(&app, "50", json!({})).await.expect(201);
    grant(&app, "n50", "1", json!({})).await;
}

#[tokio::test]
async fn a_grant_sent_again_after_its_time_is_the_grant_of_before() {
    let app = TestApp::new().await;
    let short = json!({ "id": "g", "amount": "5", "currency": "USD", "expires_at": "2026-11-22T11:00:00Z" });
    app.post("/credits/acme", short.clone()).await.expect(201);
    app.clock.set("2026-11-22T12:00:00Z");
    assert_eq!(
        app.post("/credits/acme", short.clone())
            .await
            .expect(200)
            .at("/replayed"),
        true
    );
    let late = refused(
        &app.post("/credits/acme", merged(short, json!({ "id": "h" })))
            .await,
        422,
        "invalid_value",
    );
    assert_eq!(late["errors"][0]["pointer"], "/expires_at");
}

#[tokio::test]
async fn grants_made_at_once_are_all_drawn() {
    let app = TestApp::new().await;
    let ids: Vec<String> = (0..8).map(|n| format!("g{n}")).collect();
    let made = ids.iter().map(|id| {
        app.post(
            "/credits/acme",
            json!({ "id": id, "amount": "1", "currency": "USD" }),
        )
    });
    for reply in futures::future::join_all(made).await {
        reply.expect(201);
    }
    spend(&app, "8", json!({})).await.expect(201);
    refused(
        &spend(&app, "0.01", json!({})).await,
        402,
        "budget_exceeded",
    );
}

#[tokio::test]
async fn a_grant_is_drawn_until_it_expires_and_what_is_left_is_lost() {
    let app = TestApp::new().await;
    grant(
        &app,
        "short",
        "5",
        json!({ "expires_at": "2026-11-22T11:00:00Z" }),
    )
    .await;
    spend(&app, "2", json!({})).await.expect(201);
    app.clock.set("2026-11-22T10:59:59Z");
    spend(&app, "1", json!({})).await.expect(201);
    app.clock.set("2026-11-22T11:00:00Z");
    refused(&spend(&app, "1", json!({})).await, 402, "budget_exceeded");
    assert_eq!(
        stands(&app).await,
        "allowance -/- granted 5 used 3 held 0 expired 2 available 0 uncovered 0 short=3"
    );
}
