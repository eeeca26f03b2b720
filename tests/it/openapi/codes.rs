//! Every code of the catalogue is documented, under its status, and met.

use super::Document;
use crate::given::{limit, merged, operators, problem};
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use tollgate_api::Kind;
use tollgate_core::{Attrs, Name, Write, table};
use tollgate_gateway::Settings;
use tollgate_service::{Memory, Store, Tenancy};
use tollgate_tests::{Crowd, Fault, TestApp, name};

/// A request that is refused for `kind`; `None` = no request is.
///
/// A new kind does not compile without its request.
fn refused_for(kind: Kind) -> Option<Request<Body>> {
    let event = |fields: Value| {
        merged(
            json!({ "id": "e9", "tenant_id": "acme", "operation": "agent_message" }),
            fields,
        )
    };
    let post = |path: &str, body: Value| {
        TestApp::request(TestApp::operator(), "POST", path, body.to_string().into())
    };
    let put = |path: &str, body: Value| {
        TestApp::request(TestApp::operator(), "PUT", path, body.to_string().into())
    };
    let get = |path: &str| TestApp::request(TestApp::operator(), "GET", path, Body::empty());
    let spend = |currency: &str| json!([{ "id": "m", "scope": "tenant", "measure": "spend", "window": "day", "hard": 1, "currency": currency }]);
    let keyed =
        |path: &str, body: &Value| operators("POST", path, body, "idempotency-key", "taken");
    Some(match kind {
        Kind::InvalidRequest => post("/events", event(json!({ "oops": 1 }))),
        Kind::InvalidCursor => get("/keys?cursor=AAAA"),
        Kind::Unauthenticated => TestApp::request("nonsense", "GET", "/usage/acme", Body::empty()),
        Kind::BudgetExceeded => post("/events", event(json!({ "session_id": "poor" }))),
        Kind::Forbidden => post("/events?mode=observe", event(json!({}))),
        Kind::ConstitutionalHashMismatch => {
            let mut request = get("/usage/acme");
            request.headers_mut().remove("x-constitutional-hash");
            request
        }
        Kind::NotFound => get("/events/none?tenant_id=acme"),
        Kind::MethodNotAllowed => post("/health", json!({})),
        Kind::KeyRepeated => keyed("/keys", &json!({ "tenant_id": "acme", "scopes": ["read"] })),
        Kind::Conflict => post(
            "/credits/prepaid",
            json!({ "id": "g1", "amount": 2, "currency": "USD" }),
        ),
        Kind::WouldDrop => put(
            "/rate-cards/default",
            json!({ "currency": "USD", "operations": {} }),
        ),
        Kind::EventIdReused => post("/events", event(json!({ "id": "e1", "units": 2 }))),
        Kind::BatchIdReused => post(
            "/events/batch",
            json!({ "batch_id": "b1", "events": [event(json!({ "id": null, "units": 2 }))] }),
        ),
        Kind::HoldIdReused => post(
            "/holds",
            json!({ "id": "h1", "event": event(json!({ "id": null, "units": 2 })) }),
        ),
        Kind::HoldClosed => post("/holds/h1/extend?tenant_id=acme", json!({})),
        Kind::HoldMismatch => post(
            "/holds/h2/capture?tenant_id=acme",
            json!({ "event": { "agent_id": "a2" } }),
        ),
        Kind::PreconditionFailed => operators(
            "PUT",
            "/limits/acme",
            &json!({ "limits": [] }),
            "if-match",
            "999",
        ),
        Kind::TooLarge => TestApp::request(
            TestApp::operator(),
            "POST",
            "/events",
            vec![b' '; (1 << 20) + 1].into(),
        ),
        Kind::UnsupportedMediaType => {
            let mut request = post("/events", json!([]));
            request.headers_mut().insert(
                "content-type",
                "application/cloudevents-batch+json"
                    .parse()
                    .expect("a header"),
            );
            request
        }
        Kind::InvalidEvent => post("/events", event(json!({ "units": -1 }))),
        Kind::InvalidValue => put("/tenants/acme", json!({ "slug": "" })),
        Kind::CurrencyMismatch => put("/limits/acme", json!({ "limits": spend("EUR") })),
        Kind::TooManyLimits => put(
            "/limits/acme",
            json!({ "limits": vec![limit(json!({ "hard": 1 })); 201] }),
        ),
        Kind::BelowRetentionFloor => post("/usage/purge", json!({ "older_than_days": 34 })),
        Kind::RangePurged => get("/usage/acme?start=2026-11-22T10:00:00Z&end=2026-11-22T10:30:00Z"),
        Kind::RangeTooLarge => get("/usage/summary?tenant_id=acme"),
        Kind::IdempotencyKeyReused => keyed(
            "/quota",
            &json!({ "tenant_id": "acme", "monthly_total_limit": 2 }),
        ),
        Kind::UnknownRateCard => put("/tenants/acme", json!({ "rate_cards": ["none"] })),
        Kind::UnknownPlan => put("/tenants/acme/subscription", json!({ "plan": "none" })),
        Kind::UsagePolicyConfigurationError => post(
            "/events",
            json!({ "id": "e9", "tenant_id": "planless", "operation": "agent_message" }),
        ),
        Kind::UsageLimitExceeded => post("/events", event(json!({ "agent_id": "busy" }))),
        Kind::StoreUnavailable => get("/tenants/unread"),
        Kind::Damaged => get("/tenants/damaged"),
        Kind::TooManyRequests => get("/usage/agents"),
        Kind::Internal => return None,
    })
}

/// An app in which each of those requests is refused.
async fn prepared(kind: Kind) -> TestApp {
    let settings = Settings {
        tenant_requests_per_second: NonZeroU32::new(1),
        ..Settings::default()
    };
    let app = match kind {
        Kind::TooManyRequests => {
            TestApp::set_up(Arc::new(Memory::default()), Tenancy::Sole, settings)
        }
        _ => TestApp::new().await,
    };
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    let sealed = json!({ "batch_id": "b1", "events": [{ "tenant_id": "acme", "operation": "agent_message" }] });
    app.post("/events/batch", sealed).await.expect(200);
    for hold in ["h1", "h2"] {
        let estimate =
            json!({ "id": hold, "event": { "tenant_id": "acme", "operation": "agent_message" } });
        app.post("/holds", estimate).await.expect(201);
    }
    app.post("/holds/h1/release?tenant_id=acme", json!({}))
        .await
        .expect(200);
    let grant = json!({ "id": "g1", "amount": 1, "currency": "USD" });
    app.post("/credits/prepaid", grant).await.expect(201);
    let limits = json!([
        limit(json!({ "scope": "agent", "scope_id": "busy", "hard": 0 })),
        { "id": "poor", "scope": "session", "scope_id": "poor", "measure": "spend", "window": "total", "hard": 0, "currency": "USD" },
    ]);
    app.limit("acme", limits).await;
    app.put("/tenants/planless", json!({ "require_plan": true }))
        .await
        .expect(200);
    app.send(operators(
        "POST",
        "/keys",
        &json!({ "tenant_id": "acme", "scopes": ["read"] }),
        "idempotency-key",
        "taken",
    ))
    .await
    .expect(201);
    app.send(operators(
        "POST",
        "/quota",
        &json!({ "tenant_id": "acme" }),
        "idempotency-key",
        "taken",
    ))
    .await
    .expect(200);
    if kind == Kind::RangePurged {
        app.clock.advance(36 * 86_400);
        app.post("/usage/purge", json!({ "older_than_days": 35 }))
            .await
            .expect(200);
    }
    if kind == Kind::RangeTooLarge {
        let wide = Crowd {
            metadata: 2_000,
            ..Crowd::SMALL
        };
        app.store.remember_nothing();
        wide.record(&app, &name("acme"), 0..34_000).await;
    }
    if kind == Kind::StoreUnavailable {
        app.store.rule(|_| Fault::Before);
    }
    if kind == Kind::Damaged {
        let damaged = Attrs::from([(table::BODY.into(), tollgate_core::Value::B(b"{".to_vec()))]);
        let write = Write::put(
            table::config(&Name::new("damaged").expect("a name")),
            damaged,
        );
        let version = vec![(table::VERSION.into(), tollgate_core::Value::N(1))];
        let key = table::version(&Name::new("damaged").expect("a name"));
        let writes = [write, Write::set(key, version)];
        app.store.commit(&writes).await.expect("a commit");
    }
    app
}

#[tokio::test]
async fn every_code_is_met_as_its_kind_says() {
    for kind in Kind::ALL {
        let Some(mut request) = refused_for(kind) else {
            continue;
        };
        let app = prepared(kind).await;
        if [Kind::Forbidden, Kind::TooManyRequests].contains(&kind) {
            let key = app.key("acme", &["enforce"]).await;
            if kind == Kind::TooManyRequests {
                for _ in 0..2 {
                    app.call_with(&key, "GET", "/usage/agents", Body::empty())
                        .await;
                }
            }
            request.headers_mut().insert(
                "authorization",
                format!("Bearer {key}").parse().expect("a header"),
            );
        }
        let reply = app.send(request).await;
        let body = problem(&reply);
        assert_eq!(
            (&body["code"], reply.status),
            (&json!(kind.as_str()), kind.status()),
            "{kind:?}: {}",
            reply.text
        );
        assert_eq!(
            (&body["type"], &body["title"]),
            (&json!(kind.type_uri()), &json!(kind.title())),
            "{kind:?}"
        );
        if kind == Kind::StoreUnavailable {
            assert_eq!(reply.header("retry-after"), "1");
        }
    }
}

#[test]
fn every_code_is_documented_under_its_status_and_no_other() {
    let document = Document::read();
    let codes = |of: &Value| -> BTreeSet<String> {
        of.as_array()
            .expect("codes")
            .iter()
            .filter_map(|code| code.as_str().map(str::to_owned))
            .collect()
    };
    let all: BTreeSet<String> = Kind::ALL
        .iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    assert_eq!(
        codes(document.at("/components/schemas/ProblemCode/enum")),
        all
    );
    let mut documented = BTreeSet::new();
    for schema in document
        .at("/components/schemas")
        .as_object()
        .expect("schemas")
        .values()
    {
        let narrowed = &schema["allOf"][1]["properties"];
        for code in narrowed["code"]["enum"].as_array().into_iter().flatten() {
            documented.insert((
                narrowed["status"]["enum"][0].as_u64(),
                code.as_str().unwrap_or_default().to_owned(),
            ));
        }
    }
    let expected: BTreeSet<_> = Kind::ALL
        .iter()
        .map(|kind| (Some(u64::from(kind.status())), kind.as_str().to_owned()))
        .collect();
    assert_eq!(documented, expected);
}
