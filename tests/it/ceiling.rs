//! Bounds of a server: requests a second of one tenant, and how long one may take.

use axum::body::Body;
use serde_json::{Value, json};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tollgate_gateway::Settings;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Fault, Operation, TestApp};

#[tokio::test(start_paused = true)]
async fn a_tenant_beyond_its_requests_is_told_so_and_nothing_is_asked_for_it() {
    let settings = Settings {
        tenant_requests_per_second: NonZeroU32::new(5),
        ..Settings::default()
    };
    let app = TestApp::set_up(Arc::new(Memory::default()), Tenancy::Sole, settings);
    let (many, few) = (
        app.key("many", &["read"]).await,
        app.key("few", &["read"]).await,
    );
    let ask = async |key: &str| {
        app.call_with(key, "GET", "/usage/agents", Body::empty())
            .await
    };
    for _ in 0..6 {
        ask(&many).await.expect(200);
    }
    let refused = ask(&many).await.expect(429);
    assert_eq!(refused.at("/code"), "too_many_requests");
    assert_eq!(refused.header("retry-after"), "1");
    let calls = app.store.calls();
    for _ in 0..100 {
        ask(&many).await.expect(429);
    }
    assert_eq!(app.store.calls(), calls, "the store is asked for nothing");
    ask(&few).await.expect(200);
    app.get("/usage/many").await.expect(200);
    tokio::time::advance(Duration::from_millis(200)).await;
    ask(&many).await.expect(200);
    ask(&many).await.expect(429);
    tokio::time::advance(Duration::from_secs(10)).await;
    for _ in 0..6 {
        ask(&many).await.expect(200);
    }
    ask(&many).await.expect(429);
}

#[test]
fn a_bound_that_is_no_number_is_refused_by_name() {
    let read = |text: &'static str| {
        let variable = move |name: &str| {
            (name == "TOLLGATE_TENANT_REQUESTS_PER_SECOND").then(|| text.to_owned())
        };
        Settings::read(variable).map(|settings| settings.tenant_requests_per_second)
    };
    assert_eq!(read("250"), Ok(NonZeroU32::new(250)));
    assert_eq!((read("0"), read("")), (Ok(None), Ok(None)));
    let refused = read("many").expect_err("no number");
    assert!(
        refused.starts_with("TOLLGATE_TENANT_REQUESTS_PER_SECOND"),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_503_in_time_and_goes_on_when_it_is_repeated() {
    let settings = Settings {
        request_max: Duration::from_secs(14),
        ..Settings::default()
    };
    let app = TestApp::set_up(Arc::new(Memory::default()), Tenancy::Sole, settings);
    let event = |number: usize| json!({ "id": format!("e{number}"), "tenant_id": "acme", "operation": "agent_message" });
    let events: Vec<Value> = (0..900).map(event).collect();
    app.record("acme", event(0)).await.expect(201);
    app.store.rule(|call| match call.operation {
        Operation::Commit => Fault::Slow(Duration::from_secs(3)),
        _ => Fault::None,
    });
    let began = Instant::now();
    let cut = app.post("/events/batch", json!({ "events": events })).await;
    assert!(
        began.elapsed() <= Duration::from_secs(14),
        "{:?}",
        began.elapsed()
    );
    assert!([200, 503].contains(&cut.status), "{}", cut.text);
    assert!(cut.text.contains("store_unavailable"), "{}", cut.text);
    app.store.heal();
    let whole = app.post("/events/batch", json!({ "events": events })).await;
    let whole = whole.expect(200);
    let results = whole.at("/results").as_array().expect("results").clone();
    let is_there = |result: &&Value| {
        ["recorded", "replayed"].contains(&result["status"].as_str().unwrap_or(""))
    };
    assert_eq!(results.iter().filter(is_there).count(), 900);
    let used = app.get("/usage/summary?tenant_id=acme").await;
    assert_eq!(used.expect(200).at("/total_events"), 900);
}

/// Whoever is killed answers nothing: not even that it may be sent again.
#[test]
fn every_function_may_run_longer_than_a_request_takes() {
    let template = include_str!("../../infra/template.yaml");
    let timeouts = template
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Timeout: "));
    let timeouts: Vec<u64> = timeouts
        .filter_map(|seconds| seconds.parse().ok())
        .collect();
    assert!(timeouts.len() >= 3, "{timeouts:?}");
    let most = Settings::default().request_max.as_secs();
    assert!(
        timeouts.iter().all(|timeout| *timeout > most),
        "{timeouts:?}"
    );
}
