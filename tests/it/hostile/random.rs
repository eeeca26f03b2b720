//! Requests made of good ones by chance: no number of things wrong at once is a
//! fault of the service.

use super::{bodies, seeded};
use crate::given::problem;
use crate::openapi::Document;
use axum::body::Body;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use tollgate_gateway::Route;
use tollgate_tests::TestApp;

/// What is put in the places of a good body, as JSON text.
const PIECES: [&str; 24] = [
    "null",
    "0",
    "-0",
    "1",
    "-1",
    "1e400",
    "0.1",
    "1e-7",
    "9007199254740991",
    "9007199254740992",
    "true",
    "\"\"",
    "\"x\"",
    "\"acme\"",
    "\"default\"",
    "\"gpt-4o\"",
    "\"0.5\"",
    "\"USD\"",
    "\"EUR\"",
    "\"2026-11-22T10:00:00Z\"",
    "\"a|b\"",
    "[]",
    "{}",
    "[{}]",
];

/// One change to a good body: a piece in one of its places, or a place less.
#[derive(Clone, Debug)]
enum Change {
    Put(Index, &'static str),
    Drop(Index),
    Copy(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), select(&PIECES[..])).prop_map(|(at, piece)| Change::Put(at, piece)),
        2 => any::<Index>().prop_map(Change::Drop),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Copy(from, to)),
    ]
}

/// The body after the changes, as text.
fn changed(good: &Value, changes: &[Change]) -> String {
    let (mut body, mut pieces) = (good.clone(), Vec::new());
    for change in changes {
        let places = places(&body);
        match change {
            Change::Put(at, piece) => {
                pieces.push(*piece);
                replace(
                    &mut body,
                    &places[at.index(places.len())],
                    json!(format!("PIECE-{}", pieces.len() - 1)),
                );
            }
            Change::Copy(from, to) => {
                let value = body
                    .pointer(&places[from.index(places.len())])
                    .cloned()
                    .unwrap_or_default();
                replace(&mut body, &places[to.index(places.len())], value);
            }
            Change::Drop(at) => drop_at(&mut body, &places[at.index(places.len())]),
        }
    }
    let mut text = body.to_string();
    for (index, piece) in pieces.iter().enumerate().rev() {
        text = text.replace(&format!("\"PIECE-{index}\""), piece);
    }
    text
}

fn replace(body: &mut Value, at: &str, value: Value) {
    if let Some(place) = body.pointer_mut(at) {
        *place = value;
    }
}

fn drop_at(body: &mut Value, at: &str) {
    let Some((parent, name)) = at.rsplit_once('/') else {
        return;
    };
    if let Some(fields) = body.pointer_mut(parent).and_then(Value::as_object_mut) {
        fields.remove(name);
    }
}

/// The pointers to everything in `value`.
fn places(value: &Value) -> Vec<String> {
    let below = |(key, value): (String, &Value)| {
        places(value)
            .into_iter()
            .map(move |place| format!("/{key}{place}"))
    };
    let inner: Vec<String> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .flat_map(below)
            .collect(),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .flat_map(below)
            .collect(),
        _ => Vec::new(),
    };
    std::iter::once(String::new()).chain(inner).collect()
}

#[test]
fn no_request_made_by_chance_is_a_fault_of_the_service() {
    let with_body = |route: Route| bodies::good(&route).map(|good| (route, good));
    let routes: Vec<(Route, Value)> = TestApp::routes()
        .into_iter()
        .filter_map(with_body)
        .collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (open, _) = runtime.block_on(seeded());
    let document = Document::read();
    let config = ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(which in any::<Index>(), changes in proptest::collection::vec(change(), 1..6))| {
        let (route, good) = which.get(&routes);
        let body = changed(good, &changes);
        let request = TestApp::request(TestApp::operator(), route.method.as_str(), &bodies::path(route), Body::from(body.clone()));
        let reply = runtime.block_on(open.app.send(request));
        prop_assert!(reply.status < 500, "{:?} {}: {}", route, body, reply.text);
        let undocumented = document.faults(route.method.as_str(), route.path, &reply);
        prop_assert!(undocumented.is_empty(), "{:?} {}: {:?} {}", route, body, undocumented, reply.text);
        if reply.status >= 400 {
            problem(&reply);
        }
    });
}
