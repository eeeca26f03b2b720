//! `POST /usage` and `POST /usage/batch`: the ASAP form.

use crate::given::{
    Open, events_of, limit, merged, operators, pointers, post_as, refused, without,
};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

pub(crate) fn step(fields: Value) -> Value {
    let base = json!({
        "tenant_id": "acme", "task_id": "t1", "agent_id": "a1", "consumer_id": "c1", "tokens_in": 10, "tokens_out": 20,
        "duration_ms": 100, "api_calls": 1, "timestamp": "2026-11-22T09:00:00Z",
    });
    merged(base, fields)
}

#[tokio::test]
async fn a_step_is_recorded_and_its_repeat_is_not() {
    let open = Open::new();
    let app = &open.app;
    let first = app.post("/usage", step(json!({}))).await.expect(201);
    let event_id = first.at("/event_id");
    assert_eq!(
        first.json(),
        json!({ "status": "recorded", "task_id": "t1", "event_id": event_id })
    );
    let before = open.dump();
    let respelt = step(json!({ "timestamp": "2026-11-22T10:00:00+01:00" }));
    for body in [step(json!({})), respelt] {
        assert_eq!(
            app.post("/usage", body).await.expect(200).json(),
            first.json()
        );
    }
    assert_eq!(open.dump(), before);
    let stored = app
        .get(&format!(
            "/events/{}?tenant_id=acme",
            event_id.as_str().expect("an id")
        ))
        .await
        .expect(200);
    let fields = [
        "operation",
        "tokens_in",
        "tokens_out",
        "duration_ms",
        "api_calls",
        "units",
        "cost",
    ];
    let expected = [
        json!("agent_task"),
        json!(10),
        json!(20),
        json!(100),
        json!(1),
        json!(1),
        json!("0"),
    ];
    assert_eq!(
        fields.map(|field| stored.at(&format!("/{field}"))),
        expected
    );
}

#[tokio::test]
async fn another_step_of_the_same_task_counts_too() {
    let app = TestApp::new().await;
    app.post("/usage", step(json!({}))).await.expect(201);
    for fields in [
        json!({ "timestamp": "2026-11-22T09:00:01Z" }),
        json!({ "tokens_in": 11 }),
        json!({ "tokens_out": 21 }),
        json!({ "duration_ms": 101 }),
        json!({ "api_calls": 2 }),
        json!({ "agent_id": "a2" }),
        json!({ "consumer_id": "c2" }),
        json!({ "task_id": "t2" }),
    ] {
        app.post("/usage", step(fields)).await.expect(201);
    }
    let summary = app.get("/usage/summary?tenant_id=acme").await.expect(200);
    assert_eq!(
        (summary.at("/total_events"), summary.at("/total_tasks")),
        (json!(9), json!(2))
    );
    app.post(
        "/usage",
        without(
            step(json!({})),
            &["tokens_in", "tokens_out", "duration_ms", "api_calls"],
        ),
    )
    .await
    .expect(201);
}

#[tokio::test]
async fn what_has_happened_is_recorded_past_every_limit() {
    let app = TestApp::new().await;
    app.limit(
        "acme",
        json!([
            limit(json!({ "hard": 0 })),
            limit(json!({ "id": "t", "measure": "tokens", "hard": 0 }))
        ]),
    )
    .await;
    app.post("/usage", step(json!({}))).await.expect(201);
    app.post(
        "/usage/batch",
        json!({ "events": [step(json!({ "task_id": "t2" }))] }),
    )
    .await
    .expect(201);
    assert_eq!(events_of(&app, "acme").await, 2);
    assert_eq!(app.get("/limits/acme").await.at("/standing/1/used"), 60);
}

#[tokio::test]
async fn whatever_is_invalid_is_400() {
    let open = Open::new();
    let app = &open.app;
    let before = open.dump();
    for (body, at) in [
        (
            json!({ "tenant_id": "acme", "task_id": "t1" }),
            "/agent_id /consumer_id /timestamp",
        ),
        (step(json!({ "tokens_in": -1 })), "/tokens_in"),
        (
            step(json!({ "duration_ms": -100, "api_calls": 1.5 })),
            "/duration_ms /api_calls",
        ),
        (step(json!({ "operation": "agent_task" })), "/operation"),
        (
            step(json!({ "timestamp": "2026-11-22T09:00:00" })),
            "/timestamp",
        ),
        (
            step(json!({ "timestamp": "2026-10-18T09:59:59Z" })),
            "/timestamp",
        ),
        (
            step(json!({ "timestamp": "2026-11-22T10:05:01Z" })),
            "/timestamp",
        ),
        (step(json!({ "agent_id": "a  b" })), "/agent_id"),
        (step(json!({ "id": "e1" })), "/id"),
    ] {
        assert_eq!(
            pointers(&refused(
                &app.post("/usage", body.clone()).await,
                400,
                "invalid_request"
            )),
            at
        );
        let batch = json!({ "events": [step(json!({})), body] });
        let at = at
            .split(' ')
            .map(|at| format!("/events/1{at}"))
            .collect::<Vec<_>>()
            .join(" ");
        assert_eq!(
            pointers(&refused(
                &app.post("/usage/batch", batch).await,
                400,
                "invalid_request"
            )),
            at
        );
    }
    assert_eq!(open.dump(), before, "nothing of any batch was recorded");
}

#[tokio::test]
async fn a_batch_counts_its_tasks_in_order() {
    let app = TestApp::new().await;
    let events = ["t2", "t1", "t2"].map(|task| step(json!({ "task_id": task })));
    for _ in 0..2 {
        let reply = app
            .post("/usage/batch", json!({ "events": events }))
            .await
            .expect(201);
        assert_eq!(
            reply.json(),
            json!({ "status": "recorded", "count": 3, "task_ids": ["t2", "t1", "t2"] })
        );
    }
    assert_eq!(events_of(&app, "acme").await, 2);
    for body in [
        json!({ "events": [] }),
        json!({ "events": vec![step(json!({})); 1001] }),
        json!({ "invalid": 1 }),
        json!([]),
    ] {
        refused(
            &app.post("/usage/batch", body).await,
            400,
            "invalid_request",
        );
    }
    let many: Vec<Value> = (0..1000)
        .map(|n| step(json!({ "task_id": format!("many-{n}") })))
        .collect();
    assert_eq!(
        app.post("/usage/batch", json!({ "events": many }))
            .await
            .expect(201)
            .at("/count"),
        1000
    );
}

#[tokio::test]
async fn a_batch_is_refused_whole_for_one_foreign_tenant() {
    let app = TestApp::new().await;
    let key = app.keys("acme").await.ingest;
    let batch = json!({ "events": [step(json!({})), step(json!({ "tenant_id": "other" }))] });
    refused(
        &post_as(&app, &key, "/usage/batch", &batch).await,
        403,
        "forbidden",
    );
    refused(
        &post_as(&app, &key, "/usage", &step(json!({ "tenant_id": "other" }))).await,
        403,
        "forbidden",
    );
    assert_eq!(events_of(&app, "acme").await, 0);
    app.post("/usage/batch", batch).await.expect(201);
    assert_eq!(
        (
            events_of(&app, "acme").await,
            events_of(&app, "other").await
        ),
        (json!(1), json!(1))
    );
}

#[tokio::test]
async fn the_header_protects_a_step_too() {
    let app = TestApp::new().await;
    let send = |body: Value| app.send(operators("POST", "/usage", &body, "idempotency-key", "k1"));
    let first = send(step(json!({}))).await.expect(201);
    let again = send(step(json!({}))).await.expect(201);
    assert_eq!(
        (first.json(), again.header("idempotency-replayed")),
        (again.json(), "true")
    );
    refused(
        &send(step(json!({ "tokens_in": 11 }))).await,
        422,
        "idempotency_key_reused",
    );
    assert_eq!(events_of(&app, "acme").await, 1);
}
