//! `/tenants`.

use crate::given::{Open, card_with, events_of, limit, merged, operators, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

const NOW: &str = "2026-11-22T10:00:00Z";

#[tokio::test]
async fn a_tenant_is_shown_as_it_was_set_and_absent_is_unset() {
    let app = TestApp::new().await;
    card_with(&app, "euro", json!({ "currency": "EUR", "operations": {} })).await;
    let full = json!({
        "name": "Acme GmbH \u{2713}", "slug": "acme", "currency": "EUR", "rate_cards": ["euro"], "retention_days": 35, "require_plan": false, "lanes": 4,
    });
    let answered = app.put("/tenants/acme", full.clone()).await.expect(200);
    let head = json!({ "id": "acme", "created_at": NOW, "version": answered.at("/version") });
    assert_eq!(answered.json(), merged(full, head.clone()));
    assert_eq!(
        app.get("/tenants/acme").await.expect(200).json(),
        answered.json()
    );
    // What stands and is not named is dropped where that is said, and only there.
    let problem = refused(
        &app.put("/tenants/acme", json!({ "name": "Acme" })).await,
        409,
        "would_drop",
    );
    assert_eq!(
        pointers(&problem),
        "/slug /rate_cards /retention_days /lanes"
    );
    assert_eq!(app.get("/tenants/acme").await.json(), answered.json());
    let path = "/tenants/acme?replace=true";
    let bare = app.put(path, json!({})).await.expect(200);
    let expected = json!({ "name": null, "slug": null, "currency": "EUR", "rate_cards": null, "retention_days": 400, "require_plan": false, "lanes": 1 });
    let head = merged(head, json!({ "version": bare.at("/version") }));
    assert_eq!(
        bare.json(),
        merged(expected, head),
        "a currency stays once it is fixed"
    );
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_null_unsets() {
    let app = TestApp::new().await;
    let patch = |body: Value| {
        let app = &app;
        async move { app.call("PATCH", "/tenants/acme", body.to_string()).await }
    };
    refused(&patch(json!({})).await, 404, "not_found");
    let full = json!({ "name": "Acme", "slug": "acme", "retention_days": 90, "lanes": 4 });
    app.put("/tenants/acme", full).await.expect(200);
    let body = json!({ "slug": null, "require_plan": true });
    let patched = patch(body).await.expect(200);
    for (field, expected) in [
        ("/name", json!("Acme")),
        ("/slug", json!(null)),
        ("/retention_days", json!(90)),
        ("/require_plan", json!(true)),
        ("/lanes", json!(4)),
    ] {
        assert_eq!(patched.at(field), expected, "{field}");
    }
    for (body, status, pointer) in [
        (json!({ "retention_days": 3 }), 422, "/retention_days"),
        (json!({ "oops": 1 }), 400, "/oops"),
        (json!([]), 400, ""),
    ] {
        let reply = patch(body).await;
        assert_eq!(reply.status, status, "{}", reply.text);
        assert_eq!(pointers(&reply.json()), pointer);
    }
    // Null in a PUT counts as named.
    let nulls =
        json!({ "name": null, "retention_days": null, "require_plan": null, "lanes": null });
    app.put("/tenants/acme", nulls).await.expect(200);
}

#[tokio::test]
async fn first_use_makes_a_tenant() {
    let app = TestApp::new().await;
    refused(&app.get("/tenants/acme").await, 404, "not_found");
    app.record("acme", json!({})).await.expect(201);
    let tenant = app.get("/tenants/acme").await.expect(200);
    assert_eq!(
        (tenant.at("/currency"), tenant.at("/created_at")),
        (json!("USD"), json!(NOW))
    );
    app.limit("beta", json!([])).await;
    app.post("/quota", json!({ "tenant_id": "alpha" }))
        .await
        .expect(200);
    let list = app.get("/tenants").await.expect(200);
    let ids: Vec<Value> = list
        .at("/data")
        .as_array()
        .expect("data")
        .iter()
        .map(|tenant| tenant["id"].clone())
        .collect();
    assert_eq!(ids, ["acme", "alpha", "beta"]);
    refused(&app.get("/tenants/other").await, 404, "not_found");
}

#[tokio::test]
async fn settings_leave_limits_and_usage_alone() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "hard": 1 }))]))
        .await;
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "monthly_total_limit": 5 }),
    )
    .await
    .expect(200);
    app.record("acme", json!({})).await.expect(201);
    let before = app.get("/limits/acme").await.expect(200);
    app.put("/tenants/acme", json!({ "name": "Acme" }))
        .await
        .expect(200);
    let after = app.get("/limits/acme").await.expect(200);
    assert_eq!(
        (after.at("/limits"), after.at("/standing")),
        (before.at("/limits"), before.at("/standing"))
    );
    refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(events_of(&app, "acme").await, 1);
}

#[tokio::test]
async fn a_currency_is_fixed_by_first_use() {
    let app = TestApp::new().await;
    card_with(
        &app,
        "euro",
        json!({ "currency": "EUR", "operations": { "eu_only": { "unit": 1 } } }),
    )
    .await;
    app.put("/tenants/acme", json!({ "currency": "EUR" }))
        .await
        .expect(200);
    refused(
        &app.record("acme", json!({})).await,
        422,
        "currency_mismatch",
    );
    app.record("acme", json!({ "operation": "eu_only" }))
        .await
        .expect(201);
    refused(
        &app.put("/tenants/acme", json!({ "currency": "USD" })).await,
        422,
        "currency_mismatch",
    );
    app.record("other", json!({})).await.expect(201);
    let problem = refused(
        &app.record("other", json!({ "operation": "eu_only" })).await,
        422,
        "currency_mismatch",
    );
    assert_eq!(problem["currency"], "USD");
    refused(
        &app.put("/tenants/other", json!({ "rate_cards": ["euro"] }))
            .await,
        422,
        "currency_mismatch",
    );
    let batch = json!({ "events": [
        { "tenant_id": "fresh", "operation": "eu_only" }, { "tenant_id": "fresh", "operation": "agent_message" },
    ] });
    let reply = app.post("/events/batch", batch).await.expect(200);
    assert_eq!(
        (reply.at("/recorded"), reply.at("/results/1/problem/code")),
        (json!(1), json!("currency_mismatch"))
    );
}

#[tokio::test]
async fn bad_settings_are_named_and_change_nothing() {
    let open = Open::new();
    let app = &open.app;
    app.put("/tenants/acme", json!({ "name": "Acme" }))
        .await
        .expect(200);
    let before = open.dump();
    for (fields, status, code, pointer) in [
        (
            json!({ "retention_days": 34 }),
            422,
            "below_retention_floor",
            "/retention_days",
        ),
        (
            json!({ "retention_days": 36_526 }),
            422,
            "invalid_value",
            "/retention_days",
        ),
        (
            json!({ "rate_cards": ["none"] }),
            422,
            "unknown_rate_card",
            "/rate_cards",
        ),
        (
            json!({ "currency": "usd" }),
            422,
            "invalid_value",
            "/currency",
        ),
        (json!({ "name": "" }), 422, "invalid_value", "/name"),
        (json!({ "name": "a\nb" }), 422, "invalid_value", "/name"),
        (json!({ "slug": "a/b" }), 422, "invalid_value", "/slug"),
        (
            json!({ "require_plan": "no" }),
            400,
            "invalid_request",
            "/require_plan",
        ),
        (
            json!({ "tenant_id": "acme" }),
            400,
            "invalid_request",
            "/tenant_id",
        ),
    ] {
        let problem = refused(&app.put("/tenants/acme", fields).await, status, code);
        assert_eq!(pointers(&problem), pointer);
    }
    refused(
        &app.send(operators(
            "PUT",
            "/tenants/acme",
            &json!({}),
            "if-match",
            "99",
        ))
        .await,
        412,
        "precondition_failed",
    );
    assert_eq!(open.dump(), before);
}
