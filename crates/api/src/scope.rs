//! What an API key may do.

/// One permission of an API key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyScope {
    /// Record, check and hold.
    Ingest,
    /// As `Ingest`, for an agent: no observe mode, no `/usage`, timestamps at
    /// most 5 minutes old.
    Enforce,
    /// Override costs, beside `Ingest`.
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

    /// The scope of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}
