//! Limits and who may use what: the routes of the quota function.

mod alerts;
mod audit;
mod budgets;
mod check;
mod credits;
mod holds;
mod keys;
mod limits;
mod open;
mod plans;
mod tenants;

pub use open::OPENAPI;

use tollgate_core::KeyScope;
use tollgate_gateway::{Access, Route, get, post, put, remove};

const READ: Access = Access::Any(&[KeyScope::Read]);
const INGEST: Access = Access::Any(&[KeyScope::Ingest, KeyScope::Enforce]);

/// The routes of this function.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        get("/", Access::Open, open::get_service),
        get("/health", Access::Open, open::get_health),
        get("/metrics", Access::Open, open::get_metrics),
        get("/openapi.json", Access::Open, open::get_openapi),
        get("/problems/{code}", Access::Open, open::get_problem),
        post("/quota", Access::Operator, limits::post_quota),
        get("/quota/{tenant_id}", READ, limits::get_quota),
        get("/limits/{tenant_id}", READ, limits::get_limits),
        put("/limits/{tenant_id}", Access::Operator, limits::put_limits),
        get("/budgets/{tenant_id}", READ, budgets::get_budget),
        put(
            "/budgets/{tenant_id}",
            Access::Operator,
            budgets::put_budget,
        ),
        get("/budgets/{tenant_id}/tree", READ, budgets::get_tree),
        put(
            "/budgets/{tenant_id}/tree",
            Access::Operator,
            budgets::put_tree,
        ),
        get("/credits/{tenant_id}", READ, credits::get_credits),
        get("/credits/{tenant_id}/grants", READ, credits::get_grants),
        post(
            "/credits/{tenant_id}",
            Access::Operator,
            credits::post_credits,
        ),
        get("/alerts/{tenant_id}", READ, alerts::get_alerts),
        put("/alerts/{tenant_id}", Access::Operator, alerts::put_alerts),
        post("/check", INGEST, check::post_check).in_outage(),
        post("/holds", INGEST, holds::post_holds).in_outage(),
        get("/holds", INGEST, holds::get_holds),
        get("/holds/{hold_id}", INGEST, holds::get_hold),
        post("/holds/{hold_id}/capture", INGEST, holds::post_hold_capture),
        post("/holds/{hold_id}/release", INGEST, holds::post_hold_release),
        post("/holds/{hold_id}/extend", INGEST, holds::post_hold_extend),
        get("/tenants", Access::Operator, tenants::get_tenants),
        get(
            "/tenants/{tenant_id}",
            Access::Operator,
            tenants::get_tenant,
        ),
        put(
            "/tenants/{tenant_id}",
            Access::Operator,
            tenants::put_tenant,
        ),
        get("/plans", READ, plans::get_plans),
        get("/plans/{code}", READ, plans::get_plan),
        put("/plans/{code}", Access::Operator, plans::put_plan),
        get(
            "/tenants/{tenant_id}/subscription",
            READ,
            plans::get_subscription,
        ),
        put(
            "/tenants/{tenant_id}/subscription",
            Access::Operator,
            plans::put_subscription,
        ),
        get("/entitlements/{tenant_id}", READ, plans::get_entitlements),
        post("/keys", Access::Operator, keys::post_keys),
        get("/keys", Access::Operator, keys::get_keys),
        remove("/keys/{key_id}", Access::Operator, keys::delete_key),
        get("/audit", Access::Operator, audit::get_audit),
    ]
}
