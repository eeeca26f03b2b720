//! Rate cards: putting versions. Exchange rates are put and read with them.

use crate::engine::attempt::Attempt;
use crate::engine::head::{Head, Kind, Listed};
use crate::engine::service::Service;
use crate::engine::version::Version;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::store::failure::Failure;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{
    Attrs, Card, Catalog, DAY_SECONDS, Form, Guard, Instant, Key, Value, Write, table,
};

/// The most bytes of a version in one item; an item holds 400 KB.
const PART_BYTES: usize = 300_000;
/// How long a version whose time is over stays listed: a day longer than events may
/// be late.
const LISTED_SECONDS: i64 = 36 * DAY_SECONDS;
/// The most versions that one put moves to the past.
const MOVED_MAX: usize = 20;

/// A version about to be stored.
pub(crate) struct NewVersion {
    pub(crate) body: Version,
    /// Its entry by its own number.
    pub(crate) entry: Key,
    /// What the audit trail says of it.
    pub(crate) action: &'static str,
    pub(crate) detail: serde_json::Value,
}

impl Service {
    /// Every version of rate cards and exchange rates that can price something, and
    /// the newest of each card.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn read_catalog(&self) -> Result<Arc<Catalog>, Failure> {
        let head = self.read_item(table::catalog_head()).await?;
        self.read_catalog_at(Head::of(head.as_ref())).await
    }

    /// The same with what is in force at `at`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn catalog_in_force(&self, at: Instant) -> Result<Arc<Catalog>, Failure> {
        let catalog = self.read_catalog().await?;
        self.reach_times(catalog, &[at].into()).await
    }

    /// Adds a version of a card: the next of its id. `version` and `sequence`
    /// of `card` are set here. Without `effective_from` a first version prices
    /// all of time, a later one from now on.
    ///
    /// # Errors
    /// [`Failure::Stale`] for another version than `actor` asks for,
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn put_card(
        &self,
        mut card: Card,
        effective_from: Option<Instant>,
        actor: &Actor,
    ) -> Result<Card, Failure> {
        self.put_version(actor, |catalog, sequence, now| {
            let last = catalog
                .card(card.id.as_str(), None)
                .map_or(0, |held| held.version);
            actor.check(u64::from(last))?;
            card.version = last.saturating_add(1);
            card.sequence = sequence;
            card.effective_from =
                effective_from.unwrap_or(if last == 0 { Instant::EPOCH } else { now });
            card.takes_over = (effective_from.is_none() && last == 0).then_some(now);
            Ok(NewVersion {
                body: Version::Card(Arc::new(card.clone())),
                entry: table::card_version(&card.id, card.version),
                action: "rate_card.put",
                detail: serde_json::json!({ "rate_card": card.id, "version": card.version }),
            })
        })
        .await?;
        Ok(card)
    }

    /// Stores the version that `make` makes of what is stored, of the next
    /// sequence number and of now; again where another was first.
    pub(crate) async fn put_version<F>(&self, actor: &Actor, mut make: F) -> Result<(), Failure>
    where
        F: FnMut(&Catalog, u64, Instant) -> Result<NewVersion, Failure>,
    {
        let alone = self.gate.write().await;
        let mut attempt = Attempt::new();
        loop {
            let before = Head::of(self.read_item(table::catalog_head()).await?.as_ref());
            let catalog = self.read_catalog_at(before).await?;
            let (now, sequence) = (self.now(), before.sequence.saturating_add(1));
            let version = make(&catalog, sequence, now)?;
            let over = self.list_over(&catalog, &version, now).await?;
            let since = before.since.max(over.last().map(|(end, _)| *end));
            let mut writes = vec![Head { sequence, since }.write()];
            writes.extend(version_writes(sequence, &version)?);
            for (end, entry) in &over {
                writes.push(Write::delete(table::listed(entry.sequence)));
                writes.push(entry.put(table::past(*end, entry.sequence))?);
            }
            let change = Change {
                action: version.action,
                tenant: None,
                detail: version.detail,
            };
            let (audit, key) = audit_write(now, actor, change)?;
            writes.push(audit);
            let settled = self.write(&writes).await;
            self.cache.forget_latest_cards();
            if settled? || self.read_item(key).await?.is_some() {
                drop(alone);
                // Until then others may go by the head of before.
                tokio::time::sleep(self.tenancy.head_age()).await;
                return Ok(());
            }
            attempt.again("cards are put all the time").await?;
        }
    }

    /// The entries that can be moved to the past once `version` is put, and when
    /// their time was over, those that were over first coming first. By a clock that
    /// nobody confirmed nothing is over.
    async fn list_over(
        &self,
        catalog: &Catalog,
        version: &NewVersion,
        now: Instant,
    ) -> Result<Vec<(Instant, Listed)>, Failure> {
        if !self.trusts_clock().await? {
            return Ok(Vec::new());
        }
        let mut catalog = catalog.clone();
        match &version.body {
            Version::Card(card) => catalog.insert(Arc::clone(card)),
            Version::Exchange(table) => catalog.insert_exchange(Arc::clone(table)),
        }
        let before = now.plus_seconds(LISTED_SECONDS.saturating_neg());
        let over = catalog.over(before);
        if over.is_empty() {
            return Ok(Vec::new());
        }
        let list = self.read_list().await?.into_iter();
        let mut list: BTreeMap<u64, Listed> = list.map(|entry| (entry.sequence, entry)).collect();
        let found = |(end, sequence)| Some((end, list.remove(&sequence)?));
        Ok(over.into_iter().filter_map(found).take(MOVED_MAX).collect())
    }
}

/// The version's entries and its body, in as many items as it takes.
fn version_writes(sequence: u64, version: &NewVersion) -> Result<Vec<Write>, Failure> {
    let (kind, from, bytes) = match &version.body {
        Version::Card(card) => (Kind::Card, card.effective_from, serde_json::to_vec(card)?),
        Version::Exchange(table) => {
            let bytes = serde_json::to_vec(table)?;
            (Kind::Exchange, table.effective_from, bytes)
        }
    };
    let parts = bytes.chunks(PART_BYTES);
    let entry = Listed {
        sequence,
        kind,
        from,
        parts: parts.len(),
    };
    let mut writes = vec![
        entry.put(table::listed(sequence))?,
        entry.put(version.entry.clone())?,
    ];
    writes.extend(parts.enumerate().map(|(number, part)| {
        let body = Attrs::from([(table::BODY.into(), Value::B(Form::JsonPart.seal(part)))]);
        Write::put(table::version_body(sequence, number), body).when(Guard::Absent)
    }));
    Ok(writes)
}
