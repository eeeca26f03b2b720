//! The report as it is written into files.

use super::maths::{percent, remaining};
use super::model::{FeatureUse, Report, TenantUse};
use crate::output::cell;
use serde::Serialize;
use serde_json::Number;
use std::fmt::Display;
use tollgate_api::Figure;
use tollgate_core::{Amount, Instant, Name, Status};

/// The whole of it.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    generated_at: &'a str,
    applied_period_start: Option<Instant>,
    applied_period_end: Option<Instant>,
    tenant_filters: &'a [String],
    plan_filters: &'a [String],
    feature_filters: &'a [String],
    warn_threshold: Option<Number>,
    include_inactive: bool,
    tenant_count: usize,
    feature_count: usize,
    warning_count: usize,
    tenants: Vec<Tenant<'a>>,
}

/// What one tenant used.
#[derive(Serialize)]
struct Tenant<'a> {
    tenant_id: &'a Name,
    tenant_slug: Option<&'a str>,
    tenant_name: Option<&'a str>,
    plan_code: &'a Name,
    plan_name: Option<&'a str>,
    subscription_status: Status,
    window_start: Option<Instant>,
    window_end: Option<Instant>,
    features: Vec<Feature<'a>>,
}

/// What was used of one feature.
#[derive(Serialize)]
struct Feature<'a> {
    feature_key: &'a str,
    display_name: &'a str,
    unit: &'a str,
    quantity: Figure,
    soft_limit: Option<Figure>,
    hard_limit: Option<Figure>,
    remaining_to_soft_limit: Option<Figure>,
    remaining_to_hard_limit: Option<Figure>,
    percent_of_soft_limit: Option<Number>,
    percent_of_hard_limit: Option<Number>,
    status: &'static str,
    approaching: bool,
    usage_window_start: Option<Instant>,
    usage_window_end: Option<Instant>,
}

/// The columns of a feature in the CSV file.
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

/// A cell for every one of [`COLUMNS`], and whether it is text.
type Line = [(String, bool); COLUMNS.len()];

impl Report {
    /// As it is written.
    pub(super) fn written(&self) -> Written<'_> {
        let (filters, applied) = (&self.filters, self.applied());
        let tenants = self.tenants.iter();
        Written {
            generated_at: &self.generated_at,
            applied_period_start: applied.start,
            applied_period_end: applied.end,
            tenant_filters: &filters.tenants,
            plan_filters: &filters.plans,
            feature_filters: &filters.features,
            warn_threshold: number(self.threshold.decimal()),
            include_inactive: filters.include_inactive,
            tenant_count: self.tenants.len(),
            feature_count: self.feature_count(),
            warning_count: self.warnings().count(),
            tenants: tenants.map(|tenant| self.tenant(tenant)).collect(),
        }
    }

    fn tenant<'a>(&self, tenant: &'a TenantUse) -> Tenant<'a> {
        let features = tenant.features.iter();
        Tenant {
            tenant_id: &tenant.tenant_id,
            tenant_slug: tenant.slug.as_deref(),
            tenant_name: tenant.name.as_deref(),
            plan_code: &tenant.plan_code,
            plan_name: tenant.plan_name.as_deref(),
            subscription_status: tenant.subscription_status,
            window_start: tenant.window.start,
            window_end: tenant.window.end,
            features: features.map(|feature| self.feature(feature)).collect(),
        }
    }

    fn feature<'a>(&self, feature: &'a FeatureUse) -> Feature<'a> {
        let used = feature.quantity;
        let figure = |amount: Amount| match amount.to_whole().filter(|_| !feature.is_money) {
            Some(count) => Figure::Count(count),
            None => Figure::Money(amount),
        };
        let left = |limit: Amount| figure(remaining(used, limit));
        let share = |limit: Amount| percent(used, limit).and_then(number);
        let status = feature.status(self.threshold);
        Feature {
            feature_key: &feature.key,
            display_name: &feature.display_name,
            unit: &feature.unit,
            quantity: figure(used),
            soft_limit: feature.soft.map(figure),
            hard_limit: feature.hard.map(figure),
            remaining_to_soft_limit: feature.soft.map(left),
            remaining_to_hard_limit: feature.hard.map(left),
            percent_of_soft_limit: feature.soft.and_then(share),
            percent_of_hard_limit: feature.hard.and_then(share),
            status: status.as_str(),
            approaching: status.is_warning(),
            usage_window_start: feature.window.start,
            usage_window_end: feature.window.end,
        }
    }
}

impl Written<'_> {
    /// The lines of the CSV file, below its header.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> {
        let tenants = self.tenants.iter();
        tenants.flat_map(|tenant| {
            let features = tenant.features.iter();
            features.map(move |feature| line(tenant, feature))
        })
    }
}

fn line(tenant: &Tenant<'_>, feature: &Feature<'_>) -> Line {
    [
        text(Some(tenant.tenant_id)),
        text(tenant.tenant_slug),
        text(tenant.tenant_name),
        text(Some(tenant.plan_code)),
        text(tenant.plan_name),
        text(Some(tenant.subscription_status)),
        text(Some(feature.feature_key)),
        text(Some(feature.display_name)),
        text(Some(feature.unit)),
        figure(Some(feature.quantity)),
        figure(feature.soft_limit),
        figure(feature.hard_limit),
        figure(feature.remaining_to_soft_limit),
        figure(feature.remaining_to_hard_limit),
        figure(feature.percent_of_soft_limit.as_ref()),
        figure(feature.percent_of_hard_limit.as_ref()),
        text(Some(feature.status)),
        text(Some(feature.approaching)),
        text(tenant.window_start),
        text(tenant.window_end),
        text(feature.usage_window_start),
        text(feature.usage_window_end),
    ]
}

fn text(value: Option<impl Display>) -> (String, bool) {
    (cell(value), true)
}

fn figure(value: Option<impl Display>) -> (String, bool) {
    (cell(value), false)
}

/// A decimal as a JSON number.
fn number(decimal: String) -> Option<Number> {
    decimal.parse().ok()
}
