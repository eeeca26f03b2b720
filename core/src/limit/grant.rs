//! Prepaid grants of credit.

use crate::event::name::Name;
use crate::limit::counter::CounterKey;
use crate::limit::scope::Scope;
use crate::money::amount::Amount;
use crate::time::instant::{DAY_SECONDS, Instant};
use crate::time::window::WindowKind;
use alloc::format;
use alloc::sync::Arc;
use serde::{Deserialize, Serialize};

/// The most grants that one event may draw on, in one transaction.
pub const GRANTS_MAX: usize = 50;

/// Seconds after its end for which events of its time may still draw on a grant.
const LATE_SECONDS: i64 = 35 * DAY_SECONDS;

/// What the ids of the counters of grants begin with.
const COUNTER: &str = "grant:";

/// Money that a tenant has paid in advance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// Unique for its tenant, for ever.
    pub id: Name,
    /// How much, in the tenant's currency.
    pub amount: Amount,
    /// What is drawn first: the lowest number.
    pub priority: u32,
    /// When it was granted.
    pub granted_at: Instant,
    /// Events from then on draw nothing of it; absent = never.
    pub expires_at: Option<Instant>,
}

impl Grant {
    /// Whether events of now may draw on it.
    #[must_use]
    pub fn is_open(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether any event, late ones too, may draw on it at `now`.
    #[must_use]
    pub fn is_drawable(&self, now: Instant) -> bool {
        self.is_open(now.plus_seconds(LATE_SECONDS.saturating_neg()))
    }

    /// Whether an event at `timestamp` may draw on it at `now`.
    #[must_use]
    pub fn covers(&self, timestamp: Instant, now: Instant) -> bool {
        self.is_open(timestamp) && self.is_drawable(now)
    }

    /// Grants are drawn in the order of this: by priority, then by what ends
    /// first, then by age.
    #[must_use]
    pub fn rank(&self) -> (u32, bool, Option<Instant>, Instant, &Name) {
        let never_ends = self.expires_at.is_none();
        (
            self.priority,
            never_ends,
            self.expires_at,
            self.granted_at,
            &self.id,
        )
    }

    /// Its counter.
    #[must_use]
    pub fn counter(&self) -> CounterKey {
        credit_counter(&format!("{COUNTER}{}", self.id))
    }

    /// The grant whose counter this is; `None` for any other counter.
    #[must_use]
    pub fn id_of(counter: &CounterKey) -> Option<Name> {
        let of_credit = Some(counter).filter(|counter| counter.scope == Scope::Credit)?;
        Name::new(of_credit.scope_id.strip_prefix(COUNTER)?).ok()
    }
}

/// A counter of credit without windows.
pub(crate) fn credit_counter(id: &str) -> CounterKey {
    CounterKey {
        scope: Scope::Credit,
        scope_id: Arc::from(id),
        window: WindowKind::Total.holding(Instant::EPOCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;
    use std::vec::Vec;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn grant(id: &str, priority: u32, granted_at: &str, expires_at: Option<&str>) -> Grant {
        let (id, expires_at) = (Name::new(id).unwrap(), expires_at.map(at));
        Grant {
            id,
            amount: Amount::ZERO,
            priority,
            granted_at: at(granted_at),
            expires_at,
        }
    }

    #[test]
    fn grants_are_drawn_by_priority_then_expiry_then_age() {
        let (first, later) = ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
        let mut grants = [
            grant("old", 1, first, None),
            grant("new", 1, later, None),
            grant("ends", 1, later, Some("2027-01-01T00:00:00Z")),
            grant("ends-first", 1, later, Some("2026-12-01T00:00:00Z")),
            grant("promotion", 0, later, None),
        ];
        grants.sort_by(|a, b| a.rank().cmp(&b.rank()));
        let order: Vec<String> = grants
            .iter()
            .map(|grant| String::from(grant.id.as_str()))
            .collect();
        assert_eq!(order, ["promotion", "ends-first", "ends", "old", "new"]);
    }

    #[test]
    fn a_grant_covers_what_happened_before_its_end_for_35_days() {
        let grant = grant("g", 0, "2026-10-01T00:00:00Z", Some("2026-11-01T00:00:00Z"));
        for (timestamp, now, covers) in [
            (
                "2026-10-31T23:59:59.999999999Z",
                "2026-11-01T00:00:01Z",
                true,
            ),
            ("2026-11-01T00:00:00Z", "2026-10-31T23:59:00Z", false),
            ("2026-10-31T23:59:59Z", "2026-12-05T23:59:59Z", true),
            ("2026-10-31T23:59:59Z", "2026-12-06T00:00:00Z", false),
        ] {
            assert_eq!(
                grant.covers(at(timestamp), at(now)),
                covers,
                "{timestamp} at {now}"
            );
        }
    }
}
