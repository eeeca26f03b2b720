//! The report as data.

use super::maths::{Status, Threshold};
use tollgate_core::{Amount, Instant, Name};

/// What tenants used of what their plans allow.
#[derive(Debug, Clone)]
pub(super) struct Report {
    /// When it was made (RFC 3339).
    pub(super) generated_at: String,
    /// What was asked for.
    pub(super) filters: Filters,
    /// From which share of a limit on it is approached.
    pub(super) threshold: Threshold,
    /// By slug, then id.
    pub(super) tenants: Vec<TenantUse>,
}

/// What a report was asked to be about.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    pub(super) period_start: Option<Instant>,
    pub(super) period_end: Option<Instant>,
    /// Slugs or ids.
    pub(super) tenants: Vec<String>,
    pub(super) plans: Vec<String>,
    pub(super) features: Vec<String>,
    /// Whether subscriptions count that are not active.
    pub(super) include_inactive: bool,
}

/// What one tenant used.
#[derive(Debug, Clone)]
pub(super) struct TenantUse {
    pub(super) tenant_id: Name,
    pub(super) slug: Option<String>,
    pub(super) name: Option<String>,
    pub(super) plan_code: Name,
    pub(super) plan_name: Option<String>,
    pub(super) subscription_status: tollgate_core::Status,
    /// The period of the report, else of the subscription.
    pub(super) window: Window,
    /// By key.
    pub(super) features: Vec<FeatureUse>,
}

/// A span of time; open where it has no start or end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: Option<Instant>,
    pub(super) end: Option<Instant>,
}

/// What was used of one feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FeatureUse {
    pub(super) key: String,
    pub(super) display_name: String,
    pub(super) unit: String,
    /// Money is text in JSON, anything else a number.
    pub(super) is_money: bool,
    pub(super) quantity: Amount,
    pub(super) soft: Option<Amount>,
    pub(super) hard: Option<Amount>,
    /// The window in which it was counted.
    pub(super) window: Window,
}

impl FeatureUse {
    /// How it stands to its limits.
    pub(super) fn status(&self, threshold: Threshold) -> Status {
        Status::of(self.quantity, self.soft, self.hard, threshold)
    }
}

impl TenantUse {
    /// What people call it.
    pub(super) fn label(&self) -> &str {
        self.slug.as_deref().unwrap_or(self.tenant_id.as_str())
    }
}

impl Report {
    /// How many features it tells of.
    pub(super) fn feature_count(&self) -> usize {
        self.tenants
            .iter()
            .map(|tenant| tenant.features.len())
            .sum()
    }

    /// The features that someone should look at.
    pub(super) fn warnings(&self) -> impl Iterator<Item = (&TenantUse, &FeatureUse, Status)> {
        let features = self
            .tenants
            .iter()
            .flat_map(|tenant| tenant.features.iter().map(move |feature| (tenant, feature)));
        features
            .map(|(tenant, feature)| (tenant, feature, feature.status(self.threshold)))
            .filter(|(.., status)| status.is_warning())
    }

    /// The period asked for; where it is open, from the first start to the
    /// last end of the tenants' own.
    pub(super) fn applied(&self) -> Window {
        let windows = || self.tenants.iter().map(|tenant| tenant.window);
        let first = windows().filter_map(|window| window.start).min();
        let last = windows().filter_map(|window| window.end).max();
        Window {
            start: self.filters.period_start.or(first),
            end: self.filters.period_end.or(last),
        }
    }
}
