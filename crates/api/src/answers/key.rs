//! API keys, without their secrets.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tollgate_core::{Instant, KeyScope, Name};

/// A key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Key {
    /// Its id, which is no secret.
    pub key_id: String,
    /// Whose it is; null for an operator's.
    pub tenant_id: Option<Name>,
    /// What it allows.
    pub scopes: BTreeSet<KeyScope>,
    /// For people.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// When it ends by itself.
    pub expires_at: Option<Instant>,
    /// When it was ended.
    pub revoked_at: Option<Instant>,
}

/// A key that was just made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MadeKey {
    /// What is known of it.
    #[serde(flatten)]
    pub about: Key,
    /// The key itself, shown this once.
    pub key: String,
}
