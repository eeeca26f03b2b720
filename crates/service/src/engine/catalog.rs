//! Reading the catalogue of rate cards and exchange rates.
//!
//! What can price something is listed; of the listed only what a process does not
//! hold is read. What is over moves from the list to the past, and is read where an
//! event of that time comes or a version is named.

use crate::engine::head::{Head, Kind, Listed};
use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::store::body::body;
use crate::store::failure::Failure;
use crate::store::store::Query;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_core::{
    Attrs, Card, CardRef, Catalog, DAY_SECONDS, Event, ExchangeTable, Instant, Key, Name, Value,
    table,
};

/// The most items of bodies that are asked for at once.
const BODIES_MAX: usize = 100;
/// How much further back than asked for the past is read, so that the next older
/// event finds it.
const FURTHER_SECONDS: i64 = 30 * DAY_SECONDS;

impl Service {
    /// What prices what is of `head`'s time or later, and the newest version of
    /// every card; what this process holds already is not read again.
    pub(crate) async fn read_catalog_at(&self, mut head: Head) -> Result<Arc<Catalog>, Failure> {
        let (known, at) = self.cache.known_catalog();
        if let Some(catalog) = known.clone().filter(|_| at >= head.sequence) {
            return Ok(catalog);
        }
        let mut catalog = known.map_or_else(Catalog::built_in, |known| Catalog::clone(&known));
        let newer = Query::of(table::LISTED).from(table::listed(at.saturating_add(1)).sk);
        loop {
            let found = self.read_all(newer.clone()).await?;
            // What moved to the past meanwhile may be in neither reading.
            let now = Head::of(self.read_item(table::catalog_head()).await?.as_ref());
            if now == head {
                self.add_versions(&mut catalog, &listed(found)?).await?;
                break;
            }
            head = now;
        }
        if let Some(since) = head.since {
            catalog.forget(since);
        }
        let catalog = Arc::new(catalog);
        self.cache.remember_catalog(&catalog, head.sequence);
        Ok(catalog)
    }

    /// `snapshot` with what prices events of `oldest` and later.
    pub(crate) async fn reach(
        &self,
        mut snapshot: Snapshot,
        oldest: Instant,
    ) -> Result<Snapshot, Failure> {
        if let Some(since) = snapshot.catalog.lacks(oldest) {
            let back = oldest.plus_seconds(FURTHER_SECONDS.saturating_neg());
            let past = Query::of(table::PAST).from(back.sortable());
            let past = past.to(format!("{}~", since.sortable()));
            let mut catalog = Catalog::clone(&snapshot.catalog);
            let found = self.read_all(past).await?;
            self.add_versions(&mut catalog, &listed(found)?).await?;
            catalog.reach(back);
            let catalog = Arc::new(catalog);
            self.cache.extend_catalog(&snapshot.catalog, &catalog);
            snapshot.catalog = catalog;
        }
        Ok(snapshot)
    }

    /// A version of a card, of whatever time; `None` = the newest.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn find_card(
        &self,
        id: &Name,
        version: Option<u32>,
    ) -> Result<Option<Arc<Card>>, Failure> {
        let catalog = self.read_catalog().await?;
        let held = catalog.card(id.as_str(), version).cloned();
        let (None, Some(version)) = (&held, version) else {
            return Ok(held);
        };
        let Some(attrs) = self.read_item(table::card_version(id, version)).await? else {
            return Ok(None);
        };
        let bodies = self.read_bodies::<Card>(&[body::<Listed>(&attrs)?]).await?;
        Ok(bodies.into_iter().next().map(Arc::new))
    }

    /// `catalog` with the card versions named, of whatever time.
    pub(crate) async fn find_cards(
        &self,
        catalog: &Arc<Catalog>,
        named: impl IntoIterator<Item = &CardRef>,
    ) -> Result<Arc<Catalog>, Failure> {
        let missing: BTreeSet<(&Name, u32)> = named
            .into_iter()
            .map(|card| (&card.id, card.version))
            .filter(|(id, version)| catalog.card(id.as_str(), Some(*version)).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(Arc::clone(catalog));
        }
        let keys: Vec<Key> = missing
            .into_iter()
            .map(|(id, version)| table::card_version(id, version))
            .collect();
        let found = self.store.read(&keys).await?.into_iter().flatten();
        let found: Result<Vec<Listed>, Failure> = found.map(|attrs| body(&attrs)).collect();
        let mut catalog = Catalog::clone(catalog);
        self.add_versions(&mut catalog, &found?).await?;
        Ok(Arc::new(catalog))
    }

    /// The versions of the exchange rates before the version `before`, newest
    /// first, at most `limit`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_exchanges(
        &self,
        before: Option<u32>,
        limit: usize,
    ) -> Result<Vec<ExchangeTable>, Failure> {
        let mut query = Query::of(table::EXCHANGES);
        query.to = before.map(|before| table::exchange_version(before).sk);
        (query.descending, query.limit) = (true, limit.min(Query::LIMIT_MAX));
        let mut found = Vec::new();
        let mut next = Some(query);
        while let Some(query) = next.filter(|_| found.len() < limit) {
            let slice = self.store.query(&query).await?;
            next = query.after(&slice);
            found.extend(slice.items);
        }
        found.truncate(limit);
        self.read_bodies(&listed(found)?).await
    }

    async fn add_versions(&self, catalog: &mut Catalog, entries: &[Listed]) -> Result<(), Failure> {
        let of = |kind| {
            let of_kind = entries.iter().filter(move |entry| entry.kind == kind);
            of_kind.copied().collect::<Vec<Listed>>()
        };
        for card in self.read_bodies::<Card>(&of(Kind::Card)).await? {
            catalog.insert(card);
        }
        for table in self
            .read_bodies::<ExchangeTable>(&of(Kind::Exchange))
            .await?
        {
            catalog.insert_exchange(table);
        }
        Ok(())
    }

    /// The bodies of versions, in the order of `entries`.
    async fn read_bodies<T: DeserializeOwned>(
        &self,
        entries: &[Listed],
    ) -> Result<Vec<T>, Failure> {
        let keys: Vec<Key> = entries.iter().flat_map(|entry| entry.body_keys()).collect();
        let mut parts = Vec::new();
        for keys in keys.chunks(BODIES_MAX) {
            parts.extend(self.store.read(keys).await?);
        }
        let mut parts = parts.into_iter();
        let mut bodies = Vec::new();
        for entry in entries {
            let mut whole = Vec::new();
            for attrs in parts.by_ref().take(entry.parts).flatten() {
                let part = attrs.get(table::BODY).and_then(Value::as_bytes);
                whole.extend_from_slice(part.unwrap_or_default());
            }
            let whole = Attrs::from([(table::BODY.into(), Value::B(whole))]);
            bodies.push(body(&whole)?);
        }
        Ok(bodies)
    }
}

/// When the oldest of `events` was that may be accepted at `now`.
pub(crate) fn oldest<'a>(
    events: impl Iterator<Item = &'a Event>,
    now: Instant,
    age_seconds_max: i64,
) -> Instant {
    let first = now.plus_seconds(age_seconds_max.saturating_neg());
    let of = events.map(|event| event.timestamp).min();
    of.map_or(now, |of| of.max(first))
}

fn listed(items: Vec<(String, Attrs)>) -> Result<Vec<Listed>, Failure> {
    items.iter().map(|(_, attrs)| body(attrs)).collect()
}
