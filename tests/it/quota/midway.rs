//! A limit set in mid-window includes what the window already holds.

use super::table::{Case, cases, event};
use crate::given::{limit, merged, refused};
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_limit_set_in_mid_window_counts_from_the_windows_start() {
    for case in cases() {
        let app = TestApp::new().await;
        for n in 0..2 {
            app.record("acme", event(&case, &format!("e{n}")))
                .await
                .expect(201);
        }
        app.limit("acme", json!([case.limit()])).await;
        let third = app.record("acme", event(&case, "e2")).await;
        assert_eq!(third.status, case.denied(), "{case:?}");
        let Case { window, .. } = case;
        let earlier = merged(
            event(&case, "e3"),
            json!({ "timestamp": "2026-10-31T23:59:59Z" }),
        );
        let reply = app.record("acme", earlier).await;
        assert_eq!(
            reply.status,
            if window == "total" {
                case.denied()
            } else {
                201
            },
            "{case:?}"
        );
    }
}

#[tokio::test]
async fn use_before_the_window_is_left_out() {
    let app = TestApp::new().await;
    for (id, timestamp) in [
        ("e1", "2026-11-22T08:59:59.999999999Z"),
        ("e2", "2026-11-22T09:00:00Z"),
        ("e3", "2026-11-22T09:59:59.999999999Z"),
    ] {
        app.record("acme", json!({ "id": id, "timestamp": timestamp }))
            .await
            .expect(201);
    }
    app.clock.set("2026-11-22T09:30:00Z");
    let limits = ["hour", "day", "month", "total"]
        .map(|window| limit(json!({ "id": window, "window": window, "hard": 9 })));
    app.limit("acme", limits.into()).await;
    let standing = app.get("/limits/acme").await.expect(200).at("/standing");
    let used: Vec<_> = standing
        .as_array()
        .expect("limits")
        .iter()
        .map(|limit| limit["used"].clone())
        .collect();
    assert_eq!(used, [2, 3, 3, 3]);
}

#[tokio::test]
async fn a_limit_taken_off_and_set_again_knows_what_came_meanwhile() {
    let app = TestApp::new().await;
    let limits = |hard: u64| json!([limit(json!({ "scope": "agent", "hard": hard }))]);
    for round in 1..4 {
        app.limit("acme", limits(round)).await;
        refused_after(&app, round).await;
        app.limit("acme", json!([])).await;
    }
}

/// One more event fits, and then none.
async fn refused_after(app: &TestApp, round: u64) {
    app.record(
        "acme",
        json!({ "id": format!("e{round}"), "agent_id": "a1" }),
    )
    .await
    .expect(201);
    refused(
        &app.record("acme", json!({ "agent_id": "a1" })).await,
        429,
        "usage_limit_exceeded",
    );
}

#[tokio::test]
async fn a_limit_below_what_is_used_stops_at_once() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "hard": 9 }))]))
        .await;
    for _ in 0..5 {
        app.record("acme", json!({})).await.expect(201);
    }
    app.limit("acme", json!([limit(json!({ "hard": 3 }))]))
        .await;
    let problem = refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(
        (&problem["usage"], &problem["violations"][0]["percent"]),
        (&json!(5), &json!("166.67"))
    );
    app.limit("acme", json!([limit(json!({ "hard": 6 }))]))
        .await;
    app.record("acme", json!({})).await.expect(201);
    refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
}

#[tokio::test]
async fn observed_and_backfilled_use_counts_too() {
    let app = TestApp::new().await;
    let event = json!({ "tenant_id": "acme", "operation": "agent_message", "agent_id": "a1" });
    app.post("/events?mode=observe", event.clone())
        .await
        .expect(201);
    app.post(
        "/events?backfill=true",
        merged(event, json!({ "timestamp": "2026-01-01T00:00:00Z" })),
    )
    .await
    .expect(201);
    app.limit(
        "acme",
        json!([limit(
            json!({ "scope": "agent", "window": "total", "hard": 2 })
        )]),
    )
    .await;
    refused(
        &app.record("acme", json!({ "agent_id": "a1" })).await,
        429,
        "usage_limit_exceeded",
    );
    app.limit(
        "acme",
        json!([limit(
            json!({ "scope": "agent", "window": "month", "hard": 2 })
        )]),
    )
    .await;
    app.record("acme", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
}
