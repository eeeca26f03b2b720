//! What a server answers instead of the thing asked for.

use crate::failure::one_line;
use serde_json::Value;
use tollgate_api::{FieldError, ProblemBody};

/// A refusal by the server, or by a proxy before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The stable code, such as `forbidden`; empty where there is none.
    pub(crate) code: String,
    /// The key that an earlier request made.
    pub(crate) key_id: Option<String>,
    detail: String,
    errors: Vec<FieldError>,
}

/// How many of a problem's `errors` a sentence quotes.
const ERRORS_SHOWN_MAX: usize = 3;

impl Problem {
    /// From the status and the body of an answer.
    pub(crate) fn read(status: u16, text: &str) -> Self {
        match serde_json::from_str::<ProblemBody>(text) {
            Ok(body) => Self {
                status,
                ..Self::from(body)
            },
            Err(_) => Self::foreign(status, text),
        }
    }

    /// Whether a limit refused, rather than a rule.
    pub(crate) fn is_denial(&self) -> bool {
        matches!(self.status, 402 | 429)
    }

    /// Whether the same request may succeed a little later.
    pub(crate) fn is_transient(&self) -> bool {
        self.status >= 500
    }

    /// Why, in one line: the detail, the first errors, the code and status.
    pub(crate) fn reason(&self) -> String {
        let detail = self.detail.trim_end_matches('.');
        let errors = self
            .errors
            .iter()
            .filter(|error| !detail.contains(error.message.as_str()));
        let errors: String = errors
            .take(ERRORS_SHOWN_MAX)
            .map(|error| format!("; {} {}", error.pointer, error.message))
            .collect();
        one_line(&format!("{detail}{errors} ({})", self.label()))
    }

    /// From a body that is no problem of the service: whatever it says in words.
    fn foreign(status: u16, text: &str) -> Self {
        let body: Value = serde_json::from_str(text).unwrap_or_default();
        let words = |name: &str| body.get(name).and_then(Value::as_str);
        let detail = ["detail", "title", "message"].into_iter().find_map(words);
        Self {
            status,
            code: words("code").unwrap_or_default().to_owned(),
            key_id: None,
            detail: detail.unwrap_or("no reason given").to_owned(),
            errors: Vec::new(),
        }
    }

    fn label(&self) -> String {
        match self.code.as_str() {
            "" => self.status.to_string(),
            code => format!("{} {code}", self.status),
        }
    }
}

impl From<ProblemBody> for Problem {
    fn from(body: ProblemBody) -> Self {
        Self {
            status: body.status,
            code: body.code.to_string(),
            key_id: body.extra.key_id,
            detail: body.detail,
            errors: body.errors,
        }
    }
}

/// The first of `errors`, in one line.
pub(crate) fn list_errors(errors: &[FieldError]) -> String {
    let errors = errors.iter().take(ERRORS_SHOWN_MAX);
    let errors: Vec<String> = errors
        .map(|error| format!("{} {}", error.pointer, error.message))
        .collect();
    one_line(&errors.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_becomes_one_sentence_with_its_code() {
        let body = json!({"type":"/problems/invalid_event","title":"Invalid event","status":422,
            "detail":"the event breaks a rule.","code":"invalid_event","request_id":"r1",
            "errors":[{"pointer":"/operation","message":"is unknown"}]});
        assert_eq!(
            Problem::read(422, &body.to_string()).reason(),
            "the event breaks a rule; /operation is unknown (422 invalid_event)"
        );
    }

    #[test]
    fn an_answer_that_is_no_problem_has_a_reason_too() {
        for (status, text, reason) in [
            (403, r#"{"message":"Forbidden"}"#, "Forbidden (403)"),
            (
                422,
                r#"{"title":"New","code":"of_a_later_release"}"#,
                "New (422 of_a_later_release)",
            ),
            (502, r#"{"code":502}"#, "no reason given (502)"),
            (502, "<html>", "no reason given (502)"),
            (502, "", "no reason given (502)"),
        ] {
            assert_eq!(Problem::read(status, text).reason(), reason);
        }
    }

    #[test]
    fn errors_are_listed_in_one_line() {
        let errors = ["a", "b", "c", "d"].map(|at| FieldError::new(format!("/{at}"), "is wrong"));
        assert_eq!(
            list_errors(&errors),
            "/a is wrong; /b is wrong; /c is wrong"
        );
    }
}
