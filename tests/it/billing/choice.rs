//! Which card prices an event, and by which of its versions.

use super::cost;
use crate::given::{card, card_with, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// The cost and the card of one event of `operation` at `timestamp`.
async fn priced(app: &TestApp, operation: &str, timestamp: Option<&str>) -> (String, String) {
    let reply = app
        .record(
            "acme",
            json!({ "operation": operation, "timestamp": timestamp }),
        )
        .await
        .expect(201);
    let text = |pointer: &str| reply.at(pointer).as_str().unwrap_or_default().to_owned();
    (
        text("/cost"),
        format!(
            "{}@{}",
            text("/rate_card/id"),
            reply.at("/rate_card/version")
        ),
    )
}

fn pair(cost: &str, card: &str) -> (String, String) {
    (cost.to_owned(), card.to_owned())
}

#[tokio::test]
async fn of_all_cards_that_name_the_operation_the_latest_put_wins_and_default_is_last() {
    let app = TestApp::new().await;
    assert_eq!(
        priced(&app, "hitl_approval", None).await,
        pair("0.05", "default@1")
    );
    card(&app, "b", json!({ "hitl_approval": { "unit": 1 } })).await;
    assert_eq!(priced(&app, "hitl_approval", None).await, pair("1", "b@1"));
    card(
        &app,
        "a",
        json!({ "hitl_approval": { "unit": 2 }, "x": {} }),
    )
    .await;
    assert_eq!(priced(&app, "hitl_approval", None).await, pair("2", "a@1"));
    card(&app, "default", json!({ "hitl_approval": { "unit": 3 } })).await;
    assert_eq!(priced(&app, "hitl_approval", None).await, pair("2", "a@1"));
    card(&app, "b", json!({ "hitl_approval": { "unit": 4 } })).await;
    assert_eq!(priced(&app, "hitl_approval", None).await, pair("4", "b@2"));
    card(&app, "b", json!({ "other": {} })).await;
    assert_eq!(
        priced(&app, "hitl_approval", None).await,
        pair("2", "a@1"),
        "its version in force no longer names it"
    );
    refused(
        &app.record("acme", json!({ "operation": "agent_message" }))
            .await,
        422,
        "invalid_event",
    );
}

#[tokio::test]
async fn the_tenants_card_prices_all_of_its_events() {
    let app = TestApp::new().await;
    card(&app, "own", json!({ "hitl_approval": { "unit": 1 } })).await;
    card(&app, "later", json!({ "hitl_approval": { "unit": 9 } })).await;
    app.put("/tenants/acme", json!({ "rate_card": "own" }))
        .await
        .expect(200);
    assert_eq!(
        priced(&app, "hitl_approval", None).await,
        pair("1", "own@1")
    );
    refused(
        &app.record("acme", json!({ "operation": "agent_message" }))
            .await,
        422,
        "invalid_event",
    );
    assert_eq!(
        app.record("other", json!({ "operation": "hitl_approval" }))
            .await
            .at("/cost"),
        "9"
    );
    app.put("/tenants/acme", json!({})).await.expect(200);
    assert_eq!(
        priced(&app, "hitl_approval", None).await,
        pair("9", "later@1")
    );
}

#[tokio::test]
async fn the_version_in_force_at_the_events_time_prices_it() {
    let app = TestApp::new().await;
    let version = |from: &str, unit: u32| json!({ "effective_from": from, "operations": { "x": { "unit": unit } } });
    card_with(&app, "c", version("2026-11-10T00:00:00Z", 1)).await;
    card_with(&app, "c", version("2026-11-20T00:00:00Z", 2)).await;
    card_with(&app, "c", version("2026-11-15T00:00:00+01:00", 3)).await;
    for (timestamp, expected) in [
        ("2026-11-10T00:00:00Z", pair("1", "c@1")),
        ("2026-11-14T22:59:59.999999999Z", pair("1", "c@1")),
        ("2026-11-14T23:00:00Z", pair("3", "c@3")),
        ("2026-11-19T23:59:59Z", pair("3", "c@3")),
        ("2026-11-20T00:00:00Z", pair("2", "c@2")),
    ] {
        assert_eq!(
            priced(&app, "x", Some(timestamp)).await,
            expected,
            "{timestamp}"
        );
    }
    let before = json!({ "operation": "x", "timestamp": "2026-11-09T23:59:59Z" });
    refused(&app.record("acme", before).await, 422, "invalid_event");
    card_with(&app, "c", version("2026-11-20T00:00:00Z", 4)).await;
    assert_eq!(
        priced(&app, "x", None).await,
        pair("4", "c@4"),
        "the later put on ties"
    );
}

#[tokio::test]
async fn a_first_version_prices_all_of_time_and_a_later_one_from_its_put_on() {
    let app = TestApp::new().await;
    card(&app, "c", json!({ "x": { "unit": 1 } })).await;
    assert_eq!(
        priced(&app, "x", Some("2026-10-20T00:00:00Z")).await,
        pair("1", "c@1")
    );
    app.clock.advance(60);
    card(&app, "c", json!({ "x": { "unit": 2 } })).await;
    assert_eq!(
        priced(&app, "x", Some("2026-11-22T10:00:59Z")).await,
        pair("1", "c@1")
    );
    assert_eq!(
        priced(&app, "x", Some("2026-11-22T10:01:00Z")).await,
        pair("2", "c@2")
    );
}

#[tokio::test]
async fn what_is_recorded_is_never_priced_again() {
    let app = TestApp::new().await;
    card(&app, "c", json!({ "x": { "unit": 1 } })).await;
    app.record(
        "acme",
        json!({ "id": "e1", "operation": "x", "timestamp": "2026-11-22T10:00:00Z" }),
    )
    .await
    .expect(201);
    card_with(
        &app,
        "c",
        json!({ "effective_from": "2026-01-01T00:00:00Z", "operations": { "x": { "unit": 9 } } }),
    )
    .await;
    card_with(
        &app,
        "c",
        json!({ "effective_from": "2026-01-01T00:00:00Z", "operations": {} }),
    )
    .await;
    let again = app
        .record(
            "acme",
            json!({ "id": "e1", "operation": "x", "timestamp": "2026-11-22T10:00:00Z" }),
        )
        .await
        .expect(200);
    assert_eq!(
        (again.at("/cost"), again.at("/rate_card/version")),
        (json!("1"), json!(1))
    );
    assert_eq!(app.get("/usage/acme").await.at("/total_cost"), "1");
    let bill = app.get("/billing/acme").await.expect(200);
    assert_eq!(
        (
            bill.at("/subtotal"),
            bill.at("/line_items/0/rate_card/version")
        ),
        (json!("1.00"), json!(1))
    );
}

#[tokio::test]
async fn a_card_in_another_currency_prices_only_tenants_of_that_currency() {
    let app = TestApp::new().await;
    card_with(
        &app,
        "euro",
        json!({ "currency": "EUR", "operations": { "hitl_approval": { "unit": 1 } } }),
    )
    .await;
    assert_eq!(
        cost(&app, json!({ "operation": "hitl_approval" })).await,
        "1"
    );
    let currency: Value = app.get("/tenants/acme").await.at("/currency");
    assert_eq!(currency, "EUR", "first use fixes it");
    refused(
        &app.record("acme", json!({ "operation": "agent_message" }))
            .await,
        422,
        "currency_mismatch",
    );
}
