//! What limits do to `POST /events`: allow, warn, deny.

use crate::given::{events_of, limit, merged, refused, without};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// 2026-11-22T10:00:00Z to the end of the month.
const TO_MONTH_END: &str = "741600";

fn status(fields: Value) -> Value {
    let base = json!({
        "limit_id": "cap", "source": "limits", "scope": "tenant", "scope_id": null,
        "measure": "events", "currency": null, "window": "month",
        "window_start": "2026-11-01T00:00:00Z", "window_end": "2026-12-01T00:00:00Z",
        "soft": null, "hard": null, "used": 0, "held": 0, "remaining": null, "percent": null,
        "status": "ok",
    });
    merged(base, fields)
}

#[tokio::test]
async fn a_denial_by_quantity_says_all_that_a_client_needs() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "hard": 2 }))]))
        .await;
    for id in ["e1", "e2"] {
        app.record("acme", json!({ "id": id })).await.expect(201);
    }
    let reply = app.record("acme", json!({ "id": "e3" })).await;
    let problem = without(
        refused(&reply, 429, "usage_limit_exceeded"),
        &["request_id"],
    );
    let violation = status(json!({
        "hard": 2, "used": 2, "remaining": 0, "percent": "100.00", "status": "hard_limit_exceeded",
        "limit_type": "hard_limit", "requested": 1, "reason": null,
    }));
    let expected = json!({
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Request cannot be satisfied as assigned quota has been exceeded", "status": 429,
        "code": "usage_limit_exceeded",
        "detail": "limit `cap` allows 2 events per month: 2 used, 0 held, 1 requested",
        "violated-policies": ["cap"],
        "tenant_id": "acme", "plan_code": null, "feature_key": "events", "limit_type": "hard_limit", "limit_value": 2,
        "usage": 2, "requested": 1, "unit": "events", "window_start": "2026-11-01T00:00:00Z",
        "window_end": "2026-12-01T00:00:00Z", "violations": [violation],
    });
    assert_eq!(problem, expected);
    assert_eq!(reply.header("retry-after"), TO_MONTH_END);
    assert_eq!(reply.header("ratelimit-policy"), "\"cap\";q=2;w=2592000");
    assert_eq!(reply.header("ratelimit"), "\"cap\";r=0;t=741600");
    assert_eq!(events_of(&app, "acme").await, 2);
    refused(
        &app.get("/events/e3?tenant_id=acme").await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn the_size_of_the_request_counts_and_a_limit_may_be_filled_exactly() {
    let app = TestApp::new().await;
    app.limit(
        "acme",
        json!([limit(json!({ "measure": "tokens", "hard": 100 }))]),
    )
    .await;
    app.record(
        "acme",
        json!({ "tokens_in": 60, "tokens_out": 25, "tokens_processed": 5 }),
    )
    .await
    .expect(201);
    let problem = refused(
        &app.record("acme", json!({ "tokens_in": 11 })).await,
        429,
        "usage_limit_exceeded",
    );
    let figures = ["limit_value", "usage", "requested", "unit"].map(|name| problem[name].clone());
    assert_eq!(figures, [json!(100), json!(90), json!(11), json!("tokens")]);
    app.record("acme", json!({ "tokens_in": 10 }))
        .await
        .expect(201);
    refused(
        &app.record("acme", json!({ "tokens_in": 1 })).await,
        429,
        "usage_limit_exceeded",
    );
    app.record("acme", json!({ "tokens_in": 0 }))
        .await
        .expect(201);
}

#[tokio::test]
async fn every_violation_is_reported_and_none_twice() {
    let app = TestApp::new().await;
    let limits = json!([
        { "id": "hour", "scope": "tenant", "measure": "events", "window": "hour", "hard": 1 },
        { "id": "roomy", "scope": "tenant", "measure": "events", "window": "day", "hard": 9 },
        { "id": "agent", "scope": "agent", "measure": "units", "window": "day", "hard": 1 },
        { "id": "other", "scope": "agent", "scope_id": "a2", "measure": "units", "window": "day", "hard": 0 },
    ]);
    app.limit("acme", limits).await;
    app.record("acme", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
    let reply = app.record("acme", json!({ "agent_id": "a1" })).await;
    let problem = refused(&reply, 429, "usage_limit_exceeded");
    let violated = problem["violations"].as_array().expect("violations");
    let ids: Vec<&Value> = violated
        .iter()
        .map(|violation| &violation["limit_id"])
        .collect();
    assert_eq!(ids, ["hour", "agent"]);
    assert_eq!(problem["violated-policies"], json!(["hour", "agent"]));
    assert_eq!(
        (&violated[1]["scope"], &violated[1]["scope_id"]),
        (&json!("agent"), &json!("a1"))
    );
    assert_eq!(
        reply.header("retry-after"),
        "50400",
        "not before the last of the windows ends"
    );
    assert_eq!(
        reply.header("ratelimit"),
        "\"hour\";r=0;t=3600, \"agent\";r=0;t=50400"
    );
    assert_eq!(
        reply.header("ratelimit-policy"),
        "\"hour\";q=1;w=3600, \"agent\";q=1;w=86400;qu=\"units\""
    );
}

#[tokio::test]
async fn waiting_is_advised_only_where_it_helps() {
    for (window, timestamp, units, retry_after) in [
        ("hour", "2026-11-22T10:00:00Z", 1, "3600"),
        ("hour", "2026-11-22T10:00:00Z", 2, "3600"),
        ("day", "2026-11-22T10:00:00Z", 1, "50400"),
        ("month", "2026-11-22T10:00:00Z", 1, TO_MONTH_END),
        ("hour", "2026-11-22T09:00:00Z", 1, ""),
        ("total", "2026-11-22T10:00:00Z", 1, ""),
        ("hour", "2026-11-22T10:00:00Z", 3, ""),
    ] {
        let app = TestApp::new().await;
        app.clock.set("2026-11-22T09:30:00Z");
        app.limit(
            "acme",
            json!([limit(
                json!({ "measure": "units", "window": window, "hard": 2 })
            )]),
        )
        .await;
        app.clock.set("2026-11-22T10:00:00Z");
        app.record("acme", json!({ "timestamp": timestamp, "units": 2 }))
            .await
            .expect(201);
        let reply = app
            .record("acme", json!({ "timestamp": timestamp, "units": units }))
            .await;
        refused(&reply, 429, "usage_limit_exceeded");
        assert_eq!(
            reply.header("retry-after"),
            retry_after,
            "{units} at {timestamp} by {window}"
        );
    }
}

#[tokio::test]
async fn zero_allows_nothing_and_null_everything() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "hard": 0 }))]))
        .await;
    let problem = refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(problem["violations"][0]["percent"], Value::Null);
    app.limit("acme", json!([limit(json!({ "hard": null, "soft": 0 }))]))
        .await;
    assert_eq!(
        app.record("acme", json!({}))
            .await
            .expect(201)
            .at("/decision"),
        "warn"
    );
}

#[tokio::test]
async fn a_soft_limit_warns_and_the_hard_one_stops() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "soft": 1, "hard": 3 }))]))
        .await;
    let mut decisions = Vec::new();
    for id in ["e1", "e2", "e3"] {
        let reply = app.record("acme", json!({ "id": id })).await.expect(201);
        decisions.push((reply.at("/decision"), reply.at("/warnings/0")));
    }
    let warning = |used: u64, percent: &str| {
        let limit = status(json!({
            "soft": 1, "hard": 3, "used": used, "remaining": 3 - used, "percent": percent,
            "status": "soft_limit_exceeded",
        }));
        let warning = json!({ "code": "limit_passed", "limit": limit, "tier": null });
        (json!("warn"), warning)
    };
    assert_eq!(
        decisions,
        [
            (json!("allow"), Value::Null),
            warning(1, "33.33"),
            warning(2, "66.67")
        ]
    );
    let problem = refused(
        &app.record("acme", json!({ "id": "e4" })).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(
        (&problem["limit_type"], &problem["limit_value"]),
        (&json!("hard_limit"), &json!(3))
    );
    assert_eq!(
        app.record("acme", json!({ "id": "e2" }))
            .await
            .expect(200)
            .at("/decision"),
        "warn"
    );
}

#[tokio::test]
async fn a_soft_limit_that_blocks_refuses() {
    let app = TestApp::new().await;
    app.limit(
        "acme",
        json!([limit(json!({ "soft": 1, "hard": 3, "soft_mode": "block" }))]),
    )
    .await;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    let reply = app.record("acme", json!({ "id": "e2" })).await;
    let problem = refused(&reply, 429, "usage_limit_exceeded");
    assert_eq!(
        (&problem["limit_type"], &problem["limit_value"]),
        (&json!("soft_limit"), &json!(1))
    );
    assert_eq!(reply.header("ratelimit-policy"), "\"cap\";q=1;w=2592000");
}

#[tokio::test]
async fn observe_mode_records_past_limits_and_says_so() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "hard": 1 }))]))
        .await;
    for (id, decision) in [("e1", "allow"), ("e2", "deny"), ("e3", "deny")] {
        let event = json!({ "id": id, "tenant_id": "acme", "operation": "agent_message" });
        let reply = app.post("/events?mode=observe", event).await.expect(201);
        assert_eq!(
            (reply.at("/recorded"), reply.at("/decision")),
            (json!(true), json!(decision)),
            "{id}"
        );
    }
    assert_eq!(events_of(&app, "acme").await, 3);
    let problem = refused(
        &app.record("acme", json!({ "id": "e4" })).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(
        (&problem["usage"], &problem["violations"][0]["remaining"]),
        (&json!(3), &json!(0))
    );
    assert_eq!(
        app.record("acme", json!({ "id": "e3" }))
            .await
            .expect(200)
            .at("/decision"),
        "deny"
    );
}

#[tokio::test]
async fn a_limit_counts_an_event_in_the_window_of_its_timestamp() {
    let app = TestApp::new().await;
    app.clock.set("2026-11-22T10:00:05Z");
    app.limit(
        "acme",
        json!([limit(json!({ "window": "hour", "hard": 1 }))]),
    )
    .await;
    app.record("acme", json!({ "timestamp": "2026-11-22T10:00:00Z" }))
        .await
        .expect(201);
    refused(
        &app.record(
            "acme",
            json!({ "timestamp": "2026-11-22T10:04:59.999999999Z" }),
        )
        .await,
        429,
        "usage_limit_exceeded",
    );
    app.clock.set("2026-11-22T10:59:59Z");
    app.record("acme", json!({ "timestamp": "2026-11-22T11:00:00Z" }))
        .await
        .expect(201);
    refused(
        &app.record(
            "acme",
            json!({ "timestamp": "2026-11-22T10:59:59.999999999Z" }),
        )
        .await,
        429,
        "usage_limit_exceeded",
    );
    app.clock.set("2026-11-22T12:00:00Z");
    refused(
        &app.record("acme", json!({ "timestamp": "2026-11-22T11:59:59Z" }))
            .await,
        429,
        "usage_limit_exceeded",
    );
    app.record("acme", json!({})).await.expect(201);
}

#[tokio::test]
async fn a_denied_event_leaves_the_store_as_it_was() {
    let open = crate::given::Open::new();
    let app = &open.app;
    app.record("acme", json!({ "id": "e0" })).await.expect(201);
    app.limit("acme", json!([limit(json!({ "hard": 1 }))]))
        .await;
    let before = open.dump();
    refused(
        &app.record("acme", json!({ "id": "e1", "task_id": "t1" }))
            .await,
        429,
        "usage_limit_exceeded",
    );
    let batch = json!({ "events": [{ "tenant_id": "acme", "operation": "agent_message" }] });
    assert_eq!(
        app.post("/events/batch", batch)
            .await
            .expect(200)
            .at("/rejected"),
        1
    );
    assert_eq!(open.dump(), before);
}
