//! Good bodies with one thing wrong: a value, a field too many, a field twice.

use super::values::Kind;
use super::{Case, Place, bodies};
use serde_json::{Value, json};
use tollgate_gateway::Route;
use tollgate_tests::TestApp;

/// Stands in a body for a text that is put in its place.
const HERE: &str = "HERE";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let routes = TestApp::routes();
    for (route, good) in routes.iter().flat_map(|route| {
        bodies::all(route)
            .into_iter()
            .map(move |good| (route, good))
    }) {
        let mut places = Vec::new();
        visit("", "", &good, &mut places);
        for (pointer, kind, value) in places {
            let bad =
                |name: &str, at: &str, text: &str| case(route, &good, name, &pointer, at, text);
            if !pointer.is_empty() {
                cases.extend(kind.bad().iter().map(|text| bad("value", &pointer, text)));
            }
            if let Value::Object(fields) = &value {
                let inner = value.to_string();
                let inner = inner.trim_start_matches('{').trim_end_matches('}');
                let rest = if fields.is_empty() {
                    String::new()
                } else {
                    format!(",{}", value.to_string().trim_start_matches('{'))
                };
                let rest = if rest.is_empty() {
                    "}".to_owned()
                } else {
                    rest
                };
                cases.push(bad(
                    "unknown field",
                    &format!("{pointer}/oops"),
                    &format!("{{\"oops\":\"a|b\"{rest}"),
                ));
                if let Some((key, first)) = fields.iter().next().filter(|_| !inner.is_empty()) {
                    cases.push(bad(
                        "field twice",
                        &below(&pointer, key),
                        &format!("{{\"{key}\":{first}{rest}"),
                    ));
                }
            }
        }
        if good.pointer("/metadata").is_some() {
            cases.extend(
                metadata()
                    .iter()
                    .map(|text| case(route, &good, "metadata", "/metadata", "/metadata", text)),
            );
        }
    }
    cases
}

/// Every place in `value`, with what it takes.
fn visit(pointer: &str, name: &str, value: &Value, places: &mut Vec<(String, Kind, Value)>) {
    if name == "metadata" {
        return;
    }
    // The nodes of a tree are called as events call them.
    let called = if pointer.starts_with("/nodes/") && ["id", "parent"].contains(&name) {
        "budget_node"
    } else {
        name
    };
    places.push((pointer.to_owned(), Kind::of(called, value), value.clone()));
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(key, value)| visit(&below(pointer, key), key, value, places));
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(index, value)| {
                visit(&format!("{pointer}/{index}"), name, value, places)
            });
        }
        _ => {}
    }
}

/// The pointer to `key` in the object at `pointer`.
fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The good body with `text` at `pointer`; `at` is what the answer is to name.
fn case(route: &Route, good: &Value, name: &str, pointer: &str, at: &str, text: &str) -> Case {
    let mut body = good.clone();
    *body.pointer_mut(pointer).expect("a place") = json!(HERE);
    let body = body.to_string().replace(&format!("\"{HERE}\""), text);
    let is_json = serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok();
    let shown = text.chars().take(60).collect::<String>();
    let name = format!("{name} at `{pointer}`: {shown}");
    let request = TestApp::request(
        TestApp::operator(),
        route.method.as_str(),
        &bodies::path(route),
        body.into(),
    );
    let inside_record = pointer.strip_prefix("/events/0").is_some();
    let place = match route.path {
        "/usage/validate" => Place::Verdict,
        "/events/batch" if is_json && inside_record => Place::Result,
        _ => Place::Answer,
    };
    Case::new(route, &name, request)
        .at(if is_json { at } else { "" })
        .told_in(place)
}

/// Metadata may be anything but these.
fn metadata() -> Vec<String> {
    let long = format!("\"{}\"", "x".repeat(2047));
    let bad = [
        r#"{"a":1,"a":2}"#,
        r#"[{"b":{"a":1,"a":1}}]"#,
        r#""\ud800""#,
        r#"{"\udc00":1}"#,
        "NaN",
        "[1,]",
        "[01]",
        long.as_str(),
    ];
    bad.map(str::to_owned).into()
}
