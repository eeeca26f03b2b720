//! `GET /audit`.

use std::sync::Arc;
use tollgate_api::{Params, list};
use tollgate_gateway::{App, Call, Handled, Reply, from_failure};
use tollgate_service::Failure;

const QUESTION: &str = "GET /audit";

/// Who changed what, newest first.
pub(crate) async fn get_audit(app: Arc<App>, call: Call) -> Handled {
    let params = call.params(Params::PAGING)?;
    let limit = params.limit(100, 1000)?;
    let failed = |failure: Failure| from_failure(&failure);
    let before = params
        .text("cursor")
        .map(|cursor| app.service.position(QUESTION, cursor))
        .transpose()
        .map_err(failed)?;
    let (entries, next) = app
        .service
        .list_audit(before.as_deref(), limit)
        .await
        .map_err(failed)?;
    let next = next.map(|id| app.service.cursor(QUESTION, &id));
    Ok(Reply::ok(&list(&entries, next.as_deref())))
}
