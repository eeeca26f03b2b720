//! `POST /events/{event_id}/void`.

use crate::answer::failed;
use std::sync::Arc;
use tollgate_api::{Problem, Voided, parse_void};
use tollgate_gateway::{App, Call, Handled, Reply};
use tollgate_service::VoidOutcome;

/// Takes a recorded event back, once.
pub(crate) async fn post_event_void(app: Arc<App>, call: Call) -> Handled {
    let in_query = call.params(&["tenant_id"])?.tenant()?;
    let asked = parse_void(&call.body)?;
    if let (Some(query), Some(body)) = (&in_query, &asked.tenant)
        && query != body
    {
        return Err(Problem::invalid_request(
            "?tenant_id",
            "names another tenant than the body",
        ));
    }
    let caller = call.caller()?;
    let tenant = caller.tenant_to_write(in_query.as_ref().or(asked.tenant.as_ref()))?;
    let event = call.path_event()?;
    let outcome = app
        .service
        .void(&tenant, &event, asked.reason.as_deref(), &caller.actor())
        .await
        .map_err(failed)?;
    match outcome {
        VoidOutcome::Voided {
            id,
            answer,
            replayed: false,
        } => Ok(Reply::created(&Voided::new(&id, &event, &answer, false))),
        VoidOutcome::Voided {
            id,
            answer,
            replayed: true,
        } => Ok(Reply::ok(&Voided::new(&id, &event, &answer, true))),
        VoidOutcome::OfVoid => Err(Problem::conflict(format!(
            "event `{event}` voids another and cannot be voided"
        ))),
    }
}
