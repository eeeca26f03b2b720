//! Reading use back: the routes of the query function.

use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_api::{Filter, Params, Problem, Range as Asked, list, stored_event, summary_json, totals_json, usage_json};
use tollgate_core::{Currency, Dimensions, Instant, Name};
use tollgate_gateway::{Access, App, Call, Handled, Reply, Route, from_failure, get};
use tollgate_service::{AHEAD_SECONDS_MAX, Entry, Failure, Position, Range, Scope};

const READ: Access = Access::Any(&[Scope::Read]);
/// The range of `GET /usage/{tenant_id}` where none is asked for.
const USAGE_SECONDS: i64 = 30 * 86_400;
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// The routes of this function.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        get("/usage", READ, get_usage),
        get("/usage/summary", READ, get_usage_summary),
        get("/usage/tasks/{task_id}", READ, get_usage_task),
        get("/usage/{tenant_id}", READ, get_usage_tenant),
        get("/events/{event_id}", READ, get_event),
    ]
}

fn failed(failure: Failure) -> Problem {
    from_failure(&failure)
}

fn span(range: Asked) -> Range {
    Range { start: range.start, end: range.end }
}

async fn currency(app: &App, tenant: &Name) -> Result<Currency, Problem> {
    let config = app.service.tenant(tenant).await.map_err(failed)?;
    Ok(config.currency.unwrap_or(Currency::USD))
}

/// The tenant that the key or `?tenant_id=` names.
fn tenant(call: &Call, params: &Params) -> Result<Name, Problem> {
    call.caller()?.tenant_to_read(params.tenant()?.as_ref())
}

/// A tenant's totals, by default of the 30 days that end 5 minutes ahead.
async fn get_usage_tenant(app: Arc<App>, call: Call) -> Handled {
    let tenant = call.path_tenant()?;
    let asked = call.params(Asked::PARAMETERS)?.range()?;
    let recent = call.now.plus_seconds(AHEAD_SECONDS_MAX);
    let end = asked.end.unwrap_or_else(|| asked.start.map_or(recent, |start| recent.max(start)));
    let start = asked.start.unwrap_or_else(|| end.plus_seconds(-USAGE_SECONDS));
    let period = Asked { start: Some(start), end: Some(end) };
    let usage = app.service.usage(&tenant, span(period)).await.map_err(failed)?;
    let currency = currency(&app, &tenant).await?;
    Ok(Reply::ok(&usage_json(&tenant, period, &usage, currency, app.hash())))
}

/// Events by timestamp, then id, page by page.
async fn get_usage(app: Arc<App>, call: Call) -> Handled {
    let params = Params::parse_any(call.query.as_deref(), &[Filter::PARAMETERS, Asked::PARAMETERS, Params::PAGING, &["tenant_id"]])?;
    let tenant = tenant(&call, &params)?;
    let (range, filter) = (params.range()?, params.filters()?);
    let limit = params.limit(LIMIT, LIMIT_MAX)?;
    let question = format!("GET /usage {tenant} {}", params.canonical());
    let after = params.text("cursor").map(|cursor| position(&app, &question, cursor)).transpose()?;
    let found = app.service.events(&tenant, span(range), after.as_ref(), limit, |event| filter.matches(event)).await;
    let (entries, more) = found.map_err(failed)?;
    let last = entries.last().filter(|_| more).map(|entry| {
        let event = &entry.stored.event;
        app.service.cursor(&question, &format!("{}|{}", event.timestamp, event.id))
    });
    let data: Vec<_> = entries.iter().map(|entry| rendered(entry, &tenant)).collect();
    Ok(Reply::ok(&list(&data, last.as_deref())))
}

fn position(app: &App, question: &str, cursor: &str) -> Result<Position, Problem> {
    let position = app.service.position(question, cursor).map_err(failed)?;
    let (timestamp, id) = position.split_once('|').ok_or_else(Problem::invalid_cursor)?;
    let timestamp: Instant = timestamp.parse().map_err(|_| Problem::invalid_cursor())?;
    Ok((timestamp, Name::new(id).map_err(|_| Problem::invalid_cursor())?))
}

fn rendered(entry: &Entry, tenant: &Name) -> Box<serde_json::value::RawValue> {
    stored_event(&entry.stored, entry.received, tenant, entry.currency)
}

/// Totals over events that pass filters.
async fn get_usage_summary(app: Arc<App>, call: Call) -> Handled {
    let params = Params::parse_any(call.query.as_deref(), &[Filter::PARAMETERS, Asked::PARAMETERS, &["tenant_id"]])?;
    let tenant = tenant(&call, &params)?;
    let (range, filter) = (span(params.range()?), params.filters()?);
    let wanted_use = |at: &Dimensions| !filter.is_single() && filter.matches_use(at);
    let usage = app.service.usage_where(&tenant, range, |event| filter.matches(event), wanted_use).await;
    let currency = currency(&app, &tenant).await?;
    Ok(Reply::ok(&summary_json(&usage.map_err(failed)?, currency)))
}

/// A task's events and totals, through the task index.
async fn get_usage_task(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(&["tenant_id"])?;
    let tenant = tenant(&call, &params)?;
    let task = call.path_name("task_id", "task")?;
    let (entries, usage) = app.service.task(&tenant, &task).await.map_err(failed)?;
    let events: Vec<_> = entries.iter().map(|entry| rendered(entry, &tenant)).collect();
    let currency = entries.first().map_or(Currency::USD, |entry| entry.currency);
    let mut body = serde_json::Map::from_iter([("task_id".to_owned(), json!(task))]);
    body.extend(totals_json(&usage, currency));
    // Events keep their numbers as they were sent, so they are added as text.
    let head = Value::Object(body).to_string();
    let events = serde_json::to_string(&events).map_err(|_| Problem::internal())?;
    Ok(Reply::raw(format!("{},\"events\":{events}}}", head.trim_end_matches('}'))))
}

/// One event and its answer.
async fn get_event(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(&["tenant_id"])?;
    let tenant = tenant(&call, &params)?;
    let id = call.path_name("event_id", "event")?;
    let entry = app.service.event(&tenant, &id).await.map_err(failed)?;
    Ok(Reply::ok(&rendered(&entry, &tenant)))
}
