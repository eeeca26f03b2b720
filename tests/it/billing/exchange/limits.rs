//! Holds, limits and caps count in the tenant's currency, and mix no currencies.

use super::{converted, prepared, rate};
use crate::given::{card, card_with, limit, refused};
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_hold_and_its_capture_are_converted_at_the_holds_timestamp() {
    let app = prepared().await;
    rate(&app, json!({})).await;
    let estimate = json!({ "tenant_id": "acme", "operation": "eu", "units": 10 });
    let held = app
        .post("/holds", json!({ "id": "h1", "event": estimate }))
        .await
        .expect(201);
    assert_eq!(
        (
            held.at("/cost"),
            held.at("/currency"),
            held.at("/exchange_rate")
        ),
        (json!("5.4"), json!("USD"), converted(1, "1.08"))
    );
    app.clock.advance(60);
    rate(&app, json!({ "rates": { "EUR": "2" } })).await;
    let captured = app
        .post(
            "/holds/h1/capture",
            json!({ "event": { "tenant_id": "acme", "units": 3 } }),
        )
        .await
        .expect(201);
    assert_eq!(
        (captured.at("/cost"), captured.at("/exchange_rate")),
        (json!("1.62"), converted(1, "1.08"))
    );
    assert_eq!(captured.at("/released/spend"), "3.78");
    let next = app
        .record("acme", json!({ "operation": "eu" }))
        .await
        .expect(201);
    assert_eq!(next.at("/cost"), "1");
}

#[tokio::test]
async fn what_is_affordable_counts_in_the_tenants_currency() {
    let app = prepared().await;
    card_with(
        &app,
        "tokens",
        json!({ "currency": "EUR", "operations": { "chat": { "token_out": "0.01" } } }),
    )
    .await;
    rate(&app, json!({ "rates": { "EUR": "2" } })).await;
    app.limit(
        "acme",
        json!([limit(
            json!({ "measure": "spend", "hard": "1", "currency": "USD" })
        )]),
    )
    .await;
    let estimate = json!({ "tenant_id": "acme", "operation": "chat", "tokens_out": 1000 });
    let held = app
        .post(
            "/holds",
            json!({ "id": "h1", "event": estimate, "max_affordable": true }),
        )
        .await
        .expect(201);
    assert_eq!(
        (held.at("/tokens_out"), held.at("/cost")),
        (json!(50), json!("1"))
    );
}

/// Source: sources.md section 2, vectors C10 and C23. The system they are from
/// drops the second currency of a sum; here it is refused, or converted.
#[tokio::test]
async fn currencies_are_never_mixed_in_a_sum_or_under_a_cap() {
    let app = TestApp::new().await;
    card(&app, "usd", json!({ "us": { "unit": 1 } })).await;
    card_with(
        &app,
        "eur",
        json!({ "currency": "EUR", "operations": { "eu": { "unit": 1 } } }),
    )
    .await;
    let spent = async |tenant: &str| app.get(&format!("/usage/{tenant}")).await.at("/total_cost");
    assert_eq!(spent("none").await, "0");
    for (tenant, operation, units, status) in [
        ("c10", "us", 100, 201),
        ("c10", "us", 200, 201),
        ("mixed", "us", 100, 201),
        ("mixed", "eu", 200, 422),
    ] {
        app.record(tenant, json!({ "operation": operation, "units": units }))
            .await
            .expect(status);
    }
    assert_eq!(
        (spent("c10").await, spent("mixed").await),
        (json!("300"), json!("100"))
    );
    let cap = json!([limit(
        json!({ "measure": "spend", "hard": "110", "currency": "USD" })
    )]);
    app.limit("mixed", cap).await;
    refused(
        &app.record("mixed", json!({ "operation": "eu", "units": 9 }))
            .await,
        422,
        "currency_mismatch",
    );
    rate(&app, json!({})).await;
    refused(
        &app.record("mixed", json!({ "operation": "eu", "units": 10 }))
            .await,
        402,
        "budget_exceeded",
    );
    app.record("mixed", json!({ "operation": "eu", "units": 9 }))
        .await
        .expect(201);
    assert_eq!(spent("mixed").await, "109.72");
    let euros = json!({ "limits": [limit(json!({ "measure": "spend", "hard": "110", "currency": "EUR" }))] });
    refused(
        &app.put("/limits/mixed", euros).await,
        422,
        "currency_mismatch",
    );
    refused(
        &app.put(
            "/budgets/mixed",
            json!({ "max_total": "1", "currency": "EUR" }),
        )
        .await,
        422,
        "currency_mismatch",
    );
}
