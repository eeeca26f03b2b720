//! API keys, and what they allow.

use crate::event::name::Name;
use crate::time::instant::Instant;
use crate::words::words;
use alloc::collections::BTreeSet;
use alloc::string::String;

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

words! {
    /// One thing that a key allows.
    pub enum KeyScope {
        /// Record, check and hold.
        Ingest = "ingest",
        /// As `ingest`, for an agent: no observe mode, no `/usage`, timestamps at
        /// most 5 minutes old.
        Enforce = "enforce",
        /// Give the price of an event, beside `ingest`.
        Price = "price",
        /// Read what was used and what it costs.
        Read = "read",
        /// Everything, for all tenants.
        Operator = "operator",
    }
}
