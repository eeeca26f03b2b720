//! The fields of an event that a column can fill.

use serde::{Serialize, Serializer};
use std::fmt;

/// A field of an event that a column can fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
    /// When it happened.
    Timestamp,
    /// What was used.
    Operation,
    /// The price class.
    Tier,
    /// The operation's own unit.
    Units,
    /// Input tokens.
    TokensIn,
    /// Output tokens.
    TokensOut,
    /// The part of the input tokens that was cached.
    CachedTokensIn,
    /// The part of the input tokens written to a cache.
    CacheWriteTokensIn,
    /// The part of the input tokens written to a cache for an hour.
    CacheWrite1hTokensIn,
    /// The part of the input tokens that is sound.
    AudioTokensIn,
    /// The part of the input tokens that is sound from a cache.
    CachedAudioTokensIn,
    /// The part of the input tokens that is images.
    ImageTokensIn,
    /// The part of the input tokens that is films.
    VideoTokensIn,
    /// The part of the output tokens that was thought.
    ReasoningTokensOut,
    /// The part of the output tokens that is sound.
    AudioTokensOut,
    /// The part of the output tokens that is images.
    ImageTokensOut,
    /// Searches made.
    Searches,
    /// Images made or read.
    Images,
    /// Pages read or written.
    Pages,
    /// Characters read or spoken.
    Characters,
    /// Other tokens.
    TokensProcessed,
    /// Calls made.
    ApiCalls,
    /// Time worked.
    DurationMs,
    /// Time waited.
    LatencyMs,
    /// Bytes moved.
    DataBytes,
    /// Who did the work.
    AgentId,
    /// For whom.
    ConsumerId,
    /// The session.
    SessionId,
    /// The task.
    TaskId,
    /// The tool's server.
    ToolServer,
    /// The tool.
    ToolName,
    /// The model.
    Model,
    /// Who sold it.
    Provider,
    /// The leaf of the tree of budgets.
    BudgetNode,
}

/// How a field's cells are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A point in time.
    Time,
    /// A whole number.
    Quantity,
    /// A decimal number.
    Decimal,
    /// An id or name; an empty cell leaves the field out.
    Name,
}

/// What traces and exports call the time, and all tokens in and out.
const TIMES: &[&str] = &[
    "time",
    "datetime",
    "createdat",
    "starttime",
    "eventtime",
    "requesttime",
];
const INPUTS: &[&str] = &[
    "contexttokens",
    "prompttokens",
    "inputtokens",
    "requesttokens",
];
const OUTPUTS: &[&str] = &[
    "generatedtokens",
    "completiontokens",
    "outputtokens",
    "responsetokens",
];

impl Field {
    /// All of them.
    pub(crate) const ALL: [Self; 34] = [
        Self::Timestamp,
        Self::Operation,
        Self::Tier,
        Self::Units,
        Self::TokensIn,
        Self::TokensOut,
        Self::CachedTokensIn,
        Self::CacheWriteTokensIn,
        Self::CacheWrite1hTokensIn,
        Self::AudioTokensIn,
        Self::CachedAudioTokensIn,
        Self::ImageTokensIn,
        Self::VideoTokensIn,
        Self::ReasoningTokensOut,
        Self::AudioTokensOut,
        Self::ImageTokensOut,
        Self::Searches,
        Self::Images,
        Self::Pages,
        Self::Characters,
        Self::TokensProcessed,
        Self::ApiCalls,
        Self::DurationMs,
        Self::LatencyMs,
        Self::DataBytes,
        Self::AgentId,
        Self::ConsumerId,
        Self::SessionId,
        Self::TaskId,
        Self::ToolServer,
        Self::ToolName,
        Self::Model,
        Self::Provider,
        Self::BudgetNode,
    ];

    /// The parts of `tokens_in`.
    pub(crate) fn parts_in() -> &'static [Self] {
        &[
            Self::CachedTokensIn,
            Self::CacheWriteTokensIn,
            Self::CacheWrite1hTokensIn,
            Self::AudioTokensIn,
            Self::CachedAudioTokensIn,
            Self::ImageTokensIn,
            Self::VideoTokensIn,
        ]
    }

    /// The parts of `tokens_out`.
    pub(crate) fn parts_out() -> &'static [Self] {
        &[
            Self::ReasoningTokensOut,
            Self::AudioTokensOut,
            Self::ImageTokensOut,
        ]
    }

    /// Its name in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        self.spelling().0
    }

    /// How its cells are read.
    pub(crate) fn kind(self) -> Kind {
        self.spelling().1
    }

    /// Whether a column of this header fills it, where none is mapped: the
    /// name itself, or what well-known traces and exports call it. Letter
    /// case, spaces and punctuation do not matter.
    pub(crate) fn is_called(self, header: &str) -> bool {
        let header = plain(header);
        header == plain(self.as_str()) || self.spelling().2.contains(&header.as_str())
    }

    /// The field of this exact name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }

    /// Name, kind and aliases. An alias always means what the field means: a
    /// total of tokens, or an input count that leaves cached tokens out, has
    /// none.
    fn spelling(self) -> (&'static str, Kind, &'static [&'static str]) {
        match self {
            Self::Timestamp => ("timestamp", Kind::Time, TIMES),
            Self::Operation => ("operation", Kind::Name, &[]),
            Self::Tier => ("tier", Kind::Name, &[]),
            Self::Units => ("units", Kind::Quantity, &[]),
            Self::TokensIn => ("tokens_in", Kind::Quantity, INPUTS),
            Self::TokensOut => ("tokens_out", Kind::Quantity, OUTPUTS),
            Self::CachedTokensIn => (
                "cached_tokens_in",
                Kind::Quantity,
                &["cachedtokens", "cachedinputtokens", "inputcachedtokens"],
            ),
            Self::CacheWriteTokensIn => ("cache_write_tokens_in", Kind::Quantity, &[]),
            Self::CacheWrite1hTokensIn => ("cache_write_1h_tokens_in", Kind::Quantity, &[]),
            Self::AudioTokensIn => ("audio_tokens_in", Kind::Quantity, &["inputaudiotokens"]),
            Self::CachedAudioTokensIn => ("cached_audio_tokens_in", Kind::Quantity, &[]),
            Self::ImageTokensIn => ("image_tokens_in", Kind::Quantity, &["inputimagetokens"]),
            Self::VideoTokensIn => ("video_tokens_in", Kind::Quantity, &[]),
            Self::ReasoningTokensOut => {
                ("reasoning_tokens_out", Kind::Quantity, &["reasoningtokens"])
            }
            Self::AudioTokensOut => ("audio_tokens_out", Kind::Quantity, &["outputaudiotokens"]),
            Self::ImageTokensOut => ("image_tokens_out", Kind::Quantity, &["outputimagetokens"]),
            Self::Searches => ("searches", Kind::Quantity, &[]),
            Self::Images => ("images", Kind::Quantity, &[]),
            Self::Pages => ("pages", Kind::Quantity, &[]),
            Self::Characters => ("characters", Kind::Quantity, &[]),
            Self::TokensProcessed => ("tokens_processed", Kind::Quantity, &[]),
            Self::ApiCalls => ("api_calls", Kind::Quantity, &["nummodelrequests"]),
            Self::DurationMs => ("duration_ms", Kind::Quantity, &["durationmillis"]),
            Self::LatencyMs => ("latency_ms", Kind::Decimal, &["responsetimems"]),
            Self::DataBytes => ("data_bytes", Kind::Quantity, &[]),
            Self::AgentId => ("agent_id", Kind::Name, &["agent"]),
            Self::ConsumerId => (
                "consumer_id",
                Kind::Name,
                &["consumer", "userid", "enduser"],
            ),
            Self::SessionId => (
                "session_id",
                Kind::Name,
                &["session", "conversationid", "threadid"],
            ),
            Self::TaskId => ("task_id", Kind::Name, &["task"]),
            Self::ToolServer => ("tool_server", Kind::Name, &["mcpserver"]),
            Self::ToolName => ("tool_name", Kind::Name, &["tool"]),
            Self::Model => ("model", Kind::Name, &["modelname", "modelid"]),
            Self::Provider => ("provider", Kind::Name, &["customllmprovider"]),
            Self::BudgetNode => ("budget_node", Kind::Name, &[]),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// Letters and digits alone, in lower case.
fn plain(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_well_known_traces_name_their_fields() {
        for (header, field) in [
            ("TIMESTAMP", Field::Timestamp),
            ("ContextTokens", Field::TokensIn),
            ("GeneratedTokens", Field::TokensOut),
            ("prompt_tokens", Field::TokensIn),
            ("completion_tokens", Field::TokensOut),
            ("Request tokens", Field::TokensIn),
            ("input_cached_tokens", Field::CachedTokensIn),
            ("Agent ID", Field::AgentId),
        ] {
            let named: Vec<_> = Field::ALL
                .into_iter()
                .filter(|field| field.is_called(header))
                .collect();
            assert_eq!(named, [field], "{header}");
        }
    }

    #[test]
    fn what_would_be_counted_wrongly_is_not_guessed() {
        for header in [
            "total_tokens",
            "cache_read_input_tokens",
            "latency",
            "created",
            "id",
            "",
        ] {
            assert!(
                !Field::ALL.into_iter().any(|field| field.is_called(header)),
                "{header}"
            );
        }
    }
}
