//! Credit: a plan's allowance and prepaid grants, from which costs are drawn.
//!
//! Each source is a counter like any other, in the scope [`Scope::Credit`]: its
//! capacity is tested in the transaction that draws from it, holds hold it, and
//! what ends a hold gives it back.

use crate::event::name::Name;
use crate::limit::config::Config;
use crate::limit::counter::{CounterKey, Standing};
use crate::limit::measure::Measure;
use crate::limit::scope::Scope;
use crate::limit::subscription::Status;
use crate::money::amount::{Amount, BOUND};
use crate::time::instant::Instant;
use crate::time::window::WindowKind;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The most grants that a tenant may have whose time is not over and that
/// something is left of: one event may draw from all of them in one transaction.
pub const GRANTS_MAX: usize = 50;

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
    /// From when on nothing is drawn of it; absent = never.
    pub expires_at: Option<Instant>,
}

/// What one event, or one hold, took of one source.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Draw {
    /// The source.
    pub counter: CounterKey,
    /// In units of 1e-18 of the tenant's currency; above 0.
    pub amount: i128,
}

/// One source and how much it holds in all.
pub(crate) struct Source {
    pub(crate) counter: CounterKey,
    pub(crate) capacity: i128,
}

/// How a cost is drawn: what of each source, by its number, and what no source
/// covers.
#[derive(Default)]
pub(crate) struct Charge {
    pub(crate) parts: Vec<(usize, i128)>,
    pub(crate) short: i128,
}

/// The version in the names of the attributes of credit, which no series has.
pub(crate) const SINCE: u64 = 0;

/// The attribute of a source that holds what is used and held of it.
#[must_use]
pub fn credit_attribute() -> Arc<str> {
    Arc::from(format!("u:{}:{SINCE}", Measure::Spend))
}

/// The attribute of a source that holds the held part.
#[must_use]
pub fn credit_held_attribute() -> Arc<str> {
    Arc::from(format!("h:{}:{SINCE}", Measure::Spend))
}

impl Grant {
    /// Whether something may be drawn of it at `now`.
    #[must_use]
    pub fn is_open(&self, now: Instant) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// Grants are drawn in the order of this: by priority, then by what ends
    /// first, then by age.
    #[must_use]
    pub fn rank(&self) -> (u32, bool, Option<Instant>, Instant, &Name) {
        (
            self.priority,
            self.expires_at.is_none(),
            self.expires_at,
            self.granted_at,
            &self.id,
        )
    }

    /// Its counter.
    #[must_use]
    pub fn counter(&self) -> CounterKey {
        total(&format!("grant:{}", self.id))
    }
}

fn total(id: &str) -> CounterKey {
    CounterKey {
        scope: Scope::Credit,
        scope_id: Arc::from(id),
        window: WindowKind::Total.holding(Instant::EPOCH),
    }
}

/// The counter of what was used beyond all credit.
#[must_use]
pub fn uncovered_counter() -> CounterKey {
    total("uncovered")
}

impl Config {
    /// Whether costs must be covered by credit: the plan includes some, or the
    /// tenant was ever granted any.
    #[must_use]
    pub fn is_prepaid(&self) -> bool {
        self.prepaid || self.allowance().is_some()
    }

    /// What the plan includes in each period.
    #[must_use]
    pub fn allowance(&self) -> Option<Amount> {
        self.subscription
            .as_ref()
            .filter(|subscription| subscription.status != Status::Cancelled)?
            .plan
            .allowance
    }

    /// The counter of the allowance of the period that holds `at`.
    #[must_use]
    pub fn allowance_counter(&self, at: Instant) -> CounterKey {
        let window = self.calendar().holding(WindowKind::Period, at);
        CounterKey {
            scope: Scope::Credit,
            scope_id: Arc::from("allowance"),
            window,
        }
    }

    /// Where a cost at `timestamp` is drawn from at `now`, in this order: the
    /// allowance of its period, then the grants.
    pub(crate) fn sources(&self, timestamp: Instant, now: Instant) -> Vec<Source> {
        let counter = self.allowance_counter(timestamp);
        let since = self
            .subscription
            .as_ref()
            .map(|subscription| subscription.since);
        let allowance = self.allowance().filter(|_| {
            since.is_some_and(|since| counter.window.end().is_none_or(|end| since < end))
        });
        let allowance = allowance.map(|amount| Source {
            counter,
            capacity: amount.units(),
        });
        let grants = self.grants.iter().filter(|grant| grant.is_open(now));
        allowance
            .into_iter()
            .chain(grants.map(|grant| Source {
                counter: grant.counter(),
                capacity: grant.amount.units(),
            }))
            .collect()
    }
}

/// Draws `cost` from sources in order, each of which has a capacity and of it
/// so much taken.
pub(crate) fn charge(sources: impl Iterator<Item = (i128, i128)>, cost: i128) -> Charge {
    let mut charge = Charge {
        parts: Vec::new(),
        short: cost.max(0),
    };
    for (number, (capacity, taken)) in sources.enumerate() {
        let part = capacity.saturating_sub(taken).clamp(0, charge.short);
        if part > 0 {
            charge.parts.push((number, part));
            charge.short = charge.short.saturating_sub(part);
        }
    }
    charge
}

/// What is left of all `sources`.
pub(crate) fn left(sources: &[Source], standing: &Standing) -> i128 {
    let left = |source: &Source| {
        source
            .capacity
            .saturating_sub(source.taken(standing))
            .max(0)
    };
    sources
        .iter()
        .map(left)
        .fold(0, i128::saturating_add)
        .min(BOUND)
}

impl Source {
    /// What is used and held of it.
    pub(crate) fn taken(&self, standing: &Standing) -> i128 {
        standing
            .get(&self.counter)
            .and_then(|counts| counts.get(&credit_attribute()))
            .map_or(0, |count| count.taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn grant(id: &str, priority: u32, granted_at: &str, expires_at: Option<&str>) -> Grant {
        let at = |text: &str| text.parse().unwrap();
        Grant {
            id: Name::new(id).unwrap(),
            amount: Amount::ZERO,
            priority,
            granted_at: at(granted_at),
            expires_at: expires_at.map(at),
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
        assert!(grants[1].is_open("2026-11-30T23:59:59.999999999Z".parse().unwrap()));
        assert!(!grants[1].is_open("2026-12-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_cost_empties_each_source_before_the_next() {
        for (cost, parts, short) in [
            (0, &[][..], 0),
            (3, &[(0, 3)][..], 0),
            (4, &[(0, 3), (1, 1)][..], 0),
            (28, &[(0, 3), (1, 5), (2, 20)][..], 0),
            (30, &[(0, 3), (1, 5), (2, 20)][..], 2),
            (-1, &[][..], 0),
        ] {
            let charge = charge([(10, 7), (5, 0), (20, 0)].into_iter(), cost);
            assert_eq!((&*charge.parts, charge.short), (parts, short), "{cost}");
        }
    }
}
