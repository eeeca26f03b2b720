//! The audit trail: who changed what, when.

use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::store::body::{body, body_attrs};
use crate::store::clock::ulid;
use crate::store::failure::Failure;
use crate::store::store::Query;
use serde::{Deserialize, Serialize};
use tollgate_core::{Guard, Instant, Key, Name, Write, table};

/// One entry of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Instant,
    /// The id of the key that asked.
    pub key_id: String,
    /// What was done, such as `limits.put`.
    pub action: String,
    /// To which tenant; absent = to none.
    pub tenant_id: Option<String>,
    /// What exactly; never secrets.
    pub detail: serde_json::Value,
}

/// What is done, to whom.
pub(crate) struct Change<'a> {
    pub(crate) action: &'a str,
    pub(crate) tenant: Option<&'a Name>,
    pub(crate) detail: serde_json::Value,
}

/// The write that enters a change, to ride in the change's own transaction.
pub(crate) fn audit_write(
    now: Instant,
    actor: &Actor,
    change: Change<'_>,
) -> Result<(Write, Key), Failure> {
    let entry = AuditEntry {
        at: now,
        key_id: actor.key_id.clone(),
        action: change.action.to_owned(),
        tenant_id: change.tenant.map(Name::to_string),
        detail: change.detail,
    };
    let key = Key::new(table::AUDIT, ulid(now));
    let write = Write::put(key.clone(), body_attrs(&entry)?).when(Guard::Absent);
    Ok((write, key))
}

impl Service {
    /// The audit trail, newest first, before the entry `before`; and where to
    /// go on.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_audit(
        &self,
        before: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<AuditEntry>, Option<String>), Failure> {
        let mut query = Query::of(table::AUDIT);
        query.descending = true;
        query.limit = limit;
        query.to = before.map(str::to_owned);
        let slice = self.store.query(&query).await?;
        let next = slice
            .items
            .last()
            .filter(|_| slice.more)
            .map(|(id, _)| id.clone());
        let entries: Result<Vec<AuditEntry>, Failure> =
            slice.items.iter().map(|(_, attrs)| body(attrs)).collect();
        Ok((entries?, next))
    }
}
