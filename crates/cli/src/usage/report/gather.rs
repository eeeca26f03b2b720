//! What a report is made of, from the API.

use super::model::{FeatureUse, Filters, TenantUse, Window};
use super::totals::Totals;
use crate::call::Call;
use crate::client::{CallError, Client};
use crate::failure::Failure;
use crate::presets::Dimension;
use crate::progress;
use crate::usage::figure::amount;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use tollgate_api::{Entitlement, EntitlementSource, Entitlements, Tenant};
use tollgate_core::{Amount, Measure, Name, Status};

/// How many tenants are asked for at once.
const LANES: usize = 8;

/// All tenants that `filters` pick and that have a plan, by slug, then id.
pub(super) async fn tenants(client: &Client, filters: &Filters) -> Result<Vec<TenantUse>, Failure> {
    let mut tenants: Vec<Tenant> = client
        .list_where("/tenants", &[("limit", Some("1000"))])
        .await?;
    tenants.retain(|tenant| {
        is_picked(&filters.tenants, tenant.id.as_str())
            || tenant
                .slug
                .as_ref()
                .is_some_and(|slug| filters.tenants.contains(slug))
    });
    let bar = progress::bar(tenants.len(), "tenants");
    let found = stream::iter(&tenants).map(async |tenant| {
        let found = one(client, filters, tenant).await;
        bar.inc(1);
        found.map_err(|error| {
            Failure::to(format!("report the tenant `{}`", tenant.id), error.reason())
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

/// One tenant; none if it has no plan that `filters` pick.
async fn one(
    client: &Client,
    filters: &Filters,
    tenant: &Tenant,
) -> Result<Option<TenantUse>, CallError> {
    let call = Call::get(format!("/entitlements/{}", tenant.id));
    let Some(entitled) = client.find::<Entitlements>(&call).await? else {
        return Ok(None);
    };
    let Some((plan_code, subscription_status)) = subscription(filters, &entitled) else {
        return Ok(None);
    };
    let window = Window {
        start: filters.period_start.or(Some(entitled.period_start)),
        end: filters.period_end.or(entitled.period_end),
    };
    let has_period = filters.period_start.is_some() || filters.period_end.is_some();
    let rows = entitled.entitlements.iter();
    let metered: Vec<&Entitlement> = rows.filter(|row| is_metered(row)).collect();
    let totals = if needs_totals(&metered, has_period) {
        Some(Totals::read(client, &tenant.id, window).await?)
    } else {
        None
    };
    let mut features = features(&metered, totals.as_ref(), window, has_period);
    features.retain(|key, _| is_picked(&filters.features, key));
    Ok(Some(TenantUse {
        tenant_id: tenant.id.clone(),
        slug: tenant.slug.clone(),
        name: tenant.name.clone(),
        plan_code,
        plan_name: entitled.plan_name,
        subscription_status,
        window,
        features: features.into_values().collect(),
    }))
}

/// The plan, and where the subscription to it stands, if `filters` pick both.
fn subscription(filters: &Filters, entitled: &Entitlements) -> Option<(Name, Status)> {
    let plan = entitled.plan_code.clone()?;
    let status = entitled.subscription_status?;
    let is_wanted = status == Status::Active || filters.include_inactive;
    (is_wanted && is_picked(&filters.plans, plan.as_str())).then_some((plan, status))
}

fn is_picked(picked: &[String], name: &str) -> bool {
    picked.is_empty() || picked.iter().any(|one| one == name)
}

/// Whether a row is a metered feature of the plan, rather than a limit set
/// otherwise or a feature that is only shown.
fn is_metered(row: &Entitlement) -> bool {
    let is_of_plan = match row.source {
        EntitlementSource::Plan | EntitlementSource::Override => true,
        EntitlementSource::Quota
        | EntitlementSource::Limits
        | EntitlementSource::Budget
        | EntitlementSource::Tree => false,
    };
    row.is_metered && is_of_plan
}

/// Whether the counters of the plan's limits do not tell everything.
fn needs_totals(metered: &[&Entitlement], has_period: bool) -> bool {
    let is_counted = |dimension: &Dimension| counts(metered, &dimension.measure());
    has_period
        || metered.iter().any(|row| row.usage.is_none())
        || !Dimension::ALL.iter().all(is_counted)
}

fn counts(metered: &[&Entitlement], measure: &Measure) -> bool {
    metered.iter().any(|row| row.measure == *measure)
}

/// The metered features of the plan, and what was used beside them, by key.
fn features(
    metered: &[&Entitlement],
    totals: Option<&Totals>,
    window: Window,
    has_period: bool,
) -> BTreeMap<String, FeatureUse> {
    let mut features = BTreeMap::new();
    for row in metered {
        let counted = row.usage.and_then(amount).filter(|_| !has_period);
        features.insert(
            row.feature_key.clone(),
            of_plan(row, counted, totals, window),
        );
    }
    for dimension in Dimension::ALL {
        let measure = dimension.measure();
        let is_counted = counts(metered, &measure) || features.contains_key(dimension.key());
        let used = totals
            .and_then(|totals| totals.of(&measure))
            .filter(|used| *used > Amount::ZERO && !is_counted);
        let beside = used.map(|quantity| beside(dimension, quantity, window));
        features.extend(beside.map(|feature| (feature.key.clone(), feature)));
    }
    features
}

/// What was used of a feature of the plan: what its limit counted, else what the totals
/// say.
fn of_plan(
    row: &Entitlement,
    counted: Option<Amount>,
    totals: Option<&Totals>,
    window: Window,
) -> FeatureUse {
    let (key, display_name) = (row.feature_key.clone(), row.display_name.clone());
    let own = Window {
        start: row.window_start,
        end: row.window_end,
    };
    FeatureUse {
        display_name: display_name.unwrap_or_else(|| key.clone()),
        unit: row.unit.clone().unwrap_or_else(|| "units".to_string()),
        is_money: row.measure == Measure::Spend,
        quantity: counted
            .or_else(|| totals.and_then(|totals| totals.of(&row.measure)))
            .unwrap_or(Amount::ZERO),
        soft: row.soft_limit.and_then(amount),
        hard: row.hard_limit.and_then(amount),
        window: if counted.is_some() { own } else { window },
        key,
    }
}

/// What was used though the plan does not meter it.
fn beside(dimension: Dimension, quantity: Amount, window: Window) -> FeatureUse {
    FeatureUse {
        key: dimension.key().to_string(),
        display_name: dimension.label().to_string(),
        unit: dimension.unit().to_string(),
        is_money: false,
        quantity,
        soft: None,
        hard: None,
        window,
    }
}
