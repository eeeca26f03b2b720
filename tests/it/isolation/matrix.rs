//! The matrix.

use super::{CANARY, two_tenants};
use crate::given::{get_as, problem, refused, without};
use crate::hostile::{furnish, good_body, hold};
use crate::openapi::Document;
use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use tollgate_gateway::{Access, Route};
use tollgate_tests::{TestApp, TestReply};

/// Who calls.
struct Credential {
    name: &'static str,
    key: Option<String>,
    /// Whose key it is; absent = no tenant's.
    tenant: Option<&'static str>,
    scopes: &'static [&'static str],
}

async fn credentials(app: &TestApp) -> Vec<Credential> {
    let wrong = format!("tg_{}_{}", "0".repeat(16), "0".repeat(64));
    let mut all = vec![
        Credential {
            name: "none",
            key: None,
            tenant: None,
            scopes: &[],
        },
        Credential {
            name: "wrong",
            key: Some(wrong),
            tenant: None,
            scopes: &[],
        },
        Credential {
            name: "operator",
            key: Some(TestApp::operator().to_owned()),
            tenant: None,
            scopes: &["operator"],
        },
    ];
    let scopes: [&'static [&'static str]; 5] = [
        &["ingest"],
        &["enforce"],
        &["read"],
        &["price"],
        &["ingest", "price", "read"],
    ];
    for tenant in ["acme", "beta"] {
        for scopes in scopes {
            let key = Some(app.key(tenant, scopes).await);
            all.push(Credential {
                name: tenant,
                key,
                tenant: Some(tenant),
                scopes,
            });
        }
    }
    all
}

impl Credential {
    fn may(&self, access: Access) -> bool {
        match access {
            Access::Open => true,
            Access::Operator => self.scopes.contains(&"operator"),
            Access::Any(any) => {
                self.scopes.contains(&"operator")
                    || any
                        .iter()
                        .any(|scope| self.scopes.contains(&scope.as_str()))
            }
        }
    }
}

/// Where bodies name a tenant.
const BODY_TENANTS: [&str; 3] = ["/tenant_id", "/event/tenant_id", "/events/0/tenant_id"];

/// Whether a request to the route can name a tenant.
fn names_tenant(route: &Route) -> bool {
    let totals = [
        "/usage/summary",
        "/usage/aggregate",
        "/usage/agents",
        "/usage/consumers",
        "/usage/stats",
    ];
    let events = [
        "/usage",
        "/usage/export",
        "/usage/tasks/{task_id}",
        "/events/{event_id}",
    ];
    let holds = ["/holds", "/holds/{hold_id}"];
    let by_query = totals
        .into_iter()
        .chain(events)
        .chain(holds)
        .any(|path| path == route.path);
    let by_body = good_body(route)
        .is_some_and(|body| BODY_TENANTS.iter().any(|at| body.pointer(at).is_some()));
    route.path.contains("{tenant_id}") || (route.method == "GET" && by_query) || by_body
}

fn request(route: &Route, key: Option<&str>, named: &str, key_id: &str) -> Request<Body> {
    let path = route
        .path
        .replace("{tenant_id}", named)
        .replace("{event_id}", "e1")
        .replace("{task_id}", "t1");
    let path = path
        .replace("{key_id}", key_id)
        .replace("{hold_id}", hold(route))
        .replace("{id}", "ai")
        .replace("/problems/{code}", "/problems/hold_closed")
        .replace("{code}", "starter");
    let by_query =
        names_tenant(route) && route.method == "GET" && !route.path.contains("{tenant_id}");
    let path = if by_query {
        format!("{path}?tenant_id={named}")
    } else {
        path
    };
    let path = if route.path == "/usage/aggregate" {
        format!("{path}&group_by=agent")
    } else {
        path
    };
    let body =
        good_body(route).map_or_else(Body::empty, |body| Body::from(of(body, named).to_string()));
    let mut request = TestApp::request(key.unwrap_or_default(), route.method.as_str(), &path, body);
    if key.is_none() {
        request.headers_mut().remove("authorization");
    }
    request
}

/// The body, about `tenant`; it may be sent without further scopes.
fn of(mut body: Value, tenant: &str) -> Value {
    for at in BODY_TENANTS {
        if let Some(place) = body.pointer_mut(at) {
            *place = json!(tenant);
        }
    }
    // Defaults are of no tenant.
    if body.get("rate_cards").is_some() && body.get("slug").is_some() {
        body = without(body, &["rate_cards"]);
    }
    let place = ["/events/0", "/event"]
        .into_iter()
        .find(|at| body.pointer(at).is_some())
        .unwrap_or_default();
    body.pointer_mut(place)
        .expect("an event")
        .as_object_mut()
        .expect("an event")
        .remove("cost_override");
    body
}

/// The status that the contract asks for; 200 stands for any success.
fn expected(route: &Route, who: &Credential, named: &str) -> u16 {
    let own = who.tenant.is_none_or(|tenant| tenant == named) || !names_tenant(route);
    match route.access {
        Access::Open => 200,
        _ if who.scopes.is_empty() => 401,
        access if !who.may(access) => 403,
        _ if own || route.path == "/events/batch" => 200,
        _ if route.method == "GET" => 404,
        _ => 403,
    }
}

fn judge(document: &Document, route: &Route, reply: &TestReply, cell: &str, status: u16) {
    let undocumented = document.faults(route.method.as_str(), route.path, reply);
    assert!(
        undocumented.is_empty(),
        "{cell}: {undocumented:?}: {}",
        reply.text
    );
    match status {
        200 => assert!(matches!(reply.status, 200 | 201), "{cell}: {}", reply.text),
        status => {
            assert_eq!(reply.status, status, "{cell}: {}", reply.text);
            problem(reply);
        }
    }
}

#[tokio::test]
async fn every_cell_of_the_matrix_holds() {
    let open = two_tenants().await;
    let app = &open.app;
    crate::given::card(app, "ai", json!({ "gpt-4o": {} })).await;
    for tenant in ["acme", "beta"] {
        furnish(app, tenant).await;
    }
    let credentials = credentials(app).await;
    let (document, mut cells) = (Document::read(), 0);
    for route in TestApp::routes() {
        for who in &credentials {
            for named in ["acme", "beta"] {
                let spare = app
                    .post(
                        "/keys",
                        json!({ "tenant_id": named, "scopes": ["read"], "name": named }),
                    )
                    .await
                    .at("/key_id");
                let before = open.dump_of("beta");
                let request = request(
                    &route,
                    who.key.as_deref(),
                    named,
                    spare.as_str().expect("an id"),
                );
                let reply = app.send(request).await;
                let cell = format!("{route:?} by {} {:?} naming {named}", who.name, who.scopes);
                judge(
                    &document,
                    &route,
                    &reply,
                    &cell,
                    expected(&route, who, named),
                );
                let is_foreign =
                    who.tenant.is_some_and(|tenant| tenant != named) && names_tenant(&route);
                if is_foreign && route.path == "/events/batch" && reply.status == 200 {
                    assert_eq!(reply.at("/results/0/problem/status"), 403, "{cell}");
                }
                if who.name != "beta" && who.name != "operator" {
                    assert!(!reply.text.contains(CANARY), "{cell}: {}", reply.text);
                    assert!(!format!("{:?}", reply.headers).contains(CANARY), "{cell}");
                    assert!(
                        open.dump_of("beta") == before,
                        "{cell} changed what is beta's"
                    );
                }
                cells += 1;
            }
        }
    }
    assert_eq!(cells, TestApp::routes().len() * 13 * 2);
}

#[tokio::test]
async fn the_ids_of_another_tenant_open_nothing() {
    let open = two_tenants().await;
    let app = &open.app;
    let key = app.key("acme", &["read", "ingest", "price"]).await;
    for path in [
        format!("/events/e-{CANARY}"),
        format!("/usage/tasks/t-{CANARY}"),
    ] {
        refused(&get_as(app, &key, &path).await, 404, "not_found");
    }
    for filter in ["agent", "session_id", "model"] {
        let reply = get_as(app, &key, &format!("/usage?{filter}={CANARY}"))
            .await
            .expect(200);
        assert_eq!(reply.at("/count"), 0);
        let summary = get_as(app, &key, &format!("/usage/summary?{filter}={CANARY}"))
            .await
            .expect(200);
        assert_eq!(summary.at("/total_events"), 0);
    }
    for path in [
        "/usage",
        "/usage/acme",
        "/usage/summary",
        "/limits/acme",
        "/budgets/acme",
        "/budgets/acme/tree",
        "/credits/acme",
        "/credits/acme/grants",
        "/entitlements/acme",
        "/alerts/acme",
        "/quota/acme",
        "/billing/acme",
        "/events/e1",
        "/usage/tasks/t1",
    ] {
        assert!(
            !get_as(app, &key, path)
                .await
                .expect(200)
                .text
                .contains(CANARY),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_taken_id_or_idempotency_key_of_another_tenant_tells_nothing() {
    let open = two_tenants().await;
    let app = &open.app;
    let key = app.key("acme", &["ingest"]).await;
    let before = open.dump_of("beta");
    for id in ["e-CANARY-OF-BETA", "e-nobodys"] {
        let event = json!({ "id": id, "operation": "agent_message" });
        let reply = crate::given::post_as(app, &key, "/events", &event)
            .await
            .expect(201);
        assert_eq!(reply.at("/replayed"), false, "{id}");
    }
    assert_eq!(open.dump_of("beta"), before);
}
