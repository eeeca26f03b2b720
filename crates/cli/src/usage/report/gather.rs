//! What a report is made of, from the API.

use super::model::{FeatureUse, Filters, TenantUse, Window};
use super::totals::Totals;
use crate::call::Call;
use crate::client::{CallError, Client};
use crate::failure::Failure;
use crate::output::cell;
use crate::presets::Dimension;
use crate::progress;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::Value;
use std::collections::BTreeMap;
use tollgate_core::Amount;

/// How many tenants are asked for at once.
const LANES: usize = 8;

/// All tenants that `filters` pick and that have a plan, by slug, then id.
pub(super) async fn tenants(client: &Client, filters: &Filters) -> Result<Vec<TenantUse>, Failure> {
    let mut tenants = client
        .list_where("/tenants", &[("limit", Some("1000"))])
        .await?;
    tenants.retain(|tenant| {
        filters.tenants.is_empty()
            || names(tenant)
                .iter()
                .any(|name| filters.tenants.contains(name))
    });
    let bar = progress::bar(tenants.len(), "tenants");
    let found = stream::iter(&tenants).map(async |tenant| {
        let found = one(client, filters, tenant).await;
        bar.inc(1);
        found.map_err(|error| {
            Failure::to(
                format!("report the tenant `{}`", cell(&tenant["tenant_id"])),
                error.reason(),
            )
        })
    });
    let found: Result<Vec<Option<TenantUse>>, Failure> = found.buffered(LANES).try_collect().await;
    bar.finish_and_clear();
    let mut found: Vec<TenantUse> = found?.into_iter().flatten().collect();
    found.sort_by(|one, other| {
        (one.label(), &one.tenant_id).cmp(&(other.label(), &other.tenant_id))
    });
    Ok(found)
}

/// What a tenant may be called by.
fn names(tenant: &Value) -> Vec<String> {
    ["tenant_id", "slug"]
        .iter()
        .filter_map(|name| tenant[*name].as_str().map(str::to_string))
        .collect()
}

/// One tenant; none if it has no plan that `filters` pick.
async fn one(
    client: &Client,
    filters: &Filters,
    tenant: &Value,
) -> Result<Option<TenantUse>, CallError> {
    let id = cell(&tenant["tenant_id"]);
    let Some(entitlements) = client
        .find(&Call::get(format!("/entitlements/{id}")))
        .await?
    else {
        return Ok(None);
    };
    let Some(plan_code) = entitlements["plan_code"]
        .as_str()
        .filter(|code| is_picked(&filters.plans, code))
    else {
        return Ok(None);
    };
    let subscription_status = cell(&entitlements["subscription_status"]);
    if subscription_status != "active" && !filters.include_inactive {
        return Ok(None);
    }
    let text = |value: &Value| value.as_str().map(str::to_string);
    let asked = [&filters.period_start, &filters.period_end];
    let own = [&entitlements["period_start"], &entitlements["period_end"]].map(text);
    let window: Window = [0, 1].map(|end| asked[end].clone().or_else(|| own[end].clone()));
    let metered: Vec<&Value> = entitlements["entitlements"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|row| is_metered(row))
        .collect();
    let has_period = asked.iter().any(|end| end.is_some());
    let totals = if needs_totals(&metered, has_period) {
        Some(Totals::read(client, &id, &window).await?)
    } else {
        None
    };
    let features = features(&metered, totals.as_ref(), &window, has_period);
    Ok(Some(TenantUse {
        slug: text(&tenant["slug"]),
        name: text(&tenant["name"]),
        plan_code: plan_code.to_string(),
        plan_name: text(&entitlements["plan_name"]),
        subscription_status,
        window,
        features: features
            .into_values()
            .filter(|feature| is_picked(&filters.features, &feature.key))
            .collect(),
        tenant_id: id,
    }))
}

fn is_picked(picked: &[String], name: &str) -> bool {
    picked.is_empty() || picked.iter().any(|one| one == name)
}

/// Whether a row is a metered feature of the plan, rather than a limit set
/// otherwise or a feature that is only shown.
fn is_metered(row: &Value) -> bool {
    row["is_metered"] == true && matches!(row["source"].as_str(), Some("plan" | "override"))
}

/// Whether the counters of the plan's limits do not tell everything.
fn needs_totals(metered: &[&Value], has_period: bool) -> bool {
    let is_counted = |dimension: &Dimension| {
        metered
            .iter()
            .any(|row| row["measure"] == dimension.measure())
    };
    has_period
        || metered.iter().any(|row| row["usage"].is_null())
        || !Dimension::ALL.iter().all(is_counted)
}

/// The metered features of the plan, and what was used beside them, by key.
fn features(
    metered: &[&Value],
    totals: Option<&Totals>,
    window: &Window,
    has_period: bool,
) -> BTreeMap<String, FeatureUse> {
    let mut features = BTreeMap::new();
    for row in metered {
        let measure = row["measure"].as_str().unwrap_or_default();
        let counted = amount(&row["usage"]).filter(|_| !has_period);
        let text = |name: &str| row[name].as_str().map(str::to_string);
        let key = text("feature_key").unwrap_or_default();
        let own: Window =
            ["start", "end"].map(|end| row["window"][end].as_str().map(str::to_string));
        let feature = FeatureUse {
            display_name: text("display_name").unwrap_or_else(|| key.clone()),
            unit: text("unit").unwrap_or_else(|| "units".to_string()),
            is_money: measure == "spend",
            quantity: counted
                .or_else(|| totals.and_then(|totals| totals.of(measure)))
                .unwrap_or(Amount::ZERO),
            soft: amount(&row["soft_limit"]),
            hard: amount(&row["hard_limit"]),
            window: if counted.is_some() {
                own
            } else {
                window.clone()
            },
            key: key.clone(),
        };
        features.insert(key, feature);
    }
    for dimension in Dimension::ALL {
        let used = totals
            .and_then(|totals| totals.of(dimension.measure()))
            .filter(|used| *used > Amount::ZERO);
        let is_counted = metered
            .iter()
            .any(|row| row["measure"] == dimension.measure())
            || features.contains_key(dimension.key());
        if let Some(quantity) = used.filter(|_| !is_counted) {
            features.insert(
                dimension.key().to_string(),
                beside(dimension, quantity, window),
            );
        }
    }
    features
}

/// What was used though the plan does not meter it.
fn beside(dimension: Dimension, quantity: Amount, window: &Window) -> FeatureUse {
    FeatureUse {
        key: dimension.key().to_string(),
        display_name: dimension.label().to_string(),
        unit: dimension.unit().to_string(),
        is_money: false,
        quantity,
        soft: None,
        hard: None,
        window: window.clone(),
    }
}

/// A figure, written as a number or a decimal string.
fn amount(value: &Value) -> Option<Amount> {
    cell(value).parse().ok()
}
