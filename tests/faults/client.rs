//! A client that sends again, as late as it is told, until it has an answer.

use axum::body::Body;
use http::HeaderValue;
use serde_json::Value;
use std::time::Duration;
use tollgate_tests::{TestApp, TestReply};

/// More tries than any test's faults can use up: where every second call fails, one of
/// some two hundred gets through.
const TRIES_MAX: usize = 10_000;

/// Sends a request with the operator's key until the store takes it.
pub(crate) async fn send(app: &TestApp, method: &str, path: &str, body: &Value) -> TestReply {
    send_as(app, TestApp::operator(), method, path, body).await
}

/// Sends a request with `key` until the store takes it.
pub(crate) async fn send_as(
    app: &TestApp,
    key: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> TestReply {
    send_once(app, key, None, method, path, body).await
}

/// Sends a request under an idempotency key until the store takes it.
pub(crate) async fn send_once(
    app: &TestApp,
    key: &str,
    once: Option<&str>,
    method: &str,
    path: &str,
    body: &Value,
) -> TestReply {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    for _ in 0..TRIES_MAX {
        let mut request = TestApp::request(key, method, path, Body::from(body.clone()));
        if let Some(once) = once {
            request.headers_mut().insert(
                "idempotency-key",
                HeaderValue::from_str(once).expect("a header"),
            );
        }
        let reply = app.send(request).await;
        if reply.text.contains("\"degraded\":true") {
            // Let pass without the store: nothing is held yet.
            continue;
        }
        if reply.status != 503 {
            assert!(
                reply.status < 500,
                "{method} {path}: {} {}",
                reply.status,
                reply.text
            );
            return reply;
        }
        assert_eq!(reply.at("/code"), "store_unavailable", "{}", reply.text);
        let seconds = reply.header("retry-after").parse().expect("seconds");
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
    panic!("{method} {path} has no answer after {TRIES_MAX} tries");
}
