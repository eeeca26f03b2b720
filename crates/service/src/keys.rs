//! API keys: who may call, for whom, and what.

use crate::audit::{Change, audit_write};
use crate::failure::Failure;
use crate::service::{Service, body, body_attrs};
use crate::store::Query;
use crate::tenants::Actor;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use tollgate_core::{Guard, Instant, Name, Write, table};

/// What a key allows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Record, check and hold.
    Ingest,
    /// As `ingest` for an agent: no observe mode, no `/usage`, fresh events only.
    Enforce,
    /// Give the price of an event, beside `ingest`.
    Price,
    /// Read.
    Read,
    /// Everything, for all tenants.
    Operator,
}

/// A key as it is kept: never the key itself, only its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Its public part.
    pub id: String,
    /// Whose it is; absent only for operators.
    pub tenant: Option<Name>,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// What it is for, for people.
    pub name: Option<String>,
    /// When it was made.
    pub created: Instant,
    /// When it ends.
    pub expires: Option<Instant>,
    /// When it was revoked.
    pub revoked: Option<Instant>,
    /// SHA-256 of the whole key, in hexadecimal.
    digest: String,
}

/// What a new key is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// Whose it is; absent only for operators.
    pub tenant: Option<Name>,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// What it is for, for people.
    pub name: Option<String>,
    /// When it ends.
    pub expires: Option<Instant>,
}

const PREFIX: &str = "tg";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;

impl Scope {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Enforce => "enforce",
            Self::Price => "price",
            Self::Read => "read",
            Self::Operator => "operator",
        }
    }
}

impl KeyRecord {
    /// The record of a key of one's own choosing, such as an operator's from
    /// the environment. Its id is not secret and not found by [`Service::key`].
    #[must_use]
    pub fn operator(id: &str, key: &str) -> Self {
        Self {
            id: id.to_owned(),
            tenant: None,
            scopes: BTreeSet::from([Scope::Operator]),
            name: None,
            created: Instant::EPOCH,
            expires: None,
            revoked: None,
            digest: digest(key),
        }
    }

    /// Whether `key` is this one, compared in constant time.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        digest(key).as_bytes().ct_eq(self.digest.as_bytes()).into()
    }

    /// Whether it works at `now`.
    #[must_use]
    pub fn is_live(&self, now: Instant) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|expires| now < expires)
    }
}

/// A new key's text: prefix, public id, secret.
///
/// # Errors
/// [`Failure::Broken`] when the operating system has no randomness.
pub fn fresh_key() -> Result<(String, String), Failure> {
    let mut bytes = [0; ID_BYTES + SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Failure::Broken(error.to_string()))?;
    let (id, secret) = bytes.split_at(ID_BYTES);
    let id = hex(id);
    let key = format!("{PREFIX}_{id}_{}", hex(secret));
    Ok((id, key))
}

fn digest(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The public part of a key's text, if it has the form of one.
fn id_of(key: &str) -> Option<&str> {
    let (id, secret) = key.strip_prefix(PREFIX)?.strip_prefix('_')?.split_once('_')?;
    let is_hex = |text: &str, bytes: usize| text.len() == bytes * 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex(id, ID_BYTES) && is_hex(secret, SECRET_BYTES)).then_some(id)
}

impl Service {
    /// The live key whose text this is; `None` for any other text.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn key(&self, text: &str) -> Result<Option<Arc<KeyRecord>>, Failure> {
        let Some(id) = id_of(text) else { return Ok(None) };
        let forgotten = self.forgotten();
        let record = match self.remembered_key(id) {
            Some(record) => record,
            None => match self.item(table::api_key(id)).await? {
                None => return Ok(None),
                Some(attrs) => {
                    let record = Arc::new(body::<KeyRecord>(&attrs)?);
                    self.remember_key(&record, forgotten);
                    record
                }
            },
        };
        Ok((record.is(text) && record.is_live(self.now())).then_some(record))
    }

    /// The live key whose text this is as it was last read, for while the store
    /// is out of reach: a key revoked by another process since still works.
    #[must_use]
    pub fn last_key(&self, text: &str) -> Option<Arc<KeyRecord>> {
        let record = self.last_read_key(id_of(text)?)?;
        (record.is(text) && record.is_live(self.now())).then_some(record)
    }

    /// Makes a key. Its text is returned here and nowhere else, ever.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn create_key(&self, new: NewKey, actor: &Actor) -> Result<(KeyRecord, String), Failure> {
        let (id, key) = fresh_key()?;
        let NewKey { tenant, scopes, name, expires } = new;
        let now = self.now();
        let record = KeyRecord { digest: digest(&key), id, tenant, scopes, name, created: now, expires, revoked: None };
        let detail = serde_json::json!({ "key_id": record.id, "scopes": record.scopes });
        self.put_key(&record, actor, "key.create", detail, Guard::Absent).await?;
        Ok((record, key))
    }

    /// Ends a key at once in this process, and in others with their next
    /// reading of it, which is each request's. Safe to repeat.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for no such key.
    pub async fn revoke_key(&self, id: &str, actor: &Actor) -> Result<KeyRecord, Failure> {
        let attrs = self.item(table::api_key(id)).await?.ok_or(Failure::NotFound("key"))?;
        let mut record: KeyRecord = body(&attrs)?;
        if record.revoked.is_none() {
            record.revoked = Some(self.now());
            let detail = serde_json::json!({ "key_id": record.id });
            let put = self.put_key(&record, actor, "key.revoke", detail, Guard::Present).await;
            // Whatever came of it: a lost answer may have been a yes.
            self.forget_key(id);
            put?;
        }
        self.forget_key(id);
        Ok(record)
    }

    async fn put_key(
        &self,
        record: &KeyRecord,
        actor: &Actor,
        action: &str,
        detail: serde_json::Value,
        guard: Guard,
    ) -> Result<(), Failure> {
        let put = |key, guards| Ok::<_, Failure>(Write { key, change: tollgate_core::Change::Put(body_attrs(record)?), guards });
        let (audit, audit_key) = audit_write(self.now(), actor, Change { action, tenant: record.tenant.as_ref(), detail })?;
        let writes = [put(table::api_key(&record.id), vec![guard])?, put(table::api_key_entry(&record.id), Vec::new())?, audit];
        if self.settle(&writes).await? || self.item(audit_key).await?.is_some() {
            return Ok(());
        }
        Err(Failure::Broken("the key changed meanwhile".to_owned()))
    }

    /// All keys by id, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn keys(&self, after: Option<&str>, limit: usize) -> Result<(Vec<KeyRecord>, bool), Failure> {
        let mut query = Query::of(table::KEYS).from(after.map_or_else(String::new, |after| format!("{after}\0")));
        query.limit = limit;
        let slice = self.store.query(&query).await?;
        let records: Result<Vec<KeyRecord>, Failure> = slice.items.iter().map(|(_, attrs)| body(attrs)).collect();
        Ok((records?, slice.more))
    }
}
