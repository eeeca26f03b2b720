//! Refusals, as RFC 9457 problems.

use crate::kind::Kind;
use serde_json::{Map, Value};

/// A refusal: what it is, why, and what the client needs to act on it.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    /// What kind it is.
    pub kind: Kind,
    /// This case, in a sentence.
    pub detail: String,
    /// Every field at fault.
    pub errors: Vec<FieldError>,
    /// Further members of the body; boxed, so that results stay small.
    pub extra: Box<Map<String, Value>>,
    /// Headers that go with it, names in lower case.
    pub headers: Vec<(&'static str, String)>,
}

/// One field at fault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, or `?name` for a query
    /// parameter.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

impl Problem {
    /// A problem without further members.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            extra: Box::default(),
            headers: Vec::new(),
        }
    }

    /// The same with a further member of the body.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(member.to_owned(), value.into());
        self
    }

    /// The same with a header; `name` in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// The `application/problem+json` body.
    #[must_use]
    pub fn body(&self, request_id: &str) -> Value {
        let mut body = self.members();
        body.insert("request_id".to_owned(), request_id.into());
        self.append_rest(&mut body);
        Value::Object(body)
    }

    /// The same inside another answer, as for one event of a batch: without
    /// request id, and with the first violation only.
    #[must_use]
    pub fn in_batch(&self) -> Value {
        let mut body = self.members();
        self.append_rest(&mut body);
        if let Some(Value::Array(violations)) = body.get_mut("violations") {
            violations.truncate(1);
        }
        Value::Object(body)
    }

    fn members(&self) -> Map<String, Value> {
        let kind = self.kind;
        let members = [
            ("type", Value::from(kind.type_uri())),
            ("title", kind.title().into()),
            ("status", kind.status().into()),
            ("detail", self.detail.clone().into()),
            ("code", kind.code().into()),
        ];
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    fn append_rest(&self, body: &mut Map<String, Value>) {
        if !self.errors.is_empty() {
            body.insert(
                "errors".to_owned(),
                self.errors.iter().map(FieldError::to_json).collect(),
            );
        }
        body.extend((*self.extra).clone());
    }
}

impl FieldError {
    /// An error at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            message: message.into(),
        }
    }

    /// `{pointer, message}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        serde_json::json!({"pointer": self.pointer, "message": self.message})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_has_what_rfc_9457_names_and_what_the_code_needs() {
        let problem = Problem::invalid_request("/units", "must be an integer");
        let expected = json!({"type":"https://tollgate.dev/problems/invalid_request",
            "title":"The request is malformed","status":400,
            "detail":"`/units` must be an integer","code":"invalid_request","request_id":"r1",
            "errors":[{"pointer":"/units","message":"must be an integer"}]});
        assert_eq!(problem.body("r1"), expected);
        let problem = Problem::key_repeated("k1");
        assert_eq!(
            (
                problem.status(),
                &problem.body("r")["key_id"],
                &problem.body("r")["code"]
            ),
            (409, &json!("k1"), &json!("conflict"))
        );
    }

    #[test]
    fn an_unavailable_store_always_says_when_to_come_back() {
        assert_eq!(
            Problem::store_unavailable(0).headers,
            [("retry-after", "1".to_owned())]
        );
    }
}
