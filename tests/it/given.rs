//! What the tests of all routes share: apps in a known state, and claims about
//! refusals.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{Attrs, Key};
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{TestApp, TestReply};

/// An app whose whole store can be looked at.
pub(crate) struct Open {
    pub(crate) app: TestApp,
    memory: Arc<Memory>,
}

impl Open {
    pub(crate) fn new() -> Self {
        let memory = Arc::new(Memory::default());
        Self {
            app: TestApp::over(memory.clone(), Tenancy::Sole),
            memory,
        }
    }

    /// Every item of the store.
    pub(crate) fn dump(&self) -> BTreeMap<Key, Attrs> {
        self.memory.dump()
    }

    /// Every item that belongs to `tenant`.
    pub(crate) fn dump_of(&self, tenant: &str) -> BTreeMap<Key, Attrs> {
        let prefix = format!("T|{tenant}|");
        self.dump()
            .into_iter()
            .filter(|(key, _)| key.pk.starts_with(&prefix))
            .collect()
    }
}

/// `reply` is a whole problem of that status and code; its body.
#[track_caller]
pub(crate) fn refused(reply: &TestReply, status: u16, code: &str) -> Value {
    assert_eq!(reply.status, status, "{}", reply.text);
    let problem = problem(reply);
    assert_eq!(problem["code"], code, "{}", reply.text);
    problem
}

/// `reply` is a whole problem (RFC 9457); its body.
#[track_caller]
pub(crate) fn problem(reply: &TestReply) -> Value {
    assert_eq!(
        reply.header("content-type"),
        "application/problem+json",
        "{}",
        reply.text
    );
    let body = reply.json();
    for member in ["type", "title", "detail", "code", "request_id"] {
        assert!(
            body[member].as_str().is_some_and(|text| !text.is_empty()),
            "`{member}` is missing: {}",
            reply.text
        );
    }
    assert_eq!(body["status"], reply.status);
    assert_eq!(body["request_id"], reply.header("x-request-id"));
    body
}

/// The places that a problem names, one space between.
pub(crate) fn pointers(problem: &Value) -> String {
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    errors
        .iter()
        .filter_map(|error| error["pointer"].as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A request with one more header.
pub(crate) fn with_header(
    mut request: Request<Body>,
    name: &'static str,
    value: &str,
) -> Request<Body> {
    request.headers_mut().append(
        HeaderName::from_static(name),
        HeaderValue::from_str(value).expect("a header"),
    );
    request
}

/// The operator's request, with one more header.
pub(crate) fn operators(
    method: &str,
    path: &str,
    body: &Value,
    name: &'static str,
    value: &str,
) -> Request<Body> {
    with_header(
        TestApp::request(TestApp::operator(), method, path, body.to_string().into()),
        name,
        value,
    )
}

/// Sends `body` with `key`.
pub(crate) async fn post_as(app: &TestApp, key: &str, path: &str, body: &Value) -> TestReply {
    app.call_with(key, "POST", path, body.to_string()).await
}

/// `GET path` with `key`.
pub(crate) async fn get_as(app: &TestApp, key: &str, path: &str) -> TestReply {
    app.call_with(key, "GET", path, Body::empty()).await
}

/// A limit of `hard` events of the tenant in a month, changed by `fields`.
pub(crate) fn limit(fields: Value) -> Value {
    merged(
        json!({ "id": "cap", "scope": "tenant", "measure": "events", "window": "month" }),
        fields,
    )
}

/// The object `base` with `fields` set.
pub(crate) fn merged(base: Value, fields: Value) -> Value {
    let (Value::Object(mut all), Value::Object(fields)) = (base, fields) else {
        panic!("objects")
    };
    all.extend(fields);
    Value::Object(all)
}

/// The object without `fields`.
pub(crate) fn without(mut object: Value, fields: &[&str]) -> Value {
    for field in fields {
        object.as_object_mut().expect("an object").remove(*field);
    }
    object
}

/// How many events `tenant` has.
pub(crate) async fn events_of(app: &TestApp, tenant: &str) -> Value {
    app.get(&format!("/usage/summary?tenant_id={tenant}"))
        .await
        .expect(200)
        .at("/total_events")
}

/// Puts a rate card in USD whose tiers are the built-in ones, and names it first for all.
pub(crate) async fn card(app: &TestApp, id: &str, operations: Value) -> TestReply {
    card_with(app, id, json!({ "operations": operations })).await
}

/// Puts a rate card with `fields`.
pub(crate) async fn card_with(app: &TestApp, id: &str, fields: Value) -> TestReply {
    let tiers =
        json!({ "standard": "1", "enhanced": "1.5", "deliberation": "3", "enterprise": "2" });
    let card = merged(json!({ "currency": "USD", "tiers": tiers }), fields);
    app.put_card(id, card).await.expect(200)
}
