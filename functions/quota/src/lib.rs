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
use tollgate_gateway::{Access, Route, get, patch, post, put, remove};

const READ: Access = Access::Any(&[KeyScope::Read]);
const INGEST: Access = Access::Any(&[KeyScope::Ingest, KeyScope::Enforce]);
const OPERATOR: Access = Access::Operator;

const BUDGET: &str = "/budgets/{tenant_id}";
const TREE: &str = "/budgets/{tenant_id}/tree";
const TENANT: &str = "/tenants/{tenant_id}";
const SUBSCRIPTION: &str = "/tenants/{tenant_id}/subscription";

/// The routes of this function.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        get("/", Access::Open, open::get_service),
        get("/health", Access::Open, open::get_health),
        get("/metrics", Access::Open, open::get_metrics),
        get("/openapi.json", Access::Open, open::get_openapi),
        get("/problems/{code}", Access::Open, open::get_problem),
        post("/quota", OPERATOR, limits::post_quota),
        get("/quota/{tenant_id}", READ, limits::get_quota),
        get("/limits/{tenant_id}", READ, limits::get_limits),
        put("/limits/{tenant_id}", OPERATOR, limits::put_limits),
        get(BUDGET, READ, budgets::get_budget),
        put(BUDGET, OPERATOR, budgets::put_budget),
        get(TREE, READ, budgets::get_tree),
        put(TREE, OPERATOR, budgets::put_tree),
        get("/credits/{tenant_id}", READ, credits::get_credits),
        get("/credits/{tenant_id}/grants", READ, credits::get_grants),
        post("/credits/{tenant_id}", OPERATOR, credits::post_credits),
        get("/alerts/{tenant_id}", READ, alerts::get_alerts),
        put("/alerts/{tenant_id}", OPERATOR, alerts::put_alerts),
        post("/check", INGEST, check::post_check).in_outage(),
        post("/holds", INGEST, holds::post_holds).in_outage(),
        get("/holds", INGEST, holds::get_holds),
        get("/holds/{hold_id}", INGEST, holds::get_hold),
        post("/holds/{hold_id}/capture", INGEST, holds::post_hold_capture),
        post("/holds/{hold_id}/release", INGEST, holds::post_hold_release),
        post("/holds/{hold_id}/extend", INGEST, holds::post_hold_extend),
        get("/tenants", OPERATOR, tenants::get_tenants),
        get(TENANT, OPERATOR, tenants::get_tenant),
        put(TENANT, OPERATOR, tenants::put_tenant),
        patch(TENANT, OPERATOR, tenants::patch_tenant),
        get("/plans", READ, plans::get_plans),
        get("/plans/{code}", READ, plans::get_plan),
        put("/plans/{code}", OPERATOR, plans::put_plan),
        get(SUBSCRIPTION, READ, plans::get_subscription),
        put(SUBSCRIPTION, OPERATOR, plans::put_subscription),
        get("/entitlements/{tenant_id}", READ, plans::get_entitlements),
        post("/keys", OPERATOR, keys::post_keys),
        get("/keys", OPERATOR, keys::get_keys),
        remove("/keys/{key_id}", OPERATOR, keys::delete_key),
        get("/audit", OPERATOR, audit::get_audit),
    ]
}
