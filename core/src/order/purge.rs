//! What is to be removed.

use crate::event::name::Name;
use crate::event::person::Person;

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

/// What is to be removed: events past their age, or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Events.
    Purge(PurgeOrder),
    /// A name.
    Erase(EraseOrder),
}
