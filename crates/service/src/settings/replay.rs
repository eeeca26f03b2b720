//! Stored answers for `Idempotency-Key`.

use crate::engine::key::hex;
use crate::engine::service::Service;
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tollgate_core::{Guard, Instant, Key, Value, Write, table};

/// How long an answer is kept.
const KEPT_SECONDS: i64 = 86_400;
/// In place of a status: the request is under way.
const CLAIMED: u16 = 0;

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

/// An answer that is stored in the transaction of what it tells of.
#[derive(Clone, Debug)]
pub struct Once {
    question: Question,
    status: u16,
    body: String,
}

impl Question {
    /// The answer `body` to it, with `status`, to be stored with what is done.
    #[must_use]
    pub fn answer(self, status: u16, body: String) -> Once {
        Once {
            question: self,
            status,
            body,
        }
    }

    fn put(&self, status: u16, body: String, now: Instant) -> Result<Write, Failure> {
        let expires = now.plus_seconds(KEPT_SECONDS);
        let stored = StoredAnswer {
            request: self.request.clone(),
            expires,
            status,
            body,
        };
        let mut attrs = body_attrs(&stored)?;
        let seconds = i128::from(expires.unix_seconds());
        attrs.insert(table::TTL.into(), Value::N(seconds));
        Ok(Write::put(self.key.clone(), attrs))
    }
}

impl Once {
    /// The write that stores it, where nothing is stored for its key.
    pub(crate) fn write(&self, now: Instant) -> Result<Write, Failure> {
        let put = self.question.put(self.status, self.body.clone(), now)?;
        Ok(put.when(is_stale(now)))
    }
}

/// Holds where nothing is stored, or what is has ended.
fn is_stale(now: Instant) -> Guard {
    Guard::AtMost(table::TTL.into(), i128::from(now.unix_seconds()))
}

impl Service {
    /// The answer that this request got before, if any.
    ///
    /// # Errors
    /// [`Failure::KeyReused`] where the key was used with another body.
    pub async fn find_answer(&self, question: &Question) -> Result<Option<StoredAnswer>, Failure> {
        let stored = self.read_answer(question).await?;
        Ok(stored
            .filter(|(stored, _)| stored.status != CLAIMED)
            .map(|(stored, _)| stored))
    }

    async fn read_answer(
        &self,
        question: &Question,
    ) -> Result<Option<(StoredAnswer, Value)>, Failure> {
        let Some(mut attrs) = self.read_item(question.key.clone()).await? else {
            return Ok(None);
        };
        let stored: StoredAnswer = body(&attrs)?;
        if stored.expires <= self.now() {
            return Ok(None);
        }
        if stored.request != question.request {
            return Err(Failure::KeyReused);
        }
        Ok(attrs.remove(table::BODY).map(|body| (stored, body)))
    }

    /// Claims the key for this request, before work of more than one
    /// transaction; the answer, if there is one already. A repeat meanwhile
    /// joins the work.
    ///
    /// # Errors
    /// [`Failure::KeyReused`] where the key was used with another body.
    pub async fn claim(&self, question: &Question) -> Result<Option<StoredAnswer>, Failure> {
        loop {
            if let Some((stored, _)) = self.read_answer(question).await? {
                return Ok(Some(stored).filter(|stored| stored.status != CLAIMED));
            }
            let now = self.now();
            let claim = question
                .put(CLAIMED, String::new(), now)?
                .when(is_stale(now));
            if self.write(&[claim]).await? {
                return Ok(None);
            }
        }
    }

    /// Stores the answer to a claimed request for 24 hours; the one that stands,
    /// where another was first.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn store_answer(
        &self,
        question: &Question,
        status: u16,
        text: &str,
    ) -> Result<(), Failure> {
        while let Some((claim, body)) = self.read_answer(question).await? {
            let put = question.put(status, text.to_owned(), self.now())?;
            let put = put.when(Guard::Equals(table::BODY.into(), body));
            if claim.status != CLAIMED || self.write(&[put]).await? {
                break;
            }
        }
        Ok(())
    }

    /// Lets go of a claimed key whose request was refused.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn release_claim(&self, question: &Question) -> Result<(), Failure> {
        while let Some((claim, body)) = self.read_answer(question).await? {
            let delete = Write::delete(question.key.clone());
            let delete = delete.when(Guard::Equals(table::BODY.into(), body));
            if claim.status != CLAIMED || self.write(&[delete]).await? {
                break;
            }
        }
        Ok(())
    }

    /// Fails where the answer is stored already.
    pub(crate) async fn check_unanswered(&self, once: Option<&Once>) -> Result<(), Failure> {
        let Some(once) = once else { return Ok(()) };
        match self.find_answer(&once.question).await? {
            Some(_) => Err(Failure::Answered),
            None => Ok(()),
        }
    }
}
