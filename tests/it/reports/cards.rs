//! A card that takes an operation over from another prices it from its put on.

use super::{capture, event, hold};
use crate::given::{card, card_with};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// What one `op` costs that was used at `time` today.
async fn cost(app: &TestApp, time: &str) -> Value {
    let fields = json!({ "operation": "op", "timestamp": format!("2026-11-22T{time}Z") });
    let check = app.post("/check", event(fields.clone())).await.expect(200);
    let recorded = app.record("acme", fields).await.expect(201).at("/cost");
    assert_eq!(check.at("/cost"), recorded, "a check foretells it");
    recorded
}

/// Use has the price that stood when it was used.
#[tokio::test]
async fn a_card_that_takes_an_operation_over_prices_nothing_of_before() {
    let app = TestApp::new().await;
    card(&app, "d1", json!({ "op": { "unit": "1" } })).await;
    app.clock.advance(60);
    hold(&app, "h", json!({ "operation": "op" }))
        .await
        .expect(201);
    app.clock.advance(60);
    card(&app, "d2", json!({ "op": { "unit": "100" } })).await;
    let captured = capture(&app, "h", json!({})).await.expect(201);
    assert_eq!(captured.at("/cost"), "1");
    for (time, expected) in [
        ("10:01:00", "1"),
        ("10:01:59.999", "1"),
        ("10:02:00", "100"),
    ] {
        assert_eq!(cost(&app, time).await, expected, "{time}");
    }
}

/// Each takeover ends the reign of the card before, not its past.
#[tokio::test]
async fn an_operation_taken_to_and_fro_has_at_each_time_the_price_of_that_time() {
    let app = TestApp::new().await;
    for (id, unit) in [("d1", "1"), ("d2", "100"), ("d1", "2"), ("d2", "200")] {
        card(&app, id, json!({ "op": { "unit": unit } })).await;
        app.clock.advance(60);
    }
    for (time, expected) in [
        ("10:00:30", "1"),
        ("10:01:30", "100"),
        ("10:02:30", "2"),
        ("10:03:30", "200"),
    ] {
        assert_eq!(cost(&app, time).await, expected, "{time}");
    }
}

/// Who says since when a price holds means it.
#[tokio::test]
async fn a_card_that_says_since_when_it_prices_takes_over_then() {
    let app = TestApp::new().await;
    card(&app, "d1", json!({ "op": { "unit": "1" } })).await;
    app.clock.advance(120);
    let dearer = json!({
        "effective_from": "2026-11-22T10:01:00Z", "operations": { "op": { "unit": "100" } },
    });
    card_with(&app, "d2", dearer).await;
    for (time, expected) in [("10:00:59", "1"), ("10:01:00", "100"), ("10:02:00", "100")] {
        assert_eq!(cost(&app, time).await, expected, "{time}");
    }
}
