//! Answers.

use futures::Stream;
use futures::stream::{BoxStream, StreamExt};
use http::StatusCode;
use serde::Serialize;
use std::fmt;
use tollgate_service::Failure;

/// An answer: a status, headers and a body.
#[derive(Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Content,
    pub(crate) media_type: &'static str,
}

/// A body, whole or piece by piece.
pub(crate) enum Content {
    /// All of it.
    Text(String),
    /// What is made while it is sent. A failure breaks the transfer off, so
    /// that no client takes a part for the whole.
    Stream(BoxStream<'static, Result<String, Failure>>),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl Reply {
    fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).unwrap_or_default();
        Self {
            status,
            headers: Vec::new(),
            body: Content::Text(body),
            media_type: "application/json",
        }
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
        Self::of("application/json", body)
    }

    /// 200 with plain text.
    #[must_use]
    pub fn text(body: impl Into<String>) -> Self {
        Self::of("text/plain; version=0.0.4; charset=utf-8", body)
    }

    /// 200 with text of a media type.
    #[must_use]
    pub fn of(media_type: &'static str, body: impl Into<String>) -> Self {
        Self {
            status: StatusCode::OK,
            headers: Vec::new(),
            body: Content::Text(body.into()),
            media_type,
        }
    }

    /// 200 with a body that is made while it is sent; only where
    /// [`crate::App::may_stream`]. A failure is logged and breaks the transfer
    /// off. It is never stored under an idempotency key.
    #[must_use]
    pub fn stream(
        media_type: &'static str,
        pieces: impl Stream<Item = Result<String, Failure>> + Send + 'static,
    ) -> Self {
        Self {
            status: StatusCode::OK,
            headers: Vec::new(),
            body: Content::Stream(pieces.boxed()),
            media_type,
        }
    }

    /// The same with the version as its `ETag`.
    #[must_use]
    pub fn with_version(self, version: u64) -> Self {
        self.with_header("etag", format!("\"{version}\""))
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Its body as it is stored under an idempotency key; empty where it is made while
    /// it is sent.
    #[must_use]
    pub fn stored_text(&self) -> String {
        match &self.body {
            Content::Text(text) => text.clone(),
            Content::Stream(_) => String::new(),
        }
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    pub(crate) fn stored(status: u16, body: String) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
        Self {
            status,
            headers: vec![("idempotency-replayed", "true".to_owned())],
            body: Content::Text(body),
            media_type: "application/json",
        }
    }
}
