//! Totals: of a tenant, of what filters pick, in groups; and what is stored.

use crate::answer::{currency, failed, tenant};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tollgate_api::{Params, Problem, aggregate_row, summary_json, usage_json};
use tollgate_core::{Dimension, GroupBy, GroupPart, Label, Range};
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
    Ok(Reply::ok(&usage_json(
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
    Ok(Reply::ok(&summary_json(&tally, currency)))
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
    let body = grouped(&app, &call, &params, by, "key").await?;
    let mut named = Map::from_iter([("group_by".to_owned(), json!(by.to_string()))]);
    named.extend(body);
    Ok(Reply::ok(&Value::Object(named)))
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
    Ok(Reply::ok(&Value::Object(
        grouped(&app, &call, &params, by, label.field()).await?,
    )))
}

/// One part of a list of groups; the cursor is the last key.
async fn grouped(
    app: &App,
    call: &Call,
    params: &Params,
    by: GroupBy,
    field: &str,
) -> Result<Map<String, Value>, Problem> {
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
    let data: Vec<Value> = part
        .iter()
        .map(|(key, tally)| aggregate_row(field, key, tally, currency))
        .collect();
    let count = json!(data.len());
    let fields = [
        ("data", Value::Array(data)),
        ("count", count),
        ("next_cursor", json!(next)),
    ];
    Ok(fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

/// What is stored of a tenant.
pub(crate) async fn get_usage_stats(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(&["tenant_id"])?;
    let tenant = tenant(&call, &params)?;
    let stats = app.service.read_stats(&tenant).await.map_err(failed)?;
    Ok(Reply::ok(&json!({
        "total_events": stats.events,
        "oldest_timestamp": stats.oldest.map(|at| at.to_string()),
        "newest_timestamp": stats.newest.map(|at| at.to_string()),
        "retention_days": stats.retention_days,
        "last_rollup": stats.last_rollup.map(|at| at.to_string()),
        "last_purge": stats.last_purge.map(|purge| purge.at.to_string()),
    })))
}
