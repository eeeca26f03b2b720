//! A store that stalls, throttles, conflicts or fails: every route answers in
//! time, and `/health` says so.

use crate::given::refused;
use crate::hostile::{furnish, good_body, good_path};
use axum::body::Body;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;
use tollgate_gateway::Route;
use tollgate_service::Reason;
use tollgate_tests::{Call, Fault, Gate, Operation, TestApp, TestReply};

/// From the first call that the store did not serve.
const FIRST: Duration = Duration::from_secs(6);
/// Once the store is known to fail.
const LATER: Duration = Duration::from_secs(1);

type Rule = fn(Call) -> Fault;

const STALLS: Rule = |_| Fault::HeldBefore(Gate::default());
const STALLS_AT_COMMITS: Rule = |call| match call.operation {
    Operation::Commit => Fault::HeldBefore(Gate::default()),
    _ => Fault::None,
};
const THROTTLES: Rule = |call| match call.operation {
    Operation::Commit => Fault::Refuse(vec![Some(Reason::Throttled)]),
    _ => Fault::Before,
};
const CONFLICTS: Rule = |call| match call.operation {
    Operation::Commit | Operation::ReadTogether => Fault::Refuse(vec![Some(Reason::Conflict)]),
    _ => Fault::None,
};

const CONFLICTS_AT_COMMITS: Rule = |call| match call.operation {
    Operation::Commit => Fault::Refuse(vec![Some(Reason::Conflict)]),
    _ => Fault::None,
};

async fn furnished() -> TestApp {
    let app = TestApp::new().await;
    crate::given::card(&app, "ai", json!({ "gpt-4o": {} })).await;
    app.record("acme", json!({ "id": "e1", "task_id": "t1" }))
        .await
        .expect(201);
    furnish(&app, "acme").await;
    app
}

async fn ask(app: &TestApp, route: &Route) -> (TestReply, Duration) {
    let body = good_body(route).map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let path = match route.path {
        "/usage/aggregate" => "/usage/aggregate?tenant_id=acme&group_by=agent".to_owned(),
        _ if route.method == "GET" => format!("{}?tenant_id=acme", good_path(route)),
        _ => good_path(route),
    };
    let path = match route.path.contains("{tenant_id}") {
        true => good_path(route),
        false => path,
    };
    let began = Instant::now();
    let reply = app.call(route.method.as_str(), &path, body).await;
    (reply, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn every_route_answers_within_6_seconds_and_later_ones_within_1() {
    for (name, rule) in [
        ("stalls", STALLS),
        ("stalls at commits", STALLS_AT_COMMITS),
        ("throttles", THROTTLES),
        ("conflicts", CONFLICTS),
        ("conflicts at commits", CONFLICTS_AT_COMMITS),
    ] {
        for route in TestApp::routes() {
            let app = furnished().await;
            app.store.rule(rule);
            let (first, took) = ask(&app, &route).await;
            let case = format!("{name}: {} {}", route.method, route.path);
            assert!(took <= FIRST, "{case}: {took:?}");
            assert!(
                first.status < 500 || first.status == 503,
                "{case}: {}",
                first.text
            );
            if first.status == 503 {
                assert!(!first.header("retry-after").is_empty(), "{case}");
            }
            if first.status == 503 {
                let (later, took) = ask(&app, &route).await;
                assert!(took <= LATER, "{case}, later: {took:?}");
                assert_eq!(later.status, 503, "{case}, later: {}", later.text);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn health_is_503_while_writes_fail_and_200_once_they_do_not() {
    let app = furnished().await;
    app.get("/health").await.expect(200);
    app.store.rule(STALLS_AT_COMMITS);
    app.record("acme", json!({ "id": "e2" })).await.expect(503);
    refused(&app.get("/health").await, 503, "store_unavailable");
    app.store.heal();
    app.get("/health").await.expect(200);
    app.record("acme", json!({ "id": "e2" })).await.expect(201);
}

/// So many conflicts at commits, and then none.
fn conflicts(count: usize) -> impl FnMut(Call) -> Fault + Send + 'static {
    let mut left = count;
    move |call| {
        if call.operation != Operation::Commit || left == 0 {
            return Fault::None;
        }
        left -= 1;
        Fault::Refuse(vec![Some(Reason::Conflict)])
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_to_one_tenant_hurries_no_other() {
    let app = furnished().await;
    app.record("globex", json!({ "id": "g1" }))
        .await
        .expect(201);
    app.store.rule(CONFLICTS);
    app.record("acme", json!({ "id": "e2" })).await.expect(503);
    // As many as a request outlasts of a tenant whose commits are not paced.
    app.store.rule(conflicts(4));
    app.record("globex", json!({ "id": "g2" }))
        .await
        .expect(201);
    app.store.rule(conflicts(4));
    app.record("acme", json!({ "id": "e2" })).await.expect(503);
    app.store.heal();
    // As it was told to wait.
    tokio::time::advance(Duration::from_secs(1)).await;
    app.record("acme", json!({ "id": "e2" })).await.expect(201);
    // Its commits are paced no more once none met another for a while.
    tokio::time::advance(Duration::from_secs(8)).await;
    app.store.rule(conflicts(4));
    app.record("acme", json!({ "id": "e3" })).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_no_outage_in_which_holds_would_pass() {
    let app = TestApp::new().await;
    let limit = json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "day", "hard": 9, "on_unavailable": "allow" }]);
    app.limit("acme", limit).await;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    let hold =
        json!({ "id": "h1", "event": { "tenant_id": "acme", "operation": "agent_message" } });
    app.store.rule(CONFLICTS);
    for _ in 0..3 {
        let reply = app.post("/holds", hold.clone()).await;
        refused(&reply, 503, "store_unavailable");
    }
    app.store.rule(THROTTLES);
    let passed = app.post("/holds", hold.clone()).await.expect(201);
    assert_eq!(passed.at("/degraded"), true);
    app.store.heal();
    app.post("/holds", hold).await.expect(201);
}
