//! `GET /audit`.

use std::sync::Arc;
use tollgate_api::{AuditEntry, List, Params};
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
    let shown = |entry: tollgate_service::AuditEntry| AuditEntry {
        created_at: entry.at,
        key_id: entry.key_id,
        action: entry.action,
        tenant_id: entry.tenant_id,
        detail: entry.detail,
    };
    let data = entries.into_iter().map(shown).collect();
    Ok(Reply::ok(&List::new(data, next)))
}
