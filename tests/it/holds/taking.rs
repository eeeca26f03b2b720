//! `POST /holds`.

use super::{event, extend, hold, limited, release, shown, stands};
use crate::given::{Open, get_as, merged, operators, pointers, post_as, refused};
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_hold_counts_against_every_limit_and_shows_them_as_it_found_them() {
    let app = limited().await;
    let taken = hold(&app, "h1", 300).await.expect(201).json();
    let expected = json!({"hold_id":"h1","state":"open","replayed":false,"timestamp":"2026-11-22T10:00:00Z","operation":"gpt","tier":"standard",
        "tokens_out":300,"max_tokens_out":null,"cost":"0.3","currency":"USD","rate_card":{"id":"ai","version":1},"decision":"allow",
        "exchange_rate":null,"degraded":false,
        "created_at":"2026-11-22T10:00:00Z","expires_at":"2026-11-22T10:10:00Z","ended_at":null,"event_id":null});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&taken[name], value, "{name}");
    }
    assert_eq!(
        (&taken["limits"][0]["used"], &taken["limits"][0]["held"]),
        (&json!("0"), &json!("0"))
    );
    assert_eq!(stands(&app).await, json!([["0", "0.3"], [0, 300]]));
    let second = hold(&app, "h2", 100).await.expect(201);
    assert_eq!(
        (second.at("/limits/0/used"), second.at("/limits/0/held")),
        (json!("0"), json!("0.3"))
    );
    assert_eq!(
        app.get("/usage/summary?tenant_id=acme")
            .await
            .at("/total_events"),
        0,
        "nothing is used yet"
    );
}

#[tokio::test]
async fn a_limit_may_be_filled_exactly_and_not_passed_by_holds_and_events_together() {
    let app = limited().await;
    hold(&app, "h1", 600).await.expect(201);
    app.record("acme", event(json!({ "id": "e1", "tokens_out": 300 })))
        .await
        .expect(201);
    let denied = hold(&app, "h2", 101).await;
    let problem = refused(&denied, 402, "budget_exceeded");
    let expected = json!({
        "limit_id": "money", "source": "limits", "scope": "agent", "scope_id": "a1",
        "measure": "spend", "currency": "USD", "window": "day",
        "window_start": "2026-11-22T00:00:00Z", "window_end": "2026-11-23T00:00:00Z",
        "soft": null, "hard": "1", "used": "0.3", "held": "0.6", "remaining": "0.1",
        "percent": "90.00", "status": "approaching", "limit_type": "hard_limit",
        "requested": "0.101", "reason": null,
    });
    assert_eq!(problem["violations"][0], expected);
    assert_eq!(
        problem["violations"][1]["held"], 600,
        "every violation is told"
    );
    refused(&shown(&app, "h2").await, 404, "not_found");
    hold(&app, "h3", 100).await.expect(201);
    refused(&hold(&app, "h4", 1).await, 402, "budget_exceeded");
    refused(
        &app.record("acme", event(json!({ "id": "e2", "tokens_out": 1 })))
            .await,
        402,
        "budget_exceeded",
    );
    assert_eq!(stands(&app).await, json!([["0.3", "0.7"], [300, 700]]));
    // C31: more than the cap.
    app.limit("acme", json!([super::tokens(1000)])).await;
    refused(&hold(&app, "h5", 1500).await, 429, "usage_limit_exceeded");
}

#[tokio::test]
async fn all_measures_are_held_or_none() {
    let app = limited().await;
    app.limit("acme", json!([super::money("1"), super::tokens(100)]))
        .await;
    refused(&hold(&app, "h1", 500).await, 429, "usage_limit_exceeded");
    assert_eq!(stands(&app).await, json!([["0", "0"], [0, 0]]));
}

#[tokio::test]
async fn the_same_request_is_a_replay_and_another_under_the_id_is_refused() {
    let app = limited().await;
    let first = hold(&app, "h1", 300).await.expect(201).json();
    app.clock.advance(5);
    let again = hold(&app, "h1", 300).await.expect(200).json();
    assert_eq!(again["replayed"], true);
    for name in [
        "hold_id",
        "cost",
        "expires_at",
        "created_at",
        "timestamp",
        "decision",
        "state",
    ] {
        assert_eq!(again[name], first[name], "{name}");
    }
    let changed = |fields| json!({ "id": "h1", "event": event(merged(json!({ "tokens_out": 300 }), fields)) });
    for fields in [
        json!({ "tokens_out": 301 }),
        json!({ "agent_id": "a2" }),
        json!({ "operation": "other" }),
        json!({ "tier": "enhanced" }),
    ] {
        let reply = app.post("/holds", changed(fields)).await;
        assert_eq!(refused(&reply, 409, "hold_id_reused")["hold_id"], "h1");
    }
    let same = changed(json!({}));
    for terms in [
        json!({ "ttl_seconds": 601 }),
        json!({ "max_affordable": true }),
    ] {
        refused(
            &app.post("/holds", merged(same.clone(), terms)).await,
            409,
            "hold_id_reused",
        );
    }
    app.post(
        "/holds",
        merged(
            same.clone(),
            json!({ "ttl_seconds": 600, "max_affordable": false }),
        ),
    )
    .await
    .expect(200);
    let dated = changed(json!({ "timestamp": "2026-11-22T09:00:00Z" }));
    app.post("/holds", dated).await.expect(200);
    assert_eq!(stands(&app).await, json!([["0", "0.3"], [0, 300]]));
    // The request that filled the limit, and one whose hold has ended.
    hold(&app, "h2", 700).await.expect(201);
    hold(&app, "h2", 700).await.expect(200);
    release(&app, "h2").await.expect(200);
    assert_eq!(
        hold(&app, "h2", 700).await.expect(200).at("/state"),
        "released"
    );
    extend(&app, "h1", 1200).await.expect(200);
    assert_eq!(
        hold(&app, "h1", 300).await.expect(200).at("/expires_at"),
        "2026-11-22T10:20:05Z"
    );
}

#[tokio::test]
async fn a_hold_without_an_id_gets_one_and_an_idempotency_key_protects_it() {
    let app = limited().await;
    let body = json!({ "event": event(json!({ "tokens_out": 10 })) });
    let [one, other] = [
        app.post("/holds", body.clone()).await.expect(201),
        app.post("/holds", body.clone()).await.expect(201),
    ];
    assert_ne!(one.at("/hold_id"), other.at("/hold_id"));
    let keyed =
        |body: &serde_json::Value| operators("POST", "/holds", body, "idempotency-key", "k1");
    let first = app.send(keyed(&body)).await.expect(201);
    assert_eq!(
        app.send(keyed(&body)).await.expect(200).at("/hold_id"),
        first.at("/hold_id")
    );
    let changed = json!({ "event": event(json!({ "tokens_out": 11 })) });
    refused(
        &app.send(keyed(&changed)).await,
        422,
        "idempotency_key_reused",
    );
    assert_eq!(stands(&app).await, json!([["0", "0.03"], [0, 30]]));
    let by_event = app
        .post("/holds", json!({ "event": event(json!({ "id": "e7" })) }))
        .await
        .expect(201);
    assert_eq!(by_event.at("/hold_id"), "e7");
}

#[tokio::test]
async fn an_estimate_is_judged_as_its_event_would_be() {
    let app = limited().await;
    let post = |fields| app.post("/holds", json!({ "event": event(fields) }));
    for (fields, status, code, pointer) in [
        (
            json!({ "operation": "nothing" }),
            422,
            "invalid_event",
            "/event/operation",
        ),
        (
            json!({ "tier": "gold" }),
            422,
            "invalid_event",
            "/event/tier",
        ),
        (
            json!({ "timestamp": "2026-10-01T00:00:00Z" }),
            422,
            "invalid_event",
            "/event/timestamp",
        ),
        (
            json!({ "timestamp": "2026-11-22T10:06:00Z" }),
            422,
            "invalid_event",
            "/event/timestamp",
        ),
        (json!({ "units": -1 }), 422, "invalid_event", "/event/units"),
    ] {
        assert_eq!(
            pointers(&refused(&post(fields).await, status, code)),
            pointer
        );
    }
    let key = app.key("acme", &["enforce"]).await;
    let own = |fields| json!({ "event": crate::given::without(event(fields), &["tenant_id"]) });
    refused(
        &post_as(
            &app,
            &key,
            "/holds",
            &own(json!({ "timestamp": "2026-11-22T09:54:00Z" })),
        )
        .await,
        422,
        "invalid_event",
    );
    refused(
        &post_as(
            &app,
            &key,
            "/holds",
            &own(json!({ "cost_override": "0.1" })),
        )
        .await,
        403,
        "forbidden",
    );
    let held = post_as(&app, &key, "/holds", &own(json!({ "id": "h1" })))
        .await
        .expect(201);
    let id = held.at("/hold_id");
    let path = format!("/holds/{}", id.as_str().unwrap());
    refused(
        &post_as(
            &app,
            &key,
            &format!("{path}/capture"),
            &json!({ "event": { "cost_override": "9" } }),
        )
        .await,
        403,
        "forbidden",
    );
    post_as(
        &app,
        &key,
        &format!("{path}/capture"),
        &json!({ "event": { "tokens_out": 1 } }),
    )
    .await
    .expect(201);
    let reader = app.key("acme", &["read"]).await;
    refused(&get_as(&app, &reader, &path).await, 403, "forbidden");
}

#[tokio::test]
async fn a_tenants_holds_are_its_own() {
    let app = limited().await;
    hold(&app, "h1", 10).await.expect(201);
    let key = app.key("beta", &["ingest"]).await;
    for path in ["/holds/h1", "/holds/h1?tenant_id=acme"] {
        refused(&get_as(&app, &key, path).await, 404, "not_found");
    }
    for path in ["/holds/h1/release", "/holds/h1/extend", "/holds/h1/capture"] {
        let body = if path.ends_with("capture") {
            json!({ "event": {} })
        } else {
            json!({})
        };
        refused(&post_as(&app, &key, path, &body).await, 404, "not_found");
        refused(
            &post_as(&app, &key, &format!("{path}?tenant_id=acme"), &body).await,
            403,
            "forbidden",
        );
    }
    refused(
        &post_as(&app, &key, "/holds", &json!({ "event": event(json!({})) })).await,
        403,
        "forbidden",
    );
    let both = app
        .post(
            "/holds?tenant_id=beta",
            json!({ "event": event(json!({})) }),
        )
        .await;
    assert_eq!(
        pointers(&refused(&both, 400, "invalid_request")),
        "?tenant_id"
    );
    refused(&app.get("/holds/h1").await, 400, "invalid_request");
    assert_eq!(
        get_as(&app, &key, "/holds").await.expect(200).at("/count"),
        0
    );
}

#[tokio::test]
async fn the_first_hold_fixes_the_currency_and_a_denied_one_leaves_no_trace() {
    let open = Open::new();
    let app = &open.app;
    crate::given::card_with(
        app,
        "euro",
        json!({ "currency": "EUR", "operations": { "call": { "unit": "1" } } }),
    )
    .await;
    app.post(
        "/holds",
        json!({ "id": "h1", "event": { "tenant_id": "acme", "operation": "call" } }),
    )
    .await
    .expect(201);
    assert_eq!(app.get("/tenants/acme").await.at("/currency"), "EUR");
    let other = app
        .post(
            "/holds",
            json!({ "event": { "tenant_id": "acme", "operation": "agent_message" } }),
        )
        .await;
    refused(&other, 422, "currency_mismatch");
    app.limit("acme", json!([crate::given::limit(json!({ "hard": 0 }))]))
        .await;
    let before = open.dump();
    refused(
        &app.post(
            "/holds",
            json!({ "id": "h2", "event": { "tenant_id": "acme", "operation": "call" } }),
        )
        .await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn the_rate_is_used_by_taking_a_hold_and_never_given_back() {
    let app = TestApp::new().await;
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "rate_limit_per_second": 2 }),
    )
    .await
    .expect(200);
    let message = |id: &str| json!({ "id": id, "event": { "tenant_id": "acme", "operation": "agent_message" } });
    app.post("/holds", message("h1")).await.expect(201);
    app.post("/holds", message("h2")).await.expect(201);
    refused(
        &app.post("/holds", message("h3")).await,
        429,
        "usage_limit_exceeded",
    );
    release(&app, "h1").await.expect(200);
    assert_eq!(
        refused(
            &app.post("/holds", message("h3")).await,
            429,
            "usage_limit_exceeded"
        )["usage"],
        2
    );
    super::capture(&app, "h2", json!({})).await.expect(201);
    app.clock.advance(1);
    app.post("/holds", message("h3")).await.expect(201);
}
