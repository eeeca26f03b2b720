//! What is known of closed receipt hours, and of the last purge.

use serde::{Deserialize, Serialize};
use tollgate_core::Instant;

/// What is known of a closed receipt hour with pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    /// Its first instant.
    pub hour: Instant,
    /// How many pages it has.
    pub pages: u64,
    /// How many events they hold.
    pub events: u64,
    /// The earliest time of any of them.
    pub first: Instant,
    /// The latest time of any of them.
    pub last: Instant,
    /// SHA-256 over the hour before's digest and the sort keys and digests of its
    /// pages, by receipt; a page's digest stays where names are erased.
    pub digest: String,
}

/// The last purge of a tenant that removed anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastPurge {
    /// When.
    pub at: Instant,
    /// The id of the key that ordered it, or `schedule`.
    pub by: String,
    /// How many events it removed.
    pub events: u64,
    /// In how many pages.
    pub pages: u64,
    /// The first receipt hour that was left: all before are purged, so nobody asks
    /// for those again.
    pub kept_from: Instant,
}
