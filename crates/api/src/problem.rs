//! Refusals, as RFC 9457 problems.

use crate::answers::figure::Figure;
use crate::kind::Kind;
use crate::violation::Violation;
use serde::{Deserialize, Serialize};
use tollgate_core::{Currency, HoldState, Instant, LimitType, Name, ObjectionReason};

/// A refusal: what it is, why, and what the client needs to act on it.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    /// What kind it is.
    pub kind: Kind,
    /// This case, in a sentence.
    pub detail: String,
    /// Every field at fault.
    pub errors: Vec<FieldError>,
    /// What else the kind needs; boxed, so that results stay small.
    pub extra: Box<Extra>,
    /// Headers that go with it, names in lower case.
    pub headers: Vec<(&'static str, String)>,
}

/// One field at fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldError {
    /// Where: a JSON pointer (RFC 6901) into the body, `?name` for a query parameter,
    /// or the name of a header or of a part of the path.
    pub pointer: String,
    /// What is wrong with it.
    pub message: String,
}

/// A problem as it is answered, `application/problem+json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "Problem"))]
pub struct ProblemBody {
    /// Where it is explained.
    pub r#type: String,
    /// The kind, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This case, in a sentence.
    pub detail: String,
    /// The kind, for programs.
    pub code: Kind,
    /// Finds the request in the log; not there for one event of a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Every field at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What else the kind needs.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What kinds of problems need beside what all have.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Extra {
    /// Whose plan or limit refuses.
    #[serde(flatten)]
    pub denied: Option<Denied>,
    /// The first limit of a quantity that is passed, in the dialect of usage
    /// guardrails.
    #[serde(flatten)]
    pub first: Option<FirstViolation>,
    /// All that is passed: money first, then quantities; of each, the tenant's, then
    /// sessions', agents', tools', others'.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// The limits that are passed, by id, as the registered problem type names them.
    #[serde(rename = "violated-policies")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violated_policies: Vec<String>,
    /// What refuses apart from limits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ObjectionReason>,
    /// The event that the id belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<Name>,
    /// The hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<Name>,
    /// Where the hold is in its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<HoldState>,
    /// The key that was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// The limit that refused the event when its batch was first sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_id: Option<Name>,
    /// The version in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The tenant's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// The shortest retention, in days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days_min: Option<u32>,
}

/// Whose plan or limit refuses.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Denied {
    /// The tenant.
    pub tenant_id: Name,
    /// The plan that it subscribes to.
    pub plan_code: Option<Name>,
}

/// A limit of a quantity that is passed, in the dialect of usage guardrails.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FirstViolation {
    /// The plan's feature, else what is counted.
    pub feature_key: String,
    /// Which of its values refuses.
    pub limit_type: LimitType,
    /// That value.
    pub limit_value: Option<Figure>,
    /// Used or held.
    pub usage: Figure,
    /// Asked for on top.
    pub requested: Figure,
    /// What it is counted in.
    pub unit: String,
    /// When the window began; null for `total`.
    pub window_start: Option<Instant>,
    /// When the next begins; null for `total`.
    pub window_end: Option<Instant>,
}

/// What a kind of problem means, as its address tells.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProblemAbout {
    /// The kind.
    pub code: Kind,
    /// The HTTP status that it is answered with.
    pub status: u16,
    /// In a few words.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// What to do about it.
    pub advice: String,
}

impl From<Kind> for ProblemAbout {
    fn from(code: Kind) -> Self {
        let about = code.about();
        Self {
            code,
            status: about.status,
            title: about.title.to_owned(),
            meaning: about.meaning.to_owned(),
            advice: about.advice.to_owned(),
        }
    }
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

    /// The same with further members.
    pub(crate) fn with(mut self, extra: Extra) -> Self {
        *self.extra = extra;
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
    pub fn body(&self, request_id: &str) -> ProblemBody {
        ProblemBody {
            request_id: Some(request_id.to_owned()),
            ..self.members()
        }
    }

    /// The same inside another answer, as for one event of a batch: without
    /// request id, and with the first violation only.
    #[must_use]
    pub fn in_batch(&self) -> ProblemBody {
        let mut body = self.members();
        body.extra.violations.truncate(1);
        body.extra.violated_policies.truncate(1);
        body
    }

    fn members(&self) -> ProblemBody {
        ProblemBody {
            r#type: self.kind.type_uri(),
            title: self.kind.title().to_owned(),
            status: self.kind.status(),
            detail: self.detail.clone(),
            code: self.kind,
            request_id: None,
            errors: self.errors.clone(),
            extra: (*self.extra).clone(),
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn a_body_has_what_rfc_9457_names_and_what_the_code_needs() {
        let problem = Problem::invalid_request("/units", "must be an integer");
        let expected = json!({"type":"/problems/invalid_request",
            "title":"The request is malformed","status":400,
            "detail":"`/units` must be an integer","code":"invalid_request","request_id":"r1",
            "errors":[{"pointer":"/units","message":"must be an integer"}]});
        assert_eq!(to_value(problem.body("r1")).unwrap(), expected);
        let body = to_value(Problem::key_repeated("k1").body("r")).unwrap();
        assert_eq!(
            (&body["status"], &body["key_id"], &body["code"]),
            (&json!(409), &json!("k1"), &json!("key_repeated"))
        );
        let again: ProblemBody = serde_json::from_value(body).unwrap();
        assert_eq!(again, Problem::key_repeated("k1").body("r"));
    }

    #[test]
    fn an_unavailable_store_always_says_when_to_come_back() {
        assert_eq!(
            Problem::store_unavailable(0).headers,
            [("retry-after", "1".to_owned())]
        );
    }
}
