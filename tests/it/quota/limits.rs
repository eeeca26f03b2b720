//! `PUT` and `GET /limits/{tenant_id}`: setting and showing.

use crate::given::{Open, limit, merged, operators, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// A limit as it is shown, all fields there.
fn shown(fields: Value) -> Value {
    let base = json!({
        "id": "cap", "scope": "tenant", "scope_id": null, "measure": "events", "window": "month", "soft": null, "hard": null,
        "currency": null, "soft_mode": "warn", "on_unavailable": "deny", "source": "limits", "state": "active",
    });
    merged(base, fields)
}

async fn put(app: &TestApp, limits: Value) -> TestReply {
    app.put("/limits/acme", json!({ "limits": limits })).await
}

#[tokio::test]
async fn limits_are_shown_as_they_were_set() {
    let app = TestApp::new().await;
    let spend = json!({
        "id": "s", "scope": "tool", "scope_id": "srv%2F1/find", "measure": "spend", "window": "day", "soft": 0.000000001, "hard": "10.50",
        "currency": "USD", "soft_mode": "block", "on_unavailable": "allow",
    });
    let units = json!({ "id": "u", "scope": "operation", "measure": "units:gpt-4o", "window": "total", "soft": 0 });
    let answered = put(&app, json!([spend, units])).await.expect(200);
    let expected = [
        shown(merged(
            spend,
            json!({ "soft": "0.000000001", "hard": "10.5" }),
        )),
        shown(merged(units, json!({}))),
    ];
    assert_eq!(answered.at("/limits"), json!(expected));
    assert_eq!(
        app.get("/limits/acme").await.expect(200).json(),
        answered.json()
    );
    assert_eq!(answered.at("/tenant_id"), "acme");
    assert_eq!(answered.at("/standing/0/limit_id"), "s");
    assert_eq!(
        answered.at("/standing/0/hard"),
        "10.5",
        "money is a decimal string"
    );
}

#[tokio::test]
async fn every_put_replaces_all_limits() {
    let app = TestApp::new().await;
    put(
        &app,
        json!([
            limit(json!({ "hard": 0 })),
            limit(json!({ "id": "b", "window": "day", "hard": 0 }))
        ]),
    )
    .await
    .expect(200);
    refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    let one = put(&app, json!([limit(json!({ "hard": 1 }))]))
        .await
        .expect(200);
    assert_eq!(one.at("/limits"), json!([shown(json!({ "hard": 1 }))]));
    app.record("acme", json!({})).await.expect(201);
    put(&app, json!([])).await.expect(200);
    app.record("acme", json!({})).await.expect(201);
    assert_eq!(app.get("/limits/acme").await.at("/limits"), json!([]));
}

#[tokio::test]
async fn a_stale_version_is_refused_and_none_is_unconditional() {
    let open = Open::new();
    let app = &open.app;
    let body = |hard: u64| json!({ "limits": [limit(json!({ "hard": hard }))] });
    let first = app
        .get("/limits/acme")
        .await
        .expect(200)
        .at("/version")
        .to_string();
    let second = app
        .send(operators(
            "PUT",
            "/limits/acme",
            &body(1),
            "if-match",
            &first,
        ))
        .await
        .expect(200)
        .at("/version");
    let before = open.dump();
    for stale in [first.clone(), format!("\"{first}\""), "999".to_owned()] {
        let reply = app
            .send(operators(
                "PUT",
                "/limits/acme",
                &body(2),
                "if-match",
                &stale,
            ))
            .await;
        let problem = refused(&reply, 412, "precondition_failed");
        assert_eq!(problem["version"], second, "the version in force is told");
    }
    for bad in ["abc", "-1", "1.0", "\"1", ""] {
        let reply = app
            .send(operators("PUT", "/limits/acme", &body(2), "if-match", bad))
            .await;
        assert_eq!(
            pointers(&refused(&reply, 400, "invalid_request")),
            "If-Match",
            "{bad}"
        );
    }
    assert_eq!(open.dump(), before);
    app.send(operators(
        "PUT",
        "/limits/acme",
        &body(3),
        "if-match",
        &format!("\"{second}\""),
    ))
    .await
    .expect(200);
    app.send(operators("PUT", "/limits/acme", &body(4), "if-match", "*"))
        .await
        .expect(200);
    app.put("/limits/acme", body(5)).await.expect(200);
    let third = app.get("/limits/acme").await.expect(200);
    assert_eq!(third.at("/limits/0/hard"), 5);
    let again = json!({ "limits": [limit(json!({ "hard": 6 }))], "version": third.at("/version") });
    app.put("/limits/acme", again).await.expect(200);
}

#[tokio::test]
async fn a_tenant_has_at_most_200_limits_over_all_layers() {
    let app = TestApp::new().await;
    let many = |count: usize| {
        let one = |n| {
            limit(
                json!({ "id": format!("l{n}"), "scope": "agent", "scope_id": format!("a{n}"), "hard": 1 }),
            )
        };
        (0..count).map(one).collect::<Vec<Value>>()
    };
    refused(&put(&app, json!(many(201))).await, 422, "too_many_limits");
    put(&app, json!(many(200))).await.expect(200);
    refused(
        &app.post(
            "/quota",
            json!({ "tenant_id": "acme", "monthly_total_limit": 1 }),
        )
        .await,
        422,
        "too_many_limits",
    );
    put(&app, json!(many(199))).await.expect(200);
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "monthly_total_limit": 1 }),
    )
    .await
    .expect(200);
    refused(&put(&app, json!(many(200))).await, 422, "too_many_limits");
    assert_eq!(
        app.get("/limits/acme")
            .await
            .at("/limits")
            .as_array()
            .map(Vec::len),
        Some(200)
    );
}

#[tokio::test]
async fn one_currency_a_tenant() {
    let app = TestApp::new().await;
    let spend = |currency: &str| json!({ "id": currency, "scope": "tenant", "measure": "spend", "window": "day", "hard": 1, "currency": currency });
    app.record("acme", json!({})).await.expect(201);
    let problem = refused(
        &put(&app, json!([spend("EUR")])).await,
        422,
        "currency_mismatch",
    );
    assert_eq!(problem["currency"], "USD");
    put(&app, json!([spend("USD")])).await.expect(200);
    let both = json!({ "limits": [spend("EUR"), spend("USD")] });
    refused(
        &app.put("/limits/fresh", both).await,
        422,
        "currency_mismatch",
    );
    app.put("/limits/euro", json!({ "limits": [spend("EUR")] }))
        .await
        .expect(200);
    let problem = refused(
        &app.record("euro", json!({})).await,
        422,
        "currency_mismatch",
    );
    assert_eq!(problem["currency"], "EUR", "the first use fixes it");
}

#[tokio::test]
async fn a_bad_limit_is_named_and_changes_nothing() {
    let open = Open::new();
    let app = &open.app;
    put(app, json!([limit(json!({ "hard": 1 }))]))
        .await
        .expect(200);
    let before = open.dump();
    for (fields, status, pointer) in [
        (json!({ "scope": "team" }), 422, "scope"),
        (json!({ "scope": "team", "scope_id": "a1" }), 422, "scope"),
        (json!({ "scope_id": "acme" }), 422, "scope_id"),
        (
            json!({ "scope": "tool", "scope_id": "find" }),
            422,
            "scope_id",
        ),
        (json!({ "measure": "money" }), 422, "measure"),
        (json!({ "measure": "events:a|b" }), 422, "measure"),
        (json!({ "window": "second" }), 422, "window"),
        (json!({ "window": "year" }), 422, "window"),
        (json!({ "hard": null }), 422, "hard"),
        (json!({ "hard": -1 }), 422, "hard"),
        (json!({ "hard": "1" }), 400, "hard"),
        (json!({ "soft": 2 }), 422, "soft"),
        (json!({ "currency": "USD" }), 422, "currency"),
        (json!({ "measure": "spend" }), 400, "currency"),
        (
            json!({ "measure": "spend", "currency": "ABC" }),
            422,
            "currency",
        ),
        (json!({ "soft_mode": "loud" }), 422, "soft_mode"),
        (json!({ "on_unavailable": "panic" }), 422, "on_unavailable"),
        (json!({ "id": null }), 400, "id"),
        (json!({ "oops": 1 }), 400, "oops"),
    ] {
        let reply = put(
            app,
            json!([
                limit(json!({ "id": "good", "hard": 1 })),
                limit(merged(json!({ "hard": 1 }), fields))
            ]),
        )
        .await;
        let code = if status == 400 {
            "invalid_request"
        } else {
            "invalid_value"
        };
        assert_eq!(
            pointers(&refused(&reply, status, code)),
            format!("/limits/1/{pointer}")
        );
    }
    assert_eq!(open.dump(), before);
}
