//! What one event costs.

use super::cost;
use crate::given::{card, card_with, pointers, refused};
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn every_component_prices_its_own_quantity_at_every_tier() {
    let app = TestApp::new().await;
    let quantities = [
        ("unit", "units"),
        ("token_in", "tokens_in"),
        ("token_out", "tokens_out"),
        ("token_processed", "tokens_processed"),
        ("api_call", "api_calls"),
        ("duration_ms", "duration_ms"),
        ("data_byte", "data_bytes"),
    ];
    for (component, quantity) in quantities {
        card(
            &app,
            component,
            json!({ component: { component: "0.002" } }),
        )
        .await;
        for (tier, expected) in [
            ("standard", "0.01"),
            ("enhanced", "0.015"),
            ("deliberation", "0.03"),
            ("enterprise", "0.02"),
        ] {
            let event = json!({ "operation": component, "tier": tier, "units": 0, quantity: 5 });
            assert_eq!(cost(&app, event).await, expected, "{component} at {tier}");
        }
        assert_eq!(
            cost(&app, json!({ "operation": component, "units": 0 })).await,
            "0"
        );
    }
}

#[tokio::test]
async fn cached_tokens_have_their_own_price_or_that_of_input() {
    let app = TestApp::new().await;
    let prices = json!({
        "with": { "token_in": "0.01", "cached_token_in": "0.001" },
        "without": { "token_in": "0.01" },
        "only": { "cached_token_in": "0.001" },
    });
    card(&app, "ai", prices).await;
    for (operation, cached, expected) in [
        ("with", 0, "1"),
        ("with", 40, "0.64"),
        ("with", 100, "0.1"),
        ("without", 40, "1"),
        ("without", 100, "1"),
        ("only", 100, "0.1"),
    ] {
        let event = json!({ "operation": operation, "tokens_in": 100, "cached_tokens_in": cached });
        assert_eq!(cost(&app, event).await, expected, "{operation} {cached}");
    }
}

#[tokio::test]
async fn a_price_may_be_for_many_and_never_costs_less_than_its_share() {
    let app = TestApp::new().await;
    let prices = json!({
        "million": { "token_in": { "amount": "2.50", "per": 1_000_000 } },
        "third": { "unit": { "amount": "1", "per": 3 } },
        "mixed": { "unit": { "amount": "1", "per": 3 }, "api_call": { "amount": "2", "per": 3 } },
        "tiny": { "token_in": "0.000000000000001" },
    });
    card(&app, "ai", prices).await;
    for (event, expected) in [
        (
            json!({ "operation": "million", "tokens_in": 1 }),
            "0.0000025",
        ),
        (
            json!({ "operation": "million", "tokens_in": 1_000_000 }),
            "2.5",
        ),
        (json!({ "operation": "third", "units": 3 }), "1"),
        (
            json!({ "operation": "third", "units": 1 }),
            "0.333333333333333334",
        ),
        (
            json!({ "operation": "third", "units": 2 }),
            "0.666666666666666667",
        ),
        (
            json!({ "operation": "mixed", "units": 1, "api_calls": 1 }),
            "1",
        ),
        (
            json!({ "operation": "tiny", "tokens_in": 1 }),
            "0.000000000000001",
        ),
        (
            json!({ "operation": "tiny", "tokens_in": 1, "tier": "enhanced" }),
            "0.0000000000000015",
        ),
    ] {
        assert_eq!(cost(&app, event.clone()).await, expected, "{event}");
    }
}

#[tokio::test]
async fn an_override_is_the_price_of_the_whole_event() {
    let app = TestApp::new().await;
    for (event, expected) in [
        (
            json!({ "operation": "hitl_approval", "units": 100, "cost_override": "0.12" }),
            "0.12",
        ),
        (
            json!({ "operation": "hitl_approval", "tier": "enterprise", "cost_override": 12 }),
            "12",
        ),
        (
            json!({ "operation": "hitl_approval", "cost_override": 0 }),
            "0",
        ),
        (
            json!({ "operation": "hitl_approval", "cost_override": "1000000000000000" }),
            "1000000000000000",
        ),
    ] {
        assert_eq!(cost(&app, event.clone()).await, expected, "{event}");
    }
}

#[tokio::test]
async fn an_operation_without_a_price_is_refused_or_free_by_choice() {
    let app = TestApp::new().await;
    refused(
        &app.record("acme", json!({ "operation": "new" })).await,
        422,
        "invalid_event",
    );
    card_with(
        &app,
        "free",
        json!({ "unpriced": "free", "operations": { "priced": { "unit": 1 } } }),
    )
    .await;
    card_with(
        &app,
        "strict",
        json!({ "unpriced": "reject", "operations": {} }),
    )
    .await;
    refused(
        &app.record("acme", json!({ "operation": "new" })).await,
        422,
        "invalid_event",
    );
    app.put("/tenants/acme", json!({ "rate_cards": ["free"] }))
        .await
        .expect(200);
    assert_eq!(cost(&app, json!({ "operation": "new" })).await, "0");
    assert_eq!(cost(&app, json!({ "operation": "priced" })).await, "1");
    let problem = refused(
        &app.record("acme", json!({ "operation": "new", "tier": "gold" }))
            .await,
        422,
        "invalid_event",
    );
    assert_eq!(pointers(&problem), "/tier");
    app.put("/tenants/acme", json!({ "rate_cards": ["strict"] }))
        .await
        .expect(200);
    let problem = refused(
        &app.record("acme", json!({ "operation": "priced" })).await,
        422,
        "invalid_event",
    );
    assert_eq!(pointers(&problem), "/operation");
}

#[tokio::test]
async fn a_price_of_zero_is_a_price_and_units_may_be_zero() {
    let app = TestApp::new().await;
    assert_eq!(
        cost(&app, json!({ "operation": "agent_task", "units": 1000 })).await,
        "0"
    );
    assert_eq!(
        cost(&app, json!({ "operation": "hitl_approval", "units": 0 })).await,
        "0"
    );
}

#[tokio::test]
async fn what_no_amount_holds_is_refused() {
    let app = TestApp::new().await;
    card(&app, "ai", json!({ "dear": { "unit": "1000000000000" } })).await;
    refused(
        &app.record(
            "acme",
            json!({ "operation": "dear", "units": 9_007_199_254_740_991_u64 }),
        )
        .await,
        422,
        "invalid_event",
    );
    assert_eq!(
        cost(&app, json!({ "operation": "dear", "units": 1000 })).await,
        "1000000000000000"
    );
    refused(
        &app.record("acme", json!({ "operation": "dear", "units": 1001 }))
            .await,
        422,
        "invalid_event",
    );
}
