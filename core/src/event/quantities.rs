//! How much was used, and the component that prices each figure.

use serde::{Deserialize, Serialize};

/// The largest quantity: 2^53 - 1, which every JSON reader holds exactly.
pub const QUANTITY_MAX: u64 = 9_007_199_254_740_991;

/// What one event used, each from 0 to [`QUANTITY_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quantities {
    /// The operation's own unit.
    pub units: u64,
    /// Input tokens, cached ones included.
    pub tokens_in: u64,
    /// Output tokens.
    pub tokens_out: u64,
    /// The part of `tokens_in` that came from a cache; never more than it.
    pub cached_tokens_in: u64,
    /// Tokens that are neither input nor output.
    pub tokens_processed: u64,
    /// Calls made to other APIs.
    pub api_calls: u64,
    /// Time worked, in milliseconds.
    pub duration_ms: u64,
    /// Bytes moved.
    pub data_bytes: u64,
}

impl Default for Quantities {
    fn default() -> Self {
        Self {
            units: 1,
            tokens_in: 0,
            tokens_out: 0,
            cached_tokens_in: 0,
            tokens_processed: 0,
            api_calls: 0,
            duration_ms: 0,
            data_bytes: 0,
        }
    }
}

impl Quantities {
    /// `tokens_in + tokens_out + tokens_processed`.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens_in
            .saturating_add(self.tokens_out)
            .saturating_add(self.tokens_processed)
    }

    /// How much of what `component` prices.
    #[must_use]
    pub fn priced_by(&self, component: Component) -> u64 {
        match component {
            Component::Unit => self.units,
            Component::TokenIn => self.tokens_in,
            Component::CachedTokenIn => self.cached_tokens_in,
            Component::TokenOut => self.tokens_out,
            Component::TokenProcessed => self.tokens_processed,
            Component::ApiCall => self.api_calls,
            Component::DurationMs => self.duration_ms,
            Component::DataByte => self.data_bytes,
        }
    }
}

/// What a price is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// The operation's own unit.
    Unit,
    /// An input token, cached ones excepted where those have a price.
    TokenIn,
    /// An input token read from a cache.
    CachedTokenIn,
    /// An output token.
    TokenOut,
    /// Another token.
    TokenProcessed,
    /// A call.
    ApiCall,
    /// A millisecond worked.
    DurationMs,
    /// A byte moved.
    DataByte,
}

impl Component {
    /// All of them, in the order of statement lines.
    pub const ALL: [Self; 8] = [
        Self::Unit,
        Self::TokenIn,
        Self::CachedTokenIn,
        Self::TokenOut,
        Self::TokenProcessed,
        Self::ApiCall,
        Self::DurationMs,
        Self::DataByte,
    ];

    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::TokenIn => "token_in",
            Self::CachedTokenIn => "cached_token_in",
            Self::TokenOut => "token_out",
            Self::TokenProcessed => "token_processed",
            Self::ApiCall => "api_call",
            Self::DurationMs => "duration_ms",
            Self::DataByte => "data_byte",
        }
    }
}
