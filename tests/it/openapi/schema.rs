//! As much of JSON Schema as the document uses.

use super::Document;
use serde_json::Value;

/// What of `value` is not as `schema` says, each with its place.
pub(super) fn faults(document: &Document, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if schema.get("$ref").is_some() {
        return faults(document, document.resolved(schema), value, at);
    }
    let mut found = Vec::new();
    let mut fault = |broken: bool, what: String| {
        found.extend(broken.then(|| format!("`{at}` {what}: {value}")))
    };
    fault(
        !is_typed(&schema["type"], value),
        format!("is no {}", schema["type"]),
    );
    fault(
        schema.get("const").is_some_and(|only| only != value),
        format!("is not {}", schema["const"]),
    );
    let choices = schema["enum"].as_array();
    fault(
        choices.is_some_and(|choices| !choices.contains(value)),
        "is none of the values".to_owned(),
    );
    let number = value.as_f64();
    fault(
        number
            .zip(schema["minimum"].as_f64())
            .is_some_and(|(number, min)| number < min),
        "is too small".to_owned(),
    );
    fault(
        number
            .zip(schema["maximum"].as_f64())
            .is_some_and(|(number, max)| number > max),
        "is too large".to_owned(),
    );
    let length = value
        .as_str()
        .map(|text| text.chars().count())
        .or(value.as_array().map(Vec::len));
    let limit = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| usize::try_from(schema[*name].as_u64()?).ok())
    };
    fault(
        length
            .zip(limit(["minLength", "minItems"]))
            .is_some_and(|(length, min)| length < min),
        "is too short".to_owned(),
    );
    fault(
        length
            .zip(limit(["maxLength", "maxItems"]))
            .is_some_and(|(length, max)| length > max),
        "is too long".to_owned(),
    );
    if let Some(any) = schema["anyOf"].as_array() {
        let fits = any
            .iter()
            .any(|schema| faults(document, schema, value, at).is_empty());
        fault(!fits, "fits none of the schemas".to_owned());
    }
    for schema in schema["allOf"].as_array().into_iter().flatten() {
        found.extend(faults(document, schema, value, at));
    }
    found.extend(inside(document, schema, value, at));
    found
}

fn is_typed(types: &Value, value: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    };
    match types {
        Value::Null => true,
        Value::String(name) => is(name),
        types => types
            .as_array()
            .expect("types")
            .iter()
            .filter_map(Value::as_str)
            .any(is),
    }
}

/// The faults of the fields or elements.
fn inside(document: &Document, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let (Some(elements), Some(items)) = (value.as_array(), schema.get("items")) {
        let each = elements.iter().enumerate();
        found.extend(each.flat_map(|(index, element)| {
            faults(document, items, element, &format!("{at}/{index}"))
        }));
    }
    let Some(fields) = value.as_object() else {
        return found;
    };
    let required = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    found.extend(
        required
            .filter(|name| !fields.contains_key(*name))
            .map(|name| format!("`{at}` lacks `{name}`")),
    );
    for (name, field) in fields {
        let below = format!("{at}/{name}");
        match (
            schema["properties"].get(name),
            schema.get("additionalProperties"),
        ) {
            (Some(schema), _) => found.extend(faults(document, schema, field, &below)),
            (None, Some(Value::Bool(false))) => found.push(format!("`{below}` is not documented")),
            (None, Some(schema @ Value::Object(_))) => {
                found.extend(faults(document, schema, field, &below))
            }
            (None, _) => {}
        }
    }
    found
}
