//! Rate cards: putting and reading versions. Exchange rates are read with them.

use crate::engine::attempt::Attempt;
use crate::engine::catalog::sequence_of;
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::store::failure::Failure;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{Attrs, Card, Catalog, Guard, Instant, Key, Name, Value, Write, table};

/// The most bytes of a card in one item; an item holds 400 KB.
const CHUNK_BYTES: usize = 300_000;

impl Service {
    /// Every version of every rate card, and of the exchange rates.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn catalog(&self) -> Result<Arc<Catalog>, Failure> {
        let head = self.item(table::catalog_head()).await?;
        self.catalog_at(sequence_of(head)).await
    }

    /// Adds a version of a card: the next of its id. `version` and `sequence`
    /// of `card` are set here. Without `effective_from` a first version prices
    /// all of time, a later one from now on.
    ///
    /// # Errors
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
            card.version = last.saturating_add(1);
            card.sequence = sequence;
            card.effective_from =
                effective_from.unwrap_or(if last == 0 { Instant::EPOCH } else { now });
            if effective_from.is_none() && last == 0 {
                // What another card priced so far, this one prices from now on.
                card.taken_over = taken_over(&card, catalog, now);
            }
            let bytes = serde_json::to_vec(&card)?;
            let chunks = bytes.chunks(CHUNK_BYTES).enumerate();
            Ok(Version {
                items: chunks
                    .map(|(number, chunk)| (table::card(sequence, number), chunk.to_vec()))
                    .collect(),
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
        F: FnMut(&Catalog, u64, Instant) -> Result<Version, Failure>,
    {
        let _alone = self.gate.write().await;
        let mut attempt = Attempt::new();
        loop {
            let sequence = sequence_of(self.item(table::catalog_head()).await?).saturating_add(1);
            let catalog = self.catalog_at(sequence.saturating_sub(1)).await?;
            let now = self.now();
            let version = make(&catalog, sequence, now)?;
            let change = Change {
                action: version.action,
                tenant: None,
                detail: version.detail,
            };
            let (audit, key) = audit_write(now, actor, change)?;
            let mut writes = version_writes(sequence, version.items);
            writes.push(audit);
            let settled = self.write(&writes).await;
            self.cache.forget_latest_cards();
            if settled? || self.item(key).await?.is_some() {
                return Ok(());
            }
            attempt.again("cards are put all the time").await?;
        }
    }
}

/// The operations of `card` that others price, as of now.
fn taken_over(card: &Card, catalog: &Catalog, now: Instant) -> BTreeMap<Name, Instant> {
    let others = || catalog.cards().filter(|(id, _)| **id != card.id);
    let is_priced = |operation: &&Name| {
        others()
            .flat_map(|(_, versions)| versions)
            .any(|of| of.operations.contains_key(*operation))
    };
    card.operations
        .keys()
        .filter(is_priced)
        .map(|operation| (operation.clone(), now))
        .collect()
}

/// A version about to be stored.
pub(crate) struct Version {
    /// Its items, each with its part of the body.
    pub(crate) items: Vec<(Key, Vec<u8>)>,
    /// What the audit trail says of it.
    pub(crate) action: &'static str,
    pub(crate) detail: serde_json::Value,
}

/// The head's step to the version's sequence number, and the version's items.
fn version_writes(sequence: u64, items: Vec<(Key, Vec<u8>)>) -> Vec<Write> {
    let sequence = i128::from(sequence);
    let guard = match sequence.saturating_sub(1) {
        0 => Guard::Absent,
        before => Guard::Equals(table::VERSION.into(), Value::N(before)),
    };
    let head = Attrs::from([(table::VERSION.into(), Value::N(sequence))]);
    let put = |key: Key, attrs, guard| Write::put(key, attrs).when(guard);
    let mut writes = vec![put(table::catalog_head(), head, guard)];
    writes.extend(items.into_iter().map(|(key, bytes)| {
        put(
            key,
            Attrs::from([(table::BODY.into(), Value::B(bytes))]),
            Guard::Absent,
        )
    }));
    writes
}
