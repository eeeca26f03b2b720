//! A threshold is reached by what is used; what is held is shown beside it.

use super::{cap, capture, hold, hold_for, release, spend};
use serde_json::json;
use tollgate_tests::TestApp;

/// A tenant that may spend 0.50 a day and is told at 80 % of it.
async fn watched() -> TestApp {
    let app = TestApp::new().await;
    app.put("/alerts/acme", json!({ "thresholds": [80] }))
        .await
        .expect(200);
    app.limit("acme", json!([cap("0.50")])).await;
    app
}

/// The alerts so far: threshold, used and held of each.
async fn told(app: &TestApp) -> Vec<String> {
    let shown = app.get("/alerts/acme").await.expect(200);
    let alerts = shown.at("/alerts").as_array().expect("alerts").clone();
    let line = |alert: &serde_json::Value| {
        let text = |field: &str| alert["limit"][field].as_str().expect("money").to_owned();
        format!("{} {} {}", alert["threshold"], text("used"), text("held"))
    };
    alerts.iter().map(line).collect()
}

/// Spends 0.05 `times` times.
async fn spend_often(app: &TestApp, times: usize) {
    for _ in 0..times {
        spend(app, "0.05", json!({})).await.expect(201);
    }
}

/// The one alert of the day is for the day's use.
#[tokio::test]
async fn a_hold_that_came_to_nothing_announces_nothing_and_uses_up_no_alert() {
    for is_released in [true, false] {
        let app = watched().await;
        hold_for(&app, "h", 60, json!({ "cost_override": "0.50" }))
            .await
            .expect(201);
        assert_eq!(told(&app).await, [""; 0], "held, not used");
        if is_released {
            release(&app, "h").await.expect(200);
        }
        app.clock.advance(60);
        spend_often(&app, 7).await;
        assert_eq!(told(&app).await, [""; 0], "0.35 of 0.50");
        spend_often(&app, 2).await;
        assert_eq!(told(&app).await, ["80 0.4 0"]);
    }
}

/// Who is told of use can see what more may come.
#[tokio::test]
async fn an_alert_shows_what_is_held_beside_what_is_used() {
    let app = watched().await;
    hold(&app, "h", json!({ "cost_override": "0.10" }))
        .await
        .expect(201);
    spend_often(&app, 7).await;
    assert_eq!(told(&app).await, [""; 0], "0.35 used and 0.10 held of 0.50");
    spend_often(&app, 1).await;
    assert_eq!(told(&app).await, ["80 0.4 0.1"]);
}

/// What was held becomes use when it is captured, also below what was held.
#[tokio::test]
async fn a_capture_announces_what_it_books() {
    for (used, alerts) in [
        ("0.45", &["80 0.45 0"][..]),
        ("0.40", &["80 0.4 0"][..]),
        ("0.39", &[][..]),
    ] {
        let app = watched().await;
        hold(&app, "h", json!({ "cost_override": "0.50" }))
            .await
            .expect(201);
        capture(&app, "h", json!({ "cost_override": used }))
            .await
            .expect(201);
        assert_eq!(told(&app).await, alerts, "{used}");
        spend(&app, "0.01", json!({})).await.expect(201);
        assert_eq!(told(&app).await.len(), 1, "{used}");
    }
}
