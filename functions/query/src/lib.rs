//! Reading use back: the routes of the query function.

mod events;
mod export;
mod totals;

use tollgate_api::{Params, Problem, Range as Asked};
use tollgate_core::{Currency, Name};
use tollgate_gateway::{Access, App, Call, Route, from_failure, get};
use tollgate_service::{Failure, Range, Scope};

const READ: Access = Access::Any(&[Scope::Read]);

/// The routes of this function.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        get("/usage", READ, events::get_usage),
        get("/usage/aggregate", READ, totals::get_usage_aggregate),
        get("/usage/summary", READ, totals::get_usage_summary),
        get("/usage/agents", READ, totals::get_usage_agents),
        get("/usage/consumers", READ, totals::get_usage_consumers),
        get("/usage/stats", READ, totals::get_usage_stats),
        get("/usage/export", READ, export::get_usage_export),
        get("/usage/tasks/{task_id}", READ, events::get_usage_task),
        get("/usage/{tenant_id}", READ, totals::get_usage_tenant),
        get("/events/{event_id}", READ, events::get_event),
    ]
}

fn failed(failure: Failure) -> Problem {
    from_failure(&failure)
}

fn span(range: Asked) -> Range {
    Range {
        start: range.start,
        end: range.end,
    }
}

async fn currency(app: &App, tenant: &Name) -> Result<Currency, Problem> {
    let config = app.service.tenant(tenant).await.map_err(failed)?;
    Ok(config.currency.unwrap_or(Currency::USD))
}

/// The tenant that the key or `?tenant_id=` names.
fn tenant(call: &Call, params: &Params) -> Result<Name, Problem> {
    call.caller()?.tenant_to_read(params.tenant()?.as_ref())
}

/// What is listed of an answer ends before it weighs more than this many bytes
/// where answers are not streamed; Lambda answers with 6 MB at most.
const PART_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Its length inside the JSON string that Lambda makes of an answer.
fn weight(text: &str) -> usize {
    let escaped = text
        .bytes()
        .filter(|byte| matches!(byte, b'"' | b'\\' | b'\r' | b'\n'))
        .count();
    text.len().saturating_add(escaped)
}
