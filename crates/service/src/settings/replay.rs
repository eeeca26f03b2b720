//! Stored answers for `Idempotency-Key`.

use crate::engine::key::hex;
use crate::engine::service::Service;
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tollgate_core::{Change, Guard, Instant, Key, Value, Write, table};

/// How long an answer is kept.
const KEPT_SECONDS: i64 = 86_400;

/// An answer as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// Of the request's body.
    request: String,
    /// When it is forgotten.
    expires: Instant,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Which request an answer belongs to.
#[derive(Clone, Debug)]
pub struct Question {
    key: Key,
    request: String,
}

impl Question {
    /// The request `body` to `route` by `tenant` (empty for the operator)
    /// under the idempotency key `key`.
    #[must_use]
    pub fn new(tenant: &str, route: &str, key: &str, body: &[u8]) -> Self {
        let key = hex(&Sha256::digest(key.as_bytes()));
        Self {
            key: table::replay(tenant, route, &key),
            request: hex(&Sha256::digest(body)),
        }
    }
}

impl Service {
    /// The answer that this request got before, if any.
    ///
    /// # Errors
    /// [`Failure::KeyReused`] where the key was used with another body.
    pub async fn answered(&self, question: &Question) -> Result<Option<StoredAnswer>, Failure> {
        let Some(attrs) = self.item(question.key.clone()).await? else {
            return Ok(None);
        };
        let stored: StoredAnswer = body(&attrs)?;
        if stored.expires <= self.now() {
            return Ok(None);
        }
        if stored.request != question.request {
            return Err(Failure::KeyReused);
        }
        Ok(Some(stored))
    }

    /// Stores an answer for 24 hours. Where another request with the key was
    /// first, its answer stays.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn store_answer(
        &self,
        question: &Question,
        status: u16,
        text: &str,
    ) -> Result<(), Failure> {
        let now = self.now();
        let expires = now.plus_seconds(KEPT_SECONDS);
        let stored = StoredAnswer {
            request: question.request.clone(),
            expires,
            status,
            body: text.to_owned(),
        };
        let mut attrs = body_attrs(&stored)?;
        let seconds = |at: Instant| i128::from(at.unix_seconds());
        attrs.insert(table::TTL.into(), Value::N(seconds(expires)));
        let stale = Guard::AtMost(table::TTL.into(), seconds(now));
        self.settle(&[Write {
            key: question.key.clone(),
            change: Change::Put(attrs),
            guards: vec![stale],
        }])
        .await?;
        Ok(())
    }
}
