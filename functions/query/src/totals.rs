//! Totals: of a tenant, of what filters pick, in groups; and what is stored.

use crate::answer::{currency, failed, tenant};
use std::sync::Arc;
use tollgate_api::{
    Asked, GroupRow, Groups, Params, People, Problem, Stats, Summary, TenantUsage, Totals,
};
use tollgate_core::{Dimension, GroupBy, GroupPart, Label, Range, Tally};
use tollgate_gateway::{App, Call, Handled, Reply};
use tollgate_service::AHEAD_SECONDS_MAX;

/// The range of `GET /usage/{tenant_id}` where none is asked for.
const USAGE_SECONDS: i64 = 30 * 86_400;
/// The most groups of one answer, and how many it has where none is said.
const GROUPS_MAX: usize = 1000;

/// A tenant's totals, by default of the 30 days that end 5 minutes ahead.
pub(crate) async fn get_usage_tenant(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    let asked = call.params(Params::RANGE)?.range()?;
    let recent = call.now.plus_seconds(AHEAD_SECONDS_MAX);
    let end = asked
        .end
        .unwrap_or_else(|| asked.start.map_or(recent, |start| recent.max(start)));
    let start = asked
        .start
        .unwrap_or_else(|| end.plus_seconds(-USAGE_SECONDS));
    let period = Range {
        start: Some(start),
        end: Some(end),
    };
    let usage = app
        .service
        .read_usage(&tenant, period)
        .await
        .map_err(failed)?;
    let currency = currency(&app, &tenant).await?;
    Ok(Reply::ok(&TenantUsage::new(
        &tenant,
        period,
        &usage,
        currency,
        app.hash(),
    )))
}

/// Totals over what filters pick.
pub(crate) async fn get_usage_summary(app: Arc<App>, call: Call) -> Handled {
    let params = Params::parse_any(
        call.query.as_deref(),
        &[Params::FILTERS, Params::RANGE, &["tenant_id"]],
    )?;
    let tenant = tenant(&call, &params)?;
    let (range, filter) = (params.range()?, params.filters()?);
    let tally = app
        .service
        .read_summary(&tenant, range, &filter)
        .await
        .map_err(failed)?;
    let currency = currency(&app, &tenant).await?;
    Ok(Reply::ok(&Summary {
        asked: Asked::new(&tenant, range),
        totals: Totals::new(&tally, currency),
    }))
}

/// Totals in groups, sorted by key.
pub(crate) async fn get_usage_aggregate(app: Arc<App>, call: Call) -> Handled {
    let lists = [
        Params::FILTERS,
        Params::RANGE,
        Params::PAGING,
        &["tenant_id", "group_by"],
    ];
    let params = Params::parse_any(call.query.as_deref(), &lists)?;
    let by = params.one_of("group_by", &GroupBy::ALL)?;
    let by = by.ok_or_else(|| Problem::invalid_request("?group_by", "is required"))?;
    Ok(Reply::ok(&grouped(&app, &call, &params, by, "key").await?))
}

/// Totals of each agent.
pub(crate) async fn get_usage_agents(app: Arc<App>, call: Call) -> Handled {
    people(app, call, Label::Agent).await
}

/// Totals of each consumer.
pub(crate) async fn get_usage_consumers(app: Arc<App>, call: Call) -> Handled {
    people(app, call, Label::Consumer).await
}

async fn people(app: Arc<App>, call: Call, label: Label) -> Handled {
    let lists = [
        Params::FILTERS,
        Params::RANGE,
        Params::PAGING,
        &["tenant_id"],
    ];
    let params = Params::parse_any(call.query.as_deref(), &lists)?;
    let by = GroupBy::Name(Dimension::Label(label));
    let groups = grouped(&app, &call, &params, by, label.field()).await?;
    Ok(Reply::ok(&People::new(groups)))
}

/// One part of a list of groups; the cursor is the last key.
async fn grouped(
    app: &App,
    call: &Call,
    params: &Params,
    by: GroupBy,
    field: &str,
) -> Result<Groups, Problem> {
    let tenant = tenant(call, params)?;
    let (range, filter) = (params.range()?, params.filters()?);
    let limit = params.limit(GROUPS_MAX, GROUPS_MAX)?;
    let question = format!("GET groups of {field} {tenant} {}", params.canonical());
    let after = params
        .text("cursor")
        .map(|cursor| app.service.position(&question, cursor))
        .transpose()
        .map_err(failed)?;
    let wanted = GroupPart {
        after: after.clone(),
        limit: Some(limit),
    };
    let groups = app
        .service
        .aggregate(&tenant, range, &filter, (by, wanted))
        .await
        .map_err(failed)?;
    let currency = currency(app, &tenant).await?;
    let mut behind = groups
        .iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after));
    let part: Vec<_> = behind.by_ref().take(limit).collect();
    let next = behind
        .next()
        .and(part.last())
        .map(|(last, _)| app.service.cursor(&question, last));
    let row = |(key, tally): &(&String, &Tally)| GroupRow::new(by, key, tally, currency);
    Ok(Groups {
        asked: Asked::new(&tenant, range),
        group_by: by.to_string(),
        count: part.len(),
        data: part.iter().map(row).collect(),
        next_cursor: next,
    })
}

/// What is stored of a tenant.
pub(crate) async fn get_usage_stats(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(&["tenant_id"])?;
    let tenant = tenant(&call, &params)?;
    let stats = app.service.read_stats(&tenant).await.map_err(failed)?;
    Ok(Reply::ok(&Stats {
        total_events: stats.events,
        oldest_timestamp: stats.oldest,
        newest_timestamp: stats.newest,
        retention_days: stats.retention_days,
        last_rollup: stats.last_rollup,
        last_purge: stats.last_purge.map(|purge| purge.at),
    }))
}
