//! Retention: the route of the purge function, and the schedules' work.

mod courier;

use courier::Webhooks;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_api::{alert_json, parse_purge};
use tollgate_core::{PurgeOrder, Removal};
use tollgate_gateway::{Access, App, Call, Handled, Reply, Route, from_failure, post};
use tollgate_service::{Actor, Failure};

/// The routes of this function.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![post("/usage/purge", Access::Operator, post_usage_purge).idempotent()]
}

/// Removes the pages of events past their retention, or replaces a name by a
/// pseudonym.
async fn post_usage_purge(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let removal = parse_purge(&call.body)?;
    let caller = call.caller()?;
    let (actor, failed) = (caller.actor(None), |failure: Failure| {
        from_failure(&failure)
    });
    match removal {
        Removal::Erase(mut order) => {
            order.tenant = caller.tenant_to_write(Some(&order.tenant))?;
            let erased = app.service.erase(&order, &actor);
            let erased = erased.await.map_err(failed)?;
            Ok(Reply::ok(&json!({
                "status": "purged",
                "removed": 0,
                "pages": erased.pages,
                "dry_run": order.dry_run,
                "pseudonymised": erased.events,
                "pseudonym": erased.pseudonym,
            })))
        }
        Removal::Purge(mut order) => {
            let tenant = order.tenant.take();
            let tenant = tenant.map(|tenant| caller.tenant_to_write(Some(&tenant)));
            order.tenant = tenant.transpose()?;
            let purged = app.service.purge(&order, &actor);
            let purged = purged.await.map_err(failed)?;
            Ok(Reply::ok(&json!({
                "status": "purged",
                "removed": purged.removed,
                "pages": purged.pages,
                "dry_run": order.dry_run,
            })))
        }
    }
}

/// Does a schedule's work: `{"action":"rollup"}`, `{"action":"purge"}`,
/// `{"action":"expire_holds"}`, `{"action":"complete_changes"}` or
/// `{"action":"deliver_alerts"}`. Safe to repeat.
///
/// # Errors
/// A sentence for an action that is unknown, or whose work failed.
pub async fn scheduled(app: &App, event: &Value) -> Result<Value, String> {
    let failed = |failure: Failure| failure.to_string();
    match event.get("action").and_then(Value::as_str) {
        Some("rollup") => {
            let hours = app.service.roll_up_all().await.map_err(failed)?;
            Ok(json!({ "action": "rollup", "hours": hours }))
        }
        Some("purge") => {
            let actor = Actor {
                key_id: "schedule".to_owned(),
                if_match: None,
            };
            let purged = app
                .service
                .purge(&PurgeOrder::default(), &actor)
                .await
                .map_err(failed)?;
            Ok(json!({ "action": "purge", "removed": purged.removed, "pages": purged.pages }))
        }
        Some("complete_changes") => {
            let changes = app.service.complete_changes().await.map_err(failed)?;
            Ok(json!({ "action": "complete_changes", "changes": changes }))
        }
        Some("expire_holds") => {
            let holds = app.service.expire_holds().await.map_err(failed)?;
            Ok(json!({ "action": "expire_holds", "holds": holds }))
        }
        Some("deliver_alerts") => {
            let courier = Webhooks::new(app.settings.is_local);
            let done = app
                .service
                .deliver_alerts(&courier, |alert| alert_json(alert).to_string())
                .await
                .map_err(failed)?;
            Ok(json!({
                "action": "deliver_alerts",
                "delivered": done.delivered,
                "failed": done.failed,
            }))
        }
        _ => Err(
            "unknown action: must be `rollup`, `purge`, `expire_holds`, `complete_changes` or `deliver_alerts`"
                .to_owned(),
        ),
    }
}
