//! Bad requests: every route x every class of bad input. Each is answered with
//! a whole problem that names what is at fault, and leaves the store as it was.

mod bodies;
mod fields;
mod headers;
mod random;
mod texts;
mod urls;
mod values;

pub(crate) use bodies::{
    documented as good_bodies, furnish, good as good_body, hold, path as good_path,
};

use crate::given::{Open, card, limit, problem};
use crate::openapi::Document;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_core::{Attrs, Key};
use tollgate_gateway::Route;
use tollgate_tests::{TestApp, TestReply, TestStore};

/// One bad request, and what its answer is to name.
struct Case {
    name: String,
    route: Route,
    request: Request<Body>,
    /// The place at fault; `None` = none in particular.
    pointer: Option<String>,
    /// Where the problem stands.
    place: Place,
}

/// Where an answer says that something is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The answer is a problem.
    Answer,
    /// The answer is 200, and the first result of the batch is rejected.
    Result,
    /// The answer is 200, and says that the event is not valid.
    Verdict,
}

impl Case {
    fn new(route: &Route, name: &str, request: Request<Body>) -> Self {
        let name = format!("{} {} {name}", route.method, route.path);
        Self {
            name,
            route: route.clone(),
            request,
            pointer: None,
            place: Place::Answer,
        }
    }

    fn at(mut self, pointer: &str) -> Self {
        self.pointer = Some(pointer.to_owned());
        self
    }

    fn told_in(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
}

/// A store with some of everything, and what it holds.
async fn seeded() -> (Open, BTreeMap<Key, Attrs>) {
    let open = Open::new();
    let app = &open.app;
    app.record(
        "acme",
        json!({ "id": "e1", "task_id": "t1", "agent_id": "a1" }),
    )
    .await
    .expect(201);
    app.limit("acme", json!([limit(json!({ "hard": 5 }))]))
        .await;
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "monthly_total_limit": 9 }),
    )
    .await
    .expect(200);
    card(app, "ai", json!({ "gpt-4o": { "token_in": "0.0000025" } })).await;
    app.keys("acme").await;
    furnish(app, "acme").await;
    let dump = open.dump();
    (open, dump)
}

/// Sends each case and judges its answer; how many there were.
async fn judge(cases: Vec<Case>) -> usize {
    let (open, before) = seeded().await;
    let (document, count) = (Document::read(), cases.len());
    for Case {
        name,
        route,
        request,
        pointer,
        place,
    } in cases
    {
        let reply = open.app.send(request).await;
        let wrong = faults(&reply, pointer.as_deref(), place);
        assert!(
            wrong.is_empty(),
            "{name}: {wrong}: {} {}",
            reply.status,
            reply.text
        );
        let undocumented = document.faults(route.method.as_str(), route.path, &reply);
        assert!(
            undocumented.is_empty(),
            "{name}: {undocumented:?}: {} {}",
            reply.status,
            reply.text
        );
        assert!(open.dump() == before, "{name}: the store changed");
    }
    count
}

/// What is wrong with the answer to a bad request.
fn faults(reply: &TestReply, pointer: Option<&str>, place: Place) -> &'static str {
    let errors = match place {
        Place::Answer if !(400..500).contains(&reply.status) => return "no refusal",
        Place::Answer => problem(reply)["errors"].clone(),
        _ if reply.status != 200 => return "not told inside",
        Place::Result if reply.at("/results/0/status") != "rejected" => return "not rejected",
        Place::Result => reply.at("/results/0/problem/errors"),
        Place::Verdict if reply.at("/valid") != false => return "valid",
        Place::Verdict => reply.at("/errors"),
    };
    let Some(pointer) = pointer else { return "" };
    let falsely =
        |error: &Value| error["message"] == "is an unknown field" && error["pointer"] != pointer;
    if errors.as_array().into_iter().flatten().any(falsely) {
        return "a field that is known is called unknown";
    }
    // An object at fault is named by what is missing in it.
    let at = |error: &Value| {
        error["pointer"]
            .as_str()
            .is_some_and(|found| found == pointer || found.starts_with(&format!("{pointer}/")))
    };
    let named = |error: &Value| {
        at(error)
            && error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
    };
    if errors
        .as_array()
        .is_some_and(|errors| errors.iter().any(named))
    {
        ""
    } else {
        "the place at fault is not named"
    }
}

#[tokio::test]
async fn no_text_that_is_no_body_is_taken() {
    assert!(judge(texts::cases()).await > 250);
}

#[tokio::test]
async fn no_field_takes_what_it_should_not() {
    assert!(judge(fields::cases()).await > 1200);
}

#[tokio::test]
async fn no_query_or_path_takes_what_it_should_not() {
    assert!(judge(urls::cases()).await > 700);
}

#[tokio::test]
async fn no_header_takes_what_it_should_not() {
    assert!(judge(headers::cases()).await > 20);
}

#[tokio::test]
async fn no_query_or_path_is_a_fault_of_the_embedded_store() {
    let app = TestApp::on(TestStore::Embedded).await;
    app.record("acme", json!({ "id": "e1", "task_id": "t1" }))
        .await
        .expect(201);
    for Case { name, request, .. } in urls::cases() {
        let reply = app.send(request).await;
        assert!(
            (400..500).contains(&reply.status),
            "{name}: {} {}",
            reply.status,
            reply.text
        );
    }
}

#[tokio::test]
async fn every_good_body_of_the_table_is_taken() {
    for route in TestApp::routes() {
        for body in bodies::all(&route) {
            let (open, _) = seeded().await;
            let reply = open
                .app
                .call(
                    route.method.as_str(),
                    &bodies::path(&route),
                    body.to_string(),
                )
                .await;
            assert!(
                matches!(reply.status, 200 | 201),
                "{route:?}: {}",
                reply.text
            );
            assert_ne!(reply.at("/valid"), false, "{route:?}: {}", reply.text);
            assert_eq!(
                reply.at("/rejected").as_u64().unwrap_or(0),
                0,
                "{route:?}: {}",
                reply.text
            );
        }
    }
}
