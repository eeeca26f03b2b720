//! CloudEvents, alone and in batches.

use crate::given::{events_of, merged, pointers, refused, without};
use http::HeaderValue;
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

const ONE: &str = "application/cloudevents+json";
const MANY: &str = "application/cloudevents-batch+json; charset=utf-8";
/// `ce-` and 32 hex digits of SHA-256("urn:src" NUL "A-1"), as `sha256sum` says.
const ID: &str = "ce-cbb025e5181caf6fcb72b9925d1ee4de";

fn cloud(data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": "A-1", "source": "urn:src", "type": "agent_message", "subject": "a1",
        "time": "2026-11-22T09:59:00Z", "datacontenttype": "application/json", "traceparent": "00-1-2-00", "data": data,
    })
}

async fn send(app: &TestApp, path: &str, media_type: &str, body: &Value) -> TestReply {
    let mut request = TestApp::request(TestApp::operator(), "POST", path, body.to_string().into());
    request.headers_mut().insert(
        "content-type",
        HeaderValue::from_str(media_type).expect("a header"),
    );
    app.send(request).await
}

#[tokio::test]
async fn the_envelope_says_what_data_does_not() {
    let app = TestApp::new().await;
    let reply = send(&app, "/events", ONE, &cloud(json!({ "tenant_id": "acme" })))
        .await
        .expect(201);
    assert_eq!(reply.at("/event_id"), ID);
    let stored = app
        .get(&format!("/events/{ID}?tenant_id=acme"))
        .await
        .expect(200);
    let said = ["operation", "agent_id", "timestamp"].map(|field| stored.at(&format!("/{field}")));
    assert_eq!(
        said,
        [
            json!("agent_message"),
            json!("a1"),
            json!("2026-11-22T09:59:00Z")
        ]
    );
}

#[tokio::test]
async fn data_wins_over_the_envelope() {
    let app = TestApp::new().await;
    let data = json!({
        "id": "own", "tenant_id": "acme", "operation": "hitl_approval", "agent_id": "a2", "timestamp": "2026-11-22T09:58:00Z", "units": 3,
    });
    send(&app, "/events", ONE, &cloud(data)).await.expect(201);
    let stored = app.get("/events/own?tenant_id=acme").await.expect(200);
    let said =
        ["operation", "agent_id", "timestamp", "cost"].map(|field| stored.at(&format!("/{field}")));
    assert_eq!(
        said,
        [
            json!("hitl_approval"),
            json!("a2"),
            json!("2026-11-22T09:58:00Z"),
            json!("0.15")
        ]
    );
}

#[tokio::test]
async fn source_and_id_make_the_event_whatever_else_the_envelope_says() {
    let app = TestApp::new().await;
    let event = cloud(json!({ "tenant_id": "acme" }));
    send(&app, "/events", ONE, &event).await.expect(201);
    let relayed = merged(
        event.clone(),
        json!({ "traceparent": "00-9-9-01", "dataschema": "urn:schema" }),
    );
    send(&app, "/events", ONE, &relayed).await.expect(200);
    send(
        &app,
        "/events",
        ONE,
        &merged(event.clone(), json!({ "source": "urn:other" })),
    )
    .await
    .expect(201);
    send(
        &app,
        "/events",
        ONE,
        &merged(event.clone(), json!({ "id": "A-2" })),
    )
    .await
    .expect(201);
    refused(
        &send(
            &app,
            "/events",
            ONE,
            &merged(event, json!({ "subject": "a2" })),
        )
        .await,
        409,
        "event_id_reused",
    );
    assert_eq!(events_of(&app, "acme").await, 3);
}

#[tokio::test]
async fn a_cloud_batch_is_a_batch() {
    let app = TestApp::new().await;
    let event = cloud(json!({ "tenant_id": "acme" }));
    let bad = merged(
        cloud(json!({ "tenant_id": "acme", "units": -1 })),
        json!({ "id": "A-2" }),
    );
    let reply = send(&app, "/events/batch", MANY, &json!([event, bad, event]))
        .await
        .expect(200);
    let statuses = [0, 1, 2].map(|index| reply.at(&format!("/results/{index}/status")));
    assert_eq!(
        statuses,
        [json!("recorded"), json!("rejected"), json!("replayed")]
    );
    assert_eq!(
        (
            reply.at("/results/0/event_id"),
            reply.at("/results/1/problem/errors/0/pointer")
        ),
        (json!(ID), json!("/1/data/units"))
    );
    let single = send(&app, "/events", ONE, &event).await.expect(200);
    assert_eq!(
        single.at("/replayed"),
        true,
        "a single event is the same event"
    );
    refused(
        &send(&app, "/events/batch", MANY, &json!([])).await,
        400,
        "invalid_request",
    );
}

#[tokio::test]
async fn a_broken_envelope_is_refused_by_name() {
    let app = TestApp::new().await;
    let event = cloud(json!({ "tenant_id": "acme" }));
    for missing in ["specversion", "id", "source", "type", "data"] {
        let problem = refused(
            &send(&app, "/events", ONE, &without(event.clone(), &[missing])).await,
            400,
            "invalid_request",
        );
        assert_eq!(pointers(&problem), format!("/{missing}"));
    }
    for (field, value, pointer) in [
        ("specversion", json!("0.3"), "/specversion"),
        ("type", json!("a|b"), "/type"),
        ("time", json!("2026-11-22T09:59:00"), "/time"),
        ("datacontenttype", json!("text/csv"), "/datacontenttype"),
        ("data_base64", json!("e30="), "/data_base64"),
        ("source", json!("urn:\u{1}"), "/source"),
    ] {
        let problem = refused(
            &send(
                &app,
                "/events",
                ONE,
                &merged(event.clone(), json!({ field: value })),
            )
            .await,
            422,
            "invalid_event",
        );
        assert_eq!(pointers(&problem), pointer);
    }
    assert_eq!(events_of(&app, "acme").await, 0);
}

#[tokio::test]
async fn one_event_and_a_batch_have_their_own_routes() {
    let app = TestApp::new().await;
    let event = cloud(json!({ "tenant_id": "acme" }));
    refused(
        &send(&app, "/events", MANY, &json!([event])).await,
        415,
        "unsupported_media_type",
    );
    refused(
        &send(&app, "/events/batch", ONE, &event).await,
        415,
        "unsupported_media_type",
    );
    assert_eq!(events_of(&app, "acme").await, 0);
}
