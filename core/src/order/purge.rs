//! What is to be removed.

use crate::event::dimensions::Dimensions;
use crate::event::name::Name;
use serde::{Deserialize, Serialize};

/// What is to be purged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurgeOrder {
    /// Whose events; absent = every tenant's.
    pub tenant: Option<Name>,
    /// In place of the tenant's own retention; at least
    /// [`crate::Config::RETENTION_DAYS_MIN`].
    pub older_than_days: Option<u32>,
    /// Only count.
    pub dry_run: bool,
}

/// Whose name is to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EraseOrder {
    /// Of which tenant.
    pub tenant: Name,
    /// As what.
    pub person: Person,
    /// The name.
    pub name: Name,
    /// Only count.
    pub dry_run: bool,
}

/// As what someone is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Person {
    /// An agent.
    Agent,
    /// A consumer.
    Consumer,
}

impl Person {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Consumer => "consumer",
        }
    }

    /// The name of this person in `dimensions`.
    pub fn of(self, dimensions: &mut Dimensions) -> &mut Option<Name> {
        match self {
            Self::Agent => &mut dimensions.agent,
            Self::Consumer => &mut dimensions.consumer,
        }
    }
}

/// What is to be removed: events past their age, or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Events.
    Purge(PurgeOrder),
    /// A name.
    Erase(EraseOrder),
}
