//! Who is to subscribe to which plan.

use crate::event::name::Name;
use crate::limit::subscription::Status;
use crate::money::amount::Amount;
use crate::time::calendar::Zone;
use crate::time::instant::Instant;
use alloc::vec::Vec;

/// A subscription as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionOrder {
    /// The plan's code; absent = no plan any more.
    pub plan: Option<Name>,
    /// Whether it entitles to anything.
    pub status: Status,
    /// Where its periods begin; absent = with each calendar month.
    pub period_anchor: Option<Instant>,
    /// Whose midnights count; absent = UTC.
    pub time_zone: Option<Zone>,
    /// Features whose values are this tenant's own.
    pub overrides: Vec<OverrideOrder>,
}

/// A feature's own values for a tenant; the plan says in what they count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverrideOrder {
    /// Which feature.
    pub feature_key: Name,
    /// Its soft value; absent = none.
    pub soft: Option<Amount>,
    /// Its hard value; absent = none.
    pub hard: Option<Amount>,
}
