//! The acceptance vectors of system 000 (A1 to A15), in exact dollars. Where
//! theirs truncates to whole cents, ours rounds each line once, half-even.

use super::{bill, events};
use crate::given::events_of;
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn base_rates_are_exact_and_lines_round_once() {
    for (vector, operation, count, exact, rounded) in [
        ("A1", "agent_message", 1, "0.0005", "0.00"),
        ("A2", "agent_message", 19, "0.0095", "0.01"),
        ("A2", "agent_message", 20, "0.01", "0.01"),
        ("A2", "agent_message", 21, "0.0105", "0.01"),
        ("A3", "constitutional_validation", 9, "0.009", "0.01"),
        ("A3", "constitutional_validation", 10, "0.01", "0.01"),
        ("A4", "policy_evaluation", 4, "0.008", "0.01"),
        ("A4", "policy_evaluation", 5, "0.01", "0.01"),
        ("A6", "audit_write", 1, "0.001", "0.00"),
        ("A6", "audit_write", 10, "0.01", "0.01"),
        ("A6", "audit_write", 25, "0.025", "0.02"),
        ("A7", "deliberation_request", 1, "0.01", "0.01"),
        ("A7", "hitl_approval", 1, "0.05", "0.05"),
        ("A7", "hitl_approval", 3, "0.15", "0.15"),
        ("A7", "blockchain_anchor", 1, "0.005", "0.00"),
        ("A7", "blockchain_anchor", 2, "0.01", "0.01"),
        ("A7", "blockchain_anchor", 3, "0.015", "0.02"),
        ("A15", "hitl_approval", 100, "5", "5.00"),
    ] {
        let app = TestApp::new().await;
        events(&app, "acme", count, json!({ "operation": operation })).await;
        let bill = bill(&app).await;
        let figures = (
            bill.at("/subtotal_exact"),
            bill.at("/subtotal"),
            bill.at("/total_events"),
        );
        assert_eq!(
            figures,
            (json!(exact), json!(rounded), json!(count)),
            "{vector}: {count} {operation}"
        );
    }
}

/// A9: with the tiers that theirs defined and never used.
#[tokio::test]
async fn tiers_really_price() {
    let app = TestApp::new().await;
    for tier in ["standard", "enhanced", "deliberation", "enterprise"] {
        events(
            &app,
            "acme",
            1,
            json!({ "operation": "hitl_approval", "tier": tier }),
        )
        .await;
    }
    let bill = bill(&app).await;
    assert_eq!(
        (
            bill.at("/subtotal_exact"),
            bill.at("/line_items").as_array().map(Vec::len)
        ),
        (json!("0.375"), Some(4))
    );
}

#[tokio::test]
async fn usage_is_counted_by_operation_tier_and_tenant() {
    let app = TestApp::new().await;
    events(
        &app,
        "acme",
        5,
        json!({ "operation": "constitutional_validation" }),
    )
    .await;
    events(&app, "acme", 3, json!({ "operation": "agent_message" })).await;
    events(&app, "beta", 3, json!({ "operation": "agent_message" })).await;
    let usage = app.get("/usage/acme").await.expect(200);
    let expected = json!({ "agent_message": 3, "constitutional_validation": 5 });
    assert_eq!(
        (usage.at("/total_events"), usage.at("/operations")),
        (json!(8), expected),
        "A10"
    );
    assert_eq!(events_of(&app, "beta").await, 3, "A13");
    assert_eq!(
        app.get("/usage/beta").await.at("/operations"),
        json!({ "agent_message": 3 }),
        "A13"
    );
}

#[tokio::test]
async fn each_tier_of_each_operation_is_a_line() {
    let app = TestApp::new().await;
    events(
        &app,
        "acme",
        1,
        json!({ "operation": "constitutional_validation" }),
    )
    .await;
    events(
        &app,
        "acme",
        1,
        json!({ "operation": "deliberation_request", "tier": "deliberation" }),
    )
    .await;
    let bill = bill(&app).await;
    assert_eq!(
        bill.at("/line_items").as_array().map(Vec::len),
        Some(2),
        "A14"
    );
    assert_eq!(
        bill.at("/subtotal_exact"),
        "0.031",
        "A14, at three times the base rate"
    );
    assert_eq!(
        app.get("/usage/acme").await.at("/tiers"),
        json!({ "deliberation": 1, "standard": 1 }),
        "A14"
    );
}

/// A18: no drift in sums of a thousandth.
#[tokio::test]
async fn thousands_of_small_amounts_add_up_exactly() {
    let app = TestApp::new().await;
    for (operation, rate) in [
        ("agent_message", 5),
        ("constitutional_validation", 10),
        ("policy_evaluation", 20),
        ("compliance_check", 15),
    ] {
        let count = 1999;
        let units = 100;
        events(
            &app,
            "acme",
            count,
            json!({ "operation": operation, "units": units }),
        )
        .await;
        let gross = bill(&app).await.at("/line_items");
        let line = gross
            .as_array()
            .expect("lines")
            .iter()
            .find(|line| line["operation"] == operation)
            .expect("a line");
        let hundredths_of_cents = count * units * rate;
        assert_eq!(
            line["gross"].as_str().expect("an amount"),
            plain(hundredths_of_cents),
            "{operation}"
        );
    }
}

/// Hundredths of cents as dollars, without trailing zeros.
fn plain(hundredths_of_cents: usize) -> String {
    let text = format!(
        "{}.{:04}",
        hundredths_of_cents / 10_000,
        hundredths_of_cents % 10_000
    );
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
