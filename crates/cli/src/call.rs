//! One request to the API, as data.

use crate::failure::Failure;
use reqwest::Method;

/// One request, to be sent as often as it takes.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) body: String,
    pub(crate) idempotency_key: Option<String>,
    /// The version that it is meant for.
    pub(crate) if_match: Option<u64>,
}

impl Call {
    /// `GET target`.
    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target, String::new())
    }

    /// `POST target` with a JSON body.
    pub(crate) fn post(target: impl Into<String>, body: impl Into<String>) -> Self {
        Self::new(Method::POST, target, body)
    }

    /// `PUT target` with a JSON body.
    pub(crate) fn put(target: impl Into<String>, body: impl Into<String>) -> Self {
        Self::new(Method::PUT, target, body)
    }

    /// `PATCH target` with a JSON body.
    pub(crate) fn patch(target: impl Into<String>, body: impl Into<String>) -> Self {
        Self::new(Method::PATCH, target, body)
    }

    /// `DELETE target`.
    pub(crate) fn delete(target: impl Into<String>) -> Self {
        Self::new(Method::DELETE, target, String::new())
    }

    /// The same with a fresh `Idempotency-Key`, for a body that has no id.
    pub(crate) fn once_only(mut self) -> Result<Self, Failure> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| Failure::to("draw a random key", error))?;
        self.idempotency_key = Some(format!("cli-{}", hex(&bytes)));
        Ok(self)
    }

    /// The same, refused unless `version` still stands.
    pub(crate) fn if_version(mut self, version: u64) -> Self {
        self.if_match = Some(version);
        self
    }

    fn new(method: Method, target: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            body: body.into(),
            idempotency_key: None,
            if_match: None,
        }
    }
}

/// `path` with the pairs that have a value as its query.
pub(crate) fn target(path: &str, query: &[(&str, Option<&str>)]) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        if let Some(value) = value {
            text.append_pair(name, value);
        }
    }
    match text.finish() {
        query if query.is_empty() => path.to_string(),
        query => format!("{path}?{query}"),
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
