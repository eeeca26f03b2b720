//! `GET /costs`: every price in force.

use crate::given::{card, card_with};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

async fn costs_of(app: &TestApp, operation: &str) -> Vec<Value> {
    let costs = app.get("/costs").await.expect(200).at("/data");
    costs
        .as_array()
        .expect("data")
        .iter()
        .filter(|cost| cost["operation"] == operation && cost["tier"] == "standard")
        .cloned()
        .collect()
}

#[tokio::test]
async fn every_price_says_what_it_is_for_and_where_it_is_from() {
    let app = TestApp::new().await;
    card(&app, "ai", json!({ "gpt-4o": { "token_in": { "amount": "2.50", "per": 1_000_000 }, "token_out": "0.00001" } })).await;
    let cost = |component: &str, price: &str, per: u64| {
        json!({ "operation": "gpt-4o", "component": component, "tier": "standard", "over": null,
        "unit_price": price, "per": per, "currency": "USD",
        "rate_card": { "id": "ai", "version": 1 } })
    };
    assert_eq!(
        costs_of(&app, "gpt-4o").await,
        [
            cost("token_in", "2.5", 1_000_000),
            cost("token_out", "0.00001", 1)
        ]
    );
    let built_in = json!({
        "operation": "hitl_approval", "component": "unit", "tier": "standard", "over": null, "unit_price": "0.05", "per": 1, "currency": "USD",
        "rate_card": { "id": "default", "version": 1 },
    });
    assert_eq!(costs_of(&app, "hitl_approval").await, [built_in]);
}

#[tokio::test]
async fn only_versions_in_force_are_shown() {
    let app = TestApp::new().await;
    let version = |from: &str, unit: u32| json!({ "effective_from": from, "operations": { "x": { "unit": unit } } });
    card_with(&app, "c", version("2026-11-23T00:00:00Z", 1)).await;
    assert_eq!(costs_of(&app, "x").await, Vec::<Value>::new());
    card_with(&app, "c", version("2026-11-01T00:00:00Z", 2)).await;
    assert_eq!(costs_of(&app, "x").await[0]["rate_card"]["version"], 2);
    app.clock.set("2026-11-23T00:00:00Z");
    assert_eq!(costs_of(&app, "x").await[0]["rate_card"]["version"], 1);
}
