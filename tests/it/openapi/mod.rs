//! `openapi.json` says what the code does, no more and no less.

mod codes;
mod document;
mod examples;
mod record;
mod schema;

pub(crate) use document::Document;

use crate::hostile::{good_bodies, good_body};
use axum::body::Body;
use serde_json::Value;
use std::collections::BTreeSet;
use tollgate_gateway::Access;
use tollgate_tests::TestApp;

#[tokio::test]
async fn the_document_is_served() {
    let app = TestApp::new().await;
    let reply = app
        .send(TestApp::request("", "GET", "/openapi.json", Body::empty()))
        .await
        .expect(200);
    assert_eq!(
        (reply.text.as_str(), reply.header("content-type")),
        (tollgate_quota::OPENAPI, "application/json")
    );
    assert_eq!(reply.at("/openapi"), "3.1.0");
}

#[test]
fn every_route_is_documented_and_no_other() {
    let served: BTreeSet<(String, String)> = TestApp::routes()
        .iter()
        .map(|route| (route.method.as_str().to_lowercase(), route.path.to_owned()))
        .collect();
    assert_eq!(
        served.len(),
        TestApp::routes().len(),
        "no route is served twice"
    );
    let document = Document::read();
    let documented: BTreeSet<(String, String)> = document
        .operations()
        .map(|(method, path, _)| (method.to_owned(), path.to_owned()))
        .collect();
    assert_eq!(documented, served);
}

#[test]
fn every_operation_says_who_may_call_it() {
    let document = Document::read();
    for route in TestApp::routes() {
        let operation = document.operation(route.method.as_str(), route.path);
        let scopes: Vec<&str> = match route.access {
            Access::Open => Vec::new(),
            Access::Operator => vec!["operator"],
            Access::Any(scopes) => scopes.iter().map(|scope| scope.as_str()).collect(),
        };
        let expected = match route.access {
            Access::Open => serde_json::json!([]),
            _ => serde_json::json!([
                { "bearer": scopes, "constitutional_hash": [] },
                { "api_key": scopes, "constitutional_hash": [] },
            ]),
        };
        assert_eq!(operation["security"], expected, "{route:?}");
        let parameters = document.parameters(operation);
        let once = parameters
            .iter()
            .any(|parameter| parameter["name"] == "Idempotency-Key");
        let takes_it = route.stores_answer
            || (route.method == "POST"
                && matches!(route.path, "/events" | "/holds" | "/keys" | "/quota"));
        assert_eq!(once, takes_it, "{route:?}");
        for part in route
            .path
            .split('{')
            .skip(1)
            .filter_map(|part| part.split('}').next())
        {
            let named = |parameter: &&Value| {
                parameter["in"] == "path"
                    && parameter["name"] == part
                    && parameter["required"] == true
            };
            assert_eq!(
                parameters
                    .iter()
                    .filter(|parameter| named(parameter))
                    .count(),
                1,
                "{route:?}"
            );
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_component_is_referred_to() {
    let document = Document::read();
    let text = tollgate_quota::OPENAPI;
    for kind in ["schemas", "responses", "parameters"] {
        let components = document
            .at(&format!("/components/{kind}"))
            .as_object()
            .expect("components");
        let uses = |name: &String| {
            text.matches(&format!("\"#/components/{kind}/{name}\""))
                .count()
        };
        // No operation can list what any path may answer.
        let unlisted = |name: &String| name == "MethodNotAllowed";
        let unused: Vec<&String> = components
            .keys()
            .filter(|name| uses(name) == 0 && !unlisted(name))
            .collect();
        assert_eq!(unused, Vec::<&String>::new(), "{kind}");
    }
    for reference in text
        .split("\"$ref\": \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert_ne!(
            document.at(reference.trim_start_matches('#')),
            &Value::Null,
            "{reference}"
        );
    }
    let ids: Vec<&str> = document
        .operations()
        .filter_map(|(_, _, operation)| operation["operationId"].as_str())
        .collect();
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        TestApp::routes().len()
    );
}

#[test]
fn a_body_has_the_documented_fields_and_no_other() {
    let document = Document::read();
    for route in TestApp::routes() {
        let operation = document.operation(route.method.as_str(), route.path);
        let Some(good) = good_body(&route) else {
            assert_eq!(operation["requestBody"], Value::Null, "{route:?}");
            continue;
        };
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(
            schema::faults(&document, schema, &good, ""),
            Vec::<String>::new(),
            "{route:?}"
        );
        let documented = document.resolved(schema)["properties"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        let bodies = good_bodies(&route);
        let missing: Vec<&String> = documented
            .keys()
            .filter(|name| bodies.iter().all(|body| body.get(name.as_str()).is_none()))
            .collect();
        assert!(
            missing.is_empty(),
            "{route:?} documents {missing:?}, which no good body in the hostile table has"
        );
    }
}

#[tokio::test]
async fn a_query_has_the_documented_parameters_and_no_other() {
    let document = Document::read();
    let named = |operation: &Value| -> BTreeSet<String> {
        let parameters = document.parameters(operation);
        let queries = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "query");
        queries
            .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
            .collect()
    };
    let mut all: BTreeSet<String> = document
        .operations()
        .flat_map(|(_, _, operation)| named(operation))
        .collect();
    all.extend(["offset", "format", "group_by", "dry_run"].map(str::to_owned));
    let app = TestApp::new().await;
    for route in TestApp::routes()
        .into_iter()
        .filter(|route| route.access != Access::Open)
    {
        let documented = named(document.operation(route.method.as_str(), route.path));
        for name in &all {
            let path = format!("{}?{name}=%7C", crate::hostile::good_path(&route));
            let body =
                good_body(&route).map_or_else(Body::empty, |body| Body::from(body.to_string()));
            let reply = app.call(route.method.as_str(), &path, body).await;
            let unknown = reply.text.contains("is an unknown parameter");
            assert_eq!(
                unknown,
                !documented.contains(name),
                "{route:?} {name}: {}",
                reply.text
            );
        }
    }
}
