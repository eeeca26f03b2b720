//! The report for people.

use super::maths::{Status, percent};
use super::model::{FeatureUse, Report, TenantUse};
use crate::grid::{coloured, grid, number, text};
use crate::output::grouped;
use console::Color;
use tollgate_core::Amount;

/// The length of a bar, in characters.
const BAR: usize = 10;
const MARKS: [(&str, Color); 3] = [("over hard limit", Color::Red), ("over soft limit", Color::Yellow), ("approaching", Color::Cyan)];

/// A line for each feature, and the counts.
pub(super) fn table(report: &Report) -> String {
    let mut rows = Vec::new();
    for tenant in &report.tenants {
        let mut is_first = true;
        for feature in &tenant.features {
            rows.push(row(tenant, feature, feature.status(report.threshold), is_first));
            is_first = false;
        }
    }
    let columns = [
        text("tenant"),
        text("plan"),
        text("feature"),
        number("used"),
        number("soft"),
        number("hard"),
        number("%"),
        text("of the limit"),
        text("status"),
    ];
    format!("{}\n{}", coloured(&grid(&columns, &rows), &MARKS), counts(report))
}

/// How much it tells of.
pub(super) fn counts(report: &Report) -> String {
    let [tenants, features, warnings] =
        [(report.tenants.len(), "tenant"), (report.feature_count(), "feature"), (report.warnings().count(), "warning")]
            .map(|(count, thing)| format!("{count} {thing}{}", if count == 1 { "" } else { "s" }));
    format!("{tenants}, {features}, {warnings}")
}

fn row(tenant: &TenantUse, feature: &FeatureUse, status: Status, is_first: bool) -> Vec<String> {
    let plan = match tenant.subscription_status.as_str() {
        "active" => tenant.plan_code.clone(),
        other => format!("{} ({other})", tenant.plan_code),
    };
    let [label, plan] = [tenant.label().to_string(), plan].map(|cell| if is_first { cell } else { " ".to_string() });
    let share = feature.hard.or(feature.soft).and_then(|limit| percent(feature.quantity, limit));
    let status = match status {
        Status::Ok => "ok",
        Status::Approaching => "approaching",
        Status::Soft => "over soft limit",
        Status::Hard => "over hard limit",
    };
    let [used, soft, hard] = [Some(feature.quantity), feature.soft, feature.hard].map(figure);
    let bar = share.as_deref().map(bar).unwrap_or_default();
    vec![label, plan, feature.key.clone(), used, soft, hard, share.unwrap_or_default(), bar, status.to_string()]
}

fn figure(amount: Option<Amount>) -> String {
    let text = amount.map(|amount| amount.to_string()).unwrap_or_default();
    text.parse().map_or(text, grouped)
}

/// A share as a bar: a tenth a block, full at the limit.
fn bar(percent: &str) -> String {
    let whole: usize = percent.split('.').next().and_then(|whole| whole.parse().ok()).unwrap_or(0);
    let full = (whole / BAR).min(BAR);
    format!("{}{}", "█".repeat(full), "░".repeat(BAR.saturating_sub(full)))
}
