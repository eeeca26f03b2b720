//! The audit trail.

use serde::{Deserialize, Serialize};
use tollgate_core::Instant;

/// Who changed what, when.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AuditEntry {
    /// When.
    pub created_at: Instant,
    /// The key that asked.
    pub key_id: String,
    /// What was done, such as `limits.put`.
    pub action: String,
    /// To which tenant; null = to none.
    pub tenant_id: Option<String>,
    /// What exactly; never secrets.
    pub detail: serde_json::Value,
}
