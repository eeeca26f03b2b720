//! Bills and totals keep by which rate each event was converted.

use super::super::{bill, events};
use super::{converted, prepared, rate};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_bill_has_a_line_for_each_exchange_rate_at_the_exact_converted_rate() {
    let app = prepared().await;
    rate(&app, json!({})).await;
    events(
        &app,
        "acme",
        3,
        json!({ "operation": "eu", "api_calls": 1 }),
    )
    .await;
    rate(&app, json!({ "rates": { "EUR": "1.1" } })).await;
    events(
        &app,
        "acme",
        1,
        json!({ "operation": "eu", "api_calls": 1 }),
    )
    .await;
    let lines = bill(&app).await.at("/line_items");
    let figures: Vec<[&Value; 5]> = lines
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| {
            ["component", "quantity", "rate", "gross", "exchange_rate"].map(|field| &line[field])
        })
        .collect();
    assert_eq!(
        figures,
        [
            [
                &json!("unit"),
                &json!(3),
                &json!("0.54"),
                &json!("1.62"),
                &converted(1, "1.08")
            ],
            [
                &json!("api_call"),
                &json!(3),
                &json!("0.36"),
                &json!("1.08"),
                &converted(1, "1.08")
            ],
            [
                &json!("unit"),
                &json!(1),
                &json!("0.55"),
                &json!("0.55"),
                &converted(2, "1.1")
            ],
            [
                &json!("api_call"),
                &json!(1),
                &json!("1.1/3"),
                &json!("0.366666666666666667"),
                &converted(2, "1.1")
            ],
        ]
    );
    assert_eq!(
        bill(&app).await.at("/subtotal_exact"),
        app.get("/usage/acme").await.at("/total_cost")
    );
}

#[tokio::test]
async fn rollups_and_purges_keep_by_which_rate_events_were_converted() {
    let app = prepared().await;
    rate(&app, json!({})).await;
    events(
        &app,
        "acme",
        2,
        json!({ "operation": "eu", "budget_node": "team-x" }),
    )
    .await;
    rate(&app, json!({ "rates": { "EUR": "1.1" } })).await;
    events(
        &app,
        "acme",
        1,
        json!({ "operation": "eu", "cost_override": "1" }),
    )
    .await;
    let figures = async |app: &TestApp| {
        let path = "start=2026-11-01&end=2026-12-01";
        [
            app.get(&format!("/billing/acme?{path}"))
                .await
                .expect(200)
                .json(),
            app.get(&format!("/usage/acme?{path}")).await.json(),
        ]
    };
    let before = figures(&app).await;
    for days in [2, 40] {
        app.clock.advance(days * 86_400);
        let order = json!({ "tenant_id": "acme", "older_than_days": 35 });
        let removed = app
            .post("/usage/purge", order)
            .await
            .expect(200)
            .at("/removed");
        assert_eq!(removed, if days == 40 { 3 } else { 0 });
        assert_eq!(figures(&app).await, before, "{days}");
    }
}
