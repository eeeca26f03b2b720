//! A tenant's configuration: who it is, and its limits.

use crate::event::name::Name;
use crate::limit::alerts::Alerts;
use crate::limit::allowance::{Earlier, Moved};
use crate::limit::budget::Budget;
use crate::limit::decision::Objection;
use crate::limit::grant::Grant;
use crate::limit::limit::Limit;
use crate::limit::quota::Quota;
use crate::limit::revision::Resource;
use crate::limit::scope::Scope;
use crate::limit::series::{Series, State};
use crate::limit::subscription::{Status, Subscription};
use crate::limit::tree::Tree;
use crate::money::currency::Currency;
use crate::time::calendar::Calendar;
use crate::time::instant::{DAY_SECONDS, Instant};
use crate::time::window::WindowKind;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The most limits that a tenant may have over all layers.
pub const LIMITS_MAX: usize = 200;

/// Over how many partitions of the table a tenant's pages of an hour are spread: 1, 2,
/// 4, 8 or 16.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Lanes(u8);

/// A number of lanes that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1, 2, 4, 8 or 16")]
pub struct LanesError;

/// The most counters that one event may touch.
pub(crate) const COUNTERS_MAX: usize = 40;

/// A tenant's configuration. Every change makes a new `version`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// 1 when the tenant is first seen, one more with each change.
    pub version: u64,
    /// Which version last changed what; what is not there was never set.
    pub revisions: BTreeMap<Resource, u64>,
    /// Who it is, for people.
    pub name: Option<String>,
    /// Who it is, for links.
    pub slug: Option<String>,
    /// The one currency of its prices and limits, fixed by first use.
    pub currency: Option<Currency>,
    /// The cards that price its events, the first that names an operation first; empty =
    /// those of the defaults.
    pub rate_cards: Vec<Name>,
    /// How long its events are kept.
    pub retention_days: Option<u32>,
    /// When the retention was last raised, and from how many days: markers of
    /// before live no longer than that.
    pub raised: Option<(Instant, u32)>,
    /// Whether it may use anything without a plan.
    pub require_plan: bool,
    /// Over how many partitions of the table its pages of an hour are spread, as the
    /// operator says; absent = 1.
    pub lanes: Option<Lanes>,
    /// The same, as the service raised it since, because fewer were throttled.
    pub raised_lanes: Option<Lanes>,
    /// When it was first seen: nothing of it is older by receipt.
    pub created: Option<Instant>,
    /// What `POST /quota` set.
    pub quota: Option<Quota>,
    /// The plan that it subscribes to.
    pub subscription: Option<Subscription>,
    /// What `PUT /budgets` set.
    pub budget: Option<Budget>,
    /// What `PUT /budgets/{tenant_id}/tree` set.
    pub tree: Option<Tree>,
    /// The grants that may still be drawn on, in the order that they are drawn.
    pub grants: Vec<Grant>,
    /// Whether it was ever granted any.
    pub prepaid: bool,
    /// Where periods of before began, if elsewhere, ascending by their ends.
    pub earlier: Vec<Earlier>,
    /// How often periods came to begin elsewhere.
    pub calendars: u32,
    /// Which allowance of a period took over from which, when periods came to
    /// begin elsewhere.
    pub moved: Vec<Moved>,
    /// What `PUT /alerts` set; absent = nothing is watched.
    pub alerts: Option<Alerts>,
    /// What `PUT /limits` set.
    pub limits: Vec<Limit>,
    /// What is counted for all limits together.
    pub series: Vec<Series>,
}

/// Too many limits, or too many counters for one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a tenant may have at most 200 limits, and an event touch at most 40 counters")]
pub struct LimitsError;

impl Lanes {
    /// All pages of an hour in one partition.
    pub const ONE: Self = Self(1);

    /// Twice as many; `None` where these are the most.
    #[must_use]
    pub fn doubled(self) -> Option<Self> {
        Self::try_from(self.0.checked_mul(2)?).ok()
    }

    /// The number.
    #[must_use]
    pub fn count(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for Lanes {
    type Error = LanesError;
    fn try_from(lanes: u8) -> Result<Self, LanesError> {
        if lanes.is_power_of_two() && lanes <= 16 {
            Ok(Self(lanes))
        } else {
            Err(LanesError)
        }
    }
}

impl From<Lanes> for u8 {
    fn from(lanes: Lanes) -> Self {
        lanes.0
    }
}

impl Config {
    /// The version that last changed `resource`; 0 where it was never set.
    #[must_use]
    pub fn revision(&self, resource: Resource) -> u64 {
        self.revisions.get(&resource).copied().unwrap_or(0)
    }

    /// How many lanes its pages are spread over.
    #[must_use]
    pub fn lanes(&self) -> Lanes {
        let known = [self.lanes, self.raised_lanes];
        known.into_iter().flatten().max().unwrap_or(Lanes::ONE)
    }

    /// All limits of all layers.
    #[must_use]
    pub fn all_limits(&self) -> Vec<Limit> {
        let quota = self.quota.as_ref().map(Quota::limits).unwrap_or_default();
        let budget = self.budget.as_ref().map(Budget::limits).unwrap_or_default();
        let plan = self
            .subscription
            .as_ref()
            .map(Subscription::limits)
            .unwrap_or_default();
        let own = self.limits.iter().cloned();
        let tree = self.tree.as_ref().map(Tree::limits).unwrap_or_default();
        quota
            .into_iter()
            .chain(plan)
            .chain(budget)
            .chain(tree)
            .chain(own)
            .filter(|limit| !limit.is_open())
            .collect()
    }

    /// Where the windows of its limits begin.
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        self.subscription
            .as_ref()
            .map(Subscription::calendar)
            .unwrap_or_default()
    }

    /// The code of the plan that it subscribes to.
    #[must_use]
    pub fn plan_code(&self) -> Option<&Name> {
        self.subscription
            .as_ref()
            .map(|subscription| &subscription.plan.code)
    }

    /// What keeps the tenant from using anything at all.
    pub(crate) fn objection(&self) -> Option<Objection> {
        match &self.subscription {
            Some(subscription) => {
                (subscription.status == Status::Cancelled).then_some(Objection::Cancelled)
            }
            None => self.require_plan.then_some(Objection::NoPlan),
        }
    }

    /// The next version, counting what its limits need: series it has go on,
    /// new ones begin as [`State::Counting`] (by second: at once active).
    ///
    /// # Errors
    /// [`LimitsError`] where the limits are too many.
    pub fn renewed(mut self, now: Instant) -> Result<Self, LimitsError> {
        self.version = self.version.saturating_add(1);
        let limits = self.all_limits();
        let calendar = self.calendar();
        let mut series: Vec<Series> = Vec::new();
        for limit in &limits {
            if series.iter().any(|held| held.is_for(limit)) {
                continue;
            }
            let calendar = calendar.of(limit.window);
            let held = self
                .series
                .iter()
                .find(|held| held.is_for(limit) && held.calendar == calendar);
            series.push(
                held.cloned()
                    .unwrap_or_else(|| self.new_series(limit, calendar, now)),
            );
        }
        let outside_the_tree = series.iter().filter(|series| series.scope != Scope::Node);
        let counters: BTreeSet<_> = outside_the_tree
            .map(|s| (s.scope, s.scope_id.clone(), s.window))
            .collect();
        let of_tree = self.tree.as_ref().map_or(0, Tree::most_touched);
        if limits.len() > LIMITS_MAX
            || most_touched(&counters).saturating_add(of_tree) > COUNTERS_MAX
        {
            return Err(LimitsError);
        }
        self.series = series;
        Ok(self)
    }

    fn new_series(&self, limit: &Limit, calendar: Calendar, now: Instant) -> Series {
        let state = if limit.window == WindowKind::Second {
            State::Active
        } else {
            State::Counting
        };
        Series {
            scope: limit.scope,
            scope_id: limit.scope_id.clone(),
            window: limit.window,
            calendar,
            measure: limit.measure.clone(),
            since: self.version,
            from: now,
            rolled: Instant::EPOCH,
            state,
        }
    }

    /// Whether what `limit` tests is complete.
    #[must_use]
    pub fn state_of(&self, limit: &Limit) -> State {
        let series = self.series.iter().find(|series| series.is_for(limit));
        series.map_or(State::Active, |series| series.state)
    }

    /// Whether a series is still being filled.
    #[must_use]
    pub fn is_counting(&self) -> bool {
        self.series
            .iter()
            .any(|series| series.state == State::Counting)
    }

    /// Says of the series that begin with this version that receipts before
    /// `rolled` are rolled up.
    pub fn set_rolled(&mut self, rolled: Instant) {
        for series in self
            .series
            .iter_mut()
            .filter(|series| series.since == self.version)
        {
            series.rolled = rolled;
        }
    }

    /// The next version, the series that began up to version `since` complete.
    #[must_use]
    pub fn activated(mut self, since: u64) -> Self {
        self.version = self.version.saturating_add(1);
        for series in self
            .series
            .iter_mut()
            .filter(|series| series.since <= since)
        {
            series.state = State::Active;
        }
        self
    }

    /// How long events are kept, in days: its own or the default of 400.
    #[must_use]
    pub fn retention(&self) -> u32 {
        self.retention_days.unwrap_or(Self::RETENTION_DAYS)
    }

    /// Sets the retention, `None` = the default. A tenant seen before remembers
    /// that it was raised.
    pub fn set_retention(&mut self, days: Option<u32>, now: Instant) {
        let before = self.retention();
        self.retention_days = days;
        if self.retention() > before && self.created.is_some() {
            // Markers of before an earlier raise may still be the first to go.
            let shortest = self.raised.map_or(before, |(_, days)| days.min(before));
            self.raised = Some((now, shortest));
        }
    }

    /// The earliest event that may still be recorded: the retention reaches back
    /// to it, and had it been recorded before, its marker would be there.
    #[must_use]
    pub fn earliest(&self, now: Instant) -> Instant {
        let back = |days: u32| now.plus_seconds(i64::from(days).saturating_mul(-DAY_SECONDS));
        let kept = back(self.retention());
        match self.raised {
            None => kept,
            // A day more: events were accepted a little ahead of their time.
            Some((at, days)) => kept.max(back(days).min(at.plus_seconds(DAY_SECONDS))),
        }
    }

    /// The retention of tenants that set none.
    pub const RETENTION_DAYS: u32 = 400;
    /// The shortest retention: the acceptance window must fit into it.
    pub const RETENTION_DAYS_MIN: u32 = 35;
}

/// The most counters that one event can touch: every "each", and per scope and
/// window kind at most one named.
fn most_touched(counters: &BTreeSet<(Scope, Option<Arc<str>>, WindowKind)>) -> usize {
    counters
        .iter()
        .map(|(scope, _, window)| (scope, window))
        .collect::<BTreeSet<_>>()
        .len()
}
