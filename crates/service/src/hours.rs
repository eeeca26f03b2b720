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
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Watermark {
    /// The first hour that is not yet rolled up.
    next: Option<Instant>,
    /// The digest of the last hour that had pages.
    digest: String,
}

impl Service {
    /// Rolls up every closed receipt hour of `tenant` that is not yet, oldest
    /// first, and says how many had pages. A closed hour's rollup is a pure
    /// function of its pages, so repeats and two at once change nothing.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn roll_up(&self, tenant: &Name) -> Result<u64, Failure> {
        let Some(created) = self.tenant(tenant).await?.created else {
            return Ok(0);
        };
        self.activate(tenant).await?;
        let held = self.item(table::watermark(tenant)).await?;
        let held = held.map_or_else(|| Ok(Watermark::default()), |attrs| body::<Watermark>(&attrs))?;
        let mut at = held.next.unwrap_or_else(|| created.plus_seconds(-HOUR_SECONDS).floor_to(HOUR_SECONDS));
        let mut digest = held.digest;
        let closed = self.now().plus_seconds(-CLOSES_SECONDS - HOUR_SECONDS);
        let mut rolled = 0;
        while at <= closed {
            if let Some(hour) = self.roll_up_hour(tenant, at, &digest).await? {
                digest = hour.digest;
                rolled += 1;
            }
            at = at.plus_seconds(HOUR_SECONDS);
            // The mark moves day by day, and at the end.
            if at.floor_to(86_400) == at || at > closed {
                let mark = Watermark { next: Some(at), digest: digest.clone() };
                self.put(table::watermark(tenant), body_attrs(&mark)?).await?;
            }
        }
        Ok(rolled)
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
            self.put(table::rollup(tenant, event_hour, at, chunk), attrs).await?;
        }
        // The record comes last: it says that all rows are there.
        self.put(table::hour(tenant, at), body_attrs(&hour)?).await?;
        Ok(Some(hour))
    }

    /// Puts an item that is the same whoever writes it.
    pub(crate) async fn put(&self, key: tollgate_core::Key, attrs: Attrs) -> Result<(), Failure> {
        let no_guards: Vec<Guard> = Vec::new();
        self.settle(&[Write { key, change: Change::Put(attrs), guards: no_guards }]).await?;
        Ok(())
    }
}
