//! An event draws on the credit that was valid when it happened.

use super::{capture, event, hold, spend, subscribed};
use crate::given::{merged, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// When the promotion ends.
const MIDNIGHT: &str = "2026-11-23T00:00:00Z";
/// One second before that.
const BEFORE: &str = "2026-11-22T23:59:59Z";

async fn grant(app: &TestApp, id: &str, fields: Value) {
    let grant = json!({ "id": id, "amount": "5", "currency": "USD" });
    app.post("/credits/acme", merged(grant, fields))
        .await
        .expect(201);
}

async fn promote(app: &TestApp) {
    grant(app, "promotion", json!({ "expires_at": MIDNIGHT })).await;
}

/// What was drawn of each grant.
async fn drawn(app: &TestApp) -> String {
    let grants = app.get("/credits/acme").await.expect(200).at("/grants");
    let line = |grant: &Value| {
        let [id, used] = ["id", "used"].map(|field| grant[field].as_str().expect("text"));
        format!("{id} {used}")
    };
    let lines: Vec<String> = grants
        .as_array()
        .expect("grants")
        .iter()
        .map(line)
        .collect();
    lines.join(" ")
}

/// Which credit pays does not depend on when an event is told.
#[tokio::test]
async fn a_late_event_draws_on_the_grant_of_its_time() {
    let app = TestApp::new().await;
    promote(&app).await;
    grant(&app, "paid", json!({})).await;
    for (told_at, timestamp, expected) in [
        (
            "2026-11-22T23:58:00Z",
            "2026-11-23T00:02:00Z",
            "promotion 0 paid 1",
        ),
        ("2026-11-23T00:00:01Z", BEFORE, "promotion 1 paid 1"),
        ("2026-11-23T00:00:02Z", MIDNIGHT, "promotion 1 paid 2"),
        (
            "2026-11-23T00:00:03Z",
            "2026-11-22T12:00:00Z",
            "promotion 2 paid 2",
        ),
    ] {
        app.clock.set(told_at);
        spend(&app, "1", json!({ "timestamp": timestamp }))
            .await
            .expect(201);
        assert_eq!(drawn(&app).await, expected, "{timestamp} told at {told_at}");
    }
    // What a promotion does not cover is paid.
    spend(&app, "4", json!({ "timestamp": BEFORE }))
        .await
        .expect(201);
    assert_eq!(drawn(&app).await, "promotion 5 paid 3");
}

/// Observed use is paid as any other.
#[tokio::test]
async fn a_late_event_that_is_observed_draws_on_the_grant_of_its_time() {
    let app = subscribed(json!({ "allowance": "0" })).await;
    promote(&app).await;
    app.clock.set("2026-11-23T00:00:01Z");
    let late = event(json!({ "cost_override": "6", "timestamp": BEFORE }));
    app.post("/events?mode=observe", late).await.expect(201);
    assert_eq!(drawn(&app).await, "promotion 5");
    assert_eq!(app.get("/credits/acme").await.at("/uncovered"), "1");
}

/// What was affordable when it was used is not refused for being told late.
#[tokio::test]
async fn a_late_event_is_admitted_by_the_credit_of_its_time_for_35_days() {
    let app = subscribed(json!({ "allowance": "0" })).await;
    promote(&app).await;
    for told_at in ["2026-11-23T00:00:01Z", "2026-12-27T23:00:00Z"] {
        app.clock.set(told_at);
        spend(&app, "1", json!({ "timestamp": BEFORE }))
            .await
            .expect(201);
        refused(&spend(&app, "1", json!({})).await, 402, "budget_exceeded");
    }
    assert_eq!(drawn(&app).await, "promotion 2");
    app.clock.set("2026-12-28T00:00:01Z");
    let late = event(json!({ "cost_override": "1", "timestamp": BEFORE }));
    refused(
        &app.post("/events?backfill=true", late).await,
        402,
        "budget_exceeded",
    );
}

/// A hold of a late estimate is judged as its event.
#[tokio::test]
async fn a_hold_of_a_late_event_draws_on_the_grant_of_its_time() {
    let app = subscribed(json!({ "allowance": "0" })).await;
    promote(&app).await;
    app.clock.set("2026-11-23T00:00:01Z");
    let late = json!({ "cost_override": "3", "timestamp": BEFORE });
    hold(&app, "h", late).await.expect(201);
    hold(&app, "now", json!({ "cost_override": "1" }))
        .await
        .expect(402);
    // Above what was held, too.
    capture(&app, "h", json!({ "cost_override": "4" }))
        .await
        .expect(201);
    assert_eq!(drawn(&app).await, "promotion 4");
    assert_eq!(app.get("/credits/acme").await.at("/uncovered"), "0");
}

/// Grants come and go all the time.
#[tokio::test]
async fn a_grant_made_since_does_not_hide_the_one_that_has_ended() {
    let app = subscribed(json!({ "allowance": "0" })).await;
    promote(&app).await;
    app.clock.set("2026-11-23T00:00:01Z");
    grant(&app, "next", json!({})).await;
    spend(&app, "1", json!({ "timestamp": BEFORE }))
        .await
        .expect(201);
    assert_eq!(drawn(&app).await, "promotion 1 next 0");
}
