//! One measured use.

use crate::totals::Dimensions;
use crate::{Amount, Component, Instant, Name};
use alloc::string::String;

/// The largest quantity: 2^53 - 1, which every JSON reader holds exactly.
pub const QUANTITY_MAX: u64 = 9_007_199_254_740_991;

/// One measured use. Its `id` makes it count once, however often it is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Made by the client; unique in its tenant.
    pub id: Name,
    /// When it happened: the instant whose windows it counts in.
    pub timestamp: Instant,
    /// Where it belongs: operation, tier, agent and so on.
    pub dimensions: Dimensions,
    /// How much was used.
    pub quantities: Quantities,
    /// The task it was a step of.
    pub task: Option<Name>,
    /// Who sold it, such as `openai`; kept, not aggregated.
    pub provider: Option<Name>,
    /// How long the caller waited, in milliseconds.
    pub latency_ms: Option<Amount>,
    /// 0 to 1.
    pub compliance_score: Amount,
    /// The price of the whole event, in place of the rate card's.
    pub cost_override: Option<Amount>,
    /// Canonical JSON of at most 2 KiB, kept as it is.
    pub metadata: Option<String>,
}

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
        self.tokens_in.saturating_add(self.tokens_out).saturating_add(self.tokens_processed)
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

impl Event {
    /// One unit of `operation`, tier `standard`, everything else at its default.
    #[must_use]
    pub fn new(id: Name, timestamp: Instant, operation: Name) -> Self {
        Self {
            id,
            timestamp,
            dimensions: Dimensions::of(operation),
            quantities: Quantities::default(),
            task: None,
            provider: None,
            latency_ms: None,
            compliance_score: Amount::whole(1).unwrap_or_default(),
            cost_override: None,
            metadata: None,
        }
    }
}
