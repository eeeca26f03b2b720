//! Answers.

use http::StatusCode;
use serde::Serialize;

/// An answer: a status, headers and a JSON body.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) media_type: &'static str,
}

impl Reply {
    fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self { status, headers: Vec::new(), body, media_type: "application/json" }
    }

    /// 200 with `body`.
    #[must_use]
    pub fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 201 with `body`.
    #[must_use]
    pub fn created(body: &impl Serialize) -> Self {
        Self::json(StatusCode::CREATED, body)
    }

    /// 200 with JSON that is already text.
    #[must_use]
    pub fn raw(body: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: body.into(), media_type: "application/json" }
    }

    /// 200 with plain text.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: body.into(), media_type: "text/plain; version=0.0.4; charset=utf-8" }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(crate) fn stored(status: u16, body: String) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        Self { status, headers: vec![("idempotency-replayed", "true".to_owned())], body, media_type: "application/json" }
    }
}
