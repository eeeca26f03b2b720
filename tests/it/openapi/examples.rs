//! Every example of a request is answered as the example of the same name says.

use super::{Document, schema};
use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};
use serde_json::{Value, json};
use tollgate_gateway::Access;
use tollgate_tests::{TestApp, TestReply, TestStore};

/// What differs from run to run.
pub(super) const CHANCE: [&str; 5] = ["request_id", "key_id", "key", "next_cursor", "secret"];

/// The scene of all examples.
async fn scene(store: TestStore<'_>) -> (TestApp, String) {
    let app = TestApp::on(store).await;
    let million = |amount: &str| json!({ "amount": amount, "per": 1_000_000 });
    let prices = json!({ "gpt-4o": { "token_in": million("2.50"), "cached_token_in": million("1.25"), "token_out": million("10.00") } });
    let card = json!({ "currency": "USD", "effective_from": "2026-01-01T00:00:00Z", "tiers": { "standard": "1" }, "operations": prices });
    app.put_card("ai", card).await.expect(200);
    app.put(
        "/tenants/acme-corp",
        json!({ "name": "Acme Corporation", "slug": "acme" }),
    )
    .await
    .expect(200);
    let limits = json!([
        { "id": "agent-tokens", "scope": "agent", "measure": "tokens", "window": "day", "soft": 100_000, "hard": 120_000 },
        { "id": "session-budget", "scope": "session", "measure": "spend", "window": "total", "hard": "0.05", "currency": "USD" },
    ]);
    app.limit("acme-corp", limits).await;
    let event = json!({
        "id": "evt-1", "timestamp": "2026-11-22T09:59:00Z", "operation": "gpt-4o", "tokens_in": 1200, "tokens_out": 300, "agent_id": "a1",
        "session_id": "s1", "task_id": "t1",
    });
    app.record("acme-corp", event).await.expect(201);
    let quota = json!({ "tenant_id": "acme-corp", "monthly_total_limit": 100_000, "rate_limit_per_second": 50 });
    app.clock.advance(1);
    app.post("/quota", quota).await.expect(200);
    app.clock.advance(1);
    let key =
        json!({ "tenant_id": "acme-corp", "scopes": ["ingest", "read"], "name": "the examples'" });
    let key = app.post("/keys", key).await.expect(201).at("/key");
    (app, key.as_str().expect("a key").to_owned())
}

/// What the examples of holds need beside: one that is open and one that ended.
async fn holds(app: &TestApp) {
    for (id, tokens_out) in [("h0", 10), ("h1", 1000)] {
        let event = json!({ "tenant_id": "acme-corp", "operation": "gpt-4o", "tokens_in": 1000, "tokens_out": tokens_out, "agent_id": "a1",
            "session_id": "s1" });
        app.post("/holds", json!({ "id": id, "event": event }))
            .await
            .expect(201);
    }
    app.post("/holds/h0/release", json!({ "tenant_id": "acme-corp" }))
        .await
        .expect(200);
}

/// What the examples of batches need beside: a sealed one.
async fn sealed(app: &TestApp) {
    let event = json!({ "tenant_id": "acme-corp", "operation": "agent_message", "tokens_in": 12 });
    let body = json!({ "batch_id": "b-0", "events": [event] });
    app.post("/events/batch", body).await.expect(200);
    app.clock.advance(1);
}

/// What the examples of plans need beside: one, and a subscription to it.
async fn plans(app: &TestApp) {
    let features = json!([
        { "feature_key": "messages", "display_name": "Messages", "unit": "messages", "soft_limit": 150, "hard_limit": 200 },
        { "feature_key": "input_tokens", "soft_limit": 200_000, "hard_limit": 250_000 },
    ]);
    app.put(
        "/plans/starter",
        json!({ "name": "Starter", "currency": "USD", "features": features }),
    )
    .await
    .expect(200);
    app.put(
        "/tenants/acme-corp/subscription",
        json!({ "plan": "starter" }),
    )
    .await
    .expect(200);
}

/// What the examples of exchange rates need beside: two versions.
async fn exchange_rates(app: &TestApp) {
    for rate in ["1.07", "1.08"] {
        let rates = json!({ "base": "USD", "rates": { "EUR": rate }, "effective_from": "2026-11-01T00:00:00Z" });
        app.put("/exchange-rates", rates).await.expect(200);
    }
}

/// One example: where it stands in the document, and what it expects.
pub(super) struct Example<'a> {
    pub(super) name: &'a str,
    pub(super) status: u16,
    pub(super) media_type: &'a str,
    pub(super) value: &'a Value,
}

/// An example, and what was answered to its request.
pub(super) struct Answered<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) example: Example<'a>,
    pub(super) reply: TestReply,
}

impl Answered<'_> {
    /// Where the example's value stands in the document.
    pub(super) fn pointer(&self) -> String {
        let escaped = |part: &str| part.replace('~', "~0").replace('/', "~1");
        let Example {
            name,
            status,
            media_type,
            ..
        } = self.example;
        let (path, media_type) = (escaped(self.path), escaped(media_type));
        format!(
            "/paths/{path}/{}/responses/{status}/content/{media_type}/examples/{name}/value",
            self.method
        )
    }
}

fn examples<'a>(document: &'a Document, operation: &'a Value) -> Vec<Example<'a>> {
    let mut examples = Vec::new();
    for (status, response) in operation["responses"].as_object().expect("responses") {
        let Ok(status) = status.parse() else { continue };
        for (media_type, content) in document.resolved(response)["content"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let named = content["examples"].as_object().into_iter().flatten();
            examples.extend(named.map(|(name, example)| Example {
                name,
                status,
                media_type,
                value: &example["value"],
            }));
        }
    }
    examples
}

/// What holds the examples that a schema lets pass, and those that it does not.
const LISTS: [&str; 2] = ["examples", "x-refused-examples"];

/// The example of that name, whether it is to be refused or not.
fn named<'a>(of: &'a Value, name: &str) -> Option<&'a Value> {
    LISTS.iter().find_map(|list| of[list].get(name))
}

/// The request that the example names, with its values in path, query, headers
/// and body.
fn request(
    document: &Document,
    (method, path, operation): (&str, &str, &Value),
    name: &str,
    key: &str,
) -> Request<Body> {
    let (mut filled, mut query, mut headers) = (path.to_owned(), Vec::new(), Vec::new());
    for parameter in document.parameters(operation) {
        let Some(value) = named(parameter, name).map(|example| &example["value"]) else {
            continue;
        };
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let parameter_name = parameter["name"].as_str().expect("a name").to_owned();
        match parameter["in"].as_str() {
            Some("path") => filled = filled.replace(&format!("{{{parameter_name}}}"), &text),
            Some("query") => query.push(format!("{parameter_name}={text}")),
            _ => headers.push((parameter_name, text)),
        }
    }
    assert!(
        !filled.contains('{'),
        "{method} {path} {name}: the path is not filled in"
    );
    let mark = if query.is_empty() { "" } else { "?" };
    let mut body = (Body::empty(), "application/json");
    for (media_type, content) in operation["requestBody"]["content"]
        .as_object()
        .into_iter()
        .flatten()
    {
        if let Some(example) = named(content, name) {
            body = (Body::from(example["value"].to_string()), media_type);
        }
    }
    let mut request = TestApp::request(
        key,
        &method.to_uppercase(),
        &format!("{filled}{mark}{}", query.join("&")),
        body.0,
    );
    request.headers_mut().insert(
        "content-type",
        HeaderValue::from_str(body.1).expect("a media type"),
    );
    for (name, value) in headers {
        let name: HeaderName = name.parse().expect("a header");
        request
            .headers_mut()
            .insert(name, HeaderValue::from_str(&value).expect("a value"));
    }
    request
}

#[tokio::test]
async fn every_example_is_answered_as_documented() {
    answered_as_documented(TestStore::Memory).await;
}

#[tokio::test]
async fn the_embedded_store_answers_every_example_too() {
    answered_as_documented(TestStore::Embedded).await;
}

async fn answered_as_documented(store: TestStore<'_>) {
    let document = Document::read();
    let (mut count, mut wrong) = (0, Vec::new());
    for answered in answered(&document, store).await {
        let Answered {
            method,
            path,
            example,
            reply,
        } = &answered;
        let faults = differences(&document, (method, path), example, reply);
        let name = example.name;
        let placed = faults
            .into_iter()
            .map(|fault| format!("{method} {path} {name}: {fault}"));
        wrong.extend(placed);
        count += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count > 60, "{count} examples");
}

/// Every example's answer, each in a scene of its own.
pub(super) async fn answered<'a>(
    document: &'a Document,
    store: TestStore<'_>,
) -> Vec<Answered<'a>> {
    let mut all = Vec::new();
    for (method, path, operation) in document.operations() {
        let route = TestApp::routes()
            .into_iter()
            .find(|route| route.path == path && route.method.as_str().eq_ignore_ascii_case(method));
        let access = route.expect("a route").access;
        for example in examples(document, operation) {
            let (app, key) = scene_of(store, path).await;
            let key = if access == Access::Operator {
                TestApp::operator()
            } else {
                &key
            };
            let mut asked = request(document, (method, path, operation), example.name, key);
            if example.name == "revoked" {
                let own = app.get("/keys").await.at("/data/0/key_id");
                let path = format!("/keys/{}", own.as_str().expect("an id"));
                *asked.uri_mut() = path.parse().expect("a path");
            }
            let reply = app.send(asked).await;
            all.push(Answered {
                method,
                path,
                example,
                reply,
            });
        }
    }
    all
}

/// The scene of the examples of a path.
async fn scene_of(store: TestStore<'_>, path: &str) -> (TestApp, String) {
    let (app, key) = scene(store).await;
    if path == "/events/batch" {
        sealed(&app).await;
    }
    if path.starts_with("/holds") {
        holds(&app).await;
    }
    let of_plans = [
        "/plans",
        "/entitlements",
        "/tenants/{tenant_id}/subscription",
    ];
    if of_plans.iter().any(|start| path.starts_with(start)) {
        plans(&app).await;
    }
    if path == "/exchange-rates" {
        exchange_rates(&app).await;
    }
    (app, key)
}

fn differences(
    document: &Document,
    (method, path): (&str, &str),
    example: &Example<'_>,
    reply: &TestReply,
) -> Vec<String> {
    if reply.status != example.status {
        return vec![format!(
            "{} instead of {}: {}",
            reply.status, example.status, reply.text
        )];
    }
    let mut wrong = document.faults(method, path, reply);
    if !reply.header("content-type").starts_with(example.media_type) {
        wrong.push(format!("is {}", reply.header("content-type")));
    }
    if example.media_type.ends_with("json")
        && settled(reply.json()) != settled(example.value.clone())
    {
        wrong.push(format!("is answered with {}", reply.text));
    }
    wrong
}

/// The value without what chance decides.
fn settled(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| {
                let made =
                    |text: &str| CHANCE.contains(&name.as_str()) || text.starts_with("evt-01");
                let made = value.as_str().is_some_and(made);
                (
                    name,
                    if made {
                        json!("by chance")
                    } else {
                        settled(value)
                    },
                )
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(elements) => elements.into_iter().map(settled).collect(),
        value => value,
    }
}

#[test]
fn every_operation_has_examples_that_fit_its_schemas() {
    let document = Document::read();
    for (method, path, operation) in document.operations() {
        let examples = examples(&document, operation);
        let succeeds = examples.iter().any(|example| example.status < 300);
        assert!(
            succeeds || path == "/openapi.json",
            "{method} {path} has no example of success"
        );
        for (media_type, content) in operation["requestBody"]["content"]
            .as_object()
            .into_iter()
            .flatten()
        {
            let lists = LISTS.iter().filter_map(|list| content[list].as_object());
            for (name, body) in lists.flatten() {
                let answered = examples
                    .iter()
                    .filter(|example| example.name == name)
                    .map(|example| example.status)
                    .collect::<Vec<_>>();
                assert_eq!(answered.len(), 1, "{method} {path} {name} is answered once");
                if answered[0] < 300 && name != "mixed" && name != "invalid" {
                    let faults = schema::faults(&document, &content["schema"], &body["value"], "");
                    assert_eq!(
                        faults,
                        Vec::<String>::new(),
                        "{method} {path} {name} {media_type}"
                    );
                }
            }
        }
    }
}
