//! What the pipe of the template makes of an alert in the table's stream.

use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_core::{Attrs, table};
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

/// The text of a folded block of the template that begins with `name`.
fn folded(name: &str) -> String {
    let template = include_str!("../../infra/template.yaml");
    let mut lines = template
        .lines()
        .skip_while(|line| !line.trim_start().trim_start_matches("- ").starts_with(name));
    let first = lines.next().expect("a block");
    let indent = first.len() - first.trim_start().len();
    let block = lines.take_while(|line| line.len() - line.trim_start().len() > indent);
    block.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// The template with the attributes of an item in it, as a pipe fills it.
fn filled(template: &str, attrs: &Attrs) -> Value {
    let mut parts = template.split("<$.dynamodb.NewImage.");
    let mut text = parts.next().expect("a beginning").to_owned();
    for part in parts {
        let (name, rest) = part.split_once(".S>").expect("a text attribute");
        text.push_str(attrs[name].as_text().expect("a text"));
        text.push_str(rest);
    }
    serde_json::from_str(&text).expect("JSON")
}

/// The value with every figure as text, and nothing as empty text.
fn as_text(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), as_text(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null => json!(""),
        Value::String(text) => json!(text),
        other => json!(other.to_string()),
    }
}

#[tokio::test]
async fn the_event_bus_gets_what_the_webhook_gets_as_text_and_of_alerts_alone() {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.put(
        "/alerts/acme",
        json!({ "url": "https://hooks.example.com/a" }),
    )
    .await
    .expect(200);
    app.limit(
        "acme",
        json!([
            { "id": "day", "scope": "agent", "measure": "events", "window": "day", "soft": 3, "hard": 4 },
            { "id": "money", "scope": "tenant", "measure": "spend", "window": "total", "hard": "0.001", "currency": "USD" },
        ]),
    )
    .await;
    app.post("/holds", json!({ "id": "h", "event": { "tenant_id": "acme", "operation": "agent_message", "agent_id": "a1" } }))
        .await
        .expect(201);
    app.post("/holds/h/capture?tenant_id=acme", json!({ "event": {} }))
        .await
        .expect(201);
    app.record("acme", json!({ "id": "e", "agent_id": "a1" }))
        .await
        .expect(201);
    let shown = app.get("/alerts/acme").await.expect(200).at("/alerts");
    let shown = shown.as_array().expect("alerts");
    let items: Vec<Attrs> = memory
        .dump()
        .into_iter()
        .filter(|(_, attrs)| attrs.contains_key("th"))
        .map(|(key, attrs)| {
            assert_eq!(
                key.pk, "T|acme|A",
                "only an alert has what the pipe filters by"
            );
            attrs
        })
        .collect();
    assert_eq!((items.len(), shown.len()), (4, 4));
    let template = folded("InputTemplate:");
    for attrs in &items {
        let detail = filled(&template, attrs);
        let mut alert = shown
            .iter()
            .find(|alert| alert["id"] == detail["id"])
            .expect("the same id")
            .clone();
        for own in ["state", "attempts", "next_try_at"] {
            alert.as_object_mut().expect("an alert").remove(own);
        }
        assert_eq!(detail, as_text(&alert));
        assert!(attrs.contains_key(table::BODY));
    }
    let pattern: Value = serde_json::from_str(&folded("Pattern:")).expect("a pattern");
    assert_eq!(
        pattern["dynamodb"]["NewImage"],
        json!({ "th": { "S": [{ "exists": true }] } })
    );
    assert_eq!(pattern["eventName"], json!(["INSERT"]));
}
