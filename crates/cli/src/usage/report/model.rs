//! The report as data.

use super::maths::{Status, Threshold, percent, remaining};
use crate::output::cell;
use serde_json::{Map, Number, Value, json};
use tollgate_core::{Amount, Instant};

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
    pub(super) period_start: Option<String>,
    pub(super) period_end: Option<String>,
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
    pub(super) tenant_id: String,
    pub(super) slug: Option<String>,
    pub(super) name: Option<String>,
    pub(super) plan_code: String,
    pub(super) plan_name: Option<String>,
    pub(super) subscription_status: String,
    /// The period of the report, else of the subscription.
    pub(super) window: Window,
    /// By key.
    pub(super) features: Vec<FeatureUse>,
}

/// Start and end (RFC 3339), where there is one.
pub(super) type Window = [Option<String>; 2];

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

/// The columns of a feature in a report.
pub(super) const COLUMNS: [&str; 22] = [
    "tenant_id",
    "tenant_slug",
    "tenant_name",
    "plan_code",
    "plan_name",
    "subscription_status",
    "feature_key",
    "feature_display_name",
    "unit",
    "quantity",
    "soft_limit",
    "hard_limit",
    "remaining_to_soft_limit",
    "remaining_to_hard_limit",
    "percent_of_soft_limit",
    "percent_of_hard_limit",
    "status",
    "approaching",
    "window_start",
    "window_end",
    "usage_window_start",
    "usage_window_end",
];

/// Those of them that are numbers, also where JSON writes them as text.
const FIGURES: [&str; 7] = [
    "quantity",
    "soft_limit",
    "hard_limit",
    "remaining_to_soft_limit",
    "remaining_to_hard_limit",
    "percent_of_soft_limit",
    "percent_of_hard_limit",
];

impl FeatureUse {
    /// How it stands to its limits.
    pub(super) fn status(&self, threshold: Threshold) -> Status {
        Status::of(self.quantity, self.soft, self.hard, threshold)
    }

    fn figure(&self, amount: Option<Amount>) -> Value {
        match amount.map(|amount| amount.to_string()) {
            None => Value::Null,
            Some(text) if self.is_money => text.into(),
            Some(text) => text
                .parse::<Number>()
                .map_or_else(|_| text.into(), Value::Number),
        }
    }

    fn json(&self, threshold: Threshold) -> Map<String, Value> {
        let status = self.status(threshold);
        let left =
            |limit: Option<Amount>| self.figure(limit.map(|limit| remaining(self.quantity, limit)));
        let share =
            |limit: Option<Amount>| number(limit.and_then(|limit| percent(self.quantity, limit)));
        let fields = [
            ("feature_key", json!(self.key)),
            ("display_name", json!(self.display_name)),
            ("unit", json!(self.unit)),
            ("quantity", self.figure(Some(self.quantity))),
            ("soft_limit", self.figure(self.soft)),
            ("hard_limit", self.figure(self.hard)),
            ("remaining_to_soft_limit", left(self.soft)),
            ("remaining_to_hard_limit", left(self.hard)),
            ("percent_of_soft_limit", share(self.soft)),
            ("percent_of_hard_limit", share(self.hard)),
            ("status", json!(status.as_str())),
            ("approaching", json!(status.is_warning())),
            ("usage_window_start", json!(self.window[0])),
            ("usage_window_end", json!(self.window[1])),
        ];
        fields
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect()
    }
}

impl TenantUse {
    /// What people call it.
    pub(super) fn label(&self) -> &str {
        self.slug.as_deref().unwrap_or(&self.tenant_id)
    }

    fn json(&self) -> Map<String, Value> {
        let fields = [
            ("tenant_id", json!(self.tenant_id)),
            ("tenant_slug", json!(self.slug)),
            ("tenant_name", json!(self.name)),
            ("plan_code", json!(self.plan_code)),
            ("plan_name", json!(self.plan_name)),
            ("subscription_status", json!(self.subscription_status)),
            ("window_start", json!(self.window[0])),
            ("window_end", json!(self.window[1])),
        ];
        fields
            .into_iter()
            .map(|(name, value)| (name.to_string(), value))
            .collect()
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

    /// The whole of it.
    pub(super) fn json(&self) -> Value {
        let tenant = |tenant: &TenantUse| {
            let features: Vec<Value> = tenant
                .features
                .iter()
                .map(|feature| Value::Object(feature.json(self.threshold)))
                .collect();
            let mut fields = tenant.json();
            fields.insert("features".into(), features.into());
            Value::Object(fields)
        };
        let tenants: Vec<Value> = self.tenants.iter().map(tenant).collect();
        let [start, end] = self.applied();
        json!({
            "generated_at": self.generated_at,
            "applied_period_start": start,
            "applied_period_end": end,
            "tenant_filters": self.filters.tenants,
            "plan_filters": self.filters.plans,
            "feature_filters": self.filters.features,
            "warn_threshold": number(Some(self.threshold.decimal())),
            "include_inactive": self.filters.include_inactive,
            "tenant_count": self.tenants.len(),
            "feature_count": self.feature_count(),
            "warning_count": self.warnings().count(),
            "tenants": tenants,
        })
    }

    /// The period asked for; where it is open, from the first start to the
    /// last end of the tenants' own.
    fn applied(&self) -> Window {
        let own = |end: usize| {
            self.tenants
                .iter()
                .filter_map(move |tenant| tenant.window[end].as_ref()?.parse::<Instant>().ok())
        };
        let [first, last] = [own(0).min(), own(1).max()].map(|at| at.map(|at| at.to_string()));
        [
            self.filters.period_start.clone().or(first),
            self.filters.period_end.clone().or(last),
        ]
    }

    /// The lines of the CSV, each with a cell for every one of [`COLUMNS`], and
    /// whether the cell is text.
    pub(super) fn lines(&self) -> impl Iterator<Item = Vec<(String, bool)>> {
        self.tenants.iter().flat_map(|tenant| {
            tenant.features.iter().map(|feature| {
                let mut fields = feature.json(self.threshold);
                fields.extend(tenant.json());
                let name = |column: &'static str| {
                    if column == "feature_display_name" {
                        "display_name"
                    } else {
                        column
                    }
                };
                let text =
                    |column: &'static str| fields.get(name(column)).map(cell).unwrap_or_default();
                COLUMNS
                    .iter()
                    .map(|column| (text(column), !FIGURES.contains(column)))
                    .collect()
            })
        })
    }
}

/// A decimal as a JSON number.
fn number(decimal: Option<String>) -> Value {
    decimal
        .and_then(|text| text.parse::<Number>().ok())
        .map_or(Value::Null, Value::Number)
}
