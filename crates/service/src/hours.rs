//! Rolling up closed receipt hours.

use crate::failure::Failure;
use crate::keys::hex;
use crate::scan::page_of;
use crate::service::{Service, body, body_attrs};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tollgate_core::{Attrs, Change, Guard, Instant, Name, Rows, Value, Write, table};

/// An hour closes this long after its end: no commit starts over 60 seconds
/// after its stamp of receipt.
const CLOSES_SECONDS: i64 = 20 * 60;
const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 86_400;

/// What is known of a closed receipt hour with pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    /// Its first instant.
    pub hour: Instant,
    /// How many pages it has.
    pub pages: u64,
    /// How many events they hold.
    pub events: u64,
    /// The latest time of any of them.
    pub last: Instant,
    /// SHA-256 over the hour before's digest and its pages, sorted by key.
    pub digest: String,
}

/// How far a tenant's hours are rolled up.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Watermark {
    /// The first hour that is not yet rolled up.
    next: Instant,
    /// The digest of the last hour that had pages.
    digest: String,
}

/// A watermark, and the stored one that it was reached from.
struct Reached {
    mark: Watermark,
    stored: Option<Value>,
}

impl Service {
    /// Rolls up every closed receipt hour of `tenant` that is not yet, oldest
    /// first, and says how many had pages. A closed hour's rollup is a pure
    /// function of its pages, written once, and the watermark moves from where
    /// it was read: two at once, and a purge meanwhile, change nothing.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn roll_up(&self, tenant: &Name) -> Result<u64, Failure> {
        let Some(created) = self.tenant(tenant).await?.created else {
            return Ok(0);
        };
        self.activate(tenant).await?;
        let closed = self.now().plus_seconds(-CLOSES_SECONDS - HOUR_SECONDS);
        let mut reached = self.reached(tenant, created).await?;
        let mut rolled = 0;
        while reached.mark.next <= closed {
            let hour = self.roll_up_hour(tenant, reached.mark.next, &reached.mark.digest).await?;
            let next = reached.mark.next.plus_seconds(HOUR_SECONDS);
            let digest = hour.as_ref().map_or_else(|| reached.mark.digest.clone(), |hour| hour.digest.clone());
            reached.mark = Watermark { next, digest };
            // Over hours without pages it moves day by day, and at the end.
            if hour.is_none() && next.floor_to(DAY_SECONDS) != next && next <= closed {
                continue;
            }
            if self.reach(tenant, &mut reached, hour.as_ref()).await? {
                rolled += u64::from(hour.is_some());
            } else {
                reached = self.reached(tenant, created).await?;
            }
        }
        Ok(rolled)
    }

    /// The stored watermark, or the one to begin at.
    async fn reached(&self, tenant: &Name, created: Instant) -> Result<Reached, Failure> {
        let Some(attrs) = self.item(table::watermark(tenant)).await? else {
            let next = created.plus_seconds(-HOUR_SECONDS).floor_to(HOUR_SECONDS);
            return Ok(Reached { mark: Watermark { next, digest: String::new() }, stored: None });
        };
        Ok(Reached { mark: body(&attrs)?, stored: attrs.get(table::BODY).cloned() })
    }

    /// Stores the watermark with the record of the hour that it passed, unless
    /// it was moved meanwhile. The record says that all rows are there.
    async fn reach(&self, tenant: &Name, reached: &mut Reached, hour: Option<&Hour>) -> Result<bool, Failure> {
        let guard = match &reached.stored {
            None => Guard::Absent,
            Some(stored) => Guard::Equals(table::BODY.into(), stored.clone()),
        };
        let put = |key, attrs, guards| Write { key, change: Change::Put(attrs), guards };
        let mark = body_attrs(&reached.mark)?;
        reached.stored = mark.get(table::BODY).cloned();
        let mut writes = vec![put(table::watermark(tenant), mark, vec![guard])];
        if let Some(hour) = hour {
            writes.push(put(table::hour(tenant, hour.hour), body_attrs(hour)?, Vec::new()));
        }
        self.settle(&writes).await
    }

    async fn roll_up_hour(&self, tenant: &Name, at: Instant, before: &str) -> Result<Option<Hour>, Failure> {
        let pages = self.pages_of_hour(tenant, at).await?;
        if pages.is_empty() {
            return Ok(None);
        }
        let mut rows = Rows::default();
        let mut hour = Hour { hour: at, pages: 0, events: 0, last: at, digest: String::new() };
        let mut hash = Sha256::new();
        hash.update(before.as_bytes());
        for (sk, attrs) in &pages {
            let page = page_of(attrs)?;
            rows.add_page(&page)?;
            hour.pages += 1;
            hour.events = hour.events.saturating_add(page.events.len().try_into().unwrap_or(u64::MAX));
            hour.last = page.events.iter().map(|stored| stored.event.timestamp).fold(hour.last, Instant::max);
            hash.update(sk.as_bytes());
            hash.update(Sha256::digest(attrs.get(table::BODY).and_then(Value::as_bytes).unwrap_or_default()));
        }
        hour.digest = hex(&hash.finalize());
        for (event_hour, chunk, bytes) in rows.encode() {
            let attrs = Attrs::from([(table::BODY.into(), Value::B(bytes))]);
            let key = table::rollup(tenant, event_hour, at, chunk);
            // Refused = it is there, perhaps from before a purge took pages.
            self.settle(&[Write { key, change: Change::Put(attrs), guards: vec![Guard::Absent] }]).await?;
        }
        Ok(Some(hour))
    }
}
