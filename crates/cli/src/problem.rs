//! What a server answers instead of the thing asked for.

use crate::failure::one_line;
use serde_json::Value;

/// A refusal by the server: its status and its problem+json.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body, `null` where it was no JSON.
    pub(crate) body: Value,
}

/// How many of a problem's `errors` a sentence quotes.
const ERRORS_SHOWN_MAX: usize = 3;

impl Problem {
    /// From a problem that stands inside a body, as in a batch's results.
    pub(crate) fn inside(body: &Value) -> Self {
        let status = body["status"]
            .as_u64()
            .and_then(|status| u16::try_from(status).ok());
        Self {
            status: status.unwrap_or(0),
            body: body.clone(),
        }
    }

    /// The stable code, such as `forbidden`; empty where there is none.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
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
        let detail = self.detail();
        let errors = self
            .errors()
            .into_iter()
            .filter(|(_, message)| !detail.contains(message));
        let errors: String = errors
            .take(ERRORS_SHOWN_MAX)
            .map(|(pointer, message)| format!("; {pointer} {message}"))
            .collect();
        one_line(&format!("{detail}{errors} ({})", self.label()))
    }

    /// Its first errors alone, in one line.
    pub(crate) fn listed(&self) -> String {
        let errors = self.errors().into_iter().take(ERRORS_SHOWN_MAX);
        let errors: Vec<String> = errors
            .map(|(pointer, message)| format!("{pointer} {message}"))
            .collect();
        one_line(&errors.join("; "))
    }

    /// Pointer and message of each of its `errors`, which may be plain texts.
    fn errors<'a>(&'a self) -> Vec<(&'a str, &'a str)> {
        let errors = self.body["errors"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let text = |error: &'a Value, name: &str| error[name].as_str().unwrap_or_default();
        errors
            .iter()
            .map(|error| match error.as_str() {
                Some(message) => ("", message),
                None => (text(error, "pointer"), text(error, "message")),
            })
            .collect()
    }

    fn detail(&self) -> String {
        let text = ["detail", "title", "message"]
            .iter()
            .find_map(|name| self.body[name].as_str());
        text.unwrap_or("no reason given")
            .trim_end_matches('.')
            .to_string()
    }

    fn label(&self) -> String {
        match (self.status, self.code()) {
            (0, "") => "no code".to_string(),
            (0, code) => code.to_string(),
            (status, "") => status.to_string(),
            (status, code) => format!("{status} {code}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_problem_becomes_one_sentence_with_its_code() {
        let body = json!({"title":"Invalid event","detail":"the event breaks a rule.","status":422,
            "code":"invalid_event",
            "errors":[{"pointer":"/operation","message":"is unknown"}]});
        let problem = Problem { status: 422, body };
        assert_eq!(
            problem.reason(),
            "the event breaks a rule; /operation is unknown (422 invalid_event)"
        );
    }

    #[test]
    fn an_answer_that_is_no_problem_has_a_reason_too() {
        let gateway = Problem {
            status: 403,
            body: json!({"message":"Forbidden"}),
        };
        assert_eq!(gateway.reason(), "Forbidden (403)");
        let nothing = Problem {
            status: 502,
            body: Value::Null,
        };
        assert_eq!(nothing.reason(), "no reason given (502)");
    }
}
