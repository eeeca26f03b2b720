//! What is stored of a tenant.

use serde::{Deserialize, Serialize};
use tollgate_core::Instant;

/// What is stored of a tenant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Stats {
    /// Events that are not purged.
    pub total_events: u64,
    /// The time of the first.
    pub oldest_timestamp: Option<Instant>,
    /// The time of the last.
    pub newest_timestamp: Option<Instant>,
    /// How many days events are kept.
    pub retention_days: u32,
    /// When hours were last rolled up.
    pub last_rollup: Option<Instant>,
    /// When events were last removed.
    pub last_purge: Option<Instant>,
}
