//! What the service says of itself.

use serde::{Deserialize, Serialize};

/// The service card.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Service {
    /// Always `tollgate`.
    pub service: String,
    /// Which build it is.
    pub version: String,
    /// Always `operational`.
    pub status: String,
    /// Where the contract is.
    pub documentation: String,
}

/// Whether the store answers and takes what is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Always `healthy`; else the answer is 503.
    pub status: HealthStatus,
    /// Whether the clock is known to be right.
    pub clock: ClockStatus,
}

/// The word `healthy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// It is.
    Healthy,
}

/// Whether the clock is known to be right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ClockStatus {
    /// It is.
    Trusted,
    /// It is far ahead of what is stored, and no client's time confirmed it yet.
    Unconfirmed,
}
