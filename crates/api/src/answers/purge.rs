//! Purges and erasures.

use serde::{Deserialize, Serialize};
use tollgate_core::Name;

/// What a purge did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PurgeStatus {
    /// Events past their retention are removed.
    Purged,
    /// Nothing: it was asked what would be done.
    DryRun,
    /// A name is replaced by a pseudonym.
    Pseudonymised,
}

/// What a purge or an erasure did, or would do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Purged {
    /// What it did.
    pub status: PurgeStatus,
    /// Events removed.
    pub removed: u64,
    /// Pages removed or rewritten.
    pub pages: u64,
    /// Whether it was only asked.
    pub dry_run: bool,
    /// Events in which the pseudonym replaced the name; null for a purge.
    pub pseudonymised: Option<u64>,
    /// What stands for the name now; null for a purge.
    pub pseudonym: Option<Name>,
}
