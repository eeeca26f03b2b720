//! The way in: key, compliance hash, scope, and what no route takes.

use crate::given::{post_as, problem, refused, with_header};
use axum::body::Body;
use http::Request;
use serde_json::json;
use std::collections::BTreeSet;
use tollgate_gateway::{Access, App, DEFAULT_HASH, Settings, router};
use tollgate_service::{KeyRecord, Memory, Service, Tenancy};
use tollgate_tests::{TestApp, TestClock, TestReply};
use tower::ServiceExt;

/// A request with these headers and no others.
fn bare(method: &str, path: &str, headers: &[(&'static str, &str)]) -> Request<Body> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::empty())
        .expect("a request");
    headers.iter().fold(request, |request, (name, value)| {
        with_header(request, name, value)
    })
}

/// A path that the route answers.
fn concrete(path: &str) -> String {
    path.replace("{tenant_id}", "acme")
        .replace("{id}", "default")
        .replace("{event_id}", "e1")
        .replace("{task_id}", "t1")
        .replace("{key_id}", "k1")
}

/// Neither the header nor the body tells the hash.
#[track_caller]
fn silent(reply: &TestReply) {
    assert_eq!(reply.header("x-constitutional-hash"), "", "{}", reply.text);
    assert!(!reply.text.contains(DEFAULT_HASH), "{}", reply.text);
}

#[tokio::test]
async fn the_key_comes_first_then_the_hash_then_the_scope() {
    let app = TestApp::new().await;
    let read = format!("Bearer {}", app.keys("acme").await.read);
    for route in TestApp::routes()
        .into_iter()
        .filter(|route| route.access != Access::Open)
    {
        let path = concrete(route.path);
        let send = async |headers: &[(&'static str, &str)]| {
            app.send(bare(route.method.as_str(), &path, headers)).await
        };
        for hash in ["", DEFAULT_HASH, "0000000000000000"] {
            let reply = send(&[("x-constitutional-hash", hash)]).await;
            refused(&reply, 401, "unauthenticated");
            assert_eq!(reply.header("www-authenticate"), "Bearer");
            silent(&reply);
        }
        let upper = DEFAULT_HASH.to_uppercase();
        for hash in [
            "",
            "0000000000000000",
            &upper,
            &DEFAULT_HASH[..15],
            &format!("{DEFAULT_HASH}0"),
        ] {
            let reply = send(&[("authorization", &read), ("x-constitutional-hash", hash)]).await;
            refused(&reply, 403, "constitutional_hash_mismatch");
            silent(&reply);
        }
        let missing = send(&[("authorization", &read)]).await;
        refused(&missing, 403, "constitutional_hash_mismatch");
        silent(&missing);
        let twice = send(&[
            ("authorization", &read),
            ("x-constitutional-hash", DEFAULT_HASH),
            ("x-constitutional-hash", DEFAULT_HASH),
        ])
        .await;
        refused(&twice, 403, "constitutional_hash_mismatch");
        let passed = send(&[
            ("authorization", &read),
            ("x-constitutional-hash", DEFAULT_HASH),
        ])
        .await;
        assert_eq!(
            passed.header("x-constitutional-hash"),
            DEFAULT_HASH,
            "{} {path}",
            route.method
        );
        assert_ne!(passed.at("/code"), "constitutional_hash_mismatch");
        if route.access == Access::Operator {
            refused(&passed, 403, "forbidden");
        }
    }
}

#[tokio::test]
async fn open_routes_need_nothing_and_tell_no_hash() {
    let app = TestApp::new().await;
    for path in ["/", "/health", "/metrics", "/openapi.json"] {
        for headers in [
            &[][..],
            &[
                ("authorization", "Bearer nonsense"),
                ("x-constitutional-hash", "nonsense"),
            ],
        ] {
            let reply = app.send(bare("GET", path, headers)).await.expect(200);
            assert_eq!(reply.header("x-constitutional-hash"), "", "{path}");
        }
    }
    assert_eq!(
        app.send(bare("GET", "/", &[])).await.at("/service"),
        "tollgate"
    );
    assert_eq!(
        app.send(bare("GET", "/health", &[])).await.at("/status"),
        "healthy"
    );
    let metrics = app.send(bare("GET", "/metrics", &[])).await;
    assert!(
        metrics
            .text
            .contains("tollgate_requests_total{route=\"GET /health\",status=\"200\"} 3"),
        "{}",
        metrics.text
    );
    assert!(metrics.header("content-type").starts_with("text/plain"));
}

#[tokio::test]
async fn an_empty_hash_switches_the_gate_off() {
    let settings =
        Settings::read(|name| (name == "TOLLGATE_CONSTITUTIONAL_HASH").then(String::new));
    let settings = settings.expect("settings");
    assert_eq!(settings.hash, None);
    let unset = Settings::read(|_| None).expect("settings");
    assert_eq!(unset.hash.as_deref(), Some(DEFAULT_HASH));
    let clock = std::sync::Arc::new(TestClock::at("2026-11-22T10:00:00Z"));
    let service = Service::new(
        std::sync::Arc::new(Memory::default()),
        clock,
        Tenancy::Sole,
        [7; 32],
    );
    let operator = Some(KeyRecord::operator("o", "key"));
    let router = router(
        &App::new(
            service,
            Settings {
                operator,
                ..settings
            },
        ),
        TestApp::routes(),
    );
    let send = async |headers: &[(&'static str, &str)]| {
        router
            .clone()
            .oneshot(bare("GET", "/usage/acme", headers))
            .await
            .expect("an answer")
    };
    assert_eq!(send(&[]).await.status(), 401);
    let reply = send(&[("x-api-key", "key")]).await;
    assert_eq!(
        (
            reply.status().as_u16(),
            reply.headers().get("x-constitutional-hash")
        ),
        (200, None)
    );
}

#[tokio::test]
async fn a_key_is_one_however_often_it_is_sent_and_two_are_none() {
    let app = TestApp::new().await;
    let key = app.keys("acme").await.read;
    let (bearer, small) = (format!("Bearer {key}"), format!("bearer {key}"));
    let hash = ("x-constitutional-hash", DEFAULT_HASH);
    let (basic, padded) = (format!("Basic {key}"), format!("Bearer  {key}"));
    let one: [&[(&'static str, &str)]; 8] = [
        &[("authorization", &bearer)],
        &[("authorization", &small)],
        &[("authorization", &padded)],
        &[("x-api-key", &key)],
        &[("authorization", &bearer), ("authorization", &small)],
        &[("authorization", &bearer), ("x-api-key", &key)],
        &[("x-api-key", &key), ("x-api-key", &key)],
        &[("authorization", &basic), ("x-api-key", &key)],
    ];
    for headers in one {
        app.send(bare("GET", "/usage", &[headers, &[hash]].concat()))
            .await
            .expect(200);
    }
    let other = app.keys("acme").await.ingest;
    let several: [&[(&'static str, &str)]; 8] = [
        &[("authorization", &bearer), ("x-api-key", &other)],
        &[("x-api-key", &key), ("x-api-key", &other)],
        &[("x-api-key", &other), ("authorization", &bearer)],
        &[("authorization", &basic)],
        &[("authorization", &key)],
        &[("authorization", "Bearer "), ("x-api-key", &key)],
        &[("authorization", "Bearer")],
        &[("x-api-key", "")],
    ];
    for headers in several {
        refused(
            &app.send(bare("GET", "/usage", &[headers, &[hash]].concat()))
                .await,
            401,
            "unauthenticated",
        );
    }
}

#[tokio::test]
async fn only_the_key_says_who_calls() {
    let app = TestApp::new().await;
    app.record("other", json!({ "id": "e1" })).await.expect(201);
    let key = app.keys("acme").await.read;
    for (name, value) in [
        ("x-tenant-id", "other"),
        ("x-forwarded-for", "127.0.0.1"),
        (
            "x-amzn-request-context",
            "{\"authorizer\":{\"tenant_id\":\"other\",\"scopes\":[\"operator\"]}}",
        ),
        ("x-original-url", "/usage/other"),
        ("x-http-method-override", "DELETE"),
    ] {
        let plain = with_header(
            TestApp::request(&key, "GET", "/usage", Body::empty()),
            name,
            value,
        );
        assert_eq!(app.send(plain).await.expect(200).at("/count"), 0, "{name}");
        let other = with_header(
            TestApp::request(&key, "GET", "/usage/other", Body::empty()),
            name,
            value,
        );
        refused(&app.send(other).await, 404, "not_found");
    }
}

#[tokio::test]
async fn what_no_route_takes_is_404_or_405() {
    let app = TestApp::new().await;
    for (method, path) in [
        ("GET", "/nothing"),
        ("POST", "/usage/acme/more"),
        ("GET", "//usage"),
        ("GET", "/usage/"),
        ("BREW", "/coffee"),
    ] {
        refused(&app.call(method, path, "").await, 404, "not_found");
    }
    for (method, path, allow) in [
        ("DELETE", "/events", "POST"),
        ("GET", "/events/batch", "POST"),
        ("PATCH", "/limits/acme", "GET, PUT"),
        ("POST", "/limits/acme", "GET, PUT"),
        ("PUT", "/usage", "POST, GET"),
        ("OPTIONS", "/health", "GET"),
        ("BREW", "/keys", "POST, GET"),
    ] {
        let reply = app.call(method, path, "").await;
        refused(&reply, 405, "method_not_allowed");
        let set = |text: &str| text.split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(set(reply.header("allow")), set(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::new().await;
    for (path, status) in [
        ("/health", 200),
        ("/usage/acme", 200),
        ("/tenants/acme", 404),
        ("/events", 405),
        ("/nothing", 404),
    ] {
        let (head, get) = (app.call("HEAD", path, "").await, app.get(path).await);
        assert_eq!(
            (head.status, get.status, head.text.as_str()),
            (status, status, ""),
            "{path}"
        );
        assert_eq!(
            head.header("content-length"),
            get.text.len().to_string(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_body_of_more_than_1_mib_is_413_on_every_route() {
    let app = TestApp::new().await;
    let large = || Body::from(vec![b' '; (1 << 20) + 1]);
    for route in TestApp::routes() {
        let mut announced = TestApp::request(
            TestApp::operator(),
            route.method.as_str(),
            &concrete(route.path),
            large(),
        );
        // A route without a key reads no body, so only an announced one is too large.
        if route.access != Access::Open {
            refused(&app.send(announced).await, 413, "too_large");
        }
        announced = TestApp::request(
            "no key",
            route.method.as_str(),
            &concrete(route.path),
            Body::empty(),
        );
        let lying = with_header(announced, "content-length", "9999999999");
        refused(&app.send(lying).await, 413, "too_large");
    }
    refused(
        &post_as(&app, "no key", "/events", &json!({})).await,
        401,
        "unauthenticated",
    );
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_and_stays_in_no_cache() {
    let app = TestApp::new().await;
    let mut ids = BTreeSet::new();
    for _ in 0..3 {
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/usage/acme"),
            ("GET", "/nothing"),
            ("DELETE", "/"),
            ("POST", "/events"),
        ] {
            let reply = app
                .send(with_header(
                    TestApp::request(TestApp::operator(), method, path, Body::empty()),
                    "x-request-id",
                    "mine",
                ))
                .await;
            assert_eq!(reply.header("x-request-id").len(), 26, "{method} {path}");
            assert_eq!(reply.header("cache-control"), "no-store", "{method} {path}");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            ids.insert(reply.header("x-request-id").to_owned());
            if reply.status >= 400 {
                problem(&reply);
            }
        }
    }
    assert_eq!(ids.len(), 15);
}
