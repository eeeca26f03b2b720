//! An event from the `gen_ai.*` attributes of an OpenTelemetry span.

use crate::event::name::Name;
use crate::event::number::whole_millis;
use crate::time::instant::Instant;
use alloc::format;
pub use attribute::Attributes;
use core::time::Duration;
pub use input::CachedTokens;
pub use name::nearest_name;
use serde::Serialize;

mod attribute;

mod input;

mod name;

/// What is known of a span beside its attributes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Span<'a> {
    /// 32 hexadecimal digits.
    pub trace_id: Option<&'a str>,
    /// 16 hexadecimal digits.
    pub span_id: Option<&'a str>,
    /// When it began.
    pub start: Option<Instant>,
    /// When it ended.
    pub end: Option<Instant>,
    /// How its instrumentation counts cached tokens, where that is known.
    pub cached: CachedTokens,
}

/// An event as far as a span says it. It serialises to the API's event JSON,
/// without the fields that are not known; `operation` is all that the API
/// requires.
///
/// Texts become names by [`nearest_name`]. A span of kind `invoke_agent` may
/// repeat the tokens of the spans below it: record those or it, not both.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct GenAi {
    /// `span-<trace id>-<span id>`, so an export that is repeated counts once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Name>,
    /// The end of the span, or else its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<Instant>,
    /// What is priced: the model that answered (`gen_ai.response.model`), or
    /// else the one that was asked (`gen_ai.request.model`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Name>,
    /// The same model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Name>,
    /// `gen_ai.provider.name`, or the older `gen_ai.system`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Name>,
    /// `gen_ai.agent.id`, or else `gen_ai.agent.name`.
    #[serde(rename = "agent_id", skip_serializing_if = "Option::is_none")]
    pub agent: Option<Name>,
    /// `gen_ai.conversation.id`.
    #[serde(rename = "session_id", skip_serializing_if = "Option::is_none")]
    pub session: Option<Name>,
    /// The trace, so that all spans of one trace are one task.
    #[serde(rename = "task_id", skip_serializing_if = "Option::is_none")]
    pub task: Option<Name>,
    /// `gen_ai.tool.name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<Name>,
    /// Input tokens, cached ones included.
    pub tokens_in: u64,
    /// Output tokens.
    pub tokens_out: u64,
    /// The part of `tokens_in` that was read from a cache.
    pub cached_tokens_in: u64,
    /// 1 for a span that names a model, else 0.
    pub api_calls: u64,
    /// From start to end in milliseconds, rounded half to even; 0 where either
    /// is missing or the end lies before the start.
    pub duration_ms: u64,
}

impl GenAi {
    /// What the attributes of `span` say. Nothing is an error: what cannot be
    /// read is missing, and a missing quantity is 0.
    #[must_use]
    pub fn read(span: &Span<'_>, attributes: &Attributes<'_>) -> Self {
        let model = attributes.name(&["gen_ai.response.model", "gen_ai.request.model"]);
        let provider = attributes.name(&["gen_ai.provider.name", "gen_ai.system"]);
        let input = input::Input::read(attributes, span.cached, provider.as_ref(), model.as_ref());
        Self {
            id: event_id(span),
            timestamp: span.end.or(span.start),
            operation: model.clone(),
            agent: attributes.name(&["gen_ai.agent.id", "gen_ai.agent.name"]),
            session: attributes.name(&["gen_ai.conversation.id"]),
            task: hex(span.trace_id, 32).and_then(|trace| Name::new(&trace).ok()),
            tool_name: attributes.name(&["gen_ai.tool.name"]),
            tokens_in: input.tokens,
            tokens_out: attributes.quantity(OUTPUT_TOKENS).unwrap_or(0),
            cached_tokens_in: input.cached,
            api_calls: u64::from(model.is_some()),
            duration_ms: taken(span).map_or(0, whole_millis),
            model,
            provider,
        }
    }
}

const OUTPUT_TOKENS: &[&str] = &[
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
];

fn event_id(span: &Span<'_>) -> Option<Name> {
    let (trace, span) = (hex(span.trace_id, 32)?, hex(span.span_id, 16)?);
    Name::new(&format!("span-{trace}-{span}")).ok()
}

/// An id of `digits` hexadecimal digits in lower case; all zeros is none.
fn hex(id: Option<&str>, digits: usize) -> Option<alloc::string::String> {
    let id = id.filter(|id| id.len() == digits && id.bytes().all(|b| b.is_ascii_hexdigit()))?;
    id.bytes()
        .any(|b| b != b'0')
        .then(|| id.to_ascii_lowercase())
}

fn taken(span: &Span<'_>) -> Option<Duration> {
    let (start, end) = (span.start?.timestamp(), span.end?.timestamp());
    end.duration_since(start).try_into().ok()
}

#[cfg(test)]
mod tests;
