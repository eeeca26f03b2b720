//! The schedules' work: at once, or as chores through a queue.

use crate::courier::Webhooks;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_api::alert_json;
use tollgate_core::{Alert, PurgeOrder};
use tollgate_gateway::App;
use tollgate_service::{Actor, Chore, ChoreQueue, Deliveries, Failure, Housekeeping};

/// How long a worker begins anything new: a third of the time that it has.
const WORK_MAX: Duration = Duration::from_secs(300);

/// Does a schedule's work at once: `{"action":"rollup"}`, `{"action":"rollup_open"}`,
/// `{"action":"purge"}`,
/// `{"action":"expire_holds"}`, `{"action":"complete_changes"}` or
/// `{"action":"deliver_alerts"}`. Safe to repeat.
///
/// # Errors
/// A sentence for an action that is unknown, or whose work failed.
pub async fn scheduled(app: &App, event: &Value) -> Result<Value, String> {
    let failed = |failure: Failure| failure.to_string();
    let (action, kind) = housekeeping(event)?;
    let service = &app.service;
    Ok(match kind {
        Housekeeping::RollUp => {
            let hours = service.roll_up_all().await.map_err(failed)?;
            json!({ "action": action, "hours": hours })
        }
        Housekeeping::RollUpOpen => {
            let chores = service.list_chores(kind).await.map_err(failed)?;
            let done = do_chores(app, &chores, Moment::now() + WORK_MAX).await;
            let pages: Result<Vec<u64>, Failure> = done.into_iter().collect();
            json!({ "action": action, "pages": pages.map_err(failed)?.iter().sum::<u64>() })
        }
        Housekeeping::Purge => {
            let actor = Actor {
                key_id: "schedule".to_owned(),
                if_match: None,
            };
            let purged = service.purge(&PurgeOrder::default(), &actor).await;
            let purged = purged.map_err(failed)?;
            json!({ "action": action, "removed": purged.removed, "pages": purged.pages })
        }
        Housekeeping::CompleteChanges => {
            let changes = service.complete_changes().await.map_err(failed)?;
            json!({ "action": action, "changes": changes })
        }
        Housekeeping::ExpireHolds => {
            let holds = service.expire_holds().await.map_err(failed)?;
            json!({ "action": action, "holds": holds })
        }
        Housekeeping::DeliverAlerts => {
            let courier = Webhooks::new(app.settings.is_local);
            let done = service.deliver_alerts(&courier, body).await;
            let done = done.map_err(failed)?;
            json!({ "action": action, "delivered": done.delivered, "failed": done.failed })
        }
    })
}

/// Puts a schedule's work into a queue, as chores of one tenant each.
///
/// # Errors
/// A sentence for an action that is unknown, or whose chores were not all taken.
pub async fn dispatch(app: &App, event: &Value, queue: &dyn ChoreQueue) -> Result<Value, String> {
    let (action, kind) = housekeeping(event)?;
    let sent = app.service.dispatch(kind, queue).await;
    let sent = sent.map_err(|failure| failure.to_string())?;
    Ok(json!({ "action": action, "chores": sent }))
}

/// Does chores; of each, how much was done. Nothing further is begun when it is
/// `stop`.
pub async fn do_chores(app: &App, chores: &[Chore], stop: Moment) -> Vec<Result<u64, Failure>> {
    let courier = Webhooks::new(app.settings.is_local);
    let deliveries = Deliveries {
        courier: &courier,
        body,
    };
    app.service.do_chores(chores, &deliveries, stop).await
}

/// Does the chores that an event of SQS brings, and answers which of them failed: those
/// come again, alone.
pub async fn work(app: &App, event: &Value) -> Value {
    let records = event["Records"].as_array().cloned().unwrap_or_default();
    let (mut ids, mut chores, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for record in &records {
        let id = record["messageId"].as_str().unwrap_or_default();
        match serde_json::from_str(record["body"].as_str().unwrap_or_default()) {
            Ok(chore) => {
                ids.push(id);
                chores.push(chore);
            }
            Err(error) => {
                tracing::error!(id, %error, "a message is no chore");
                failed.push(id);
            }
        }
    }
    let done = do_chores(app, &chores, Moment::now() + WORK_MAX).await;
    let undone = ids.iter().zip(done).filter(|(_, done)| done.is_err());
    failed.extend(undone.map(|(id, _)| *id));
    let item = |id: &&str| json!({ "itemIdentifier": id });
    json!({ "batchItemFailures": failed.iter().map(item).collect::<Vec<_>>() })
}

/// The kind of housekeeping that an event asks for.
fn housekeeping(event: &Value) -> Result<(&'static str, Housekeeping), String> {
    let action = event["action"].as_str().unwrap_or_default();
    let known = Housekeeping::ALL
        .into_iter()
        .find(|(name, _)| *name == action);
    known.ok_or_else(|| {
        let names = Housekeeping::ALL.map(|(name, _)| format!("`{name}`"));
        format!("unknown action: must be one of {}", names.join(", "))
    })
}

fn body(alert: &Alert) -> String {
    alert_json(alert).to_string()
}
