//! Which card prices an event, and by which of its versions.

use super::cost;
use crate::given::{card, card_with, operators, pointers, refused};
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

/// Puts a card that nobody names yet.
async fn unnamed(app: &TestApp, id: &str, operations: Value) {
    let card = json!({ "currency": "USD", "operations": operations });
    app.put(&format!("/rate-cards/{id}"), card)
        .await
        .expect(200);
}

async fn name_cards(app: &TestApp, tenant: &str, cards: Value) {
    app.put(
        &format!("/tenants/{tenant}"),
        json!({ "rate_cards": cards }),
    )
    .await
    .expect(200);
}

/// What is put for one tenant changes what no other pays.
#[tokio::test]
async fn a_new_card_reprices_nobody_who_does_not_name_it() {
    let app = TestApp::new().await;
    unnamed(
        &app,
        "special",
        json!({ "hitl_approval": { "unit": "0.01" } }),
    )
    .await;
    assert_eq!(
        priced(&app, "hitl_approval", None).await,
        pair("0.05", "default@1")
    );
    name_cards(&app, "acme", json!(["special"])).await;
    assert_eq!(
        priced(&app, "hitl_approval", None).await,
        pair("0.01", "special@1")
    );
    let other = json!({ "operation": "hitl_approval" });
    assert_eq!(app.record("other", other).await.at("/cost"), "0.05");
}

#[tokio::test]
async fn the_first_of_the_tenants_cards_that_names_the_operation_prices_it() {
    let app = TestApp::new().await;
    unnamed(&app, "own", json!({ "x": { "unit": 1 } })).await;
    unnamed(
        &app,
        "more",
        json!({ "x": { "unit": 9 }, "y": { "unit": 2 } }),
    )
    .await;
    name_cards(&app, "acme", json!(["own", "more", "default"])).await;
    for (operation, expected) in [
        ("x", pair("1", "own@1")),
        ("y", pair("2", "more@1")),
        ("hitl_approval", pair("0.05", "default@1")),
    ] {
        assert_eq!(priced(&app, operation, None).await, expected);
    }
    let unknown = json!({ "operation": "z" });
    refused(&app.record("acme", unknown).await, 422, "invalid_event");
    name_cards(&app, "acme", json!(["own"])).await;
    let gone = json!({ "operation": "y" });
    refused(&app.record("acme", gone).await, 422, "invalid_event");
    let none = json!({ "rate_cards": ["own", "nowhere"] });
    let problem = refused(
        &app.put("/tenants/acme", none).await,
        422,
        "unknown_rate_card",
    );
    assert_eq!(pointers(&problem), "/rate_cards");
    app.put("/tenants/acme?replace=true", json!({}))
        .await
        .expect(200);
    assert_eq!(
        app.get("/tenants/acme").await.at("/rate_cards"),
        json!(null)
    );
}

#[tokio::test]
async fn defaults_price_for_tenants_that_name_no_cards_and_change_by_an_act_of_their_own() {
    let app = TestApp::new().await;
    let defaults = app.get("/defaults").await.expect(200);
    let built_in = json!({ "rate_cards": ["default"], "version": 0 });
    assert_eq!(defaults.json(), built_in);
    unnamed(&app, "ai", json!({ "x": { "unit": 3 } })).await;
    let body = json!({ "rate_cards": ["ai", "default"] });
    let put = app.put("/defaults", body.clone()).await.expect(200);
    assert_eq!(put.at("/version"), 1);
    assert_eq!(priced(&app, "x", None).await, pair("3", "ai@1"));
    let request = operators("PUT", "/defaults", &body, "if-match", "\"0\"");
    let stale = app.send(request).await;
    refused(&stale, 412, "precondition_failed");
    for (body, status, code) in [
        (
            json!({ "rate_cards": ["nowhere"] }),
            422,
            "unknown_rate_card",
        ),
        (json!({ "rate_cards": [] }), 400, "invalid_request"),
        (json!({}), 400, "invalid_request"),
    ] {
        for method in ["PUT", "PATCH"] {
            let reply = app.call(method, "/defaults", body.to_string()).await;
            refused(&reply, status, code);
        }
    }
    let body = json!({ "rate_cards": ["default"] }).to_string();
    let patched = app.call("PATCH", "/defaults", body).await.expect(200);
    assert_eq!(patched.at("/version"), 2);
    refused(
        &app.record("other", json!({ "operation": "x" })).await,
        422,
        "invalid_event",
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
