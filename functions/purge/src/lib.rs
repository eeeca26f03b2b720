//! Retention: the route of the purge function, and the schedules' work.

mod courier;
mod schedule;

pub use schedule::{dispatch, do_chores, scheduled, work};

use std::sync::Arc;
use tollgate_api::{PurgeStatus, Purged, parse_purge};
use tollgate_core::Removal;
use tollgate_gateway::{Access, App, Call, Handled, Reply, Route, from_failure, post};
use tollgate_service::Failure;

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
    let (actor, failed) = (caller.actor(), |failure: Failure| from_failure(&failure));
    match removal {
        Removal::Erase(mut order) => {
            order.tenant = caller.tenant_to_write(Some(&order.tenant))?;
            let erased = app.service.erase(&order, &actor);
            let erased = erased.await.map_err(failed)?;
            Ok(Reply::ok(&Purged {
                status: status(order.dry_run, PurgeStatus::Pseudonymised),
                removed: 0,
                pages: erased.pages,
                dry_run: order.dry_run,
                pseudonymised: Some(erased.events),
                pseudonym: Some(erased.pseudonym),
            }))
        }
        Removal::Purge(mut order) => {
            let tenant = order.tenant.take();
            let tenant = tenant.map(|tenant| caller.tenant_to_write(Some(&tenant)));
            order.tenant = tenant.transpose()?;
            let purged = app.service.purge(&order, &actor);
            let purged = purged.await.map_err(failed)?;
            Ok(Reply::ok(&Purged {
                status: status(order.dry_run, PurgeStatus::Purged),
                removed: purged.removed,
                pages: purged.pages,
                dry_run: order.dry_run,
                pseudonymised: None,
                pseudonym: None,
            }))
        }
    }
}

fn status(dry_run: bool, done: PurgeStatus) -> PurgeStatus {
    if dry_run { PurgeStatus::DryRun } else { done }
}
