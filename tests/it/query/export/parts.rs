//! Parts with cursors: together they are the whole.

use super::super::five;
use super::{Thin, export, history};
use crate::given::{get_as, refused};
use axum::Router;
use axum::body::Body;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_gateway::{App, DEFAULT_HASH, Settings, gateway_reply, router};
use tollgate_service::{KeyRecord, Memory, Service, Tenancy};
use tollgate_tests::{TestApp, TestReply};
use tower::ServiceExt;

/// The target of the link to the next part.
fn next(reply: &TestReply) -> Option<String> {
    let link = Some(reply.header("link")).filter(|link| !link.is_empty())?;
    let target = link
        .strip_prefix('<')
        .and_then(|link| link.strip_suffix(">; rel=\"next\""));
    Some(target.expect("a link to the next part").to_owned())
}

/// All parts from the first on, and how many events each has.
async fn all_parts(app: &TestApp, query: &str) -> Vec<TestReply> {
    let mut parts = vec![export(app, query).await];
    while let Some(target) = next(parts.last().expect("a part")) {
        parts.push(app.get(&target).await.expect(200));
    }
    parts
}

fn joined(parts: &[TestReply]) -> String {
    parts.iter().map(|part| part.text.as_str()).collect()
}

#[tokio::test]
async fn parts_together_are_the_whole_whatever_their_size() {
    for items_max in [1, 2, 7, 1000] {
        let app = TestApp::over(
            Arc::new(Thin {
                inner: Arc::default(),
                items_max,
            }),
            Tenancy::Sole,
        );
        history(&app).await;
        for filter in [
            "",
            "agent=a1",
            "start=2026-11-22T07:30:00Z&end=2026-11-22T13:30:00Z",
            "tier=none",
        ] {
            let whole = export(&app, &format!("format=csv&{filter}")).await;
            assert_eq!(next(&whole), None);
            let lines = export(&app, &format!("format=jsonl&{filter}")).await.text;
            let data = export(&app, filter).await.at("/data");
            for limit in [1, 3, 100, 257, 1000] {
                let csv = all_parts(&app, &format!("format=csv&limit={limit}&{filter}")).await;
                assert_eq!(joined(&csv), whole.text);
                let events = data.as_array().expect("data").len();
                assert_eq!(
                    csv.len(),
                    events.div_ceil(limit).max(1),
                    "no part is empty but an only one"
                );
                assert_eq!(
                    joined(&all_parts(&app, &format!("limit={limit}&format=jsonl&{filter}")).await),
                    lines
                );
            }
            let json = all_parts(&app, &format!("limit=100&{filter}")).await;
            let found: Vec<Value> = json
                .iter()
                .flat_map(|part| part.at("/data").as_array().expect("data").clone())
                .collect();
            assert_eq!(Value::Array(found), data);
            for part in &json {
                assert_eq!(
                    part.at("/count"),
                    part.at("/data").as_array().expect("data").len()
                );
                let told = part.at("/next_cursor").as_str().map(str::to_owned);
                assert_eq!(
                    told.is_some_and(
                        |cursor| next(part).is_some_and(|link| link.ends_with(&cursor))
                    ),
                    next(part).is_some()
                );
            }
        }
    }
}

#[tokio::test]
async fn more_events_than_any_page_or_slice_are_all_there() {
    let app = TestApp::new().await;
    for n in 0..1100 {
        app.record("acme", json!({ "id": format!("single-{n}") }))
            .await
            .expect(201);
    }
    for batch in 0..3 {
        let event = |n: usize| json!({ "id": format!("b{batch}-{n}"), "tenant_id": "acme", "operation": "agent_message" });
        app.post(
            "/events/batch",
            json!({ "events": (0..1000).map(event).collect::<Vec<_>>() }),
        )
        .await
        .expect(200);
    }
    let whole = export(&app, "format=jsonl").await.text;
    let ids: std::collections::BTreeSet<&str> = whole.lines().collect();
    assert_eq!((whole.lines().count(), ids.len()), (4100, 4100));
    let parts = all_parts(&app, "format=jsonl&limit=999").await;
    assert_eq!((parts.len(), joined(&parts)), (5, whole));
}

#[tokio::test]
async fn a_cursor_goes_on_without_a_limit() {
    let app = TestApp::new().await;
    five(&app).await;
    let whole = export(&app, "format=csv").await.text;
    let first = export(&app, "format=csv&limit=2").await;
    let rest = next(&first).expect("a link").replace("limit=2&", "");
    assert_eq!(
        format!("{}{}", first.text, app.get(&rest).await.expect(200).text),
        whole
    );
}

#[tokio::test]
async fn a_cursor_that_was_changed_or_is_of_another_question_is_refused() {
    let app = TestApp::new().await;
    five(&app).await;
    app.record("other", json!({ "id": "x" })).await.expect(201);
    let cursor = export(&app, "format=json&limit=2&agent=a1&tier=enhanced")
        .await
        .at("/next_cursor");
    assert_eq!(cursor, Value::Null, "one event passes");
    let cursor = export(&app, "limit=1&agent=a1").await.at("/next_cursor");
    let cursor = cursor.as_str().expect("a cursor");
    for index in 0..cursor.len() {
        for other in "Ag0-"
            .chars()
            .filter(|other| !cursor[index..].starts_with(*other))
        {
            let changed = format!("{}{other}{}", &cursor[..index], &cursor[index + 1..]);
            refused(
                &app.get(&format!(
                    "/usage/export?tenant_id=acme&agent=a1&cursor={changed}"
                ))
                .await,
                400,
                "invalid_cursor",
            );
        }
    }
    for query in [
        "",
        "agent=a2&",
        "agent=a1&format=csv&",
        "agent=a1&start=2026-11-22&",
    ] {
        refused(
            &app.get(&format!(
                "/usage/export?tenant_id=acme&{query}cursor={cursor}"
            ))
            .await,
            400,
            "invalid_cursor",
        );
    }
    let other = app.keys("other").await.read;
    refused(
        &get_as(
            &app,
            &other,
            &format!("/usage/export?agent=a1&cursor={cursor}"),
        )
        .await,
        400,
        "invalid_cursor",
    );
    refused(
        &app.get(&format!("/usage?tenant_id=acme&agent=a1&cursor={cursor}"))
            .await,
        400,
        "invalid_cursor",
    );
    let of_list = app
        .get("/usage?tenant_id=acme&agent=a1&limit=1")
        .await
        .at("/next_cursor");
    let of_list = of_list.as_str().expect("a cursor");
    refused(
        &app.get(&format!(
            "/usage/export?tenant_id=acme&agent=a1&cursor={of_list}"
        ))
        .await,
        400,
        "invalid_cursor",
    );
}

/// The routes over `app`'s service as Lambda has them, which takes no streams.
fn behind_lambda(memory: &Arc<Memory>, app: &TestApp) -> Router {
    let service = Service::new(
        memory.clone(),
        app.clock.clone(),
        Tenancy::Shared {
            settle: std::time::Duration::ZERO,
        },
        [7; 32],
    );
    let operator = Some(KeyRecord::operator("test-operator", TestApp::operator()));
    router(
        &App::buffered(
            service,
            Settings {
                hash: Some(DEFAULT_HASH.to_owned()),
                operator,
                ..Settings::default()
            },
        ),
        TestApp::routes(),
    )
}

#[tokio::test]
async fn on_lambda_it_comes_in_parts_that_lambda_can_answer_with() {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    // The worst there is: metadata of nothing but what JSON escapes.
    let metadata = "\\\"".repeat(511);
    for batch in 0..25 {
        let event = |n: usize| json!({ "id": format!("{batch}-{n}"), "tenant_id": "acme", "operation": "agent_message", "metadata": metadata });
        app.post(
            "/events/batch",
            json!({ "events": (0..100).map(event).collect::<Vec<_>>() }),
        )
        .await
        .expect(200);
    }
    let lambda = behind_lambda(&memory, &app);
    for format in ["csv", "json", "jsonl"] {
        let mut target = format!("/usage/export?tenant_id=acme&format={format}");
        let (mut text, mut parts) = (String::new(), 0);
        loop {
            let request = TestApp::request(TestApp::operator(), "GET", &target, Body::empty());
            let reply =
                gateway_reply(lambda.clone().oneshot(request).await.expect("an answer")).await;
            assert_eq!(reply["statusCode"], 200);
            assert!(
                reply.to_string().len() < 6_000_000,
                "{} bytes",
                reply.to_string().len()
            );
            text.push_str(reply["body"].as_str().expect("a body"));
            parts += 1;
            let Some(link) = reply["headers"]["link"].as_str() else {
                break;
            };
            target = link
                .trim_start_matches('<')
                .split('>')
                .next()
                .expect("a target")
                .to_owned();
        }
        assert!(parts > 2, "{parts} parts");
        let whole = export(&app, &format!("format={format}")).await.text;
        match format {
            "json" => assert_eq!(text.matches("\"operation\"").count(), 2500),
            _ => assert!(text == whole, "{format}: the parts are not the whole"),
        }
    }
}
