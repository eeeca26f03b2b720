//! API keys: who may call, for whom, and what.

use crate::engine::key::{KeyRecord, digest, fresh_key, id_of};
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::settings::replay::Question;
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::store::Query;
use std::sync::Arc;
use tollgate_core::{Guard, KeyOrder, Write, table};

/// The status of an answer that tells of a new key.
const CREATED: u16 = 201;

impl Service {
    /// The live key whose text this is; `None` for any other text.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn find_key(&self, text: &str) -> Result<Option<Arc<KeyRecord>>, Failure> {
        let Some(id) = id_of(text) else {
            return Ok(None);
        };
        let forgotten = self.cache.forgotten();
        let record = match self.cache.key(id) {
            Some(record) => record,
            None => match self.read_item(table::api_key(id)).await? {
                None => return Ok(None),
                Some(attrs) => {
                    let record = Arc::new(body::<KeyRecord>(&attrs)?);
                    self.cache.remember_key(&record, forgotten);
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
        let record = self.cache.last_key(id_of(text)?)?;
        (record.is(text) && record.is_live(self.now())).then_some(record)
    }

    /// Makes a key. Its text is returned here and nowhere else, ever. Its id is
    /// stored with it as the answer to `question`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach;
    /// [`Failure::Answered`] where an answer is stored already.
    pub async fn create_key(
        &self,
        new: KeyOrder,
        actor: &Actor,
        question: Option<Question>,
    ) -> Result<(KeyRecord, String), Failure> {
        let (id, key) = fresh_key()?;
        let KeyOrder {
            tenant,
            scopes,
            name,
            expires_at: expires,
        } = new;
        let now = self.now();
        let record = KeyRecord {
            digest: digest(&key),
            id,
            tenant,
            scopes,
            name,
            created: now,
            expires,
            revoked: None,
        };
        let detail = serde_json::json!({ "key_id": record.id, "scopes": record.scopes });
        let once = question.map(|question| question.answer(CREATED, record.id.clone()));
        let answer = once.as_ref().map(|once| once.write(now)).transpose()?;
        let put = self.put_key(
            &record,
            actor,
            ("key.create", detail),
            (Guard::Absent, answer),
        );
        if !put.await? {
            self.check_unanswered(once.as_ref()).await?;
            return Err(Failure::Contended("the key could not be made".to_owned()));
        }
        Ok((record, key))
    }

    /// Ends a key at once in this process, and in others with their next
    /// reading of it, which is each request's. Safe to repeat.
    ///
    /// # Errors
    /// [`Failure::NotFound`] for no such key.
    pub async fn revoke_key(&self, id: &str, actor: &Actor) -> Result<KeyRecord, Failure> {
        let attrs = self
            .read_item(table::api_key(id))
            .await?
            .ok_or(Failure::NotFound("key"))?;
        let mut record: KeyRecord = body(&attrs)?;
        if record.revoked.is_none() {
            record.revoked = Some(self.now());
            let detail = serde_json::json!({ "key_id": record.id });
            let put = self
                .put_key(
                    &record,
                    actor,
                    ("key.revoke", detail),
                    (Guard::Present, None),
                )
                .await;
            // Whatever came of it: a lost answer may have been a yes.
            self.cache.forget_key(id);
            put?;
        }
        self.cache.forget_key(id);
        Ok(record)
    }

    async fn put_key(
        &self,
        record: &KeyRecord,
        actor: &Actor,
        (action, detail): (&str, serde_json::Value),
        (guard, answer): (Guard, Option<Write>),
    ) -> Result<bool, Failure> {
        let put = |key, guards| {
            Ok::<_, Failure>(Write {
                guards,
                ..Write::put(key, body_attrs(record)?)
            })
        };
        let (audit, audit_key) = audit_write(
            self.now(),
            actor,
            Change {
                action,
                tenant: record.tenant.as_ref(),
                detail,
            },
        )?;
        let mut writes = vec![
            put(table::api_key(&record.id), vec![guard])?,
            put(table::api_key_entry(&record.id), Vec::new())?,
            audit,
        ];
        writes.extend(answer);
        // Refused, or this very change arrived although its answer was lost.
        Ok(self.write(&writes).await? || self.read_item(audit_key).await?.is_some())
    }

    /// All keys by id, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_keys(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<KeyRecord>, bool), Failure> {
        let mut query = Query::of(table::KEYS)
            .from(after.map_or_else(String::new, |after| format!("{after}\0")));
        query.limit = limit;
        let slice = self.store.query(&query).await?;
        let records: Result<Vec<KeyRecord>, Failure> =
            slice.items.iter().map(|(_, attrs)| body(attrs)).collect();
        Ok((records?, slice.more))
    }
}
