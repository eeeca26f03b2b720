//! A store that checks, commit by commit, what a limit on events admits.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;
use tollgate_core::{Attrs, Change, Config, Key, Name, Scope, Write, table};
use tollgate_service::{Commit, Query, Slice, Store, StoreError, Together};
use tollgate_tests::stored;

/// Passes commits on one at a time. Invariant: whatever was counted under a
/// version of the limits is, with all before it, within that version's limit
/// on the tenant's events; and no version follows a later one in a counter.
/// Where one process is `alone`, that version is the one in force.
pub(crate) struct Watch {
    inner: Arc<dyn Store>,
    tenant: Name,
    alone: bool,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// The hard limit of each version.
    hard: BTreeMap<i128, i128>,
    used: i128,
    version: i128,
}

impl Watch {
    /// Around `inner`, for one tenant with one limit on its events.
    pub(crate) fn over(inner: Arc<dyn Store>, tenant: &str, alone: bool) -> Arc<Self> {
        Arc::new(Self {
            inner,
            alone,
            tenant: Name::new(tenant).expect("a tenant"),
            seen: Mutex::default(),
        })
    }

    fn note(&self, seen: &mut Seen, write: &Write) {
        match &write.change {
            Change::Put(attrs) if write.key == table::config(&self.tenant) => {
                let config: Config = stored::json(attrs);
                let limit = config
                    .all_limits()
                    .into_iter()
                    .find(|limit| limit.scope == Scope::Tenant);
                seen.hard.insert(
                    i128::from(config.version),
                    limit.and_then(|limit| limit.hard).unwrap_or(i128::MAX),
                );
            }
            Change::Update { add, set }
                if write.key.pk == format!("T|{}|C|tenant|", self.tenant) =>
            {
                let version = set
                    .iter()
                    .find(|(name, _)| &**name == table::LIMITS_VERSION)
                    .and_then(|(_, value)| value.as_number());
                let Some(version) = version else { return };
                let of_use = |(name, _): &&(Arc<str>, i128)| name.starts_with("n:");
                seen.used += add
                    .iter()
                    .filter(of_use)
                    .map(|(_, amount)| amount)
                    .sum::<i128>();
                let (used, hard) = (seen.used, seen.hard[&version]);
                assert!(
                    used <= hard,
                    "{used} used under version {version}, which allows {hard}"
                );
                assert!(
                    version >= seen.version,
                    "version {version} after {}",
                    seen.version
                );
                seen.version = version;
                let latest = seen.hard.last_key_value().map(|(version, _)| *version);
                assert!(
                    !self.alone || latest == Some(version),
                    "counted under version {version} while {latest:?} was in force"
                );
            }
            _ => {}
        }
    }
}

#[async_trait]
impl Store for Watch {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.inner.read(keys).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.inner.read_together(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        self.inner.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        let mut seen = self.seen.lock().await;
        let outcome = self.inner.commit(writes).await?;
        if matches!(outcome, Commit::Done { .. }) {
            writes.iter().for_each(|write| self.note(&mut seen, write));
        }
        Ok(outcome)
    }
}
