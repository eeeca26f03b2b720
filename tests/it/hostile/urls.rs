//! Bad queries and paths.

use super::{Case, bodies};
use axum::body::Body;
use http::Method;
use tollgate_gateway::{Access, Route};
use tollgate_tests::TestApp;

pub(super) fn cases() -> Vec<Case> {
    let routes: Vec<Route> = TestApp::routes()
        .into_iter()
        .filter(|route| route.access != Access::Open)
        .collect();
    routes
        .iter()
        .flat_map(|route| {
            queries()
                .into_iter()
                .map(|query| with_query(route, &query))
                .chain(paths(route))
        })
        .collect()
}

/// What no route takes: unknown to some, bad for the others.
fn queries() -> Vec<String> {
    let long = |name: &str, count: usize| format!("{name}={}", "x".repeat(count));
    let mut queries = [
        "oops=1",
        "LIMIT=1",
        "limit=0",
        "limit=-1",
        "limit=1001",
        "limit=1e2",
        "limit=99999999999999999999",
        "limit=NaN",
        "limit",
        "cursor=nonsense",
        "cursor=",
        "start=yesterday",
        "start=2026-11-22T10:00:00",
        "end=1e400",
        "start_date=0",
        "start=2026-11-22&end=2026-11-21",
        "agent_id=a%7Cb",
        "agent=%20",
        "task_id=",
        "tier=%00",
        "model=%ff",
        "model=%ed%a0%80",
        "%zz=1",
        "=1",
        "tenant_id=a%7Cb",
        "tenant_id=a%2Fb",
        "tenant_id=summary",
        "tenant_id=",
        "tenant_id=acme&tenant_id=acme",
        "tenant_id=acme&oops",
        "mode=loud",
        "backfill=maybe",
        "version=x",
        "version=-1",
        "id=%C3%A9",
        "start=2026-11-22&start_date=2026-11-22",
    ]
    .map(str::to_owned)
    .to_vec();
    queries.extend([
        long("cursor", 4000),
        long("operation", 129),
        long("oops", 9000),
    ]);
    queries
}

fn with_query(route: &Route, query: &str) -> Case {
    let path = format!("{}?{query}", bodies::path(route));
    let body = bodies::good(route).map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let shown = query.chars().take(60).collect::<String>();
    let request = TestApp::request(TestApp::operator(), route.method.as_str(), &path, body);
    Case::new(route, &format!("?{shown}"), request)
}

/// Segments that are no id: not there on reading, and refused on writing.
fn paths(route: &Route) -> Vec<Case> {
    let Some((head, tail)) = route.path.split_once('{') else {
        return Vec::new();
    };
    let tail = tail.split_once('}').map_or("", |(_, tail)| tail);
    let long = [129, 3000].map(|count| "x".repeat(count));
    let segments = [
        "a%7Cb",
        "a%23b",
        "%00",
        "a%0Ab",
        "%ff",
        "%ed%a0%80",
        "%C3%A9",
        "..",
        ".",
        "%2e%2e",
        "%2e%2e%2fusage",
        "a%2Fb",
        "-a",
        "a%20b",
        "%20",
        "%",
        "%zz",
        "%25",
        "%E2%80%AEx",
        "=1",
        "*",
        "a'b",
        "$ne",
    ];
    let segments = segments.into_iter().chain(long.iter().map(String::as_str));
    let body = || bodies::good(route).map_or_else(Body::empty, |body| Body::from(body.to_string()));
    // The rest of the request is good, so that only the path is bad.
    let needs_tenant = route.method == Method::GET && matches!(head, "/events/" | "/usage/tasks/");
    let query = if needs_tenant { "?tenant_id=acme" } else { "" };
    let case = |segment: &str| {
        let path = format!("{head}{segment}{tail}{query}");
        let request = TestApp::request(TestApp::operator(), route.method.as_str(), &path, body());
        Case::new(
            route,
            &segment.chars().take(40).collect::<String>(),
            request,
        )
    };
    segments.map(case).collect()
}
