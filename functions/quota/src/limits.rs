//! `/quota` and `/limits`.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_api::{
    Problem, limit_definition, limit_status, parse_limits, parse_quota, quota_fields,
};
use tollgate_core::{Config, Limit, Name, Quota, Standpoint};
use tollgate_gateway::{App, Call, Handled, Reply, answered, from_failure};
use tollgate_service::Failure;

/// Sets a tenant's quota; what it has used stays counted.
pub(crate) async fn post_quota(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let (named, quota) = parse_quota(&call.body)?;
    let caller = call.caller()?;
    let tenant = caller.tenant_to_write(named.as_ref())?;
    let actor = caller.actor(None);
    let failed = |failure: Failure| from_failure(&failure);
    let question = call.question("/quota")?;
    if let Some(reply) = answered(&app, question.as_ref()).await? {
        return Ok(reply);
    }
    let mut body = Map::from_iter([
        ("tenant_id".to_owned(), json!(tenant)),
        ("quota_set".to_owned(), json!(true)),
    ]);
    body.extend(quota_fields(&quota));
    body.extend(
        app.hash()
            .map(|hash| ("constitutional_hash".to_owned(), json!(hash))),
    );
    let reply = Reply::ok(&body);
    let text = Value::Object(body).to_string();
    let once = question
        .clone()
        .map(|question| question.answer(reply.status(), text));
    match app
        .service
        .put_quota(&tenant, &quota, &actor, once.as_ref())
        .await
    {
        // Who lost the race is told the winner's answer.
        Err(Failure::Answered) => answered(&app, question.as_ref())
            .await?
            .ok_or_else(|| failed(Failure::Answered)),
        done => done.map(|_| reply).map_err(failed),
    }
}

/// A tenant's quota, what it used of it this month, and where limits stand.
pub(crate) async fn get_quota(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    let view = app
        .service
        .read_limits(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let (usage, month) = app
        .service
        .read_month(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let quota = view.config.quota.clone().unwrap_or_default();
    let used = used(&usage);
    let mut body = json!({
        "tenant_id": tenant,
        "has_limits": !view.config.all_limits().is_empty(),
        "usage": usage,
        "used": used,
        "remaining": remaining(&quota, &used),
        "rate_limit_per_second": quota.rate_limit_per_second,
        "period_start": month.start,
        "period_end": month.end(),
        "limits": statuses(&view.standpoints),
    });
    if let (Some(body), Some(hash)) = (body.as_object_mut(), app.hash()) {
        body.insert("constitutional_hash".to_owned(), json!(hash));
    }
    Ok(Reply::ok(&body))
}

const QUOTAS: [(&str, &str); 3] = [
    ("validation", "constitutional_validation"),
    ("messages", "agent_message"),
    ("deliberation", "deliberation_request"),
];

fn used(usage: &BTreeMap<Name, i64>) -> BTreeMap<&'static str, i64> {
    let of = |operation: &str| usage.get(operation).copied().unwrap_or(0);
    let total = usage
        .values()
        .fold(0_i64, |sum, count| sum.saturating_add(*count));
    QUOTAS
        .iter()
        .map(|(name, operation)| (*name, of(operation)))
        .chain([("total", total)])
        .collect()
}

/// What is left of each limit that is set, never negative.
fn remaining(quota: &Quota, used: &BTreeMap<&'static str, i64>) -> BTreeMap<&'static str, u64> {
    let limits = [
        ("total", quota.monthly_total_limit),
        ("validation", quota.monthly_validation_limit),
        ("messages", quota.monthly_message_limit),
        ("deliberation", quota.monthly_deliberation_limit),
    ];
    let of = |name: &str| {
        used.get(name)
            .and_then(|used| u64::try_from(*used).ok())
            .unwrap_or(0)
    };
    let left =
        |(name, limit): (&'static str, Option<u64>)| Some((name, limit?.saturating_sub(of(name))));
    limits.into_iter().filter_map(left).collect()
}

fn statuses(standpoints: &[Standpoint]) -> Vec<Value> {
    standpoints.iter().map(limit_status).collect()
}

/// All limits of a tenant, each with its source, and where they stand.
pub(crate) async fn get_limits(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    call.params(&[])?;
    let view = app
        .service
        .read_limits(&tenant)
        .await
        .map_err(|failure| from_failure(&failure))?;
    Ok(Reply::ok(&limits_body(
        &tenant,
        &view.config,
        &statuses(&view.standpoints),
    )))
}

/// Replaces the general layer of a tenant's limits.
pub(crate) async fn put_limits(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant_to_write()?;
    call.params(&[])?;
    let limits = parse_limits(&call.body)?;
    let actor = call.caller()?.actor(call.if_match()?);
    app.service
        .put_limits(&tenant, &limits, &actor)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let view = app
        .service
        .read_limits(&tenant)
        .await
        .map_err(|failure: tollgate_service::Failure| -> Problem { from_failure(&failure) })?;
    Ok(Reply::ok(&limits_body(
        &tenant,
        &view.config,
        &statuses(&view.standpoints),
    )))
}

fn limits_body(tenant: &Name, config: &Config, statuses: &[Value]) -> Value {
    let define = |limit: &Limit| limit_definition(limit, config.state_of(limit));
    let definitions: Vec<Value> = config.all_limits().iter().map(define).collect();
    json!({
        "tenant_id": tenant,
        "limits": definitions,
        "status": statuses,
        "version": config.version,
    })
}
