//! Reading the catalogue of rate cards and exchange rates.
//!
//! What can price something is listed, and a process holds what is listed: a body
//! that it holds is not read again. What is over moves from the list to the past,
//! and is read where an event of that time comes or a version is named.

use crate::engine::head::{Head, Kind, Listed};
use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::engine::version::Version;
use crate::store::body::{body, body_bytes, json_of};
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::future::BoxFuture;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_core::{
    Attrs, Card, CardRef, Catalog, Event, ExchangeTable, Form, Instant, Key, Name, table,
};

/// The most items of bodies that are asked for at once: some 5 MB.
const BODIES_MAX: usize = 16;

impl Service {
    /// All that `head` lists; of that only what this process does not hold is read.
    pub(crate) fn read_catalog_at<'a>(
        &'a self,
        mut head: Head,
    ) -> BoxFuture<'a, Result<Arc<Catalog>, Failure>> {
        Box::pin(async move {
            let (known, at) = self.cache.known_catalog();
            if let Some(catalog) = known.clone().filter(|_| at >= head.sequence) {
                return Ok(catalog);
            }
            let list = loop {
                let list = self.read_list().await?;
                // What moves to the past meanwhile may be in neither reading.
                let now = Head::of(self.read_item(table::catalog_head()).await?.as_ref());
                if now == head {
                    break list;
                }
                head = now;
            };
            let mut catalog = known.map_or_else(Catalog::built_in, |known| Catalog::clone(&known));
            catalog.retain(&list.iter().map(|entry| entry.sequence).collect());
            let missing = list.iter().filter(|entry| !catalog.holds(entry.sequence));
            let missing: Vec<Listed> = missing.cloned().collect();
            add(&mut catalog, self.read_versions(&missing).await?);
            catalog.set_since(head.since);
            let catalog = Arc::new(catalog);
            self.cache.remember_catalog(&catalog, head.sequence);
            Ok(catalog)
        })
    }

    /// The list of versions that can price something.
    pub(crate) async fn read_list(&self) -> Result<Vec<Listed>, Failure> {
        listed(self.read_all(Query::of(table::LISTED)).await?)
    }

    /// `snapshot` with what prices these events, as far as they may be accepted at
    /// `now`.
    pub(crate) async fn reach<'a>(
        &self,
        mut snapshot: Snapshot,
        events: impl Iterator<Item = &'a Event>,
        (now, age_seconds_max): (Instant, i64),
    ) -> Result<Snapshot, Failure> {
        let oldest = now.plus_seconds(age_seconds_max.saturating_neg());
        let times = events.map(|event| event.timestamp);
        let times: BTreeSet<Instant> = times.filter(|at| *at >= oldest).collect();
        snapshot.catalog = self.reach_times(snapshot.catalog, &times).await?;
        Ok(snapshot)
    }

    /// `catalog` with what was in force at these times.
    pub(crate) fn reach_times<'a>(
        &'a self,
        catalog: Arc<Catalog>,
        times: &'a BTreeSet<Instant>,
    ) -> BoxFuture<'a, Result<Arc<Catalog>, Failure>> {
        Box::pin(async move {
            let lacking = times.iter().filter(|at| catalog.lacks(**at).is_some());
            let lacking: BTreeSet<Instant> = lacking.copied().collect();
            let Some(first) = lacking.first() else {
                return Ok(catalog);
            };
            // What was over by the first was in force at none of them.
            let past = Query::of(table::PAST).from(first.sortable());
            let mut wanted = Vec::new();
            for (sk, attrs) in self.read_all(past).await? {
                let entry: Listed = body(&attrs)?;
                let in_force = lacking.range(entry.from..);
                let ends = |at: &&Instant| at.sortable().as_str() < sk.as_str();
                if in_force.take_while(ends).next().is_some() {
                    wanted.push(entry);
                }
            }
            let mut reaching = Catalog::clone(&catalog);
            add(&mut reaching, self.read_past(&wanted).await?);
            reaching.add_times(lacking);
            Ok(Arc::new(reaching))
        })
    }

    /// Versions of the past; a few that were read last are remembered.
    async fn read_past(&self, wanted: &[Listed]) -> Result<Vec<Version>, Failure> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for entry in wanted {
            match self.cache.past_version(entry.sequence) {
                Some(version) => found.push(version),
                None => missing.push(entry.clone()),
            }
        }
        for (entry, version) in missing.iter().zip(self.read_versions(&missing).await?) {
            self.cache.remember_past(entry.sequence, &version);
            found.push(version);
        }
        Ok(found)
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
        let mut read = self.read_past(&[body::<Listed>(&attrs)?]).await?;
        Ok(read.pop().and_then(|version| match version {
            Version::Card(card) => Some(card),
            Version::Exchange(_) | Version::Defaults(_) => None,
        }))
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
        add(&mut catalog, self.read_past(&found?).await?);
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
    ) -> Result<Vec<Arc<ExchangeTable>>, Failure> {
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
        let read = self.read_versions(&listed(found)?).await?;
        let table = |version| match version {
            Version::Exchange(table) => Some(table),
            Version::Card(_) | Version::Defaults(_) => None,
        };
        Ok(read.into_iter().filter_map(table).collect())
    }

    /// The versions of `entries`, in their order.
    async fn read_versions(&self, entries: &[Listed]) -> Result<Vec<Version>, Failure> {
        let keys: Vec<Key> = entries.iter().flat_map(Listed::body_keys).collect();
        let mut parts = Vec::new();
        for keys in keys.chunks(BODIES_MAX) {
            parts.extend(self.store.read(keys).await?);
        }
        let mut parts = parts.into_iter();
        let mut versions = Vec::new();
        for entry in entries {
            let mut whole = Vec::new();
            for attrs in parts.by_ref().take(entry.parts).flatten() {
                whole.extend_from_slice(Form::JsonPart.open(body_bytes(&attrs))?);
            }
            versions.push(match entry.kind {
                Kind::Card => Version::Card(Arc::new(json_of(&whole)?)),
                Kind::Exchange => Version::Exchange(Arc::new(json_of(&whole)?)),
                Kind::Defaults => Version::Defaults(Arc::new(json_of(&whole)?)),
            });
        }
        Ok(versions)
    }
}

fn add(catalog: &mut Catalog, versions: Vec<Version>) {
    for version in versions {
        version.add_to(catalog);
    }
}

fn listed(items: Vec<(String, Attrs)>) -> Result<Vec<Listed>, Failure> {
    items.iter().map(|(_, attrs)| body(attrs)).collect()
}
