//! Reading use back: the routes of the query function.

mod answer;
mod events;
mod export;
mod totals;

use tollgate_core::KeyScope;
use tollgate_gateway::{Access, Route, get};

const READ: Access = Access::Any(&[KeyScope::Read]);

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
