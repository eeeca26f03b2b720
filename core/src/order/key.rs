//! API keys, and what they allow.

use crate::event::name::Name;
use crate::time::instant::Instant;
use alloc::collections::BTreeSet;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// What a new key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOrder {
    /// Whose it is; absent only for operators.
    pub tenant: Option<Name>,
    /// What it allows; never empty.
    pub scopes: BTreeSet<KeyScope>,
    /// When it ends, if ever.
    pub expires_at: Option<Instant>,
    /// What it is for, for people.
    pub name: Option<String>,
}

/// One thing that a key allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyScope {
    /// Record, check and hold.
    Ingest,
    /// As `Ingest`, for an agent: no observe mode, no `/usage`, timestamps at
    /// most 5 minutes old.
    Enforce,
    /// Give the price of an event, beside `Ingest`.
    Price,
    /// Read what was used and what it costs.
    Read,
    /// Everything, for all tenants.
    Operator,
}

impl KeyScope {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ingest,
        Self::Enforce,
        Self::Price,
        Self::Read,
        Self::Operator,
    ];

    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Enforce => "enforce",
            Self::Price => "price",
            Self::Read => "read",
            Self::Operator => "operator",
        }
    }
}
