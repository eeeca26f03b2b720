//! `POST /events/batch`: each event on its own, in order, and safe to repeat.

use crate::given::{Open, events_of, limit, merged, pointers, post_as, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

fn event(fields: Value) -> Value {
    merged(
        json!({ "tenant_id": "acme", "operation": "agent_message" }),
        fields,
    )
}

async fn send(app: &TestApp, events: &[Value]) -> TestReply {
    app.post("/events/batch", json!({ "events": events }))
        .await
        .expect(200)
}

/// One word an event, in order.
fn statuses(reply: &TestReply) -> String {
    let results = reply.at("/results");
    let results = results.as_array().expect("results");
    results
        .iter()
        .filter_map(|result| result["status"].as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

fn counts(reply: &TestReply) -> [Value; 3] {
    ["recorded", "replayed", "rejected"].map(|word| reply.at(&format!("/{word}")))
}

#[tokio::test]
async fn results_come_in_order_with_all_that_each_needs() {
    let app = TestApp::new().await;
    let events = [
        event(json!({ "id": "e1", "operation": "hitl_approval" })),
        event(json!({ "id": "e2", "units": -1 })),
        event(json!({ "id": "e1", "operation": "hitl_approval" })),
        event(json!({ "id": "e3", "operation": "gpt-9" })),
        event(json!({ "id": "e4" })),
        json!(7),
        event(json!({ "id": "e1" })),
    ];
    let reply = send(&app, &events).await;
    assert_eq!(counts(&reply), [json!(2), json!(1), json!(4)]);
    assert_eq!(
        statuses(&reply),
        "recorded rejected replayed rejected recorded rejected rejected"
    );
    let recorded = json!({ "index": 0, "event_id": "e1", "status": "recorded", "cost": "0.05",
        "currency": "USD", "decision": "allow", "voided": false, "problem": null });
    assert_eq!(reply.at("/results/0"), recorded);
    assert_eq!(
        reply.at("/results/2"),
        merged(recorded, json!({ "index": 2, "status": "replayed" }))
    );
    for (index, id, code, pointer) in [
        (1, Value::Null, "invalid_event", json!("/events/1/units")),
        (3, json!("e3"), "invalid_event", json!("/operation")),
        (5, Value::Null, "invalid_request", json!("/events/5")),
        (6, json!("e1"), "event_id_reused", Value::Null),
    ] {
        let result = reply.at(&format!("/results/{index}"));
        assert_eq!(
            (&result["index"], &result["problem"]["code"]),
            (&json!(index), &json!(code))
        );
        assert_eq!(
            (
                &result["event_id"],
                &result["problem"]["errors"][0]["pointer"]
            ),
            (&id, &pointer),
            "{index}"
        );
        for field in ["cost", "currency", "decision"] {
            assert_eq!(result.get(field), Some(&Value::Null), "{index} {field}");
        }
    }
    assert_eq!(events_of(&app, "acme").await, 2);
}

#[tokio::test]
async fn sending_a_batch_again_in_any_split_changes_nothing() {
    let open = Open::new();
    let app = &open.app;
    let events: Vec<Value> = (0..9)
        .map(|n| event(json!({ "id": format!("e{n}"), "units": n })))
        .collect();
    assert_eq!(
        counts(&send(app, &events[..4]).await),
        [json!(4), json!(0), json!(0)]
    );
    assert_eq!(
        counts(&send(app, &events).await),
        [json!(5), json!(4), json!(0)]
    );
    let before = open.dump();
    for size in 1..=9 {
        for part in events.chunks(size) {
            assert_eq!(
                counts(&send(app, part).await),
                [json!(0), json!(part.len()), json!(0)]
            );
        }
    }
    let backwards: Vec<Value> = events.into_iter().rev().collect();
    assert_eq!(
        counts(&send(app, &backwards).await),
        [json!(0), json!(9), json!(0)]
    );
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn a_denied_event_is_rejected_alone_and_later_ones_are_still_tried() {
    let app = TestApp::new().await;
    let limits = json!([
        limit(json!({ "measure": "tokens", "hard": 100 })),
        limit(json!({ "id": "b", "measure": "tokens_in", "hard": 100 }))
    ]);
    app.limit("acme", limits).await;
    let events: Vec<Value> = [60, 61, 40, 1]
        .map(|tokens| event(json!({ "id": format!("e{tokens}"), "tokens_in": tokens })))
        .into();
    let reply = send(&app, &events).await;
    assert_eq!(statuses(&reply), "recorded rejected recorded rejected");
    let problem = reply.at("/results/3/problem");
    assert_eq!(
        (&problem["code"], &problem["status"], &problem["usage"]),
        (&json!("usage_limit_exceeded"), &json!(429), &json!(100))
    );
    assert_eq!(
        problem["violations"].as_array().map(Vec::len),
        Some(1),
        "one violation, though two are passed"
    );
    assert_eq!(problem.get("request_id"), None);
}

#[tokio::test]
async fn a_batch_stops_exactly_at_the_limit() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "hard": 250 }))]))
        .await;
    let events: Vec<Value> = (0..300)
        .map(|n| event(json!({ "id": format!("e{n}") })))
        .collect();
    let reply = send(&app, &events).await;
    assert_eq!(counts(&reply), [json!(250), json!(0), json!(50)]);
    assert_eq!(
        (
            reply.at("/results/249/status"),
            reply.at("/results/250/status")
        ),
        (json!("recorded"), json!("rejected"))
    );
    assert_eq!(
        counts(&send(&app, &events).await),
        [json!(0), json!(250), json!(50)]
    );
    let observed = app
        .post("/events/batch?mode=observe", json!({ "events": events }))
        .await
        .expect(200);
    assert_eq!(counts(&observed), [json!(50), json!(250), json!(0)]);
    assert_eq!(observed.at("/results/299/decision"), "deny");
}

#[tokio::test]
async fn soft_limits_warn_in_a_batch_too() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "soft": 1 }))]))
        .await;
    let reply = send(&app, &[event(json!({})), event(json!({}))]).await;
    assert_eq!(
        (
            reply.at("/results/0/decision"),
            reply.at("/results/1/decision")
        ),
        (json!("allow"), json!("warn"))
    );
}

#[tokio::test]
async fn a_batch_has_1_to_1000_events_within_1_mib() {
    let app = TestApp::new().await;
    let events = |count: usize| json!({ "events": (0..count).map(|n| event(json!({ "id": format!("e{n}") }))).collect::<Vec<_>>() });
    for count in [0, 1001] {
        let problem = refused(
            &app.post("/events/batch", events(count)).await,
            400,
            "invalid_request",
        );
        assert_eq!(pointers(&problem), "/events");
    }
    assert_eq!(
        counts(&app.post("/events/batch", events(1000)).await.expect(200)),
        [json!(1000), json!(0), json!(0)]
    );
    let padded = |bytes: usize| {
        let body = events(1).to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    app.call("POST", "/events/batch", padded(1 << 20))
        .await
        .expect(200);
    refused(
        &app.call("POST", "/events/batch", padded((1 << 20) + 1))
            .await,
        413,
        "too_large",
    );
    for body in [
        json!({}),
        json!([]),
        json!({ "events": {} }),
        json!({ "events": [event(json!({}))], "oops": 1 }),
    ] {
        refused(
            &app.post("/events/batch", body).await,
            400,
            "invalid_request",
        );
    }
    assert_eq!(events_of(&app, "acme").await, 1000);
}

#[tokio::test]
async fn a_foreign_tenant_is_rejected_alone() {
    let app = TestApp::new().await;
    let key = app.keys("acme").await.ingest;
    let events = [
        event(json!({ "id": "e1" })),
        event(json!({ "id": "e2", "tenant_id": "other" })),
        json!({ "id": "e3", "operation": "agent_message" }),
    ];
    let reply = post_as(&app, &key, "/events/batch", &json!({ "events": events }))
        .await
        .expect(200);
    assert_eq!(statuses(&reply), "recorded rejected recorded");
    assert_eq!(
        (
            reply.at("/results/1/problem/status"),
            reply.at("/results/1/problem/code")
        ),
        (json!(403), json!("forbidden"))
    );
    assert_eq!(
        (
            events_of(&app, "acme").await,
            events_of(&app, "other").await
        ),
        (json!(2), json!(0))
    );
}

#[tokio::test]
async fn an_operators_batch_may_hold_many_tenants() {
    let app = TestApp::new().await;
    let events: Vec<Value> = ["b", "a", "b", "c", "a"]
        .map(|tenant| event(json!({ "id": "e", "tenant_id": tenant })))
        .into();
    let reply = send(&app, &events).await;
    assert_eq!(
        statuses(&reply),
        "recorded recorded replayed recorded replayed"
    );
    let nameless = send(&app, &[json!({ "operation": "agent_message" })]).await;
    assert_eq!(
        nameless.at("/results/0/problem/errors/0/pointer"),
        "/tenant_id"
    );
}

#[tokio::test]
async fn events_without_an_id_get_their_own() {
    let app = TestApp::new().await;
    let reply = send(&app, &[event(json!({})), event(json!({}))]).await;
    assert_eq!(statuses(&reply), "recorded recorded");
    assert_ne!(
        reply.at("/results/0/event_id"),
        reply.at("/results/1/event_id")
    );
    let id = reply.at("/results/1/event_id");
    app.get(&format!(
        "/events/{}?tenant_id=acme",
        id.as_str().expect("an id")
    ))
    .await
    .expect(200);
}

#[tokio::test]
async fn a_corrected_event_is_tried_though_its_first_form_was_refused() {
    let app = TestApp::new().await;
    app.limit(
        "acme",
        json!([limit(json!({ "measure": "tokens", "hard": 100 }))]),
    )
    .await;
    let unpriced = event(json!({ "id": "e1", "operation": "unknown" }));
    let large = event(json!({ "id": "e2", "tokens_in": 200 }));
    let small = event(json!({ "id": "e2", "tokens_in": 10 }));
    let events = [
        unpriced,
        event(json!({ "id": "e1" })),
        large,
        small.clone(),
        small,
    ];
    let reply = send(&app, &events).await;
    assert_eq!(
        statuses(&reply),
        "rejected recorded rejected recorded replayed"
    );
    let codes = [0, 2].map(|index| reply.at(&format!("/results/{index}/problem/code")));
    assert_eq!(codes, ["invalid_event", "usage_limit_exceeded"]);
}
