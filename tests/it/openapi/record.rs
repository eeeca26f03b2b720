//! The document is a snapshot: schemas are made of the types of answers, and examples
//! are what was answered. `TOLLGATE_RECORD=1` makes it anew where those have changed.

use super::Document;
use super::examples::{self, CHANCE};
use serde_json::Value;
use std::path::Path;
use tollgate_tests::TestStore;

/// Where it is kept.
const PLACE: &str = "../functions/quota/openapi.json";

/// Whether the document is to be made anew.
fn is_recording() -> bool {
    std::env::var_os("TOLLGATE_RECORD").is_some_and(|value| value == "1")
}

#[test]
fn the_schemas_of_answers_are_those_of_their_types() {
    let document = Document::read();
    let made = tollgate_api::answer_schemas();
    if is_recording() {
        return;
    }
    let wrong: Vec<&String> = made
        .iter()
        .filter(|(name, schema)| document.at(&format!("/components/schemas/{name}")) != *schema)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(wrong, Vec::<&String>::new(), "record the document anew");
}

#[tokio::test]
async fn the_document_is_recorded_where_that_is_asked() {
    if !is_recording() {
        return;
    }
    let document = Document::read();
    let mut new = document.at("").clone();
    if let Some(schemas) = new["components"]["schemas"].as_object_mut() {
        schemas.extend(tollgate_api::answer_schemas());
        schemas.sort_keys();
    }
    for answered in examples::answered(&document, TestStore::Memory).await {
        let (example, reply) = (&answered.example, &answered.reply);
        assert_eq!(
            example.status, reply.status,
            "{} {} {}: {}",
            answered.method, answered.path, example.name, reply.text
        );
        if example.media_type.ends_with("json") {
            let place = new.pointer_mut(&answered.pointer()).expect("a place");
            *place = merged(reply.json(), example.value);
        }
    }
    let text = serde_json::to_string_pretty(&new).expect("JSON") + "\n";
    std::fs::write(Path::new(PLACE), text).expect("a file");
}

/// What was answered, where chance decides nothing; else what stands there.
fn merged(answered: Value, old: &Value) -> Value {
    match answered {
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| {
                let by_chance = CHANCE.contains(&name.as_str()) && old[&name].is_string();
                let value = match by_chance && value.is_string() {
                    true => old[&name].clone(),
                    false => merged(value, &old[&name]),
                };
                (name, value)
            };
            Value::Object(fields.into_iter().map(field).collect())
        }
        Value::Array(elements) => {
            let each = elements.into_iter().enumerate();
            each.map(|(index, value)| merged(value, &old[index]))
                .collect()
        }
        Value::String(text) if text.starts_with("evt-01") && old.is_string() => old.clone(),
        value => value,
    }
}
