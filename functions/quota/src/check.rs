//! `POST /check`.

use std::sync::Arc;
use tollgate_api::{Checked, Problem, parse_event};
use tollgate_core::{KeyScope, Name};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure, from_rejection};
use tollgate_service::AGE_SECONDS_MAX;

/// What an event would cost and how it would be decided; writes nothing.
pub(crate) async fn post_check(app: Arc<App>, call: Call) -> Handled {
    call.params(&[])?;
    let event = parse_event(&call.body)?;
    let caller = call.caller()?;
    let tenant = caller.tenant_to_write(event.tenant.as_ref())?;
    if event.contents().cost_override.is_some() && !caller.may(KeyScope::Price) {
        return Err(Problem::forbidden(
            "`cost_override` needs a key with scope `price`",
        ));
    }
    let id = event
        .id
        .clone()
        .map_or_else(|| Name::new("estimate"), Ok)
        .map_err(|_| Problem::internal())?;
    let event = event.into_event(id.clone(), call.now);
    let estimate = app
        .service
        .check(&tenant, event, AGE_SECONDS_MAX)
        .await
        .map_err(|failure| from_failure(&failure))?;
    let estimate = estimate.map_err(|rejection| from_rejection(&id, &rejection))?;
    Ok(Reply::ok(&Checked::new(
        &estimate.priced,
        &estimate.ruling,
        estimate.degraded,
    )))
}
