//! Events: in a list, of a task, alone.

use crate::answer::{PART_BYTES_MAX, currency, failed, tenant, weight};
use std::sync::Arc;
use tollgate_api::{List, Params, Problem, StoredEvent, Task, Totals};
use tollgate_core::{Instant, Name};
use tollgate_gateway::{App, Call, Handled, Reply};
use tollgate_service::{Entry, Position};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// Events by timestamp, then id, page by page.
pub(crate) async fn get_usage(app: Arc<App>, call: Call) -> Handled {
    let params = Params::parse_any(
        call.query.as_deref(),
        &[
            Params::FILTERS,
            Params::RANGE,
            Params::PAGING,
            &["tenant_id", "id", "unpriced"],
        ],
    )?;
    let tenant = tenant(&call, &params)?;
    let (range, filter) = (params.range()?, params.filters()?);
    let limit = params.limit(LIMIT, LIMIT_MAX)?;
    let erased = app
        .service
        .count_erased(&tenant, &filter)
        .await
        .map_err(failed)?;
    let question = format!("GET /usage {tenant} {} {erased}", params.canonical());
    let after = params
        .text("cursor")
        .map(|cursor| position(&app, &question, cursor))
        .transpose()?;
    let found = app
        .service
        .list_events(&tenant, range, after.as_ref(), limit, &filter)
        .await;
    let (entries, more) = found.map_err(failed)?;
    let (data, next) = part(&app, &tenant, &question, &entries, more);
    Ok(Reply::ok(&List::new(data, next)))
}

/// What an answer takes of `entries`, rendered, and the cursor behind it.
fn part(
    app: &App,
    tenant: &Name,
    question: &str,
    entries: &[Entry],
    more: bool,
) -> (Vec<StoredEvent>, Option<String>) {
    let (mut data, mut weighs) = (Vec::with_capacity(entries.len()), 0_usize);
    for entry in entries {
        let event = StoredEvent::new(&entry.stored, entry.received, tenant, entry.currency);
        if !app.may_stream() {
            let text = serde_json::to_string(&event).unwrap_or_default();
            weighs = weighs.saturating_add(weight(&text));
            if !data.is_empty() && weighs > PART_BYTES_MAX {
                break;
            }
        }
        data.push(event);
    }
    let last = data
        .len()
        .checked_sub(1)
        .and_then(|last| entries.get(last))
        .filter(|_| more || data.len() < entries.len());
    let next = last.map(|entry| {
        let event = &entry.stored.event;
        app.service
            .cursor(question, &format!("{}|{}", event.timestamp, event.id))
    });
    (data, next)
}

fn position(app: &App, question: &str, cursor: &str) -> Result<Position, Problem> {
    let position = app.service.position(question, cursor).map_err(failed)?;
    let (timestamp, id) = position
        .split_once('|')
        .ok_or_else(Problem::invalid_cursor)?;
    let timestamp: Instant = timestamp.parse().map_err(|_| Problem::invalid_cursor())?;
    Ok((
        timestamp,
        Name::known(id).map_err(|_| Problem::invalid_cursor())?,
    ))
}

/// A task's events, part by part, and the totals of all, through the task
/// index.
pub(crate) async fn get_usage_task(app: Arc<App>, call: Call) -> Handled {
    let params = Params::parse_any(call.query.as_deref(), &[Params::PAGING, &["tenant_id"]])?;
    let tenant = tenant(&call, &params)?;
    let task = call.path_name("task_id", "task")?;
    let limit = params.limit(LIMIT_MAX, LIMIT_MAX)?;
    let question = format!("GET /usage/tasks {tenant} {task}");
    let after = params
        .text("cursor")
        .map(|cursor| position(&app, &question, cursor))
        .transpose()?;
    let (entries, more, tally) = app
        .service
        .find_task(&tenant, &task, after.as_ref(), limit)
        .await
        .map_err(failed)?;
    let (events, next) = part(&app, &tenant, &question, &entries, more);
    let currency = currency(&app, &tenant).await?;
    Ok(Reply::ok(&Task {
        task_id: task,
        totals: Totals::new(&tally, currency),
        events: List::new(events, next),
    }))
}

/// One event and its answer.
pub(crate) async fn get_event(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(&["tenant_id"])?;
    let tenant = tenant(&call, &params)?;
    let id = call.path_event()?;
    let (entry, voided) = app.service.find_event(&tenant, &id).await.map_err(failed)?;
    let event = StoredEvent::new(&entry.stored, entry.received, &tenant, entry.currency);
    Ok(Reply::ok(&event.alone(voided)))
}
