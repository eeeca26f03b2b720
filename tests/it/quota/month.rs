//! `POST /quota` and `GET /quota/{tenant_id}`: limits by the calendar month.

use crate::given::{Open, get_as, merged, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

const NONE: [&str; 5] = [
    "monthly_total_limit",
    "monthly_validation_limit",
    "monthly_message_limit",
    "monthly_deliberation_limit",
    "rate_limit_per_second",
];

/// What remains where nothing limits it.
fn unlimited() -> Value {
    json!({ "total": null, "validation": null, "messages": null, "deliberation": null })
}

async fn quota(app: &TestApp, fields: Value) -> Value {
    app.post("/quota", merged(json!({ "tenant_id": "acme" }), fields))
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn a_quota_is_answered_as_it_was_set() {
    let app = TestApp::new().await;
    let fields = json!({
        "monthly_total_limit": 10, "monthly_validation_limit": 0, "monthly_message_limit": 9_007_199_254_740_991_u64,
        "monthly_deliberation_limit": null, "rate_limit_per_second": 5,
    });
    let head = json!({ "tenant_id": "acme", "quota_set": true, "constitutional_hash": "cdd01ef066bc6cf2" });
    assert_eq!(
        quota(&app, fields.clone()).await,
        merged(head.clone(), fields)
    );
    let none: Value = NONE
        .iter()
        .map(|name| ((*name).to_owned(), Value::Null))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(quota(&app, json!({})).await, merged(head, none));
}

#[tokio::test]
async fn a_tenant_without_a_quota_has_no_limits() {
    let app = TestApp::new().await;
    let expected = json!({
        "tenant_id": "acme", "has_limits": false, "usage": {}, "used": { "deliberation": 0, "messages": 0, "total": 0, "validation": 0 },
        "remaining": unlimited(), "rate_limit_per_second": null,
        "period_start": "2026-11-01T00:00:00Z", "period_end": "2026-12-01T00:00:00Z",
        "limits": [], "constitutional_hash": "cdd01ef066bc6cf2",
    });
    assert_eq!(app.get("/quota/acme").await.expect(200).json(), expected);
}

#[tokio::test]
async fn each_monthly_limit_counts_its_own_operation() {
    for (field, operation, remaining, measure) in [
        ("monthly_total_limit", "audit_write", "total", "events"),
        (
            "monthly_validation_limit",
            "constitutional_validation",
            "validation",
            "events:constitutional_validation",
        ),
        (
            "monthly_message_limit",
            "agent_message",
            "messages",
            "events:agent_message",
        ),
        (
            "monthly_deliberation_limit",
            "deliberation_request",
            "deliberation",
            "events:deliberation_request",
        ),
    ] {
        let app = TestApp::new().await;
        quota(&app, json!({ field: 2 })).await;
        for left in [1, 0] {
            app.record("acme", json!({ "operation": operation, "units": 7 }))
                .await
                .expect(201);
            let state = app.get("/quota/acme").await.expect(200);
            assert_eq!(
                state.at("/remaining"),
                merged(unlimited(), json!({ remaining: left })),
                "{field}"
            );
            assert_eq!(state.at(&format!("/used/{remaining}")), 2 - left);
        }
        let problem = refused(
            &app.record("acme", json!({ "operation": operation })).await,
            429,
            "usage_limit_exceeded",
        );
        assert_eq!(
            (&problem["feature_key"], &problem["limit_value"]),
            (&json!(measure), &json!(2))
        );
        let other = app
            .record("acme", json!({ "operation": "policy_evaluation" }))
            .await;
        assert_eq!(
            other.status,
            if field == "monthly_total_limit" {
                429
            } else {
                201
            }
        );
        app.clock.set("2026-12-01T00:00:00Z");
        assert_eq!(
            app.get("/quota/acme")
                .await
                .at(&format!("/remaining/{remaining}")),
            2,
            "a new month has its own count"
        );
        app.record("acme", json!({ "operation": operation }))
            .await
            .expect(201);
    }
}

/// ACGS A11, and A12 done better: the third is refused.
#[tokio::test]
async fn what_remains_is_never_negative() {
    let app = TestApp::new().await;
    quota(&app, json!({ "monthly_total_limit": 2 })).await;
    for id in 0..5 {
        let reply = app.record("acme", json!({ "id": format!("e{id}") })).await;
        assert_eq!(reply.status, if id < 2 { 201 } else { 429 });
    }
    let state = app.get("/quota/acme").await.expect(200);
    assert_eq!(
        (
            state.at("/has_limits"),
            state.at("/remaining/total"),
            state.at("/used/total")
        ),
        (json!(true), json!(0), json!(2))
    );
    quota(&app, json!({ "monthly_total_limit": 1 })).await;
    assert_eq!(app.get("/quota/acme").await.at("/remaining/total"), 0);
}

#[tokio::test]
async fn setting_a_quota_never_resets_usage_and_replaces_the_one_before() {
    let app = TestApp::new().await;
    for _ in 0..3 {
        app.record("acme", json!({})).await.expect(201);
    }
    quota(
        &app,
        json!({ "monthly_total_limit": 4, "monthly_message_limit": 3 }),
    )
    .await;
    for _ in 0..2 {
        let state = app.get("/quota/acme").await.expect(200);
        assert_eq!(
            (state.at("/usage"), state.at("/limits/0/used")),
            (json!({ "agent_message": 3 }), json!(3))
        );
        refused(
            &app.record("acme", json!({})).await,
            429,
            "usage_limit_exceeded",
        );
        quota(
            &app,
            json!({ "monthly_total_limit": 4, "monthly_message_limit": 3 }),
        )
        .await;
    }
    quota(&app, json!({ "monthly_total_limit": 4 })).await;
    app.record("acme", json!({})).await.expect(201);
    refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    quota(&app, json!({})).await;
    app.record("acme", json!({})).await.expect(201);
    assert_eq!(app.get("/quota/acme").await.at("/usage/agent_message"), 5);
}

#[tokio::test]
async fn a_quota_is_the_operators_to_set_and_the_tenants_to_read() {
    let open = Open::new();
    let app = &open.app;
    let (own, other) = (app.keys("acme").await, app.keys("other").await);
    let before = open.dump();
    let body = json!({ "tenant_id": "acme", "monthly_total_limit": 1 }).to_string();
    for key in [&own.ingest, &own.read, &other.read] {
        refused(
            &app.call_with(key, "POST", "/quota", body.clone()).await,
            403,
            "forbidden",
        );
    }
    get_as(app, &own.read, "/quota/acme").await.expect(200);
    refused(
        &get_as(app, &other.read, "/quota/acme").await,
        404,
        "not_found",
    );
    let nobody = refused(
        &app.post("/quota", json!({ "monthly_total_limit": 1 }))
            .await,
        400,
        "invalid_request",
    );
    assert_eq!(pointers(&nobody), "/tenant_id");
    assert_eq!(open.dump(), before);
}
