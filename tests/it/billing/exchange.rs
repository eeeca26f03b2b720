//! `/exchange-rates`, and which events they convert.

mod bills;
mod limits;

use super::bill;
use crate::given::{Open, card_with, get_as, merged, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// One EUR in USD.
async fn rate(app: &TestApp, fields: Value) -> TestReply {
    app.put(
        "/exchange-rates",
        merged(json!({ "base": "USD", "rates": { "EUR": "1.08" } }), fields),
    )
    .await
    .expect(200)
}

/// A card in EUR that prices `eu` at 0.5 a unit and a third for each call.
async fn euro(app: &TestApp) {
    let prices = json!({ "eu": { "unit": "0.5", "api_call": { "amount": "1", "per": 3 } } });
    card_with(
        app,
        "euro",
        json!({ "currency": "EUR", "operations": prices }),
    )
    .await;
}

/// An app with the card and a tenant `acme` in USD.
async fn prepared() -> TestApp {
    let app = TestApp::new().await;
    euro(&app).await;
    app.put("/tenants/acme", json!({ "currency": "USD" }))
        .await
        .expect(200);
    app
}

fn converted(version: u32, rate: &str) -> Value {
    json!({ "version": version, "from": "EUR", "rate": rate })
}

#[tokio::test]
async fn each_put_is_a_new_version_and_the_list_has_them_newest_first() {
    let app = TestApp::new().await;
    assert_eq!(
        app.get("/exchange-rates").await.expect(200).json(),
        json!({ "data": [], "count": 0, "next_cursor": null })
    );
    let first = rate(&app, json!({})).await;
    let expected = json!({ "version": 1, "base": "USD", "rates": { "EUR": "1.08" }, "effective_from": "1970-01-01T00:00:00Z" });
    assert_eq!(first.json(), expected);
    let second = rate(&app, json!({ "rates": { "EUR": 1.10, "JPY": "0.0067" } })).await;
    assert_eq!(
        (second.at("/version"), second.at("/effective_from")),
        (json!(2), json!("2026-11-22T10:00:00Z"))
    );
    assert_eq!(
        second.at("/rates"),
        json!({ "EUR": "1.1", "JPY": "0.0067" })
    );
    let other = rate(
        &app,
        json!({ "base": "GBP", "effective_from": "2026-01-01T00:00:00Z" }),
    )
    .await;
    assert_eq!(
        (other.at("/version"), other.at("/effective_from")),
        (json!(3), json!("2026-01-01T00:00:00Z"))
    );
    let (mut path, mut versions) = ("/exchange-rates?limit=1".to_owned(), Vec::new());
    loop {
        let part = app.get(&path).await.expect(200);
        versions.push(part.at("/data/0/version"));
        let Some(cursor) = part.at("/next_cursor").as_str().map(str::to_owned) else {
            break;
        };
        path = format!("/exchange-rates?limit=1&cursor={cursor}");
    }
    assert_eq!(versions, [json!(3), json!(2), json!(1)]);
    refused(
        &app.get("/exchange-rates?cursor=AAAA").await,
        400,
        "invalid_cursor",
    );
}

#[tokio::test]
async fn rates_are_the_operators_to_put_and_everyones_to_read_and_enter_the_audit_trail() {
    let open = Open::new();
    let app = &open.app;
    let key = app.keys("acme").await.read;
    let before = open.dump();
    refused(
        &app.call_with(
            &key,
            "PUT",
            "/exchange-rates",
            r#"{"base":"USD","rates":{"EUR":1}}"#,
        )
        .await,
        403,
        "forbidden",
    );
    for (body, status, pointer) in [
        (json!({ "base": "USD", "rates": {} }), 422, "/rates"),
        (
            json!({ "base": "USD", "rates": { "USD": 1 } }),
            422,
            "/rates/USD",
        ),
        (
            json!({ "base": "USD", "rates": { "EUR": 0 } }),
            422,
            "/rates/EUR",
        ),
        (
            json!({ "base": "XYZ", "rates": { "EUR": 1 } }),
            422,
            "/base",
        ),
        (json!({ "rates": { "EUR": 1 } }), 400, "/base"),
    ] {
        let code = if status == 400 {
            "invalid_request"
        } else {
            "invalid_value"
        };
        assert_eq!(
            pointers(&refused(
                &app.put("/exchange-rates", body).await,
                status,
                code
            )),
            pointer
        );
    }
    assert_eq!(open.dump(), before);
    app.clock.advance(1);
    rate(app, json!({})).await;
    get_as(app, &key, "/exchange-rates").await.expect(200);
    let entry = app.get("/audit").await.at("/data/0");
    assert_eq!(
        (&entry["action"], &entry["detail"]),
        (
            &json!("exchange_rates.put"),
            &json!({ "base": "USD", "version": 1 })
        )
    );
}

#[tokio::test]
async fn a_foreign_price_is_refused_until_a_table_converts_it_and_then_says_by_which_rate() {
    let app = prepared().await;
    let event = |id: &str| json!({ "id": id, "operation": "eu", "units": 2, "api_calls": 1 });
    refused(
        &app.record("acme", event("e1")).await,
        422,
        "currency_mismatch",
    );
    rate(&app, json!({})).await;
    // 1.08 x (1 + 1/3), where 1.34 rounded up first would give more.
    let reply = app.record("acme", event("e1")).await.expect(201);
    assert_eq!(
        (reply.at("/cost"), reply.at("/currency")),
        (json!("1.44"), json!("USD"))
    );
    assert_eq!(
        (reply.at("/exchange_rate"), reply.at("/rate_card")),
        (converted(1, "1.08"), json!({ "id": "euro", "version": 1 }))
    );
    let stored = app.get("/events/e1?tenant_id=acme").await.expect(200);
    assert_eq!(
        (stored.at("/cost"), stored.at("/exchange_rate")),
        (json!("1.44"), converted(1, "1.08"))
    );
    assert_eq!(
        app.get("/usage?tenant_id=acme")
            .await
            .at("/data/0/exchange_rate"),
        converted(1, "1.08")
    );
    assert_eq!(
        app.get("/usage/export?tenant_id=acme")
            .await
            .at("/data/0/exchange_rate"),
        converted(1, "1.08")
    );
    assert!(
        app.get("/usage/export?tenant_id=acme&format=csv")
            .await
            .text
            .ends_with(",,1.08,EUR,1,\r\n")
    );
    let check = app
        .post(
            "/check",
            merged(event("e2"), json!({ "tenant_id": "acme" })),
        )
        .await
        .expect(200);
    assert_eq!(
        (
            check.at("/cost"),
            check.at("/currency"),
            check.at("/exchange_rate")
        ),
        (json!("1.44"), json!("USD"), converted(1, "1.08"))
    );
    let plain = app
        .record("acme", json!({ "operation": "hitl_approval" }))
        .await
        .expect(201);
    assert_eq!(
        (plain.at("/cost"), plain.json().get("exchange_rate")),
        (json!("0.05"), Some(&Value::Null))
    );
}

#[tokio::test]
async fn what_is_recorded_is_never_converted_again() {
    let app = prepared().await;
    rate(&app, json!({ "effective_from": "2026-11-22T00:00:00Z" })).await;
    let event = |id: &str, at: &str| json!({ "id": id, "operation": "eu", "timestamp": format!("2026-11-22T{at}:00Z") });
    app.record("acme", event("e1", "09:00")).await.expect(201);
    refused(
        &app.record(
            "acme",
            json!({ "operation": "eu", "timestamp": "2026-11-21T23:59:59Z" }),
        )
        .await,
        422,
        "currency_mismatch",
    );
    rate(
        &app,
        json!({ "rates": { "EUR": "2" }, "effective_from": "2026-11-22T08:00:00Z" }),
    )
    .await;
    rate(
        &app,
        json!({ "rates": { "EUR": "3" }, "effective_from": "2026-11-22T09:30:00Z" }),
    )
    .await;
    rate(
        &app,
        json!({ "rates": { "EUR": "4" }, "effective_from": "2026-11-22T09:30:00Z" }),
    )
    .await;
    let replay = app.record("acme", event("e1", "09:00")).await.expect(200);
    assert_eq!(
        (replay.at("/cost"), replay.at("/exchange_rate")),
        (json!("0.54"), converted(1, "1.08"))
    );
    for (id, at, cost, version) in [
        ("e2", "07:00", "0.54", 1),
        ("e3", "09:00", "1", 2),
        ("e4", "09:30", "2", 4),
    ] {
        let reply = app.record("acme", event(id, at)).await.expect(201);
        assert_eq!(
            (reply.at("/cost"), reply.at("/exchange_rate/version")),
            (json!(cost), json!(version)),
            "{id}"
        );
    }
    // A later table that does not name the currency ends its conversion.
    rate(
        &app,
        json!({ "rates": { "JPY": 1 }, "effective_from": "2026-11-22T09:45:00Z" }),
    )
    .await;
    refused(
        &app.record("acme", event("e5", "09:45")).await,
        422,
        "currency_mismatch",
    );
}

#[tokio::test]
async fn the_first_price_fixes_the_currency_and_others_of_its_batch_are_converted() {
    let app = prepared().await;
    rate(&app, json!({})).await;
    let own = app
        .post("/events", json!({ "tenant_id": "euro", "operation": "eu" }))
        .await
        .expect(201);
    assert_eq!(
        (own.at("/currency"), own.json().get("exchange_rate")),
        (json!("EUR"), Some(&Value::Null))
    );
    let batch = ["agent_message", "eu", "agent_message", "eu"]
        .map(|of| json!({ "tenant_id": "fresh", "operation": of }));
    let reply = app
        .post("/events/batch", json!({ "events": batch }))
        .await
        .expect(200);
    let costs = [0, 1, 2, 3].map(|n| {
        (
            reply.at(&format!("/results/{n}/cost")),
            reply.at(&format!("/results/{n}/currency")),
        )
    });
    assert_eq!(
        costs,
        ["0.0005", "0.54", "0.0005", "0.54"].map(|cost| (json!(cost), json!("USD")))
    );
    let mixed = [("m1", "eu"), ("m2", "agent_message")]
        .map(|(id, of)| json!({ "id": id, "tenant_id": "mixed", "operation": of }));
    let reply = app
        .post("/events/batch", json!({ "events": mixed }))
        .await
        .expect(200);
    assert_eq!(
        (reply.at("/recorded"), reply.at("/results/1/problem/code")),
        (json!(1), json!("currency_mismatch"))
    );
}

#[tokio::test]
async fn an_override_is_in_the_cards_currency_and_kept_as_it_was_given() {
    let app = prepared().await;
    rate(&app, json!({})).await;
    app.record(
        "acme",
        json!({ "id": "e1", "operation": "eu", "cost_override": "0.5" }),
    )
    .await
    .expect(201);
    let stored = app.get("/events/e1?tenant_id=acme").await.expect(200);
    assert_eq!(
        (stored.at("/cost"), stored.at("/cost_override")),
        (json!("0.54"), json!("0.5"))
    );
    let line = bill(&app).await.at("/line_items/0");
    assert_eq!(
        (&line["component"], &line["gross"], &line["exchange_rate"]),
        (&json!("override"), &json!("0.54"), &converted(1, "1.08"))
    );
}

#[tokio::test]
async fn a_tenant_may_have_a_card_that_is_converted() {
    let app = prepared().await;
    refused(
        &app.put("/tenants/acme", json!({ "rate_cards": ["euro"] }))
            .await,
        422,
        "currency_mismatch",
    );
    rate(&app, json!({})).await;
    app.put("/tenants/acme", json!({ "rate_cards": ["euro"] }))
        .await
        .expect(200);
    assert_eq!(
        app.record("acme", json!({ "operation": "eu" }))
            .await
            .expect(201)
            .at("/cost"),
        "0.54"
    );
    refused(
        &app.put("/tenants/acme", json!({ "currency": "EUR" })).await,
        422,
        "currency_mismatch",
    );
}
