//! The document, read.

use super::schema;
use serde_json::Value;
use tollgate_tests::TestReply;

/// `openapi.json`.
pub(crate) struct Document(Value);

impl Document {
    pub(crate) fn read() -> Self {
        Self(serde_json::from_str(tollgate_quota::OPENAPI).expect("the document is JSON"))
    }

    /// The value at a JSON pointer; null where there is none.
    pub(super) fn at(&self, pointer: &str) -> &Value {
        self.0.pointer(pointer).unwrap_or(&Value::Null)
    }

    /// Each operation with its method (lower case) and path.
    pub(super) fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let paths = self.at("/paths").as_object().expect("paths");
        paths.iter().flat_map(|(path, item)| {
            let operations = item.as_object().expect("operations");
            operations
                .iter()
                .map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    pub(super) fn operation(&self, method: &str, path: &str) -> &Value {
        &self.0["paths"][path][method.to_lowercase()]
    }

    /// `value`, or what it refers to.
    pub(super) fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.at(reference.trim_start_matches('#')),
            None => value,
        }
    }

    pub(super) fn parameters<'a>(&'a self, operation: &'a Value) -> Vec<&'a Value> {
        let listed = operation["parameters"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        listed
            .iter()
            .map(|parameter| self.resolved(parameter))
            .collect()
    }

    /// What `reply` of that operation lacks of what is documented, or has too
    /// much.
    pub(crate) fn faults(&self, method: &str, path: &str, reply: &TestReply) -> Vec<String> {
        let response =
            self.resolved(&self.operation(method, path)["responses"][reply.status.to_string()]);
        if response.is_null() {
            return vec![format!("status {} is not documented", reply.status)];
        }
        let media_type = reply
            .header("content-type")
            .split(';')
            .next()
            .unwrap_or_default();
        let content = &response["content"][media_type];
        if content.is_null() {
            return vec![format!("media type `{media_type}` is not documented")];
        }
        let headers = [
            "retry-after",
            "ratelimit",
            "ratelimit-policy",
            "x-request-id",
            "x-constitutional-hash",
        ];
        let told = |name: &str| reply.headers.contains_key(name) && reply.status < 400;
        let listed = |name: &str| {
            response["headers"]
                .as_object()
                .is_some_and(|all| all.keys().any(|key| key.eq_ignore_ascii_case(name)))
        };
        let mut faults: Vec<String> = headers
            .into_iter()
            .filter(|name| told(name) && !listed(name))
            .map(|name| format!("header `{name}` is not documented"))
            .collect();
        if media_type.ends_with("json") {
            faults.extend(schema::faults(self, &content["schema"], &reply.json(), ""));
        }
        faults
    }
}
