//! The audit trail: who changed what, when.

use crate::engine::service::Service;
use crate::engine::stamp::received_at;
use crate::engine::submission::AHEAD_SECONDS_MAX;
use crate::engine::times::{months, seconds};
use crate::settings::actor::Actor;
use crate::store::body::{body, body_attrs};
use crate::store::clock::ulid;
use crate::store::failure::Failure;
use crate::store::store::Query;
use serde::{Deserialize, Serialize};
use tollgate_core::{DAY_SECONDS, Guard, Instant, Key, Name, Write, table};

/// How long an entry is kept.
const KEPT_SECONDS: i64 = 400 * DAY_SECONDS;

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
    let key = Key::new(table::audit(&now.month()), ulid(now));
    let mut attrs = body_attrs(&entry)?;
    attrs.insert(table::TTL.into(), seconds(now.plus_seconds(KEPT_SECONDS)));
    let write = Write::put(key.clone(), attrs).when(Guard::Absent);
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
        let newest = before.and_then(received_at).unwrap_or_else(|| self.now());
        // A clock that was ahead may have made some of the month to come.
        let newest = newest.plus_seconds(AHEAD_SECONDS_MAX);
        let (mut items, mut more) = (Vec::new(), false);
        let oldest = newest.plus_seconds(-KEPT_SECONDS - AHEAD_SECONDS_MAX);
        for month in months(oldest, newest).into_iter().rev() {
            let mut query = Query::of(table::audit(&month));
            query.descending = true;
            query.limit = limit.saturating_add(1);
            query.to = before.map(str::to_owned);
            let mut next = Some(query);
            while let Some(query) = next.filter(|_| items.len() <= limit) {
                let slice = self.store.query(&query).await?;
                next = query.after(&slice);
                items.extend(slice.items);
            }
            more = items.len() > limit;
            if more {
                break;
            }
        }
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|(id, _)| id.clone());
        let entries: Result<Vec<AuditEntry>, Failure> =
            items.iter().map(|(_, attrs)| body(attrs)).collect();
        Ok((entries?, next))
    }
}
