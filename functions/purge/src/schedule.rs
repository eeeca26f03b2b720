//! The schedules' work: at once, or as chores through a queue.

use crate::courier::Webhooks;
use serde::Serialize;
use serde_json::{Value, to_value};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant as Moment;
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
            report(action, &[("hours", hours)])
        }
        Housekeeping::RollUpOpen => {
            let chores = service.list_chores(kind).await.map_err(failed)?;
            let done = do_chores(app, &chores, Moment::now() + WORK_MAX).await;
            let pages: Result<Vec<u64>, Failure> = done.into_iter().collect();
            let pages = pages.map_err(failed)?.iter().sum();
            report(action, &[("pages", pages)])
        }
        Housekeeping::Purge => {
            let actor = Actor::unconditional("schedule");
            let purged = service.purge(&PurgeOrder::default(), &actor).await;
            let purged = purged.map_err(failed)?;
            report(
                action,
                &[("removed", purged.removed), ("pages", purged.pages)],
            )
        }
        Housekeeping::CompleteChanges => {
            let changes = service.complete_changes().await.map_err(failed)?;
            report(action, &[("changes", changes)])
        }
        Housekeeping::ExpireHolds => {
            let holds = service.expire_holds().await.map_err(failed)?;
            report(action, &[("holds", holds)])
        }
        Housekeeping::DeliverAlerts => {
            let courier = Webhooks::new(app.settings.is_local);
            let done = service.deliver_alerts(&courier, body).await;
            let done = done.map_err(failed)?;
            report(
                action,
                &[("delivered", done.delivered), ("failed", done.failed)],
            )
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
    Ok(report(action, &[("chores", sent)]))
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
    let item = |id: &str| Failed {
        item_identifier: id.to_owned(),
    };
    let batch_item_failures = failed.into_iter().map(item).collect();
    to_value(Undone {
        batch_item_failures,
    })
    .unwrap_or_default()
}

/// What a schedule's work came to.
#[derive(Serialize)]
struct Report {
    action: &'static str,
    #[serde(flatten)]
    counts: BTreeMap<&'static str, u64>,
}

/// Which messages come again, as SQS is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Undone {
    batch_item_failures: Vec<Failed>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

fn report(action: &'static str, counts: &[(&'static str, u64)]) -> Value {
    let counts = counts.iter().copied().collect();
    to_value(Report { action, counts }).unwrap_or_default()
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
    serde_json::to_string(&tollgate_api::Alert::from(alert)).unwrap_or_default()
}
