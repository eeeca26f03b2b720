//! The report for people.

use super::maths::{Status, percent};
use super::model::{FeatureUse, Report, TenantUse};
use crate::grid::{coloured, grid, number, text};
use crate::output::grouped;
use console::Color;
use tollgate_core::{Amount, Status as Subscribed};

/// The length of a bar, in characters.
const BAR: usize = 10;
const MARKS: [(&str, Color); 3] = [
    ("over hard limit", Color::Red),
    ("over soft limit", Color::Yellow),
    ("approaching", Color::Cyan),
];

/// The most lines that are shown.
const ROWS_MAX: usize = 60;

/// A line for each feature, or, of very many, for those with a warning; and
/// the counts.
pub(super) fn table(report: &Report) -> String {
    let is_short = report.feature_count() <= ROWS_MAX;
    let features = report
        .tenants
        .iter()
        .flat_map(|tenant| tenant.features.iter().map(move |feature| (tenant, feature)));
    let standing =
        features.map(|(tenant, feature)| (tenant, feature, feature.status(report.threshold)));
    let mut rows = Vec::new();
    let mut last = None;
    for (tenant, feature, status) in standing
        .filter(|(.., status)| is_short || status.is_warning())
        .take(ROWS_MAX)
    {
        let is_first = last.replace(&tenant.tenant_id) != Some(&tenant.tenant_id);
        rows.push(row(tenant, feature, status, is_first));
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
    let left_out = match is_short {
        true => String::new(),
        false => format!(
            "\n{} of them are shown, only such with a warning; all are in the files",
            rows.len()
        ),
    };
    format!(
        "{}\n{}{left_out}",
        coloured(&grid(&columns, &rows), &MARKS),
        counts(report)
    )
}

/// How much it tells of.
pub(super) fn counts(report: &Report) -> String {
    let [tenants, features, warnings] = [
        (report.tenants.len(), "tenant"),
        (report.feature_count(), "feature"),
        (report.warnings().count(), "warning"),
    ]
    .map(|(count, thing)| format!("{count} {thing}{}", if count == 1 { "" } else { "s" }));
    format!("{tenants}, {features}, {warnings}")
}

fn row(tenant: &TenantUse, feature: &FeatureUse, status: Status, is_first: bool) -> Vec<String> {
    let plan = match tenant.subscription_status {
        Subscribed::Active => tenant.plan_code.to_string(),
        other @ (Subscribed::PastDue | Subscribed::Cancelled) => {
            format!("{} ({other})", tenant.plan_code)
        }
    };
    let [label, plan] = [tenant.label().to_string(), plan]
        .map(|cell| if is_first { cell } else { " ".to_string() });
    let share = feature
        .hard
        .or(feature.soft)
        .and_then(|limit| percent(feature.quantity, limit));
    let status = match status {
        Status::Ok => "ok",
        Status::Approaching => "approaching",
        Status::Soft => "over soft limit",
        Status::Hard => "over hard limit",
    };
    let [used, soft, hard] = [Some(feature.quantity), feature.soft, feature.hard].map(figure);
    let bar = share.as_deref().map(bar).unwrap_or_default();
    vec![
        label,
        plan,
        feature.key.clone(),
        used,
        soft,
        hard,
        share.unwrap_or_default(),
        bar,
        status.to_string(),
    ]
}

fn figure(amount: Option<Amount>) -> String {
    let text = amount.map(|amount| amount.to_string()).unwrap_or_default();
    text.parse().map_or(text, grouped)
}

/// A share as a bar: a tenth a block, full at the limit.
fn bar(percent: &str) -> String {
    let whole: usize = percent
        .split('.')
        .next()
        .and_then(|whole| whole.parse().ok())
        .unwrap_or(0);
    let full = (whole / BAR).min(BAR);
    format!(
        "{}{}",
        "█".repeat(full),
        "░".repeat(BAR.saturating_sub(full))
    )
}
