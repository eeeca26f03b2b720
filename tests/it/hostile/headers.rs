//! Bad headers of good requests.

use super::{Case, bodies};
use crate::given::with_header;
use axum::body::Body;
use tollgate_gateway::Route;
use tollgate_tests::TestApp;

pub(super) fn cases() -> Vec<Case> {
    let routes = TestApp::routes();
    routes.iter().flat_map(of).collect()
}

fn of(route: &Route) -> Vec<Case> {
    let mut cases = Vec::new();
    if route.stores_answer || matches!(route.path, "/keys") && route.method == "POST" {
        let long = "x".repeat(256);
        cases.extend(
            ["", &long].map(|key| case(route, "idempotency-key", key).at("Idempotency-Key")),
        );
    }
    if matches!(route.path, "/limits/{tenant_id}" | "/tenants/{tenant_id}") && route.method == "PUT"
    {
        let versions = [
            "",
            "x",
            "-1",
            "1.5",
            "1e400",
            "NaN",
            "99999999999999999999999999",
            "\"1\" \"2\"",
            "\"1",
        ];
        cases.extend(versions.map(|version| case(route, "if-match", version).at("If-Match")));
    }
    if bodies::good(route).is_some() {
        cases
            .extend(["99999999999", "1048577"].map(|length| case(route, "content-length", length)));
    }
    cases
}

fn case(route: &Route, name: &'static str, value: &str) -> Case {
    let body = bodies::good(route).map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let request = TestApp::request(
        TestApp::operator(),
        route.method.as_str(),
        &bodies::path(route),
        body,
    );
    let shown = value.chars().take(30).collect::<String>();
    Case::new(
        route,
        &format!("{name}: {shown}"),
        with_header(request, name, value),
    )
}
