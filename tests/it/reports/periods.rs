//! Periods that come to begin elsewhere, and limits that are made anew.

use super::{available, capture, hold, hold_for, release, spend, standing};
use super::{state, subscribe, subscribed, sweep, void};
use crate::given::{limit, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// Ways in which periods come to begin elsewhere, one step after the other.
fn moves() -> [Vec<Value>; 4] {
    let anchor = "2026-11-20T00:00:00Z";
    [
        vec![json!({ "time_zone": "Europe/Berlin" })],
        vec![json!({ "period_anchor": anchor })],
        vec![
            json!({ "time_zone": "Europe/Berlin" }),
            json!({ "time_zone": "Asia/Tokyo" }),
        ],
        vec![
            json!({ "time_zone": "Europe/Berlin" }),
            json!({ "time_zone": "Europe/Berlin", "period_anchor": anchor }),
        ],
    ]
}

async fn change(app: &TestApp, steps: &[Value]) {
    for fields in steps {
        app.clock.advance(60);
        subscribe(app, fields.clone()).await;
    }
}

async fn refuse_beyond(app: &TestApp, left: &str) {
    assert_eq!(available(app).await, left);
    let more = spend(app, &format!("{left}.01"), json!({})).await;
    refused(&more, 402, "budget_exceeded");
    spend(app, left, json!({})).await.expect(201);
}

/// What is given back is of the period that it is in now.
#[tokio::test]
async fn what_is_voided_or_released_comes_back_after_periods_came_to_begin_elsewhere() {
    for steps in moves() {
        let app = subscribed(json!({ "allowance": "10" })).await;
        spend(&app, "4", json!({ "id": "v" })).await.expect(201);
        hold_an_hour(&app, "h", "4").await;
        change(&app, &steps).await;
        assert_eq!(available(&app).await, "2", "{steps:?}");
        void(&app, "v").await.expect(201);
        release(&app, "h").await.expect(200);
        refuse_beyond(&app, "10").await;
    }
}

async fn hold_an_hour(app: &TestApp, id: &str, cost: &str) {
    hold_for(app, id, 3600, json!({ "cost_override": cost }))
        .await
        .expect(201);
}

/// A hold takes more than its call costs, and what is left over is no loss.
#[tokio::test]
async fn what_a_hold_leaves_comes_back_after_periods_came_to_begin_elsewhere() {
    for steps in moves() {
        for (end, left) in [("captured", "5"), ("released", "10"), ("expired", "10")] {
            let app = subscribed(json!({ "allowance": "10" })).await;
            hold_an_hour(&app, "h", "8").await;
            change(&app, &steps).await;
            match end {
                "captured" => _ = capture(&app, "h", json!({ "cost_override": "5" })).await,
                "released" => _ = release(&app, "h").await,
                _ => app.clock.advance(3600),
            }
            assert_eq!(state(&app, "h").await, end, "{steps:?}");
            refuse_beyond(&app, left).await;
        }
    }
}

/// Whose allowance is used up does not get it again by moving the periods.
#[tokio::test]
async fn use_of_a_period_that_is_over_counts_after_periods_came_to_begin_elsewhere() {
    let app = subscribed(json!({ "allowance": "10" })).await;
    app.clock.set("2026-12-06T12:00:00Z");
    spend(&app, "10", json!({})).await.expect(201);
    app.clock.set("2027-01-09T12:00:00Z");
    subscribe(&app, json!({ "period_anchor": "2026-12-15T00:00:00Z" })).await;
    let dated_back = json!({ "timestamp": "2026-12-07T00:00:00Z" });
    refused(&spend(&app, "1", dated_back).await, 402, "budget_exceeded");
    spend(&app, "10", json!({})).await.expect(201);
    refused(
        &spend(&app, "0.01", json!({})).await,
        402,
        "budget_exceeded",
    );
}

async fn hold_three(app: &TestApp) {
    for id in ["h1", "h2", "h3"] {
        hold(app, id, json!({})).await.expect(201);
    }
}

/// Three holds fill a limit of three, and their captures too.
async fn refuse_and_capture_three(app: &TestApp) {
    assert_eq!(standing(app).await, json!([0, 3]));
    for _ in 0..3 {
        refused(
            &app.record("acme", json!({})).await,
            429,
            "usage_limit_exceeded",
        );
    }
    for id in ["h1", "h2", "h3"] {
        capture(app, id, json!({})).await.expect(201);
    }
    assert_eq!(standing(app).await, json!([3, 0]));
}

/// Calls that were admitted are still to come.
#[tokio::test]
async fn open_holds_stay_in_a_limit_whose_periods_come_to_begin_elsewhere() {
    for steps in moves() {
        let messages = json!({ "feature_key": "messages", "hard_limit": 3 });
        let app = subscribed(json!({ "features": [messages] })).await;
        hold_three(&app).await;
        change(&app, &steps).await;
        refuse_and_capture_three(&app).await;
    }
}

/// A limit that was off for a moment lets nothing through afterwards.
#[tokio::test]
async fn open_holds_count_in_a_limit_that_is_taken_off_and_set_again() {
    let app = TestApp::new().await;
    let three = json!([limit(json!({ "hard": 3 }))]);
    app.limit("acme", three.clone()).await;
    hold_three(&app).await;
    app.limit("acme", json!([])).await;
    app.limit("acme", three).await;
    refuse_and_capture_three(&app).await;
}

/// What a limit finds open it frees and settles as if it had been there before.
#[tokio::test]
async fn a_limit_set_while_holds_are_open_holds_what_they_hold_and_gives_it_back() {
    let app = TestApp::new().await;
    hold_three(&app).await;
    app.limit("acme", json!([limit(json!({ "hard": 4 }))]))
        .await;
    assert_eq!(standing(&app).await, json!([0, 3]));
    app.record("acme", json!({})).await.expect(201);
    refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    release(&app, "h1").await.expect(200);
    capture(&app, "h2", json!({})).await.expect(201);
    assert_eq!(standing(&app).await, json!([2, 1]));
    app.clock.advance(600);
    sweep(&app).await;
    assert_eq!(standing(&app).await, json!([2, 0]));
}
